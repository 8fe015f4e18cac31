//! What became of a login, for a person and for a program, and what to do next.
//!
//! The server tells a client no reason, so this says where the reason is. What the server sends is a stranger's: it is
//! escaped for the terminal, and quoted in a command that somebody may paste into a shell.

use super::connection::ServerConnection;
use super::discovery::Discovery;
use super::login::{Challenge, ProbeFindings, ProbeOutcome};
use super::target::ProbeTarget;
use super::wire::ErrorResponse;
use crate::args::ProbeOptions;
use crate::output::visible;
use oauth_validator_core::UnixSeconds;
use serde_json::json;

/// What the discovery URL of PostgreSQL's error challenge has behind an issuer (`generate_error_response` in
/// auth-oauth.c).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The longest word of a server's that is put into a command, in characters.
const MAX_WORD_CHARS: usize = 500;

/// A login that came to an end.
pub(super) struct ProbeReport<'a> {
    pub(super) target: &'a ProbeTarget,
    pub(super) options: &'a ProbeOptions,
    pub(super) connection: &'a ServerConnection,
    pub(super) outcome: ProbeOutcome,
    pub(super) findings: ProbeFindings,
    /// When it ended, in seconds since 1970.
    pub(super) now: UnixSeconds,
    /// Where no token was to be shown.
    pub(super) discovery: Option<Discovery>,
}

impl ProbeOutcome {
    /// As `--json` has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::NotAsked => "not_asked",
            Self::OtherMethod => "other_method",
            Self::NotAdmitted => "not_admitted",
            Self::Asked => "asked",
            Self::TokenRefused => "token_refused",
            Self::NotJudged => "not_judged",
            Self::SessionRefused => "session_refused",
        }
    }

    const fn headline(self) -> &'static str {
        match self {
            Self::Accepted => "accepted: the token opens a session",
            Self::NotAsked => "not asked: the server opens a session without a look at the token",
            Self::OtherMethod => "other method: the server does not ask for a token here",
            Self::NotAdmitted => "not admitted: the server refuses before it asks for a token",
            Self::Asked => "asked: the server wants a token, and none was shown",
            Self::TokenRefused => "token refused: the token opens no session for this role",
            Self::NotJudged => "not judged: the server did not get as far as judging the token",
            Self::SessionRefused => "session refused: the server knows who it is, and opens no session",
        }
    }
}

