//! The command line of `oauth-validator keys`, and which server's key files are meant.
//!
//! There is no default: keys are never written to, or read from, a place that nobody named.

use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

const LIST_HELP: &str = "\
Example: which keys does the server have, and how long are they good for?
  oauth-validator keys list --pgdata /var/lib/postgresql/18/main

Reads only, and asks nobody. Exits with 0 if every profile has keys that can be used, with 1 if one has not.";

const REFRESH_HELP: &str = "\
Example: the provider has withdrawn a key. Let no login be verified with it any more.
  oauth-validator keys refresh corp --pgdata /var/lib/postgresql/18/main

Example: the keys of all profiles, as by the sample units for systemd.
  oauth-validator keys refresh --all --pgdata /var/lib/postgresql/18/main

As root it goes on as the owner of the data directory, since the server takes no key file of root's. \
Exits with 0 if all keys were fetched, with 1 and the reason if one profile's were not.";

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show which keys the server has from providers, and how long they are good for.
    #[command(after_help = LIST_HELP)]
    List(ListOptions),

    /// Fetch keys from their providers now, however good those at hand are.
    ///
    /// In the server's place and under its lock: what is fetched is what the next login uses.
    #[command(after_help = REFRESH_HELP)]
    Refresh(RefreshOptions),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListOptions {
    /// The configuration whose profiles are listed.
    ///
    /// By default the one that postgresql.conf in the data directory names, else /etc/postgresql/oauth-validator.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) folder: FolderOptions,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RefreshOptions {
    /// The profiles whose keys are fetched.
    #[arg(value_name = "PROFILE", conflicts_with = "all")]
    pub(crate) profiles: Vec<String>,

    /// Fetch the keys of every profile that has them from a provider.
    #[arg(long)]
    pub(crate) all: bool,

    /// The configuration with these profiles.
    ///
    /// By default the one that postgresql.conf in the data directory names, else /etc/postgresql/oauth-validator.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) folder: FolderOptions,
}

/// Where the server keeps keys.
#[derive(Debug, ClapArgs)]
#[group(multiple = false)]
pub(crate) struct FolderOptions {
    /// The server's data directory, in whose folder oauth_validator its key files are.
    #[arg(long, value_name = "DIR")]
    pub(crate) pgdata: Option<PathBuf>,

    /// The folder of key files, where oauth_validator.cache_directory names another one.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::{FolderOptions, KeysCommand, RefreshOptions};
    use crate::args::{Args, Command};
    use clap::Parser;
    use std::path::Path;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_sample_unit_starts_what_there_is() {
        let unit = include_str!("../../../../config/systemd/oauth-validator-keys.service");
        let lines: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let Command::Keys(KeysCommand::Refresh(options)) = parse(line).expect("a command line of this tool").command
        else {
            panic!("{line}");
        };
        let RefreshOptions { profiles, all, folder: FolderOptions { pgdata, cache_dir }, .. } = options;
        assert!(all && profiles.is_empty() && cache_dir.is_none());
        let pgdata = pgdata.expect("a data directory");
        let writable = format!("ReadWritePaths={}", pgdata.display());
        assert!(pgdata.is_absolute() && unit.lines().any(|line| line == writable), "{writable}");
        assert!(line.starts_with('/') && Path::new(line.split(' ').next().unwrap()).ends_with("oauth-validator"));
    }

    #[test]
    fn contradictions_are_refused() {
        for (line, words) in [
            ("oauth-validator keys refresh --all corp --pgdata /d", "cannot be used with"),
            ("oauth-validator keys refresh corp --pgdata /d --cache-dir /c", "cannot be used with"),
            ("oauth-validator keys list --pgdata /d --cache-dir /c", "cannot be used with"),
            ("oauth-validator keys list corp --pgdata /d", "unexpected argument 'corp'"),
            ("oauth-validator keys list --pgdata", "a value is required"),
            ("oauth-validator keys refrsh --all --pgdata /d", "unrecognized subcommand"),
            ("oauth-validator keys", "Usage: oauth-validator keys"),
        ] {
            let error = parse(line).expect_err(line).to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }
}
