//! What differs between the rows of the table: algorithm, number of profiles and keys, size of the token, preloading,
//! whether sessions end by themselves and keep claims, and whether the provider is asked about the token.
//!
//! Each row changes one thing of the first one, which is the case that the project's targets name.

use oauth_validator_fixtures::{TestKey, TokenBuilder, jwks, keys};
use serde_json::{Value, json};
use std::fmt::Write;

/// Whether the provider is asked about the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderUse {
    /// The token is signed.
    No,
    /// At each login.
    EachTime,
    /// Once a minute (`introspection.cache`).
    Once,
}

/// How the further profiles are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// As the README shows one: a preset, the issuer and the audience.
    Preset,
    /// Each setting by itself, and a file with keys.
    SpelledOut,
}

/// One way to log in with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// RS256, ES256, EdDSA or PS512.
    pub algorithm: &'static str,
    /// How many profiles the configuration has.
    pub profiles: usize,
    /// How many keys the issuer publishes.
    pub keys: usize,
    /// How many bytes the token has, about.
    pub token_bytes: usize,
    /// Whether the library is in `shared_preload_libraries`.
    pub preloaded: bool,
    /// Whether the profile has a `[session]`: an end, and claims for SQL.
    pub session: bool,
    /// Whether the provider is asked about the token.
    pub asked: ProviderUse,
    /// How the further profiles are written.
    pub others: Others,
}

/// The case that the targets name, without preloading.
pub const BASE: Variant = Variant {
    algorithm: "RS256",
    profiles: 3,
    keys: 2,
    token_bytes: 600,
    preloaded: false,
    session: false,
    asked: ProviderUse::No,
    others: Others::Preset,
};

const SPELLED_OUT: Variant = Variant { others: Others::SpelledOut, ..BASE };

/// The first rows, in the order of the table.
pub const FIRST: [Variant; 12] = [
    BASE,
    Variant { preloaded: true, ..BASE },
    Variant { algorithm: "ES256", ..BASE },
    Variant { algorithm: "EdDSA", ..BASE },
    Variant { algorithm: "PS512", ..BASE },
    Variant { profiles: 1, ..BASE },
    Variant { profiles: 10, ..BASE },
    Variant { profiles: 100, ..BASE },
    Variant { profiles: 1000, ..BASE },
    Variant { keys: 20, ..BASE },
    Variant { token_bytes: 12_000, ..BASE },
    Variant { algorithm: "ES256", preloaded: true, ..BASE },
];

/// Rows behind those. Against the rows of the same name without it, a session may cost a hundredth.
pub const SESSIONS: [Variant; 2] =
    [Variant { session: true, ..BASE }, Variant { session: true, preloaded: true, ..BASE }];

/// Rows with many profiles.
pub const MANY: [Variant; 7] = [
    Variant { profiles: 1000, preloaded: true, ..BASE },
    Variant { profiles: 10_000, ..BASE },
    Variant { profiles: 10_000, preloaded: true, ..BASE },
    Variant { profiles: 1000, ..SPELLED_OUT },
    Variant { profiles: 1000, preloaded: true, ..SPELLED_OUT },
    Variant { profiles: 10_000, ..SPELLED_OUT },
    Variant { profiles: 10_000, preloaded: true, ..SPELLED_OUT },
];

/// Rows whose provider is asked, over TLS, each beside the same login with a signed token.
pub const INTROSPECTED: [Variant; 4] = [
    Variant { asked: ProviderUse::EachTime, ..BASE },
    Variant { asked: ProviderUse::EachTime, preloaded: true, ..BASE },
    Variant { asked: ProviderUse::Once, ..BASE },
    Variant { asked: ProviderUse::Once, preloaded: true, ..BASE },
];

/// Every row that there is.
pub fn every() -> impl Iterator<Item = Variant> {
    FIRST.into_iter().chain(SESSIONS).chain(MANY).chain(INTROSPECTED)
}

