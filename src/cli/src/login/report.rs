//! What becomes of a login by the server's files, for a person and for a program.

use super::outcome::LoginResult;
use serde_json::{Value, json};

/// What becomes of the login.
pub(crate) struct LoginReport {
    pub(super) line: Option<String>,
    pub(super) method: Option<String>,
    /// Conditions under which another line takes the connection.
    pub(super) unless: Vec<String>,
    /// What was assumed of the line.
    pub(super) assumed: Option<String>,
    pub(super) map: Option<String>,
    pub(super) role: Option<String>,
    pub(super) outcome: LoginResult,
    /// What becomes of the login if the line takes the connection, which is not certain.
    pub(super) if_taken: Option<bool>,
}

impl LoginReport {
    /// Whether the login would not succeed.
    pub(crate) fn is_failure(&self) -> bool {
        self.outcome.succeeds == Some(false)
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
        let LoginResult { succeeds, why, next, roles, ident } = &self.outcome;
        lines.extend(roles.iter().map(|role| ("role", role.clone())));
        let role = self.role.as_ref().map(|role| format!(" as \"{role}\"")).unwrap_or_default();
        let outcome = match *succeeds {
            Some(true) => format!("succeeds{role}, if the server has the role"),
            Some(false) => format!("fails{role}"),
            None if self.if_taken == Some(true) => format!("succeeds{role} if this line takes the connection"),
            None if self.if_taken == Some(false) => format!("fails{role} if this line takes the connection"),
            None if !roles.is_empty() => "depends on the role".to_owned(),
            None => format!("may succeed{role}: the files do not settle it"),
        };
        let ident = ident.as_ref().map(|ident| format!(" ({ident})")).unwrap_or_default();
        lines.push(("login", outcome));
        lines.push(("why", format!("{why}{ident}")));
        lines.extend(next.iter().map(|next| ("next", next.clone())));
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
            "roles": self.outcome.roles,
            "ident_line": self.outcome.ident,
            "succeeds": self.outcome.succeeds,
            "why": self.outcome.why,
            "next": self.outcome.next,
        })
    }
}
