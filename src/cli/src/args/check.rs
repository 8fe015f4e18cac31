//! The command line of `oauth-validator check`.

use super::server_files::folder_or_none;
use super::{ServerFileOptions, ServerOptions};
use clap::Args as ClapArgs;
use std::path::{Path, PathBuf};

pub(super) const HELP: &str = "\
Example: put a new version in place only if it is valid.
  cd /etc/postgresql
  oauth-validator check oauth-validator.toml.new &&
    mv oauth-validator.toml.new oauth-validator.toml

Example: the same before it is on any server, in a pipeline or an editor.
  oauth-validator check --syntax oauth-validator.toml
  generate-profiles | oauth-validator check --syntax -

Example: what holds for profile corp, and which line, preset or default says so?
  oauth-validator check --effective --profile corp

Example: do postgresql.conf, pg_hba.conf and pg_ident.conf go with it?
  oauth-validator check --pgdata /var/lib/postgresql/18/main \\
    --postgresql-conf /etc/postgresql/18/main/postgresql.conf

An error in the file makes every OAuth login fail, and one in a key file or a secret those of its profile. \
Errors exit with 1, warnings alone with 0.";

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckOptions {
    /// The configuration to check, as with --config; "-" is standard input.
    ///
    /// By default the one that the server's postgresql.conf names, else /etc/postgresql/oauth-validator.toml. On standard
    /// input nobody owns it, and files that it names are looked for from the working directory.
    #[arg(conflicts_with = "config")]
    file: Option<PathBuf>,

    /// The configuration to check, named as the other commands name it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The folder of further files with profiles, instead of the one that goes with the configuration.
    ///
    /// By default the one that the server's postgresql.conf names, else that of the configuration's own name, with .d in
    /// place of .toml. "" is none.
    #[arg(long, value_name = "DIR", value_parser = folder_or_none)]
    pub(crate) config_directory: Option<PathBuf>,

    /// Judge the text alone, and nothing of this machine.
    ///
    /// Not the owner and the mode of the file and its folders, nor the files of keys, authorities and secrets that it
    /// names: for a copy elsewhere than on its server.
    #[arg(long, conflicts_with_all = ["pgdata", "server_user"])]
    pub(crate) syntax: bool,

    /// Show every setting that holds for the profiles, and where it comes from.
    ///
    /// As TOML, with the origin as a comment: "built-in", a preset, or a line of the file. Keys written into the file
    /// are left out.
    #[arg(long)]
    pub(crate) effective: bool,

    /// With --effective: show this profile only.
    #[arg(long, value_name = "NAME", requires = "effective")]
    pub(crate) profile: Option<String>,

    /// The server's data directory: check its postgresql.conf, pg_hba.conf and pg_ident.conf as well.
    ///
    /// Files are judged for its owner.
    #[arg(long, value_name = "DIR")]
    pub(crate) pgdata: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) files: ServerFileOptions,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

impl CheckOptions {
    /// The configuration that is named, in either way.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref().or(self.config.as_deref())
    }
}
