//! The command line of `oauth-validator discover`.

use super::ReachOptions;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::time::Duration;

/// The range of `--timeout`.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(300);

pub(super) const HELP: &str = "\
Example: what does this provider publish, and which profile fits it?
  oauth-validator discover https://acme.okta.com/oauth2/aus000001

Example: Google's keys are at another host than its issuer.
  oauth-validator discover https://accounts.google.com \\
    --allow-host www.googleapis.com

Example: which profile lets in tokens like this one, and no ID tokens?
  oauth-validator discover https://sso.corp.example/realms/corp \\
    --token-file access.txt --not id.txt --not refresh.txt

It changes nothing. Exits with 0 if keys were found, with 1 and the reason if not; with a \
token, also with 1 if the profile would not let it in, or would let in another.";

#[derive(Debug, ClapArgs)]
pub(crate) struct DiscoverOptions {
    /// The issuer, spelled as in the tokens' iss claim.
    pub(crate) issuer: String,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,

    /// An access token as this server is to be shown them: the profile is made for it.
    ///
    /// It must be signed by the issuer. Nothing of it is sent to anybody.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// A token that the profile must refuse: an ID token, a refresh token. Can be repeated.
    #[arg(long, value_name = "FILE", requires = "token_file")]
    pub(crate) not: Vec<PathBuf>,

    /// The most time that all requests together may take, from 1s to 5min.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

/// A duration as in the configuration, such as `5s`.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<jiff::SignedDuration>().map_err(|_| "not a duration such as 5s or 1min".to_owned())?;
    let duration = Duration::try_from(duration).unwrap_or_default();
    if (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&duration) { Ok(duration) } else { Err("it must be 1s to 5min".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::timeout;
    use std::time::Duration;

    #[test]
    fn a_timeout_is_bounded() {
        assert_eq!(timeout("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(timeout("5min"), Ok(Duration::from_secs(300)));
        for text in ["0s", "999ms", "-5s", "301s", "24h"] {
            assert_eq!(timeout(text), Err("it must be 1s to 5min".to_owned()), "{text}");
        }
        for text in ["", "5", "soon"] {
            assert!(timeout(text).is_err_and(|why| why.contains("not a duration")), "{text}");
        }
    }
}
