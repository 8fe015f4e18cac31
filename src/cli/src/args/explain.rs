//! The command line of `oauth-validator explain`.

use super::server_files::{client_address, folder_or_none};
use super::{ClientAddress, FolderOptions, ServerFileOptions, ServerOptions};
use clap::Args as ClapArgs;
use oauth_validator_core::UnixSeconds;
use oauth_validator_core::bounds::MAX_NUMERIC_DATE;
use std::path::PathBuf;

pub(super) const EXPLAIN_HELP: &str = "\
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

#[derive(Debug, ClapArgs)]
pub(crate) struct ExplainOptions {
    /// The configuration to decide by.
    ///
    /// By default the one that the server's postgresql.conf names, else /etc/postgresql/oauth-validator.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The folder of further files with profiles, instead of the one that goes with the configuration.
    ///
    /// By default the one that the server's postgresql.conf names, else that of the configuration's own name, with .d in
    /// place of .toml. "" is none.
    #[arg(long, value_name = "DIR", value_parser = folder_or_none)]
    pub(crate) config_directory: Option<PathBuf>,

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
    #[arg(long, value_name = "IP", requires = "role", value_parser = client_address)]
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
    pub(crate) at: Option<UnixSeconds>,

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

/// An instant in the range that a token's times have.
pub(crate) fn instant(text: &str) -> Result<UnixSeconds, String> {
    let seconds = match text.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => text
            .parse::<jiff::Timestamp>()
            .map_err(|_| {
                "neither a time with its offset, such as 2027-01-15T08:00:00Z, nor seconds since 1970".to_owned()
            })?
            .as_second(),
    };
    let instant = UnixSeconds::new(seconds);
    if (UnixSeconds::new(0)..=MAX_NUMERIC_DATE).contains(&instant) {
        Ok(instant)
    } else {
        Err("it must lie between the years 1970 and 9999".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{RoleAttribute, UnixSeconds, instant, role_attribute};

    #[test]
    fn attributes_have_any_case_and_names_keep_theirs() {
        assert_eq!(role_attribute("SuperUser"), Ok(RoleAttribute::Superuser));
        assert_eq!(role_attribute("BYPASSRLS"), Ok(RoleAttribute::BypassRls));
        assert_eq!(role_attribute("Create Role"), Ok(RoleAttribute::MemberOf("Create Role".to_owned())));
        assert_eq!(role_attribute(""), Err("it is empty".to_owned()));
    }

    #[test]
    fn instants_are_seconds_or_rfc_3339() {
        assert_eq!(instant("1800000000"), Ok(UnixSeconds::new(1_800_000_000)));
        assert_eq!(instant("2027-01-15T08:00:00Z"), Ok(UnixSeconds::new(1_800_000_000)));
        assert_eq!(instant("2027-01-15T09:00:00.9+01:00"), Ok(UnixSeconds::new(1_800_000_000)));
        assert_eq!(instant("253402300799"), Ok(UnixSeconds::new(253_402_300_799)));
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
