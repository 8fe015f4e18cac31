//! The command line of `oauth-validator init`, and what it shares with `discover`: how a provider is reached.

use super::DEFAULT_CONFIG;
use crate::net::Ca;
use clap::Args as ClapArgs;
use clap::builder::PossibleValuesParser;
use oauth_validator_core::Reach;
use oauth_validator_core::config::presets;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const INIT_HELP: &str = "\
Example: one more profile for the configuration, be it the first. The lines that
the server's files need come with it, as comments.
  cd /etc/postgresql
  cp -p oauth-validator.toml oauth-validator.toml.new
  oauth-validator init --preset google-id-token --audience CLIENT-ID \\
    --require '$.hd=corp.example' >> oauth-validator.toml.new
  oauth-validator check oauth-validator.toml.new &&
    mv oauth-validator.toml.new oauth-validator.toml

Example: a configuration where there is none yet; an installation brings one.
  oauth-validator init --preset okta --audience api://postgres \\
    --issuer https://acme.okta.com/oauth2/aus000001 \\
    --output /etc/postgresql/oauth-validator.toml

Example: a profile for tokens like this one, and not for these others.
  oauth-validator init --issuer https://sso.corp.example \\
    --token-file access.txt --not id.txt --not refresh.txt

Nobody is asked, unless there is a token to verify; see oauth-validator discover \
for what a provider says itself. A profile that check would refuse is not written: exits with 2 and what is missing.";

#[derive(Debug, ClapArgs)]
pub(crate) struct InitOptions {
    /// The layout of the provider; see oauth-validator preset list.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(presets::ALL.iter().map(|preset| preset.name)), required_unless_present = "token_file")]
    pub(crate) preset: Option<String>,

    /// The issuer, spelled as in the tokens' iss claim.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,

    /// The iss of access tokens, where the provider has another one for them than for itself.
    #[arg(long, value_name = "ISSUER")]
    pub(crate) token_issuer: Option<String>,

    /// An accepted audience: what stands for this server at the provider. Can be repeated.
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Vec<String>,

    /// An accepted client; without any, every client of the issuer is. Can be repeated.
    #[arg(long, value_name = "CLIENT")]
    pub(crate) client: Vec<String>,

    /// A rule: the one value of this claim, a JSONPath, must be this string. Can be repeated.
    ///
    /// Without =VALUE, the claim must be there.
    #[arg(long, value_name = "CLAIM=VALUE", value_parser = rule)]
    pub(crate) require: Vec<ClaimRule>,

    /// The scopes of the pg_hba.conf line, which clients request: names separated by spaces.
    ///
    /// Defaults to what is usual with the preset.
    #[arg(long, value_name = "SCOPE", value_parser = scope)]
    pub(crate) scope: Option<String>,

    /// What scopes have in front when clients request them, and not in the token.
    ///
    /// Defaults to api://AUDIENCE/ with preset entra, and to nothing with others.
    #[arg(long, value_name = "PREFIX", value_parser = scope)]
    pub(crate) scope_prefix: Option<String>,

    /// The name of the profile and of its map; by default that of the preset.
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    pub(crate) profile: Option<String>,

    /// The configuration that the profile is for; what is in it already is left as it is.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(crate) config: PathBuf,

    /// Write a new configuration with this profile alone. An existing file is never changed.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) output: Option<PathBuf>,

    /// Take the keys from this file with a JWKS document instead of the provider.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks_file: Option<PathBuf>,

    /// Make the profile for the access token in this file, which the issuer's keys have to verify.
    ///
    /// As discover ISSUER does: the token says audience, client, scopes, kind and lifetime.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["audience", "client", "require", "scope", "scope_prefix",
        "introspection_endpoint", "introspection_auth", "introspection_client_id", "introspection_secret_file"])]
    pub(crate) token_file: Option<PathBuf>,

    /// A token that the profile must refuse: an ID token, a refresh token. Can be repeated.
    #[arg(long, value_name = "FILE", requires = "token_file")]
    pub(crate) not: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,

    #[command(flatten)]
    pub(crate) introspection: IntrospectionOptions,
}

/// How a provider is reached.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReachOptions {
    /// Where the metadata is, instead of the well-known places below the issuer.
    #[arg(long, value_name = "URL")]
    pub(crate) discovery_url: Option<String>,

    /// A host besides the issuer's that the metadata may point to. Can be repeated.
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,

    /// Trust the certificates in this PEM file instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Connect through this proxy, http://HOST:PORT. Proxies in the environment are ignored.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// Accept http to a loopback address, for tests.
    #[arg(long, conflicts_with = "proxy")]
    pub(crate) insecure_http: bool,
}