impl Variant {
    /// As the table calls it.
    pub fn name(&self) -> String {
        let count = |number: usize, thing: &str| format!("{number} {thing}{}", if number == 1 { "" } else { "s" });
        let how = match self.asked {
            ProviderUse::No => self.algorithm,
            ProviderUse::EachTime => "introspection",
            ProviderUse::Once => "introspection, kept",
        };
        let mut name = format!("{how}, {}", count(self.profiles, "profile"));
        if self.others == Others::SpelledOut {
            name.push_str(" spelled out");
        }
        if self.keys != BASE.keys {
            let _ = write!(name, ", {} keys", self.keys);
        }
        if self.token_bytes != BASE.token_bytes {
            let _ = write!(name, ", {} kB token", self.token_bytes / 1000);
        }
        if self.session {
            name.push_str(", session");
        }
        if self.preloaded {
            name.push_str(", preloaded");
        }
        name
    }

    /// The profile that the token belongs to, which is also the name of the role. Its keys are its own, so that no two
    /// rows share a key file that the other would find unfit.
    pub fn profile(&self) -> String {
        match self.asked {
            ProviderUse::No if self.session => format!("{}-{}-session", self.algorithm.to_lowercase(), self.keys),
            ProviderUse::No => format!("{}-{}", self.algorithm.to_lowercase(), self.keys),
            ProviderUse::EachTime => "asked".into(),
            ProviderUse::Once => "kept".into(),
        }
    }

    /// How many logins of it are measured, of so many of other rows: ten thousand profiles take their time.
    pub fn logins(&self, all: usize) -> usize {
        if self.profiles < 10_000 { all } else { all.div_ceil(10) }
    }

    /// The issuer of the token.
    pub fn issuer(&self) -> String {
        format!("https://{}.bench.example/oauth2/default", self.profile())
    }

    /// Where the provider, which is asked once, has the issuer's keys.
    pub fn jwks_path(&self) -> String {
        format!("/{}", self.profile())
    }

    fn key(&self) -> &'static TestKey {
        match self.algorithm {
            "ES256" => keys::p256(),
            "EdDSA" => keys::ed25519(),
            _ => keys::corp(),
        }
    }

    /// The issuer's key set: the token's key is the last one.
    pub fn jwks(&self) -> Value {
        let others: Vec<TestKey> =
            (1..self.keys).map(|number| keys::partner().with_kid(&format!("another-{number}"))).collect();
        jwks(&others.iter().chain([self.key()]).collect::<Vec<_>>())
    }

    /// The login that this one is compared with: without a session, and with a signed token.
    pub fn beside(&self) -> Self {
        Self { session: false, asked: ProviderUse::No, ..*self }
    }

    /// The configuration, with providers at these base URLs: the one that publishes keys, and the one that is asked. The
    /// login beside this one has its profile in the same file, so that neither turn finds a file that has just changed.
    pub fn config(&self, keys: &str, asked: &str) -> String {
        let mut config = self.own_profile(keys, asked);
        let (beside, mut profiles) = (self.beside(), 1);
        if beside != *self {
            config.push_str(&beside.own_profile(keys, asked));
            profiles += 1;
        }
        for number in profiles..self.profiles {
            config.push_str(&match self.others {
                Others::Preset => other_profile(number),
                Others::SpelledOut => spelled_out(number),
            });
        }
        config
    }

    fn own_profile(&self, keys: &str, asked: &str) -> String {
        let (profile, issuer) = (self.profile(), self.issuer());
        let mut config = format!("[profiles.{profile}]\nissuer = \"{issuer}\"\naudience = [\"api://postgres\"]\n");
        let _ = match self.asked {
            ProviderUse::No => write!(
                config,
                "algorithms = [\"{}\"]\n\
                 [profiles.{profile}.keys]\njwks_url = \"{keys}{}\"\ninsecure_http = true\nmin_ttl = \"24h\"\n",
                self.algorithm,
                self.jwks_path(),
            ),
            ProviderUse::EachTime | ProviderUse::Once => write!(
                config,
                "mode = \"introspection\"\nkeys = {{ ca_file = \"{CA_FILE}\" }}\n\
                 [profiles.{profile}.introspection]\nendpoint = \"{asked}{INTROSPECT}\"\nauth = \"none\"\ncache = \"{}\"\n",
                if self.asked == ProviderUse::Once { "60s" } else { "0s" },
            ),
        };
        if self.session {
            let _ = write!(
                config,
                "[profiles.{profile}.session]\nend = \"token\"\nmax = \"12h\"\n\
                 claims = {{ tenant = \"$.client_id\", groups = \"$.groups[*]\" }}\n"
            );
        }
        config
    }

    /// What the provider answers about the token.
    pub fn answer(&self, now: i64) -> Value {
        json!({
            "active": true, "iss": self.issuer(), "sub": self.profile(), "aud": "api://postgres",
            "scope": "openid db.connect", "client_id": "psql", "token_type": "Bearer", "iat": now, "exp": now + 8 * 3600
        })
    }

    /// A token issued at `now`, in seconds since 1970, good for 8 hours. `jti` has what its size lacks.
    pub fn token(&self, now: i64) -> String {
        if self.asked != ProviderUse::No {
            return format!("opaque-{}-{}", self.profile(), "x".repeat(40));
        }
        let mut token = self.unsigned(now, 0).sign(self.key());
        // Base64url makes four characters of three bytes.
        let missing = self.token_bytes.saturating_sub(token.len()) / 4 * 3;
        if missing > 0 {
            token = self.unsigned(now, missing).sign(self.key());
        }
        token
    }

    fn unsigned(&self, now: i64, filling: usize) -> TokenBuilder {
        let claims = json!({
            "iss": self.issuer(), "sub": self.profile(), "aud": "api://postgres", "scope": "openid db.connect",
            "client_id": "psql", "iat": now, "exp": now + 8 * 3600
        });
        let token = TokenBuilder::new(json!({"typ": "at+jwt", "alg": self.algorithm}), claims);
        if filling == 0 { token } else { token.claim("jti", "x".repeat(filling)) }
    }
}

