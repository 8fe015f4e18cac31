//! The command line of `oauth-validator discover`.

use super::{ReachOptions, timeout};
use clap::Args as ClapArgs;
use std::time::Duration;

pub(super) const HELP: &str = "\
Example: what does this provider publish, and which profile fits it?
  oauth-validator discover https://acme.okta.com/oauth2/aus000001

Example: Google's keys are at another host than its issuer.
  oauth-validator discover https://accounts.google.com \\
    --allow-host www.googleapis.com

It changes nothing. Exits with 0 if keys were found, with 1 and the reason if not.";

#[derive(Debug, ClapArgs)]
pub(crate) struct DiscoverOptions {
    /// The issuer, spelled as in the tokens' iss claim.
    pub(crate) issuer: String,

    #[command(flatten)]
    pub(crate) reach: ReachOptions,

    /// The most time that all requests together may take, from 1s to 5min.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}
