//! What all tests share: a provider over TLS, a server that asks it through the real helper, and the one way to be
//! refused.
//!
//! It must never let a login pass as refused because something else broke: each refusal is checked for its code in the
//! log. Every log is searched for the tokens that were shown when a [`Scene`] ends.

use oauth_validator_fixtures::{Forbidden, TestKey, TokenBuilder, jwks, keys, secret};
use oauth_validator_mock_provider::MockProvider;
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, LoginOutcome, SOON, now, tool_path};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Where a provider without a path has its metadata.
pub const METADATA: &str = "/.well-known/openid-configuration";
pub const JWKS: &str = "/jwks";

/// Keys that nothing brings up to date, on their own, while a test runs.
pub const LONG: &str = "min_ttl = \"1h\"\nmax_ttl = \"1h\"\nkid_cooldown = \"1s\"\ntimeout = \"20s\"";

/// A provider, the one profile that trusts it, and the one role that its tokens let in.
pub struct Party {
    pub provider: MockProvider,
    pub role: String,
    pub profile: String,
    shown: Mutex<Vec<String>>,
}

/// What the log says of a refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct LoggedDenial {
    pub code: String,
    pub profile: String,
    pub detail: String,
    pub hint: String,
}

impl Party {
    /// A provider with an RSA key and one on P-256.
    pub fn new(name: &str) -> Self {
        let provider = MockProvider::start();
        provider.set_keys(jwks(&[keys::corp(), keys::p256()]));
        Self { provider, role: name.to_owned(), profile: name.to_owned(), shown: Mutex::default() }
    }

    /// The profile, with these lines in its table of keys.
    pub fn config(&self, keys: &str) -> String {
        let Self { provider, profile, role, .. } = self;
        let issuer = provider.issuer();
        format!(
            "[profiles.{profile}]\nissuer = \"{issuer}\"\naudience = [\"api://db\"]\n[profiles.{profile}.keys]\nca_file = \"{role}.pem\"\n{keys}\n"
        )
    }

    pub fn hba(&self) -> String {
        format!("local all {} oauth issuer=\"{}\" scope=\"db.connect\"\n", self.role, self.provider.issuer())
    }

    /// The certificate of the provider's authority, and the role.
    #[track_caller]
    pub fn move_in(&self, cluster: &Cluster) {
        let pem = fs::read(self.provider.ca_file()).expect("the authority");
        cluster.write_file(&format!("{}.pem", self.role), pem);
        cluster.sql(&format!("CREATE ROLE {} LOGIN", self.role)).expect("a role");
    }

