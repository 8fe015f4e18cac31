//! `explain` with the server's files: which line of pg_hba.conf takes the connection, and whether pg_ident.conf lets its
//! identity log in as the role.
//!
//! The matching is the core's. What the files cannot settle is said and not guessed; what was assumed is said as well.

use crate::args::{ClientAddress, ExplainOptions};
use crate::output::Failure;
use crate::server_files::ServerFiles;
use oauth_validator_core::Grant;
use oauth_validator_core::server_files::{
    Chosen, Client, HbaLine, Login, Mapping, Place, RolesOfIdentity, choose, map_identity, place_in, roles_of,
};
use serde_json::{Value, json};

/// What to do where the server alone knows.
const TRY_IT: &str = "\"oauth-validator probe\" tries it: it logs in once";

/// What to do where the map has no line.
const ADD: &str = "if it is to log in, add this";

/// The line of pg_hba.conf that takes the connection.
pub(crate) struct TakenLine<'s> {
    server: &'s ServerFiles,
    chosen: Chosen<'s>,
    role: Option<String>,
}

/// What becomes of the login.
pub(crate) struct LoginReport {
    line: Option<String>,
    method: Option<String>,
    /// Conditions under which another line takes the connection.
    unless: Vec<String>,
    /// What was assumed of the line.
    assumed: Option<String>,
    map: Option<String>,
    role: Option<String>,
    /// Roles that the identity may log in as, where none was asked for.
    roles: Vec<String>,
    /// The line of pg_ident.conf that decides.
    ident: Option<String>,
    /// Unknown where the files do not settle it.
    succeeds: Option<bool>,
    /// What becomes of the login if the line takes the connection, which is not certain.
    if_taken: Option<bool>,
    why: String,
    /// What to do about it; nothing where the login succeeds, or the denial says it.
    next: Option<String>,
}