impl ReachOptions {
    /// How a provider is reached that has `timeout` for everything.
    pub(crate) fn reach(&self, timeout: Duration) -> Reach<Ca> {
        Reach {
            ca: self.ca_file.clone().map(Ca::File),
            proxy: self.proxy.clone(),
            insecure_http: self.insecure_http,
            connect_timeout: timeout * 2 / 5,
            timeout,
        }
    }
}

/// How a provider is asked about each token, with a preset that has it asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct IntrospectionOptions {
    /// Where the provider is asked about tokens, with a preset that has it asked.
    #[arg(long, value_name = "URL")]
    pub(crate) introspection_endpoint: Option<String>,

    /// How this server proves itself there.
    #[arg(long, value_name = "AUTH", value_parser = ["basic", "basic-raw", "post", "bearer", "none"])]
    pub(crate) introspection_auth: Option<String>,

    /// The client that this server is there.
    #[arg(long, value_name = "CLIENT")]
    pub(crate) introspection_client_id: Option<String>,

    /// The file with that client's secret, or with the bearer token.
    #[arg(long, value_name = "FILE")]
    pub(crate) introspection_secret_file: Option<PathBuf>,
}

/// What a claim must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimRule {
    /// A JSONPath.
    pub(crate) claim: String,
    /// Its value; without one, it must be there.
    pub(crate) equals: Option<String>,
}

/// Splits at the first `=` outside brackets, where it can only be part of the path.
fn rule(text: &str) -> Result<ClaimRule, String> {
    let mut depth = 0_u32;
    let at = text.char_indices().find(|(_, c)| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *c == '=' && depth == 0
    });
    let (claim, equals) = match at {
        Some((at, _)) => {
            let (claim, value) = text.split_at(at);
            (claim, value.strip_prefix('=').map(str::to_owned))
        }
        None => (text, None),
    };
    if claim.starts_with('$') {
        return Ok(ClaimRule { claim: claim.to_owned(), equals });
    }
    Err("a claim is a JSONPath such as $.hd; quote it, since shells replace what begins with $".to_owned())
}

/// What can stand in the head of a table as it is.
fn profile_name(text: &str) -> Result<String, String> {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(valid) {
        return Ok(text.to_owned());
    }
    Err("a profile's name has the characters a-z, 0-9, _ and -".to_owned())
}

/// Scopes of the characters that they have (RFC 6749 section 3.3), so that they need no quoting in pg_hba.conf.
fn scope(text: &str) -> Result<String, String> {
    let valid = |c: char| c == ' ' || (c.is_ascii_graphic() && c != '"' && c != '\\');
    if !text.trim().is_empty() && text.chars().all(valid) {
        return Ok(text.to_owned());
    }
    Err("a scope has ASCII characters other than quotation marks and backslashes, and there is at least one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{ClaimRule, rule, scope};

    #[test]
    fn scopes_have_the_characters_of_the_rfc() {
        for text in ["openid db.connect", "api://0f1e/", "!#[]~'"] {
            assert_eq!(scope(text).as_deref(), Ok(text));
        }
        for text in ["", "  ", "a\" map=\"b", "a\\b", "a\nb", "\u{fc}"] {
            assert!(scope(text).is_err(), "{text}");
        }
    }

    fn parsed(text: &str) -> (String, Option<String>) {
        let ClaimRule { claim, equals } = rule(text).expect(text);
        (claim, equals)
    }

    #[test]
    fn a_rule_is_a_claim_and_its_value() {
        let of = |claim: &str, equals: Option<&str>| (claim.to_owned(), equals.map(str::to_owned));
        assert_eq!(parsed("$.hd=corp.example"), of("$.hd", Some("corp.example")));
        assert_eq!(parsed("$.hd=a=b]"), of("$.hd", Some("a=b]")));
        assert_eq!(parsed("$.hd="), of("$.hd", Some("")));
        assert_eq!(parsed("$['a=b'].c"), of("$['a=b'].c", None));
        assert_eq!(parsed("$['a=b']=c"), of("$['a=b']", Some("c")));
    }

    #[test]
    fn a_claim_that_the_shell_has_eaten_is_refused() {
        for text in ["", ".hd=corp.example", "hd=corp.example", "=x"] {
            assert!(rule(text).is_err_and(|why| why.contains("quote it")), "{text}");
        }
    }
}