    /// A token that the profile accepts once it knows the key. It holds secrets.
    pub fn unsigned(&self) -> TokenBuilder {
        let claims = json!({
            "iss": self.provider.issuer(), "sub": self.role, "aud": "api://db", "scope": "db.connect",
            "jti": secret(), "name": secret()
        });
        TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now()).claim("exp", now() + 600)
    }

    pub fn token(&self, key: &TestKey) -> String {
        let token = self.unsigned().sign(key);
        self.shown.lock().expect("no panic").push(token.clone());
        token
    }

    pub fn login<'a>(&'a self, token: &str) -> Login<'a> {
        Login::new(&self.role, "postgres").token(token).timeout(Duration::from_secs(40))
    }

    #[track_caller]
    pub fn lets_in(&self, cluster: &Cluster, key: &TestKey) {
        let mark = cluster.log_mark();
        match cluster.login(&self.login(&self.token(key))).outcome {
            LoginOutcome::Accepted(mut session) => {
                assert_eq!(session.system_user(), Ok(Some(format!("oauth:{}", self.role))));
            }
            other => panic!("{} was not let in: {other:?}\n{}", self.role, cluster.log_since(mark)),
        }
    }

    /// A refusal for this code, of which the client learns nothing.
    #[track_caller]
    pub fn refuses(&self, cluster: &Cluster, key: &TestKey, code: &str) -> LoggedDenial {
        let mark = cluster.log_mark();
        let attempt = cluster.login(&self.login(&self.token(key)));
        let error = attempt.refused();
        let message = format!("OAuth bearer authentication failed for user \"{}\"", self.role);
        assert_eq!(
            (error.sqlstate.as_str(), &error.message, &error.detail, &error.hint),
            ("28000", &message, &None, &None),
            "{error}"
        );
        let denial = self.denial_since(cluster, mark);
        assert_eq!(denial.code, code, "{denial:?}");
        denial
    }

    /// The one denial of this profile since the mark; others may be refused meanwhile.
    #[track_caller]
    fn denial_since(&self, cluster: &Cluster, mark: usize) -> LoggedDenial {
        cluster.wait_for_log(mark, &format!("(profile \"{}\")", self.profile));
        let mut own = denials(&cluster.log_since(mark));
        own.retain(|denial| denial.profile == self.profile);
        assert_eq!(own.len(), 1, "{own:?}");
        own.remove(0)
    }

    /// Tries until the key's token lets in; each refusal before that must have one of these codes. Returns how long it
    /// took.
    #[track_caller]
    pub fn lets_in_soon(&self, cluster: &Cluster, key: &TestKey, codes: &[&str]) -> Duration {
        let (started, token) = (Instant::now(), self.token(key));
        loop {
            let mark = cluster.log_mark();
            if matches!(cluster.login(&self.login(&token)).outcome, LoginOutcome::Accepted(_)) {
                return started.elapsed();
            }
            let denial = self.denial_since(cluster, mark);
            assert!(codes.contains(&denial.code.as_str()), "{denial:?}");
            assert!(started.elapsed() < SOON, "not let in within {SOON:?}: {denial:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Requests for the metadata and for the keys.
    pub fn requests(&self) -> (usize, usize) {
        (self.provider.request_count(METADATA), self.provider.request_count(JWKS))
    }
}

/// That nothing of a token that these have shown was logged.
#[track_caller]
pub fn assert_kept_secret<'a>(cluster: &Cluster, parties: impl IntoIterator<Item = &'a Party>) {
    let mut forbidden = Forbidden::default();
    for party in parties {
        for token in party.shown.lock().expect("no panic").iter() {
            forbidden.add_token(token, &party.role);
        }
    }
    assert_eq!(forbidden.found_in(cluster.log().as_bytes()), None);
}

/// All refusals in a piece of the log, with the two lines that belong to each.
pub fn denials(log: &str) -> Vec<LoggedDenial> {
    let lines: Vec<&str> = log.lines().collect();
    let of = |at: usize| {
        let (_, what) = lines[at].split_once("oauth_validator: denied: ")?;
        let (code, profile) = what.split_once(" (profile \"").unwrap_or((what, ""));
        let after = |number: usize, kind| Some(lines.get(at + number)?.split_once(kind)?.1.to_owned());
        Some(LoggedDenial {
            code: code.to_owned(),
            profile: profile.trim_end_matches("\")").to_owned(),
            detail: after(1, "DETAIL:  ").unwrap_or_default(),
            hint: after(2, "HINT:  ").unwrap_or_default(),
        })
    };
    (0..lines.len()).filter_map(of).collect()
}

/// A server with one party, `corp`.
pub struct Scene {
    pub cluster: Cluster,
    pub party: Party,
}

impl Scene {
    pub fn start(keys: &str) -> Self {
        Self::with(keys, ClusterOptions::default())
    }

    /// With these options, of which the harness sets module, helper, configuration and pg_hba.conf.
    pub fn with(keys: &str, options: ClusterOptions) -> Self {
        let party = Party::new("corp");
        let cluster = Cluster::start(ClusterOptions {
            helper: Some(tool_path()),
            config: Some(party.config(keys)),
            hba: party.hba(),
            module: ClusterOptions::with_module().module,
            ..options
        });
        party.move_in(&cluster);
        Self { cluster, party }
    }

    /// Puts the settings under another name: for it there is no key file yet, and no attempt to fetch was made.
    pub fn take_new_profile(&mut self, keys: &str) {
        let number: usize = self.party.profile.strip_prefix("corp-").and_then(|rest| rest.parse().ok()).unwrap_or(1);
        self.party.profile = format!("corp-{}", number + 1);
        self.set_keys(keys);
    }

    /// Other lines in the profile's table of keys.
    pub fn set_keys(&self, keys: &str) {
        self.cluster.write_config(&self.party.config(keys));
    }

    #[track_caller]
    pub fn lets_in(&self, key: &TestKey) {
        self.party.lets_in(&self.cluster, key);
    }

    #[track_caller]
    pub fn refuses(&self, key: &TestKey, code: &str) -> LoggedDenial {
        self.party.refuses(&self.cluster, key, code)
    }

    #[track_caller]
    pub fn lets_in_soon(&self, key: &TestKey, codes: &[&str]) -> Duration {
        self.party.lets_in_soon(&self.cluster, key, codes)
    }

    /// The folder of key files where nobody set another.
    pub fn folder(&self) -> PathBuf {
        self.cluster.data_dir().join("oauth_validator")
    }

    /// The profile's key file.
    pub fn key_file(&self) -> PathBuf {
        self.folder().join(format!("{}.json", self.party.profile))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A second panic would hide the first.
        if !thread::panicking() {
            assert_kept_secret(&self.cluster, [&self.party]);
        }
    }
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a new mode");
}
