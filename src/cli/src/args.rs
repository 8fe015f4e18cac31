//! The command line: commands, options, and the texts of `--help`.
//!
//! A mistyped command or option is an error with exit code 2, never ignored. No option takes a token: arguments can
//! be read by every user of the machine.

mod check;
mod completions;
mod discover;
mod explain;
mod gateway;
mod init;
mod keys;
mod preset;
mod probe;
mod server_files;
mod status;
mod test;
mod token;

pub(crate) use check::CheckOptions;
use clap::{Args as ClapArgs, Parser, Subcommand};
use completions::{COMPLETIONS_HELP, SCHEMA_HELP};
pub(crate) use completions::{CompletionsOptions, SchemaOptions, Shell};
pub(crate) use discover::DiscoverOptions;
use explain::EXPLAIN_HELP;
pub(crate) use explain::{ExplainOptions, RoleAttribute, instant, role_attribute};
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

const EXIT_CODES: &str = "\
Exit codes:
  0  fine: the file is valid, the token is granted, there are keys or a token,
     or every case came to what it expects
  1  the file has errors, the token is denied, a case came to something else,
     or a provider's keys or a token cannot be had
  2  could not run: wrong usage, a file that cannot be read, or no server to
     log in to";

/// Judges configurations of oauth_validator, the token validator of PostgreSQL, explains its decisions, and gets tokens
/// for clients.
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

    /// Say which build of the tool this is.
    ///
    /// Its version, the commit and the compiler that it was made of; status says the same of a server's library.
    Version,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServerOptions {
    /// The user the server runs as: files must belong to this user or to root.
    ///
    /// Defaults to postgres if root asks and there is such a user, else to the user who asks.
    #[arg(long, value_name = "NAME|UID")]
    pub(crate) server_user: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }
}
