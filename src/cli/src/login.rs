//! `explain` with the server's files: which line of pg_hba.conf takes the connection, and whether pg_ident.conf lets its
//! identity log in as the role.
//!
//! The matching is the core's. What the files cannot settle is said and not guessed; what was assumed is said as well.

mod ident_line;
mod outcome;
mod report;

use crate::args::{ClientAddress, ExplainOptions};
use crate::output::CommandFailure;
use crate::server_files::ServerFiles;
use ident_line::mapped;
use oauth_validator_core::Grant;
use oauth_validator_core::server_files::{
    ChosenLine, ClientOrigin, FilePosition, HbaLine, LoginQuery, Mapping, RolesOfIdentity, choose, map_identity,
    place_in, roles_of,
};
use outcome::LoginResult;

pub(crate) use ident_line::word;
pub(crate) use report::LoginReport;

/// What to do where the server alone knows.
const TRY_IT: &str = "\"oauth-validator probe\" tries it: it logs in once";

/// What to do where the map has no line.
const ADD: &str = "if it is to log in, add this";

/// The line of pg_hba.conf that takes the connection.
pub(crate) struct TakenLine<'s> {
    server: &'s ServerFiles,
    chosen: ChosenLine<'s>,
    role: Option<String>,
}

impl<'s> TakenLine<'s> {
    /// The line for the connection that the options describe.
    ///
    /// # Errors
    /// If no role is given, and there are lines that differ.
    pub(crate) fn choose(options: &ExplainOptions, server: &'s ServerFiles) -> Result<Self, CommandFailure> {
        let client = match options.address {
            None => ClientOrigin::Any,
            Some(ClientAddress::Local) => ClientOrigin::Local,
            Some(ClientAddress::Ip(address)) => ClientOrigin::Tls(address),
        };
        let chosen = match &options.role {
            None => only_line(options, server)?,
            Some(role) => {
                // Without a name libpq asks for the database of the role's.
                let own = Some(role.as_str()).filter(|_| !options.replication);
                let database = options.database.as_deref().or(own);
                choose(&server.hba, &LoginQuery { role, database, client })
            }
        };
        Ok(Self { server, chosen, role: options.role.clone() })
    }

