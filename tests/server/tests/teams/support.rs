//! A server with `corp` in the main file and two teams' files beside it: `a.toml` and `partner.toml`.
//!
//! Whoever is not let in was denied by the module, once, with a code: that is looked up in the log for each refusal.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, module_path, now};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

pub const HBA: &str = "\
local all trusted trust
local all app oauth issuer=\"https://corp.example\" scope=\"db\" map=people
local all team_a oauth issuer=\"https://a.example\" scope=\"db\" map=people
local all partner oauth issuer=\"https://partner.example\" scope=\"db\" map=people
local all nobody oauth issuer=\"https://nobody.example\" scope=\"db\" map=people
";

/// One map for all, which is why prefixes count.
const IDENT: &str = "people ana app\npeople a:ana team_a\npeople partner:alice partner\npeople partner:alice app\n";

pub const FOLDER: &str = "oauth-validator.d";

/// A profile of this name and issuer; `more` comes behind.
pub fn profile(name: &str, prefix: &str, more: &str) -> String {
    format!(
        "[profiles.{name}]\nissuer = \"https://{name}.example\"\naudience = [\"pg\"]\nkeys = {{ jwks_file = \"keys.jwks\" }}\n\
         identity = {{ prefix = \"{prefix}\" }}\n{more}\n"
    )
}

pub fn main_file() -> String {
    format!("reserved_prefixes = [\"partner:\", \"a:\"]\n{}", profile("corp", "", ""))
}

pub fn partner() -> String {
    profile("partner", "partner:", "")
}

pub struct Scene {
    pub cluster: Cluster,
}

impl Scene {
    pub fn start() -> Self {
        Self::with(&main_file(), "")
    }

    pub fn with(main: &str, conf: &str) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            config: Some(main.to_owned()),
            hba: HBA.into(),
            ident: IDENT.into(),
            conf: conf.into(),
            module: Some(module_path()),
            ..ClusterOptions::default()
        });
        let scene = Self { cluster };
        scene.cluster.write_file("keys.jwks", jwks(&[keys::corp()]).to_string());
        scene.make_folder(FOLDER);
        scene.write("a.toml", &profile("a", "a:", ""));
        scene.write("partner.toml", &partner());
        let roles =
            "CREATE ROLE app LOGIN; CREATE ROLE team_a LOGIN; CREATE ROLE partner LOGIN; CREATE ROLE nobody LOGIN";
        scene.cluster.sql(roles).expect("roles");
        scene
    }

    /// A path beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cluster.config_path().with_file_name(name)
    }

    /// A folder of the server's own.
    pub fn make_folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a folder");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("a mode");
        if rustix::process::geteuid().is_root() {
            let (uid, gid) = self.cluster.server_user();
            chown(&path, Some(uid), Some(gid)).expect("an owner");
        }
        path
    }

    /// Writes a file of the folder beside, and renames it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        self.cluster.write_file(&format!("{FOLDER}/{name}"), text)
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(FOLDER).join(name)).expect("a file that is there");
    }

    pub fn attempt(&self, role: &str, issuer: &str, sub: &str) -> oauth_validator_server_tests::FinishedLogin {
        let claims = json!({"iss": format!("https://{issuer}.example"), "sub": sub, "aud": "pg", "scope": "db"});
        let token =
            TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now() - 60).claim("exp", now() + 600);
        self.cluster.login(&Login::new(role, "postgres").token(token.sign(keys::corp())))
    }

    #[track_caller]
    pub fn lets_in(&self, role: &str, issuer: &str, sub: &str) {
        self.attempt(role, issuer, sub).accepted();
    }

    /// What the log says about a login that must be denied with this code.
    #[track_caller]
    pub fn refuses(&self, role: &str, issuer: &str, sub: &str, code: &str) -> String {
        let mark = self.cluster.log_mark();
        let attempt = self.attempt(role, issuer, sub);
        attempt.refused();
        let log = self.cluster.wait_for_log(mark, "FATAL:");
        let denials: Vec<&str> = log
            .lines()
            .filter_map(|line| line.split_once("oauth_validator: denied: "))
            .map(|denial| denial.1)
            .collect();
        assert_eq!(denials.len(), 1, "{log}");
        assert!(denials[0] == code || denials[0].starts_with(&format!("{code} (profile")), "not {code}: {log}");
        log
    }

    /// Those whom nobody else's error concerns.
    #[track_caller]
    pub fn others_log_in(&self) {
        self.lets_in("app", "corp", "ana");
        self.lets_in("team_a", "a", "ana");
        // The partner's names are not corp's to give, whatever is wrong with the partner's file.
        self.refuses("app", "corp", "partner:alice", "identity_invalid");
    }

    #[track_caller]
    pub fn all_log_in(&self) {
        self.others_log_in();
        self.lets_in("partner", "partner", "alice");
    }
}
