//! The command line: commands, options, and the texts of `--help`.
//!
//! A mistyped command or option is an error with exit code 2, never ignored. No option takes a token: arguments can
//! be read by every user of the machine.

mod check;
mod completions;
mod discover;
mod gateway;
mod init;
mod keys;
mod preset;
mod probe;
mod server_files;
mod status;
mod test;
mod token;

use clap::{Args as ClapArgs, Parser, Subcommand};
use oauth_validator_core::bounds::MAX_NUMERIC_DATE;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use check::CheckOptions;
use completions::{COMPLETIONS_HELP, SCHEMA_HELP};
pub(crate) use completions::{CompletionsOptions, SchemaOptions, Shell};
pub(crate) use discover::DiscoverOptions;
pub(crate) use gateway::GatewayOptions;
use init::INIT_HELP;
pub(crate) use init::{ClaimRule, InitOptions, IntrospectionOptions, ReachOptions};
pub(crate) use keys::{FolderOptions, KeysCommand, ListOptions, RefreshOptions};
pub(crate) use preset::PresetCommand;
pub(crate) use probe::{ProbeOptions, SslMode, port, ssl_mode};
pub(crate) use server_files::{ClientAddress, ServerFileOptions};
pub(crate) use status::StatusOptions;
pub(crate) use test::TestOptions;
pub(crate) use token::{RunOptions, SourceOptions, TokenOptions};

/// Where packages put the configuration, and where the module looks for it.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/postgresql/oauth-validator.toml";

/// The range of `--timeout`.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_TIMEOUT: Duration = Duration::from_secs(300);

const EXIT_CODES: &str = "\
Exit codes:
  0  fine: the file is valid, the token is granted, or there are keys
  1  the file has errors, the token is denied, or a provider's keys cannot be
     used or had
  2  could not run: wrong usage, a file that cannot be read, or no server to
     log in to";

const EXPLAIN_HELP: &str = "\
Example: would this token let ana in by the pg_hba.conf line with that issuer and scope?
  oauth-validator explain --token-file token.txt --role ana \\
    --hba-issuer https://idp.example --hba-scope \"openid db.connect\"

Example: and by a line with delegate_ident_mapping=1, as app_reader, a member of pg_read_all_data?
  oauth-validator explain --token-file token.txt --role app_reader --delegated \\
    --hba-issuer https://idp.example --role-attribute pg_read_all_data

Example: by the server's own files, and with the keys that it has now?
  oauth-validator explain --token-file token.txt --role ana --address 10.1.2.3 \\
    --pgdata /var/lib/postgresql/18/main \\
    --postgresql-conf /etc/postgresql/18/main/postgresql.conf

Example: with these files, and keys that were fetched before?
  oauth-validator explain --token-file token.txt --role ana \\
    --hba pg_hba.conf --ident pg_ident.conf --jwks keys.json