impl ProbeReport<'_> {
    pub(super) fn is_accepted(&self) -> bool {
        self.outcome == ProbeOutcome::Accepted
    }

    /// For a person.
    pub(super) fn to_text(&self) -> String {
        let rows: String =
            self.rows().iter().map(|(what, value)| format!("  {what:<13} {}\n", visible(value, false))).collect();
        let next = self.next();
        let gap = if next.is_empty() { "" } else { "\n" };
        let command = self.explain().map(|words| folded(&words)).unwrap_or_default();
        format!("{}\n\n{rows}{gap}{next}{command}", self.outcome.headline())
    }

    /// For a program.
    pub(super) fn to_json(&self) -> String {
        let ProbeFindings { error, method, challenge, server_version, backend_pid, session } = &self.findings;
        let error = error.as_ref().map(|ErrorResponse { severity, code, message, detail, hint }| {
            json!({ "severity": severity, "sqlstate": code, "message": message, "detail": detail, "hint": hint })
        });
        let challenge = challenge.as_ref().map(|Challenge { status, openid_configuration, scope }| {
            json!({ "status": status, "openid_configuration": openid_configuration, "scope": scope })
        });
        let session = session.as_ref().map(|session| {
            json!({
                "system_user": session.system_user,
                "session_user": session.session_user,
                "current_user": session.current_user,
            })
        });
        let report = json!({
            "outcome": self.outcome.name(),
            "at": self.now.to_string(),
            "server": self.target.place.to_string(),
            "client": self.connection.client.map(|address| address.to_string()),
            "tls": self.connection.tls,
            "user": self.target.user,
            "database": self.target.database,
            "method": method,
            "challenge": challenge,
            "error": error,
            "session": session,
            "server_version": server_version,
            "backend_pid": backend_pid,
            "explain": self.explain().map(|words| words.join(" ")),
            "discovery": self.discovery.as_ref().map(|found| found.to_json(self.target)),
        });
        format!("{report:#}\n")
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let ProbeFindings { error, method, challenge, server_version, backend_pid, session } = &self.findings;
        let mut rows = Vec::new();
        if let Some(session) = session {
            let or_null = |value: &Option<String>| value.clone().unwrap_or_else(|| "(null)".to_owned());
            rows.push(("system_user", or_null(&session.system_user)));
            rows.push(("session_user", or_null(&session.session_user)));
            rows.push(("current_user", or_null(&session.current_user)));
        } else {
            rows.push(("role", self.target.user.clone()));
        }
        rows.push(("database", self.target.database.clone()));
        rows.push(("connection", self.connection.description.clone()));
        rows.extend(self.connection.client.map(|address| ("from", address.to_string())));
        rows.extend(server_version.clone().map(|version| ("server", format!("PostgreSQL {version}"))));
        rows.extend(backend_pid.map(|pid| ("process", pid.to_string())));
        rows.extend(method.clone().map(|method| ("asked for", method)));
        if let Some(Challenge { openid_configuration, scope, .. }) = challenge {
            rows.extend(openid_configuration.clone().map(|url| ("issuer", issuer(&url).to_owned())));
            rows.extend(scope.clone().map(|scope| ("scope", scope)));
        }
        if let Some(found) = &self.discovery {
            // That the server refuses whoever shows nothing is no news.
            rows.extend(found.rows());
        } else if let Some(error) = error {
            rows.push(("server says", error.to_string()));
            rows.extend(error.detail.clone().map(|detail| ("detail", detail)));
            rows.extend(error.hint.clone().map(|hint| ("hint", hint)));
        }
        rows
    }

    /// What to do; lines of at most 80 columns.
    fn next(&self) -> String {
        match self.outcome {
            ProbeOutcome::Accepted => String::new(),
            ProbeOutcome::NotAsked => NOT_ASKED.to_owned(),
            ProbeOutcome::OtherMethod => OTHER_METHOD.to_owned(),
            ProbeOutcome::NotAdmitted => NOT_ADMITTED.to_owned(),
            ProbeOutcome::Asked => self.discovery.as_ref().map(|found| found.next(self.target)).unwrap_or_default(),
            ProbeOutcome::TokenRefused => self.at(TOKEN_REFUSED),
            ProbeOutcome::NotJudged => self.at(NOT_JUDGED),
            ProbeOutcome::SessionRefused => {
                let code = self.findings.error.as_ref().map_or("", |error| error.code.as_str());
                format!("{}\n", session_refused(code))
            }
        }
    }

    fn at(&self, text: &str) -> String {
        text.replace("{time}", &self.now.to_string())
    }

    /// The command that explains this login on the server, word by word as a shell takes them.
    fn explain(&self) -> Option<Vec<String>> {
        let challenge = self.findings.challenge.as_ref().filter(|_| self.outcome == ProbeOutcome::TokenRefused)?;
        let mut command = vec!["oauth-validator explain".to_owned()];
        let mut option = |name: &str, value: Option<String>, unknown: &str| {
            command.push(format!("{name} {}", value.unwrap_or_else(|| unknown.to_owned())));
        };
        if let Some(path) = &self.options.token_file {
            option("--token-file", word(&path.to_string_lossy()), "FILE");
        }
        option("--role", word(&self.target.user), "ROLE");
        option("--database", word(&self.target.database), "DATABASE");
        option("--hba-issuer", challenge.openid_configuration.as_deref().and_then(|url| word(issuer(url))), "ISSUER");
        option("--hba-scope", challenge.scope.as_deref().and_then(word), "SCOPE");
        Some(command)
    }
}

const NOT_ASKED: &str = "\
The first line of pg_hba.conf that fits this login asks for no token:
system_user says by which method it lets in, and (null) is trust.
On the server, see
  SELECT line_number, type, database, user_name, address, auth_method
    FROM pg_hba_file_rules;
";

const OTHER_METHOD: &str = "\
The first line of pg_hba.conf that fits this login is for another method, and
the token was not sent. Is there a line with oauth for this kind of connection,
this database and this role, above the others? On the server, see
  SELECT line_number, type, database, user_name, address, auth_method
    FROM pg_hba_file_rules;
PostgreSQL before 18 has no oauth. A connection pooler has methods of its own.
";

const NOT_ADMITTED: &str = "\
No line of pg_hba.conf fits this login, or the first one that does says reject;
the token was not sent. A hostssl line wants TLS, a local one a Unix socket.
On the server, see
  SELECT line_number, type, database, user_name, address, auth_method
    FROM pg_hba_file_rules;
";

const TOKEN_REFUSED: &str = "\
The server tells no client why. Its log does, at {time} by this
machine's clock, above \"OAuth bearer authentication failed\":
  oauth_validator: denied: CODE   what is wrong with the token, and what to do
  no match in usermap             the token is good, but pg_ident.conf does not
                                  map its identity to this role
  ... do not match                the token is good, but its identity is not
                                  this role, and the line has no map=
Or ask on the server, with the same token; add --pgdata DIR, its data directory,
to have its own settings, keys and maps looked at:
";

