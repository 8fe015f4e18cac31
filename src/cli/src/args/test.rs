//! The command line of `oauth-validator test`.

use super::server_files::folder_or_none;
use clap::Args as ClapArgs;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Example: two cases of a configuration, in oauth-validator.cases.toml.
  config = \"oauth-validator.toml\"

  [tokens.ana]
  claims = { iss = \"https://idp.example\", aud = \"api://pg\", sub = \"ana\" }

  [[case]]
  name = \"ana\"
  token = \"ana\"
  scope = \"db.connect\"
  claims = { scope = \"db.connect\" }
  expect = \"granted\"
  authn_id = \"ana\"

  [[case]]
  name = \"a token for another service\"
  token = \"ana\"
  claims = { aud = \"api://other\" }
  expect = \"audience_mismatch\"

Example: run them, with results for GitLab or Jenkins.
  oauth-validator test --junit report.xml oauth-validator.cases.toml

Each case's claims are signed with a key made for the run, which its profile then has as its issuer's; everything else is \
decided as in the server. Nothing but the text of the configuration is read. Exits with 0 if every case comes to what it \
expects, and with 1 if one does not, or if a file of cases has errors.";

#[derive(Debug, ClapArgs)]
pub(crate) struct TestOptions {
    /// Files of cases.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// The configuration to test, instead of the one that each file names.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The folder of further files with profiles, instead of the one that goes with the configuration.
    ///
    /// By default that of the configuration's own name, with .d in place of .toml. "" is none.
    #[arg(long, value_name = "DIR", value_parser = folder_or_none)]
    pub(crate) config_directory: Option<PathBuf>,

    /// Write the results as JUnit XML as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}
