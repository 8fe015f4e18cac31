//! The command lines of `oauth-validator token` and `run`: where a token comes from, and where it goes.
//!
//! No option takes a secret or a token, since everybody on the machine can read a command line: they are in files.

use super::discover::timeout;
use clap::Args as ClapArgs;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const TOKEN_HELP: &str = "\
Example: ask a person, who confirms a code in a browser, on whatever machine it is.
  oauth-validator token --issuer https://idp.example --client-id psql \\
    --scope \"openid db.connect\" > token.txt

Example: a service keeps a file fresh, for as long as it runs.
  oauth-validator token --issuer https://idp.example --client-id batch \\
    --client-secret-file /etc/batch/secret --scope db.connect \\
    --output /run/batch/token --keep

Example: by the profile \"corp\" of ~/.config/oauth-validator/client.toml.
  oauth-validator token --profile corp

The token is printed on standard output; everything else is said on standard error.

Exit codes:
  0  there is a token; with --keep, it was told to end
  1  the provider gives none: denied, expired, or a client that it does not take
  2  could not run: wrong usage, a file, or no answer of the provider";

pub(super) const RUN_HELP: &str = "\
Example: a backup with four connections asks once.
  oauth-validator run --issuer https://idp.example --client-id psql \\
    --scope \"openid db.connect\" -- \\
    pg_dump -Fd -j4 -f dump \"host=db.example dbname=app user=ana
      sslmode=verify-full oauth_issuer=https://idp.example oauth_client_id=psql\"

Every program on libpq 18 or newer that it starts shows the token, which is kept fresh while it runs; see \
liboauth_token(7). Exits as the command does; with 127 or 126 if that cannot be started.";

/// Where a token comes from: options, over those of a profile of the client's own file.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct SourceOptions {
    /// A profile of ~/.config/oauth-validator/client.toml, which options here go before.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The file with the profiles, instead of that one.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_config: Option<PathBuf>,

    /// The provider, spelled as in the tokens' iss claim.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,

    /// The client that asks for the token.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,

    /// The scopes to ask for: names separated by spaces.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,

    /// The audience to ask for, where the provider knows that parameter.
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,

    /// The API to ask for a token of (RFC 8707), where the provider knows that parameter.
    #[arg(long, value_name = "URI")]
    pub(crate) resource: Option<String>,

    /// Ask a person, who confirms a code in a browser (RFC 8628): what is done if nothing else is said.
    #[arg(long, group = "grant")]
    pub(crate) device: bool,

    /// Ask as a service, with the client's own secret or key.
    #[arg(long, group = "grant")]
    pub(crate) client_credentials: bool,

    /// The client's secret. Without --device, this means --client-credentials.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,

    /// The client's private key, PKCS #8 in PEM, by which it proves itself (private_key_jwt).
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret_file")]
    pub(crate) client_key_file: Option<PathBuf>,

    /// The ID under which the provider knows that key.
    #[arg(long, value_name = "KID")]
    pub(crate) client_key_id: Option<String>,

    /// A refresh token. Where the provider gives a new one with each token, the file is replaced.
    #[arg(long, value_name = "FILE", group = "grant")]
    pub(crate) refresh_token_file: Option<PathBuf>,

    /// A token of another kind, such as a pod's or a CI job's own, to be exchanged (RFC 8693).
    #[arg(long, value_name = "FILE", group = "grant")]
    pub(crate) exchange_file: Option<PathBuf>,

    /// The type of that token.
    #[arg(long, value_name = "URN")]
    pub(crate) exchange_type: Option<String>,

    /// A command that prints a token, or JSON with one, such as "oidc-token corp"; the shell runs it.
    #[arg(long, value_name = "COMMAND", group = "grant")]
    pub(crate) command: Option<String>,

    /// Take the ID token instead, for a provider whose access tokens are not for others, as Google's.
    #[arg(long)]
    pub(crate) id_token: bool,

    /// Trust the certificates in this PEM file instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Connect through this proxy, http://HOST:PORT. Proxies in the environment are ignored.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// The most time that one request may take, from 1s to 5min.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,

    /// Show no QR code, which otherwise stands beside the address on a terminal.
    #[arg(long)]
    pub(crate) no_qr: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TokenOptions {
    #[command(flatten)]
    pub(crate) source: SourceOptions,

    /// Write the token into this file instead: beside it and renamed, mode 0600.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// With --output: go on, and renew the token when 80 % of its life are over.
    #[arg(long, requires = "output")]
    pub(crate) keep: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) source: SourceOptions,

    /// The servers that may get the token: HOST or HOST:PORT, separated by commas. By default any.
    #[arg(long, value_name = "HOSTS")]
    pub(crate) hosts: Option<String>,

    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) program: Vec<OsString>,
}
