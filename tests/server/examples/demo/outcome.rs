//! What a login should lead to, what it did lead to, and the difference in words.
//!
//! The reason of a refusal is read from the server's log, never from what the client was told: the client must be
//! told the same thing every time, and that is checked here as well.

use oauth_validator_server_tests::{Cluster, FinishedLogin, Login, LoginOutcome};

/// What begins the module's entry in the log.
const DENIED: &str = "oauth_validator: denied: ";
/// What the server itself logs if the identity may not be the role.
const NO_MATCH: &str = "no match in usermap ";

/// One login of the demo. Has no `Debug`: it holds a token.
pub struct DemoCase {
    /// The token, in a few words.
    pub about: &'static str,
    pub database: &'static str,
    pub role: &'static str,
    pub token: String,
    pub expected: DemoExpectation,
}

/// What should become of a login.
#[derive(Clone, Copy)]
pub enum DemoExpectation {
    /// A session with this `system_user`.
    LetIn(&'static str),
    /// A denial by the module, with this reason code.
    Denied(&'static str),
    /// The token is good, but pg_ident.conf does not map its identity to the role.
    NoMatch,
}

/// What became of it.
pub struct Observed {
    /// For the page: `system_user`, the reason code, or what the server says of the map.
    pub result: String,
    /// What differs from the expected.
    pub mismatch: Option<String>,
    /// What was logged meanwhile.
    pub log: String,
    /// What a client that was refused is told.
    pub told: String,
}

impl DemoCase {
    /// Logs in.
    pub fn run(&self, cluster: &Cluster) -> Observed {
        let mark = cluster.log_mark();
        let attempt = cluster.login(&Login::new(self.role, self.database).token(&self.token));
        // The server logs a refusal before it tells the client, so that no wait is needed.
        let told = match &attempt.outcome {
            LoginOutcome::Refused(error) => format!("{}:  {}", error.severity, error.message),
            _ => String::new(),
        };
        let (result, problem) = self.outcome(attempt, || cluster.log_as_written(mark));
        let log = cluster.log_as_written(mark);
        let mismatch = problem.map(|problem| match entry(&log) {
            Some(entry) => format!("{problem}\nthe log says:\n{entry}"),
            _ => problem,
        });
        Observed { result, mismatch, log, told }
    }

    /// The result, and what is wrong with it.
    fn outcome(&self, attempt: FinishedLogin, log: impl Fn() -> String) -> (String, Option<String>) {
        match attempt.outcome {
            LoginOutcome::Accepted(mut session) => match session.system_user() {
                Ok(user) => self.let_in(user.unwrap_or_else(|| "NULL".into())),
                Err(error) => ("let in".into(), Some(format!("the session failed: {error}"))),
            },
            LoginOutcome::Refused(error) => {
                let (result, problem) = self.refused(&log());
                let told = format!("OAuth bearer authentication failed for user \"{}\"", self.role);
                let tells_more = error.message != told || error.detail.is_some() || error.hint.is_some();
                let told = || format!("the client was told something else than usual: {error}");
                (result, problem.or_else(|| tells_more.then(told)))
            }
            other => ("no answer".into(), Some(format!("the server did not answer the login: {other:?}"))),
        }
    }

    fn let_in(&self, user: String) -> (String, Option<String>) {
        let problem = match self.expected {
            DemoExpectation::LetIn(expected) if expected == user => None,
            expected => Some(format!("expected {}, but the server let {user} in", expected.words())),
        };
        (user, problem)
    }

    fn refused(&self, log: &str) -> (String, Option<String>) {
        let code = after(log, DENIED).and_then(|rest| rest.split_whitespace().next());
        let map = after(log, NO_MATCH).and_then(|rest| rest.split_whitespace().next());
        let fits = match self.expected {
            DemoExpectation::LetIn(_) => false,
            DemoExpectation::Denied(expected) => code == Some(expected),
            DemoExpectation::NoMatch => code.is_none() && map.is_some(),
        };
        let result = match (code, map) {
            (Some(code), _) => code.to_owned(),
            (None, Some(map)) => format!("{NO_MATCH}{map}"),
            (None, None) => "no reason in the log".to_owned(),
        };
        let problem = (!fits).then(|| format!("expected {}, but it was refused: {result}", self.expected.words()));
        (result, problem)
    }
}

impl DemoExpectation {
    fn words(self) -> String {
        match self {
            Self::LetIn(user) => format!("a session of {user}"),
            Self::Denied(code) => format!("a refusal with {code}"),
            Self::NoMatch => "a refusal by pg_ident.conf".to_owned(),
        }
    }
}

/// The module's entry in the log: its LOG line, with the DETAIL and HINT that belong to it; from PostgreSQL 19 on the
/// DETAIL of the server's own.
pub fn entry(log: &str) -> Option<String> {
    let mut lines = log.lines().skip_while(|line| !line.contains(DENIED));
    let first = lines.next()?;
    let more = lines.take_while(|line| {
        [" DETAIL:  ", " HINT:  "].iter().any(|label| line.contains(label)) || line.starts_with('\t')
    });
    Some(std::iter::once(first).chain(more).collect::<Vec<_>>().join("\n"))
}

fn after<'a>(log: &'a str, label: &str) -> Option<&'a str> {
    log.split_once(label).map(|(_, rest)| rest)
}