    /// The line, if it is one for this validator.
    pub(crate) fn own(&self) -> Option<&'s HbaLine> {
        self.chosen.line.filter(|line| line.is_ours())
    }

    /// Where it is, and what was assumed to find it.
    pub(crate) fn notes(&self, options: &ExplainOptions) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(line) = self.own() {
            let how = match options.address {
                _ if options.role.is_none() => "the first OAuth line; see --role",
                None => "the first OAuth line for role and database; see --address",
                Some(ClientAddress::Local) => "as for a Unix socket",
                Some(ClientAddress::Ip(_)) => "as if the connection used TLS",
            };
            notes.push(format!("{} takes the connection: {how}", self.place(&line.place)));
        }
        let count = self.server.problems.len() + self.server.ident_problems.len();
        if count > 0 {
            notes.push(format!(
                "the server does not take {count} of the lines in its files; see \"oauth-validator check\""
            ));
        }
        notes
    }

    /// What becomes of a login that this line takes; `grant` is the decision's.
    pub(crate) fn report(&self, grant: Option<&Grant>) -> LoginReport {
        let line = self.chosen.line;
        let unless: Vec<String> = self.chosen.earlier.iter().map(|(line, when)| self.condition(line, when)).collect();
        let assumed = self.chosen.assumed.clone();
        let mut outcome = self.outcome(grant);
        if outcome.succeeds != Some(false) && self.server.lacks_library() {
            outcome = outcome.but_fails(
                "oauth_validator_libraries does not name oauth_validator, without which the server takes no oauth line",
                "\"oauth-validator check\" with the same options shows what postgresql.conf has to say",
            );
        }
        // Another line may take the connection.
        let is_conditional = assumed.is_some() || !unless.is_empty();
        let if_taken = if is_conditional { outcome.succeeds.take() } else { None };
        if outcome.succeeds.is_none() && if_taken != Some(false) {
            outcome.next.get_or_insert_with(|| TRY_IT.to_owned());
        }
        LoginReport {
            line: line.map(|line| self.place(&line.place)),
            method: line.map(|line| line.method.clone()),
            unless,
            assumed,
            map: line.and_then(HbaLine::map).map(str::to_owned),
            role: self.role.clone(),
            outcome,
            if_taken,
        }
    }

    /// How the login ends, if this line takes the connection.
    fn outcome(&self, grant: Option<&Grant>) -> LoginResult {
        match (self.chosen.line, grant) {
            (None, _) => LoginResult::failure(
                "no line of pg_hba.conf takes the connection, so it is rejected",
                "write an OAuth line for this role, database and address, and reload the server",
            ),
            (Some(line), _) if !line.is_oauth() => LoginResult::failure(
                format!("the line has the method {}, so no token is asked for", line.method),
                "put an OAuth line for such connections before it, and reload the server",
            ),
            (Some(line), _) if !line.is_ours() => LoginResult::failure(
                format!("the line is for another validator, \"{}\"", line.other_validator().unwrap_or_default()),
                "if it is meant for oauth_validator, write validator=oauth_validator",
            ),
            (Some(_), None) => LoginResult::denied(),
            (Some(_), Some(grant)) if grant.delegated() => {
                LoginResult::success("the token grants the role, and the server compares nothing more")
            }
            (Some(line), Some(grant)) => match line.map() {
                Some(map) => self.by_map(map, grant.authn_id()),
                None => self.without_map(grant.authn_id()),
            },
        }
    }

    fn by_map(&self, map: &str, identity: &str) -> LoginResult {
        let Some(ident) = &self.server.ident else {
            let why = format!("pg_ident.conf was not read; the map \"{map}\" decides");
            return LoginResult::unsettled(why, Some("say where it is: --ident FILE (SHOW ident_file)"));
        };
        let Some(role) = &self.role else {
            let roles: Vec<String> = roles_of(ident, map, identity)
                .into_iter()
                .map(|(line, role)| {
                    let (RolesOfIdentity::One(role) | RolesOfIdentity::Some(role)) = role;
                    format!("{role} ({})", self.place(&line.place))
                })
                .collect();
            if roles.is_empty() {
                let why = format!("the map \"{map}\" has no line for this identity");
                return LoginResult::failure(why, mapped(ADD, map, identity, None));
            }
            let next = "ask about one of these roles: --role ROLE";
            return LoginResult::unsettled("no role was asked for", Some(next)).of_roles(roles);
        };
        let (line, outcome) = match map_identity(ident, map, identity, role) {
            Mapping::Granted(line) => (line, LoginResult::success("the map lets the identity log in as the role")),
            Mapping::Denied => {
                let why = format!("the map \"{map}\" has no line for this identity and role");
                return LoginResult::failure(why, mapped(ADD, map, identity, Some(role)));
            }
            Mapping::Broken(line, why) => {
                (line, LoginResult::failure(why, "correct the line of pg_ident.conf, and reload the server"))
            }
            Mapping::Unknown(line, why) => {
                (line, LoginResult::unsettled(format!("the server alone knows {why}"), None))
            }
        };
        outcome.by_line(self.place(&line.place))
    }

    fn without_map(&self, identity: &str) -> LoginResult {
        match &self.role {
            None => LoginResult::unsettled(
                "the line has no map, so the role needs the name of the identity",
                Some("ask about a role: --role ROLE"),
            )
            .of_roles(vec![identity.to_owned()]),
            Some(role) if role == identity => LoginResult::success("the role has the name of the identity"),
            Some(role) => LoginResult::failure(
                "the line has no map, so the role would need the name of the identity",
                mapped("if it is to log in, add map=NAME to the line, and this", "NAME", identity, Some(role)),
            ),
        }
    }

    fn condition(&self, line: &HbaLine, when: &str) -> String {
        format!("{} ({}): {when}", self.place(&line.place), line.method)
    }

    fn place(&self, place: &FilePosition) -> String {
        place_in(&self.server.sources, place)
    }
}

/// The line where no role is known: all that could be meant must say the same.
fn only_line<'s>(options: &ExplainOptions, server: &'s ServerFiles) -> Result<ChosenLine<'s>, CommandFailure> {
    let named = |line: &&HbaLine| options.hba_issuer.as_deref().is_none_or(|issuer| issuer == line.issuer());
    let lines: Vec<&HbaLine> = server.hba.iter().filter(|line| line.is_ours()).filter(named).collect();
    let says = |line: &&HbaLine| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        (
            line.issuer().to_owned(),
            line.scope().to_owned(),
            owned(line.map()),
            line.is_delegated(),
            owned(line.profiles()),
        )
    };
    if lines.iter().zip(lines.iter().skip(1)).any(|(line, next)| says(line) != says(next)) {
        let places: Vec<String> = lines.iter().map(|line| place_in(&server.sources, &line.place)).collect();
        let what = "which line of pg_hba.conf is meant? Several have the method oauth".to_owned();
        let hint = format!("give --role, and --database and --address if they matter; there are {}", places.join(", "));
        return Err(CommandFailure::new(what).with_hint(hint));
    }
    Ok(ChosenLine { line: lines.first().copied(), assumed: None, earlier: Vec::new() })
}