impl<'s> TakenLine<'s> {
    /// The line for the connection that the options describe.
    ///
    /// # Errors
    /// If no role is given, and there are lines that differ.
    pub(crate) fn choose(options: &ExplainOptions, server: &'s ServerFiles) -> Result<Self, Failure> {
        let client = match options.address {
            None => Client::Any,
            Some(ClientAddress::Local) => Client::Local,
            Some(ClientAddress::Ip(address)) => Client::Tls(address),
        };
        let chosen = match &options.role {
            None => only_line(options, server)?,
            Some(role) => {
                // Without a name libpq asks for the database of the role's.
                let own = Some(role.as_str()).filter(|_| !options.replication);
                let database = options.database.as_deref().or(own);
                choose(&server.hba, &Login { role, database, client })
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
        let mut report = LoginReport {
            line: line.map(|line| self.place(&line.place)),
            method: line.map(|line| line.method.clone()),
            unless: self.chosen.earlier.iter().map(|(line, when)| self.condition(line, when)).collect(),
            assumed: self.chosen.assumed.clone(),
            map: line.and_then(HbaLine::map).map(str::to_owned),
            role: self.role.clone(),
            roles: Vec::new(),
            ident: None,
            succeeds: Some(false),
            if_taken: None,
            why: String::new(),
            next: None,
        };
        match (line, grant) {
            (None, _) => report.fails(
                "no line of pg_hba.conf takes the connection, so it is rejected",
                "write an OAuth line for this role, database and address, and reload the server",
            ),
            (Some(line), _) if !line.is_oauth() => report.fails(
                format!("the line has the method {}, so no token is asked for", line.method),
                "put an OAuth line for such connections before it, and reload the server",
            ),
            (Some(line), _) if !line.is_ours() => report.fails(
                format!("the line is for another validator, \"{}\"", line.other_validator().unwrap_or_default()),
                "if it is meant for oauth_validator, write validator=oauth_validator",
            ),
            (Some(_), None) => report.why = "the token is denied".to_owned(),
            (Some(line), Some(grant)) => self.granted(line, grant, &mut report),
        }
        if report.succeeds != Some(false) && self.server.lacks_library() {
            report.fails(
                "oauth_validator_libraries does not name oauth_validator, without which the server takes no oauth line",
                "\"oauth-validator check\" with the same options shows what postgresql.conf has to say",
            );
        }
        if report.is_conditional() {
            report.if_taken = report.succeeds.take();
        }
        if report.succeeds.is_none() && report.if_taken != Some(false) {
            report.next.get_or_insert_with(|| TRY_IT.to_owned());
        }
        report
    }

    fn granted(&self, line: &HbaLine, grant: &Grant, report: &mut LoginReport) {
        let identity = grant.authn_id();
        if grant.delegated() {
            report.succeeds = Some(true);
            report.why = "the token grants the role, and the server compares nothing more".to_owned();
            return;
        }
        let Some(map) = line.map() else {
            return self.without_map(identity, report);
        };
        let Some(ident) = &self.server.ident else {
            report.succeeds = None;
            report.why = format!("pg_ident.conf was not read; the map \"{map}\" decides");
            report.next = Some("say where it is: --ident FILE (SHOW ident_file)".to_owned());
            return;
        };
        let Some(role) = &self.role else {
            for (line, role) in roles_of(ident, map, identity) {
                let (RolesOfIdentity::One(role) | RolesOfIdentity::Some(role)) = role;
                report.roles.push(format!("{role} ({})", self.place(&line.place)));
            }
            if report.roles.is_empty() {
                let why = format!("the map \"{map}\" has no line for this identity");
                return report.fails(why, mapped(ADD, map, identity, None));
            }
            report.succeeds = None;
            report.why = "no role was asked for".to_owned();
            report.next = Some("ask about one of these roles: --role ROLE".to_owned());
            return;
        };
        let line = match map_identity(ident, map, identity, role) {
            Mapping::Granted(line) => {
                report.succeeds = Some(true);
                report.why = "the map lets the identity log in as the role".to_owned();
                line
            }
            Mapping::Denied => {
                let why = format!("the map \"{map}\" has no line for this identity and role");
                return report.fails(why, mapped(ADD, map, identity, Some(role)));
            }
            Mapping::Broken(line, why) => {
                report.fails(why, "correct the line of pg_ident.conf, and reload the server");
                line
            }
            Mapping::Unknown(line, why) => {
                report.succeeds = None;
                report.why = format!("the server alone knows {why}");
                line
            }
        };
        report.ident = Some(self.place(&line.place));
    }

    fn without_map(&self, identity: &str, report: &mut LoginReport) {
        match &self.role {
            None => {
                report.roles.push(identity.to_owned());
                report.succeeds = None;
                report.why = "the line has no map, so the role needs the name of the identity".to_owned();
                report.next = Some("ask about a role: --role ROLE".to_owned());
            }
            Some(role) if role == identity => {
                report.succeeds = Some(true);
                report.why = "the role has the name of the identity".to_owned();
            }
            Some(role) => report.fails(
                "the line has no map, so the role would need the name of the identity",
                mapped("if it is to log in, add map=NAME to the line, and this", "NAME", identity, Some(role)),
            ),
        }
    }

    fn condition(&self, line: &HbaLine, when: &str) -> String {
        format!("{} ({}): {when}", self.place(&line.place), line.method)
    }

    fn place(&self, place: &Place) -> String {
        place_in(&self.server.sources, place)
    }
}

/// The line that lets the identity log in as a role, behind where to write it.
fn mapped(before: &str, map: &str, identity: &str, role: Option<&str>) -> String {
    let role = role.and_then(word).unwrap_or_else(|| "ROLE".to_owned());
    let identity = word(identity).unwrap_or_else(|| "IDENTITY".to_owned());
    let map = word(map).unwrap_or_else(|| "NAME".to_owned());
    format!("{before} to pg_ident.conf, and reload the server: {map}   {identity}   {role}")
}

/// A name as it is written in pg_ident.conf, where a quotation mark is doubled between quotation marks; `None` if it
/// cannot be, since it would be a regular expression, whatever its quotes.
fn word(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.@:|".contains(c);
    match name {
        "" | "all" => Some(format!("\"{name}\"")),
        _ if name.starts_with('/') => None,
        // With `@` in front, it would be a file of names.
        _ if name.chars().all(plain) && !name.starts_with('@') => Some(name.to_owned()),
        _ => Some(format!("\"{}\"", name.replace('"', "\"\""))),
    }
}

/// The line where no role is known: all that could be meant must say the same.
fn only_line<'s>(options: &ExplainOptions, server: &'s ServerFiles) -> Result<Chosen<'s>, Failure> {
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
    if lines.windows(2).any(|pair| says(&pair[0]) != says(&pair[1])) {
        let places: Vec<String> = lines.iter().map(|line| place_in(&server.sources, &line.place)).collect();
        let what = "which line of pg_hba.conf is meant? Several have the method oauth".to_owned();
        let hint = format!("give --role, and --database and --address if they matter; there are {}", places.join(", "));
        return Err(Failure::new(what).with_hint(hint));
    }
    Ok(Chosen { line: lines.first().copied(), assumed: None, earlier: Vec::new() })
}

