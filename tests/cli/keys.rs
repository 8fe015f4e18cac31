//! `oauth-validator keys`, and what `explain` and `check` make of keys that a provider publishes.
//!
//! The provider is real, and so are users: as root, the data directory belongs to somebody whom /etc/passwd does not
//! know, and whom the tool has to become. No test leaves this machine.

mod authorities;
mod explain;
mod list;
mod online;
mod refresh;
mod refusals;
mod settings;
mod status;
mod units;

use crate::network::provider;
use crate::support::{CONFIG, Run, corp, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::config::KeySource;
use oauth_validator_core::protocol::{FetchedKeys, Freshness, HelperFailure};
use oauth_validator_core::{Config, FilePath, KeyRecord, KeySet, Pem, ProviderKeys, UnixSeconds};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::MockProvider;
use rustix::process::geteuid;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A user and group that no test machine has.
const SERVER: u32 = 12_345;
const STRANGER: u32 = 12_346;

/// A server's data directory, and the configuration beside it.
struct DataDirectory {
    dir: TempDir,
    uid: u32,
}

/// Lines for a profile of the provider, with `more` in its table of keys.
fn profile(provider: &MockProvider, more: &str) -> String {
    let (issuer, ca_file) = (provider.issuer(), provider.ca_file().display());
    corp(&format!("issuer = \"{issuer}\"\nkeys = {{ ca_file = \"{ca_file}\"{more} }}"), "")
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("before the end")
}

/// Whether the test may go on; says which one does not.
fn needs_root(test: &str) -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        println!("skipped: {test} needs root");
    }
    is_root
}

impl DataDirectory {
    fn new(config: &str) -> Self {
        let server = Self { dir: TempDir::new().expect("a temporary folder"), uid: Self::user() };
        set_mode(server.dir.path(), 0o755);
        server.configure(config);
        server.write_beside("corp.jwks.json", &jwks(&[keys::corp(), keys::p256()]).to_string());
        fs::create_dir(server.data()).expect("a data directory");
        fs::write(server.data().join("PG_VERSION"), "18\n").expect("a file");
        for path in [server.data(), server.data().join("PG_VERSION")] {
            give(&path, server.uid);
        }
        set_mode(&server.data(), 0o700);
        server
    }

    /// With the profile `corp` of this provider.
    fn of(provider: &MockProvider) -> Self {
        Self::new(&profile(provider, ""))
    }

    fn user() -> u32 {
        if geteuid().is_root() { SERVER } else { geteuid().as_raw() }
    }

    fn configure(&self, config: &str) {
        let path = self.path(CONFIG);
        fs::write(&path, config).expect("a configuration");
        set_mode(&path, 0o644);
    }

    /// Puts a file beside the configuration.
    fn write_beside(&self, name: &str, contents: &str) {
        fs::write(self.path(name), contents).expect("a file");
        set_mode(&self.path(name), 0o644);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn folder(&self) -> PathBuf {
        self.data().join("oauth_validator")
    }

    fn key_file(&self) -> PathBuf {
        self.folder().join("corp.json")
    }

    /// Makes the folder of key files, as the server would.
    fn make_folder(&self) {
        fs::create_dir_all(self.folder()).expect("a folder");
        give(&self.folder(), self.uid);
        set_mode(&self.folder(), 0o700);
    }

    /// Puts a file into the folder, as the server would.
    fn write(&self, name: &str, contents: &[u8]) {
        self.make_folder();
        let path = self.folder().join(name);
        fs::write(&path, contents).expect("a file");
        give(&path, self.uid);
        set_mode(&path, 0o600);
    }

    /// The key source of the profile `corp`, and the fingerprint of its settings.
    fn source(&self) -> (ProviderKeys, String) {
        let text = fs::read(self.path(CONFIG)).expect("the configuration");
        let config = Config::parse(&text, CONFIG).config.expect("it is valid");
        let KeySource::Provider(source) = &config.profiles()[0].keys else { panic!("keys of a file") };
        let reach = source.settings.reach.map(|FilePath(path)| Pem(fs::read_to_string(path).expect("the authority")));
        (ProviderKeys::clone(source), source.fingerprint(&reach))
    }

    /// The record of the everyday keys as they were fetched so many seconds ago.
    fn record(&self, age: i64) -> KeyRecord {
        let (source, fingerprint) = self.source();
        let keys = KeySet::from_jwks(jwks(&[keys::corp(), keys::p256()]).to_string().as_bytes()).expect("keys");
        let url = format!("{}/jwks", source.issuer);
        let freshness = Freshness { max_age: Some(Duration::from_hours(1)), no_cache: false };
        let fetched = FetchedKeys { url, etag: None, freshness, keys };
        KeyRecord::fetched("corp", &fingerprint, &source.settings.timing, fetched, UnixSeconds::new(now() - age))
    }

    fn write_record(&self, record: &KeyRecord) {
        self.write("corp.json", &record.to_bytes());
    }

    /// What the provider did not answer.
    fn failure() -> HelperFailure {
        HelperFailure { code: "connect".into(), message: "nobody answers".into(), hint: "see whether it is up".into() }
    }

    /// The tool beside the configuration; as root, it has to become the server's user by itself.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        command.current_dir(self.dir.path()).env_clear().env("LC_ALL", "C.UTF-8").args(args);
        command
    }

    /// `keys` with these arguments, for this data directory.
    fn keys(&self, args: &[&str]) -> Run {
        run(self.command(&["keys"]).args(args).args(["--config", CONFIG, "--pgdata", "data"]))
    }

    /// `status` with these arguments, for this data directory.
    fn status(&self, args: &[&str]) -> Run {
        run(self.command(&["status"]).args(args).args(["--config", CONFIG, "--pgdata", "data"]))
    }

    /// `keys` by a copy of the tool that every user may run, as user `uid`; for root alone.
    fn keys_as(&self, uid: u32, args: &[&str]) -> Run {
        let tool = self.path("oauth-validator");
        fs::copy(cargo_bin!("oauth-validator"), &tool).expect("a copy");
        set_mode(&tool, 0o755);
        let mut command = std::process::Command::new(tool);
        command.uid(uid).gid(uid).current_dir(self.dir.path()).env_clear().env("LC_ALL", "C.UTF-8");
        command.arg("keys").args(args).args(["--config", CONFIG, "--pgdata", "data"]);
        run(&mut Command::from_std(command))
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode changes");
}

fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).expect("a new owner");
}

/// Owner and mode of everything in a folder, by name.
fn contents(folder: &Path) -> Vec<(String, u32, u32)> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<(String, u32, u32)> = entries
        .map(|path| {
            let metadata = fs::symlink_metadata(&path).expect("it is there");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, metadata.uid(), metadata.mode() & 0o7777)
        })
        .collect();
    found.sort();
    found
}
