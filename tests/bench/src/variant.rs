//! What differs between the rows of the table: algorithm, number of profiles and keys, size of the token, preloading, and
//! whether sessions end by themselves and keep claims.
//!
//! Each row changes one thing of the first one, which is the case that the project's targets name.

use oauth_validator_fixtures::{TestKey, Token, jwks, keys};
use serde_json::{Value, json};
use std::fmt::Write;

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
}

/// The case that the targets name, without preloading.
pub const BASE: Variant =
    Variant { algorithm: "RS256", profiles: 3, keys: 2, token_bytes: 600, preloaded: false, session: false };

/// Every row, in the order of the table.
pub const ALL: [Variant; 12] = [
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

/// Rows behind those, which the published table has from its next measurement on. Against the rows of the same name
/// without it, a session may cost a hundredth.
pub const SESSIONS: [Variant; 2] =
    [Variant { session: true, ..BASE }, Variant { session: true, preloaded: true, ..BASE }];

impl Variant {
    /// As the table calls it.
    pub fn name(&self) -> String {
        let count = |number: usize, thing: &str| format!("{number} {thing}{}", if number == 1 { "" } else { "s" });
        let mut name = format!("{}, {}", self.algorithm, count(self.profiles, "profile"));
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
        format!("{}-{}", self.algorithm.to_lowercase(), self.keys)
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

    /// The configuration, with a provider at `base_url`.
    pub fn config(&self, base_url: &str) -> String {
        let (profile, issuer) = (self.profile(), self.issuer());
        let mut config = format!(
            "[profiles.{profile}]\nissuer = \"{issuer}\"\naudience = [\"api://postgres\"]\nalgorithms = [\"{}\"]\n\
             [profiles.{profile}.keys]\njwks_url = \"{base_url}{}\"\ninsecure_http = true\nmin_ttl = \"24h\"\n",
            self.algorithm,
            self.jwks_path(),
        );
        if self.session {
            let _ = write!(
                config,
                "[profiles.{profile}.session]\nend = \"token\"\nmax = \"12h\"\n\
                 claims = {{ tenant = \"$.client_id\", groups = \"$.groups[*]\" }}\n"
            );
        }
        for number in 1..self.profiles {
            config.push_str(&other_profile(number));
        }
        config
    }

    /// A token issued at `now`, in seconds since 1970, good for 8 hours. `jti` has what its size lacks.
    pub fn token(&self, now: i64) -> String {
        let mut token = self.unsigned(now, 0).sign(self.key());
        // Base64url makes four characters of three bytes.
        let missing = self.token_bytes.saturating_sub(token.len()) / 4 * 3;
        if missing > 0 {
            token = self.unsigned(now, missing).sign(self.key());
        }
        token
    }

    fn unsigned(&self, now: i64, filling: usize) -> Token {
        let claims = json!({
            "iss": self.issuer(), "sub": self.profile(), "aud": "api://postgres", "scope": "openid db.connect",
            "client_id": "psql", "iat": now, "exp": now + 8 * 3600
        });
        let token = Token::new(json!({"typ": "at+jwt", "alg": self.algorithm}), claims);
        if filling == 0 { token } else { token.claim("jti", "x".repeat(filling)) }
    }
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
    use super::{ALL, BASE, SESSIONS, Variant};
    use oauth_validator_core::Config;

    #[test]
    fn every_configuration_is_free_of_errors() {
        for variant in ALL.into_iter().chain(SESSIONS) {
            let text = variant.config("http://127.0.0.1:1");
            let parsed = Config::parse(text.as_bytes(), "bench.toml");
            let config = parsed.config.unwrap_or_else(|| panic!("{variant:?}: {:?}", parsed.findings));
            assert_eq!(config.profiles().len(), variant.profiles);
        }
    }

    #[test]
    fn tokens_have_the_size_that_the_table_names() {
        for variant in ALL {
            let size = variant.token(1_800_000_000).len();
            assert!(size.abs_diff(variant.token_bytes) < 60, "{variant:?}: {size} bytes");
        }
    }

    #[test]
    fn rows_with_one_profile_name_have_the_same_keys() {
        for (number, one) in ALL.iter().enumerate() {
            for other in &ALL[number + 1..] {
                assert_ne!(one, other);
                assert!(one.profile() != other.profile() || one.jwks() == other.jwks(), "{one:?} {other:?}");
            }
        }
        assert_eq!(Variant { keys: 20, ..BASE }.jwks()["keys"].as_array().map(Vec::len), Some(20));
    }
}