A provider that is asked about each token (mode = \"introspection\" or \"tokeninfo\") is asked for the explanation too, \
with the server's own credentials.

Values of the token's claims are printed, so treat the output as you treat the claims. The token itself and its \
signature are not. Exits with 0 if the token is granted, with 1 if it is denied, \
or if by the server's files the login would not succeed.";

/// Judges configurations of oauth_validator, the token validator of PostgreSQL, and explains its decisions.
#[derive(Debug, Parser)]
#[command(name = "oauth-validator", version, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 80)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print one JSON document for programs instead of text.
    #[arg(long, global = true, display_order = 900)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report everything that is wrong or doubtful in a configuration file.
    ///
    /// Reads the file as the server would, reports all findings with their places, and looks at the key files and
    /// secrets that the profiles name.
    #[command(after_help = check::HELP)]
    Check(CheckOptions),

    /// Print completions of commands and options for a shell.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(CompletionsOptions),

    /// Ask an identity provider for its metadata and keys, and propose a profile.
    ///
    /// Over HTTPS, with the rules that hold for keys: the document must name the issuer exactly, redirects are not followed,
    /// and no proxy is taken from the environment.
    #[command(after_help = discover::HELP)]
    Discover(DiscoverOptions),

    /// Show step by step whether a token would be accepted, and why.
    ///
    /// Makes the very decision that the server makes, with the configuration as it is now. Nobody is logged in. Keys of
    /// a provider are fetched for it, unless --pgdata or --cache-dir say where the server's own are.
    #[command(after_help = EXPLAIN_HELP)]
    Explain(ExplainOptions),

    /// Let clients log in with a token that do not know how: asyncpg, pgjdbc, PgBouncer and others.
    ///
    /// They connect here, without anything or with a password; it shows the token to the server, over TLS.
    #[command(after_help = gateway::GATEWAY_HELP)]
    Gateway(GatewayOptions),

    /// Fetch keys for the server, which starts this itself: one request on standard input, one answer on standard output.
    #[command(hide = true)]
    Helper,

    /// Write a profile, and show the lines that the server's files need for it.
    ///
    /// The lines are those of postgresql.conf, pg_hba.conf and pg_ident.conf. Without --output the profile is printed, with
    /// these lines as comments.
    #[command(after_help = INIT_HELP)]
    Init(InitOptions),

    /// Show which keys a server has from its providers, and fetch them anew.
    #[command(subcommand)]
    Keys(KeysCommand),

    /// Show the built-in layouts of providers that a profile can start from.
    #[command(after_help = preset::HELP, subcommand)]
    Preset(PresetCommand),

    /// Log in to a running server once with a token, and say what became of it.
    ///
    /// As any client does, over a Unix socket or TLS. On a refusal, of which a client is told nothing, it says where the
    /// reason is.
    #[command(after_help = probe::HELP)]
    Probe(ProbeOptions),

    /// Run a command whose libpq shows a token, which is got first and kept fresh.
    ///
    /// For psql, pg_dump and whatever else uses libpq 18 or newer: it asks once, not at each connection.
    #[command(after_help = token::RUN_HELP)]
    Run(RunOptions),

    /// Print the JSON Schema of the configuration, for editors.
    #[command(after_help = SCHEMA_HELP)]
    Schema(SchemaOptions),

    /// Say whether a server's OAuth logins work, and until when if its providers are away.
    ///
    /// Reads only, and asks nobody: the configuration, and the keys at hand.
    #[command(after_help = status::HELP)]
    Status(StatusOptions),

    /// Run cases: logins that a configuration is meant to let in or to keep out.
    ///
    /// Needs no server and no provider. Shows what came out otherwise than expected, step by step, and what no case reaches.
    #[command(after_help = test::HELP)]
    Test(TestOptions),

    /// Get a token of a provider, and print it or keep a file fresh.
    ///
    /// For clients of the server: by a code that a person confirms, as a service, by a refresh token, in exchange for
    /// another token, or by a command.
    #[command(after_help = token::TOKEN_HELP)]
    Token(TokenOptions),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServerOptions {
    /// The user the server runs as: files must belong to this user or to root.
    ///
    /// Defaults to postgres if root asks and there is such a user, else to the user who asks.
    #[arg(long, value_name = "NAME|UID")]
    pub(crate) server_user: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainOptions {
    /// The configuration to decide by.
    ///
    /// By default the one that the server's postgresql.conf names, else /etc/postgresql/oauth-validator.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// A file with the token; standard input if absent or "-".
    ///
    /// "Bearer " in front of the token and a newline behind it are ignored.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// The issuer of the pg_hba.conf line; needed if there are several profiles, and no line is read.
    ///
    /// By default that of the line that takes the connection, with --pgdata, --postgresql-conf or --hba; else, with one
    /// profile, the first of its hba_issuers.
    #[arg(long, value_name = "ISSUER")]
    pub(crate) hba_issuer: Option<String>,

    /// The validator.profile of the pg_hba.conf line, which PostgreSQL 19 has: profiles, separated by commas.
    ///
    /// They take the place of the issuer.
    #[arg(long, value_name = "NAME[,NAME]")]
    pub(crate) hba_profile: Option<String>,

    /// The scope of the pg_hba.conf line: names separated by spaces.
    #[arg(long, value_name = "SCOPE")]
    pub(crate) hba_scope: Option<String>,

    /// The role the client asks for.
    #[arg(long)]
    pub(crate) role: Option<String>,

    /// The database the client asks for; to find the line of pg_hba.conf, by default that of the role's name.
    #[arg(long)]
    pub(crate) database: Option<String>,

    /// From where the client connects: an IP address, with TLS, or "local", a Unix socket.
    ///
    /// To find the line of pg_hba.conf. Without it, it is the first line for role and database that has the method oauth.
    #[arg(long, value_name = "IP", requires = "role", value_parser = server_files::client_address)]
    pub(crate) address: Option<ClientAddress>,

    /// Decide about a replication connection; without --database, about physical replication.
    #[arg(long)]
    pub(crate) replication: bool,

    /// The pg_hba.conf line says delegate_ident_mapping=1.
    #[arg(long)]
    pub(crate) delegated: bool,

    /// What the role is: superuser, createrole, replication, bypassrls, or a role that it is a member of.
    ///
    /// Can be repeated. The server looks this up in its catalogs, which are not read here: without the option, the role
    /// is taken for an ordinary one.
    #[arg(long, value_name = "ATTR", requires_all = ["delegated", "role"], value_parser = role_attribute)]
    pub(crate) role_attribute: Vec<RoleAttribute>,

    /// Decide as if it were this time.
    ///
    /// As in RFC 3339, such as 2027-01-15T08:00:00Z, or in seconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) at: Option<i64>,

    /// Print ASCII only, with "ok" and "FAILED" for ticks and crosses.
    ///
    /// The default where the locale is not UTF-8.
    #[arg(long)]
    pub(crate) ascii: bool,

    /// Verify with the keys in this JSON Web Key Set, instead of those that the profile names.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) files: ServerFileOptions,

    #[command(flatten)]
    pub(crate) folder: FolderOptions,

    #[command(flatten)]
    pub(crate) server: ServerOptions,
}

/// Something that makes a role privileged, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoleAttribute {
    Superuser,
    CreateRole,
    Replication,
    BypassRls,
    /// A role that it can become.
    MemberOf(String),
}

/// The attributes as CREATE ROLE spells them, in any case; everything else is the name of a role.
pub(crate) fn role_attribute(text: &str) -> Result<RoleAttribute, String> {
    let attribute = match text.to_ascii_lowercase().as_str() {
        "" => return Err("it is empty".to_owned()),
        "superuser" => RoleAttribute::Superuser,
        "createrole" => RoleAttribute::CreateRole,
        "replication" => RoleAttribute::Replication,
        "bypassrls" => RoleAttribute::BypassRls,
        _ => RoleAttribute::MemberOf(text.to_owned()),
    };
    Ok(attribute)
}

/// Seconds since 1970, in the range that a token's times have.
pub(crate) fn instant(text: &str) -> Result<i64, String> {
    let seconds = match text.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .map_err(|_| {
                "neither a time with its offset, such as 2027-01-15T08:00:00Z, nor seconds since 1970".to_owned()
            })?
            .as_second(),
    };
    if (0..=MAX_NUMERIC_DATE).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("it must lie between the years 1970 and 9999".to_owned())
    }
}