const NOT_JUDGED: &str = "\
The server asked for a token, and did not get as far as judging it. Its log says
more, at {time} by this machine's clock.
Is oauth_validator installed for this version of PostgreSQL, and named in
oauth_validator_libraries? Is the token under 64 kB, the most a server reads?
";

/// What to do where a session is refused to somebody whom the server knows.
fn session_refused(code: &str) -> &'static str {
    match code {
        "3D000" => "Give another --dbname, or create the database.",
        "42501" => "The role may not connect to this database: GRANT CONNECT ON DATABASE ... TO ...",
        "28000" => "The role does not exist, or may not log in: CREATE ROLE ... LOGIN",
        "53300" => "Try again when fewer sessions are open, or raise the limit that is named.",
        _ => "Who it is was settled; see the server's log for the rest.",
    }
}

/// The issuer of a discovery URL, if it is in the usual place.
fn issuer(openid_configuration: &str) -> &str {
    openid_configuration.strip_suffix(WELL_KNOWN).unwrap_or(openid_configuration)
}

/// A word as a shell takes it, whatever is in it; nothing for one that would not show as itself.
fn word(text: &str) -> Option<String> {
    if text.is_empty() || visible(text, false) != text || text.chars().count() > MAX_WORD_CHARS {
        return None;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@%+=,".contains(&byte);
    if text.bytes().all(plain) && !text.starts_with(['-', '~', '=']) {
        return Some(text.to_owned());
    }
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

/// A command in lines of at most 80 columns, where its words allow it.
fn folded(words: &[String]) -> String {
    let mut done = String::new();
    let mut line = String::from("  ");
    for word in words {
        if line.trim().is_empty() {
            line.push_str(word);
        } else if line.chars().count() + word.chars().count() + 3 <= 80 {
            line.push_str(&format!(" {word}"));
        } else {
            done.push_str(&format!("{line} \\\n"));
            line = format!("    {word}");
        }
    }
    format!("{done}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::{
        NOT_ADMITTED, NOT_ASKED, NOT_JUDGED, OTHER_METHOD, TOKEN_REFUSED, folded, issuer, session_refused, word,
    };

    #[test]
    fn no_word_of_a_stranger_runs_in_a_shell() {
        for (text, quoted) in [
            ("https://idp.example/realms/corp?x=1", "'https://idp.example/realms/corp?x=1'"),
            ("https://idp.example:8443/a", "https://idp.example:8443/a"),
            ("openid db.connect", "'openid db.connect'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a;b|c&d>e`f`", "'a;b|c&d>e`f`'"),
            ("it's", r"'it'\''s'"),
            ("--config", "'--config'"),
            ("~root", "'~root'"),
            ("jürgen", "'jürgen'"),
        ] {
            assert_eq!(word(text).as_deref(), Some(quoted));
        }
        for text in ["", "a\nb", "a\u{1b}[2J", "a\u{202e}b", &"x".repeat(501)] {
            assert_eq!(word(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_command_is_folded_between_its_words() {
        let words = ["oauth-validator explain", "--role ana", "--hba-issuer https://login.example/1", "--hba-scope x"];
        let folded = folded(&words.map(str::to_owned));
        assert_eq!(
            folded,
            "  oauth-validator explain --role ana --hba-issuer https://login.example/1 \\\n    --hba-scope x\n"
        );
        assert!(folded.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn an_issuer_is_what_stands_before_the_well_known_path() {
        assert_eq!(issuer("https://idp.example/a/.well-known/openid-configuration"), "https://idp.example/a");
        let other = "https://idp.example/.well-known/oauth-authorization-server/a";
        assert_eq!(issuer(other), other);
    }

    #[test]
    fn the_manual_page_lists_the_outcomes_and_no_others() {
        use super::ProbeOutcome as O;
        let page = include_str!("../../../../man/oauth-validator.1");
        let (_, section) = page.split_once(".Va outcome ,\nis one of these:").expect("the list");
        let (section, _) = section.split_once("\n.El").expect("its end");
        let listed: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix(".It Cm ")).collect();
        let all = [
            O::Accepted,
            O::Asked,
            O::TokenRefused,
            O::NotJudged,
            O::SessionRefused,
            O::OtherMethod,
            O::NotAsked,
            O::NotAdmitted,
        ];
        assert_eq!(listed, all.map(O::name));
    }

    #[test]
    fn texts_fit_a_terminal() {
        let texts = [NOT_ASKED, OTHER_METHOD, NOT_ADMITTED, TOKEN_REFUSED, NOT_JUDGED];
        let texts = texts.map(|text| text.replace("{time}", "2027-01-15T08:00:00Z"));
        let others = ["3D000", "42501", "28000", "53300", "XX000"].map(|code| session_refused(code).to_owned());
        for line in texts.iter().chain(&others).flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
