//! A server that tells at DEBUG1 whether what was kept decided a login.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{
    Cluster, ClusterOptions, FinishedLogin, Login, LoginOutcome, PendingLogin, module_path, now,
};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than a file must have been as it is.
pub const SETTLED: Duration = Duration::from_millis(2_100);

pub const BY_KEPT: &str = "what was kept of it decides";
pub const KEPT_NOW: &str = "is kept for later logins";

/// Each role has an issuer of its own.
const HBA: &str = "local all app oauth issuer=\"https://corp.example\" scope=\"db\" map=\"people\"\n\
                   local all team oauth issuer=\"https://team.example\" scope=\"db\" map=\"people\"\n";

/// A text may have its number in the identities of those whom it lets in.
const IDENT: &str = "people app app\npeople \"/^[a-z][0-9]{6}:(.*)$\" \\1\n";

/// A configuration that takes tokens for this audience; those of the tests are for `pg`.
pub fn config(audience: &str) -> String {
    format!(
        "[profiles.corp]\nissuer = \"https://corp.example\"\naudience = [\"{audience}\"]\nkeys = {{ jwks_file = \"keys.jwks\" }}\n"
    )
}

/// The text of a profile for the line with this issuer, of the same size for each audience of two letters and each number; the
/// number is in the profile's name, and in the identities of those whom it lets in.
pub fn numbered(letter: char, issuer: &str, audience: &str, number: u32, keys: &Path) -> String {
    let name = format!("{letter}{number:06}");
    format!(
        "[profiles.{name}]\nissuer = \"{issuer}\"\naudience = [\"{audience}\"]\nkeys = {{ jwks_file = \"{}\" }}\n\
         identity = {{ prefix = \"{name}:\" }}\n",
        keys.display()
    )
}

/// How a login came to its configuration, as the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Kept,
    Text,
    TextAndKept,
}

/// What has to become of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is let in, as this identity.
    LetIn(String),
    /// It is denied: with this code, and by the profile named behind it, if one is.
    Denied(String),
}

impl Fate {
    /// Of the role `app`: denied with this code, or let in.
    fn of(code: Option<&str>) -> Self {
        code.map_or_else(|| Self::LetIn("app".to_owned()), |code| Self::Denied(code.to_owned()))
    }
}

pub struct Scene {
    pub cluster: Cluster,
}

impl Scene {
    pub fn start(conf: &str) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            config: Some(config("pg")),
            hba: HBA.into(),
            ident: IDENT.into(),
            conf: format!("log_min_messages = debug1\n{conf}"),
            module: Some(module_path()),
            ..ClusterOptions::default()
        });
        cluster.write_file("keys.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql("CREATE ROLE app LOGIN; CREATE ROLE team LOGIN").expect("roles");
        Self { cluster }
    }

    /// One that has a form of its configuration.
    pub fn settled(conf: &str) -> Self {
        let scene = Self::start(conf);
        std::thread::sleep(SETTLED);
        assert_eq!(scene.login(None), By::TextAndKept);
        assert_eq!(scene.login(None), By::Kept);
        scene
    }

    /// A path beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cluster.config_path().with_file_name(name)
    }

    pub fn folder(&self) -> PathBuf {
        self.cluster.data_dir().join("oauth_validator")
    }

    /// The file with the form.
    pub fn kept_file(&self) -> PathBuf {
        let entries = fs::read_dir(self.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "kept")).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    /// Makes a file or folder the server's own, with this mode.
    pub fn give(&self, path: &Path, mode: u32) {
        let (uid, gid) = self.cluster.server_user();
        chown(path, Some(uid), Some(gid)).expect("an owner");
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }

    pub fn attempt(&self) -> FinishedLogin {
        self.cluster.login(&Login::new("app", "postgres").token(token("app")))
    }

    /// A login that must be denied with this code, or let in.
    #[track_caller]
    pub fn login(&self, code: Option<&str>) -> By {
        self.login_as("app", &Fate::of(code), "what the test did")
    }

    /// A login whose client has not sent its token yet, although the server has asked for it.
    pub fn begun(&self) -> PendingLogin {
        self.cluster.begin_login(&Login::new("app", "postgres").token(token("app")).held_back())
    }

    /// As [`Self::login`], of one that somebody has begun.
    #[track_caller]
    pub fn finish(&self, begun: PendingLogin, code: Option<&str>) -> By {
        self.outcome("app", &Fate::of(code), "it had begun", || begun.finish())
    }

    /// A login that must come to this, after an edit that is named if it does not.
    #[track_caller]
    pub fn login_as(&self, role: &str, fate: &Fate, edit: &str) -> By {
        self.outcome(role, fate, edit, || self.cluster.login(&Login::new(role, "postgres").token(token(role))))
    }

    #[track_caller]
    fn outcome(&self, role: &str, fate: &Fate, edit: &str, attempt: impl FnOnce() -> FinishedLogin) -> By {
        let mark = self.cluster.log_mark();
        let outcome = attempt().outcome;
        let (is_as_said, last, words) = match fate {
            Fate::LetIn(identity) => (
                matches!(outcome, LoginOutcome::Accepted(_)),
                "connection authorized",
                format!("identity=\"{identity}\" method=oauth"),
            ),
            Fate::Denied(why) => {
                (matches!(outcome, LoginOutcome::Refused(_)), "FATAL:", format!("oauth_validator: denied: {why}"))
            }
        };
        assert!(
            is_as_said,
            "{role} after {edit}: {outcome:?}, and was to be {fate:?}: {}",
            self.cluster.log_since(mark)
        );
        let log = self.cluster.wait_for_log(mark, last);
        assert!(log.contains(&words), "{role} after {edit}: was to be {fate:?}: {log}");
        match (log.contains(BY_KEPT), log.contains(KEPT_NOW)) {
            (true, _) => By::Kept,
            (false, true) => By::TextAndKept,
            (false, false) => By::Text,
        }
    }

    /// Nothing in the log but what belongs there.
    #[track_caller]
    pub fn assert_quiet(&self) {
        let log = self.cluster.log();
        let loud: Vec<&str> = log.lines().filter(|line| line.contains("ERROR:") || line.contains("PANIC:")).collect();
        assert!(loud.is_empty(), "{loud:?}");
        assert_eq!(self.cluster.incarnation().crashes, 0);
    }
}

/// A good token of the issuer of the role's line, good for longer than any of these tests takes.
pub fn token(role: &str) -> String {
    let issuer = if role == "team" { "https://team.example" } else { "https://corp.example" };
    let claims = json!({"iss": issuer, "sub": role, "aud": "pg", "scope": "db"});
    let token = TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now() - 60);
    token.claim("exp", now() + 7_200).sign(keys::corp())
}

/// How much there is to do: by a variable that `make soak` sets, or as little as shows that it works.
pub fn count(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")),
        Err(_) => default,
    }
}