/// A duration as in the configuration, such as `5s`.
fn timeout(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<jiff::SignedDuration>().map_err(|_| "not a duration such as 5s or 1min".to_owned())?;
    let duration = Duration::try_from(duration).unwrap_or_default();
    if (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&duration) { Ok(duration) } else { Err("it must be 1s to 5min".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::{Args, RoleAttribute, instant, role_attribute, timeout};
    use clap::CommandFactory;
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

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn attributes_have_any_case_and_names_keep_theirs() {
        assert_eq!(role_attribute("SuperUser"), Ok(RoleAttribute::Superuser));
        assert_eq!(role_attribute("BYPASSRLS"), Ok(RoleAttribute::BypassRls));
        assert_eq!(role_attribute("Create Role"), Ok(RoleAttribute::MemberOf("Create Role".to_owned())));
        assert_eq!(role_attribute(""), Err("it is empty".to_owned()));
    }

    #[test]
    fn instants_are_seconds_or_rfc_3339() {
        assert_eq!(instant("1800000000"), Ok(1_800_000_000));
        assert_eq!(instant("2027-01-15T08:00:00Z"), Ok(1_800_000_000));
        assert_eq!(instant("2027-01-15T09:00:00.9+01:00"), Ok(1_800_000_000));
        assert_eq!(instant("253402300799"), Ok(253_402_300_799));
    }

    #[test]
    fn other_instants_are_refused() {
        for text in ["", "soon", "2027-01-15", "2027-01-15T08:00:00", "1e9", "99999999999999999999"] {
            assert!(instant(text).is_err_and(|why| why.contains("neither a time")), "{text}");
        }
        for text in ["-1", "253402300800", "1969-12-31T23:59:59Z"] {
            assert!(instant(text).is_err_and(|why| why.contains("between the years")), "{text}");
        }
    }
}
