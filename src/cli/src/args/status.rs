//! The command line of `oauth-validator status`.

use super::FolderOptions;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const HELP: &str = "\
Example: will logins go on through the night if the provider fails now?
  oauth-validator status --pgdata /var/lib/postgresql/18/main --warn-within 12h

Example: for the textfile collector of Prometheus' node exporter.
  oauth-validator status --pgdata /var/lib/postgresql/18/main --prometheus

Exits with 0 if the configuration is valid and every profile has keys that can be used, for as long as --warn-within says; \
else with 1. Without --pgdata or --cache-dir, keys of providers are not looked at.";

/// The longest that is taken for a time to be warned in.
const MAX_WARNING: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[derive(Debug, ClapArgs)]
pub(crate) struct StatusOptions {
    /// The configuration to look at.
    ///
    /// By default the one that postgresql.conf in the data directory names, else /etc/postgresql/oauth-validator.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) folder: FolderOptions,

    /// Exit with 1 if the keys of a profile can be used for less than this time, such as 12h.
    #[arg(long, value_name = "TIME", value_parser = warning)]
    pub(crate) warn_within: Option<Duration>,

    /// Print metrics in the text format of Prometheus.
    #[arg(long, conflicts_with = "json")]
    pub(crate) prometheus: bool,
}

/// A duration as in the configuration, such as `12h`.
fn warning(text: &str) -> Result<Duration, String> {
    let duration =
        text.parse::<jiff::SignedDuration>().map_err(|_| "not a duration such as 12h or 30min".to_owned())?;
    match Duration::try_from(duration) {
        Ok(duration) if duration <= MAX_WARNING => Ok(duration),
        _ => Err("it must be 0s to ten years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::warning;
    use std::time::Duration;

    #[test]
    fn a_warning_is_a_time_ahead() {
        assert_eq!(warning("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(warning("0s"), Ok(Duration::ZERO));
        for text in ["-1s", "100000h"] {
            assert!(warning(text).is_err_and(|why| why.contains("0s to ten years")), "{text}");
        }
        for text in ["", "12", "tonight"] {
            assert!(warning(text).is_err_and(|why| why.contains("not a duration")), "{text}");
        }
    }
}