impl LoginReport {
    fn fails(&mut self, why: impl Into<String>, next: impl Into<String>) {
        self.succeeds = Some(false);
        self.why = why.into();
        self.next = Some(next.into());
    }

    /// Whether another line may take the connection.
    fn is_conditional(&self) -> bool {
        self.assumed.is_some() || !self.unless.is_empty()
    }

    /// Whether the login would not succeed.
    pub(crate) fn is_failure(&self) -> bool {
        self.succeeds == Some(false)
    }

    /// For a person: names and what to say of them.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let (Some(line), Some(method)) = (&self.line, &self.method) {
            let map = self.map.as_ref().map(|map| format!(", map \"{map}\"")).unwrap_or_default();
            lines.push(("line", format!("{line}, {method}{map}")));
        }
        lines.extend(self.assumed.iter().map(|assumed| ("assumed", format!("{assumed}: taken for granted"))));
        lines.extend(self.unless.iter().map(|unless| ("unless", format!("taken by {unless}"))));
        lines.extend(self.roles.iter().map(|role| ("role", role.clone())));
        let role = self.role.as_ref().map(|role| format!(" as \"{role}\"")).unwrap_or_default();
        let outcome = match self.succeeds {
            Some(true) => format!("succeeds{role}, if the server has the role"),
            Some(false) => format!("fails{role}"),
            None if self.if_taken == Some(true) => format!("succeeds{role} if this line takes the connection"),
            None if self.if_taken == Some(false) => format!("fails{role} if this line takes the connection"),
            None if !self.roles.is_empty() => "depends on the role".to_owned(),
            None => format!("may succeed{role}: the files do not settle it"),
        };
        let ident = self.ident.as_ref().map(|ident| format!(" ({ident})")).unwrap_or_default();
        lines.push(("login", outcome));
        lines.push(("why", format!("{}{ident}", self.why)));
        lines.extend(self.next.iter().map(|next| ("next", next.clone())));
        lines
    }

    /// For a program.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "hba_line": self.line,
            "method": self.method,
            "map": self.map,
            "assumed": self.assumed,
            "unless": self.unless,
            "role": self.role,
            "roles": self.roles,
            "ident_line": self.ident,
            "succeeds": self.succeeds,
            "why": self.why,
            "next": self.next,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn names_are_written_so_that_they_stay_names() {
        for (name, written) in [
            ("00u1-a_b.c@corp.example", "00u1-a_b.c@corp.example"),
            ("all", "\"all\""),
            ("", "\"\""),
            ("+dba", "\"+dba\""),
            ("@corp", "\"@corp\""),
            ("a b", "\"a b\""),
            ("a,b#c", "\"a,b#c\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\\1", "\"a\\1\""),
        ] {
            assert_eq!(word(name).as_deref(), Some(written), "{name}");
        }
        assert_eq!(word("/^a"), None);
    }
}