/// Where a provider is asked.
pub const INTROSPECT: &str = "/introspect";

/// The file with its authority, beside the configuration.
pub const CA_FILE: &str = "ca.pem";

/// A further profile that says all by itself.
pub fn spelled_out(number: usize) -> String {
    format!(
        "\n[profiles.other-{number}]\nissuer = \"https://other-{number}.bench.example/oauth2/aus000001\"\n\
         audience = [\"api://postgres-{number}\"]\nmax_lifetime = \"12h\"\ndatabases = [\"app{number}\"]\n\
         clients = {{ claims = [\"$.azp\"], allow = [\"psql\"] }}\n\
         identity = {{ claim = \"$.oid\", prefix = \"other-{number}:\" }}\n\
         keys = {{ jwks_file = \"other-{number}.jwks\" }}\n"
    )
}

/// A further profile, as the README shows one.
pub fn other_profile(number: usize) -> String {
    format!(
        "\n[profiles.other-{number}]\npreset   = \"okta\"\n\
         issuer   = \"https://other-{number}.bench.example/oauth2/aus000001\"\naudience = [\"api://postgres-{number}\"]\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{BASE, FIRST, ProviderUse, Variant, every};
    use oauth_validator_core::Config;

    #[test]
    fn every_configuration_is_free_of_errors() {
        for variant in every() {
            let text = variant.config("http://127.0.0.1:1", "https://127.0.0.1:2");
            let parsed = Config::parse(text.as_bytes(), "bench.toml");
            let config = parsed.config.unwrap_or_else(|| panic!("{variant:?}: {:?}", parsed.findings));
            assert_eq!(config.profiles().len(), variant.profiles);
            for login in [variant, variant.beside()] {
                assert!(config.profiles().iter().any(|profile| profile.name == login.profile()), "{login:?}");
            }
            assert!(text.len() < oauth_validator_store::MAX_CONFIG_BYTES, "{variant:?}: {}", text.len());
        }
    }

    #[test]
    fn tokens_have_the_size_that_the_table_names() {
        for variant in FIRST {
            let size = variant.token(1_800_000_000).len();
            assert!(size.abs_diff(variant.token_bytes) < 60, "{variant:?}: {size} bytes");
        }
    }

    #[test]
    fn rows_with_one_profile_name_have_the_same_keys() {
        let all: Vec<Variant> = every().filter(|variant| variant.asked == ProviderUse::No).collect();
        for (number, one) in all.iter().enumerate() {
            for other in &all[number + 1..] {
                assert_ne!(one.name(), other.name());
                assert!(one.profile() != other.profile() || one.jwks() == other.jwks(), "{one:?} {other:?}");
            }
        }
        assert_eq!(Variant { keys: 20, ..BASE }.jwks()["keys"].as_array().map(Vec::len), Some(20));
    }
}
