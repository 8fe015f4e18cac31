//! A folder with a configuration and key files, and the binary run in it.
//!
//! The environment is emptied, so that neither HOME nor the locale of the one who tests has a part in the result.

use crate::{screens, shapes};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_fixtures::samples::ISSUED_AT;
use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use tempfile::TempDir;

/// The name of the configuration in its folder.
pub const CONFIG: &str = "oauth-validator.toml";

/// A minute after the samples were issued.
pub const NOW: i64 = ISSUED_AT + 60;

/// A profile for the sample `okta_custom_as`: lines of `[profiles.corp]`, and what is written behind them.
pub fn corp(lines: &str, behind: &str) -> String {
    let defaults = [
        ("issuer", r#""https://acme.okta.example/oauth2/aus000001""#),
        ("audience", r#"["api://postgres"]"#),
        ("token_types", r#"["", "JWT"]"#),
        ("identity", r#"{ claim = "$.uid" }"#),
        ("scope", r#"{ claim = "$.scp", required = ["db.connect"] }"#),
        ("keys", r#"{ jwks_file = "corp.jwks.json" }"#),
    ];
    let mut config = format!("[profiles.corp]\n{lines}\n");
    for (key, value) in defaults {
        let written = lines.lines().any(|line| line.split('=').next().is_some_and(|name| name.trim() == key));
        if !written && !behind.contains(&format!("[profiles.corp.{key}]")) {
            config.push_str(&format!("{key} = {value}\n"));
        }
    }
    config + behind
}

/// The profiles `corp` and `second` for the same issuer: valid, since their identities differ, but ambiguous.
pub fn two_of_one_issuer() -> String {
    let profile = |name: &str| {
        let identity = format!("identity = {{ claim = \"$.uid\", prefix = \"{name}:\" }}");
        corp(&identity, "").replace("corp]", &format!("{name}]"))
    };
    profile("corp") + &profile("second")
}

/// The token of the sample that [`corp`] is made for.
pub fn okta() -> TokenBuilder {
    TokenBuilder::from_sample("okta_custom_as")
}

/// A folder of one's own.
pub struct Folder {
    dir: TempDir,
}

/// What a run left behind.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    /// With this configuration, and the everyday issuer's keys as `corp.jwks.json`.
    pub fn new(config: &str) -> Self {
        let folder = Self { dir: TempDir::new().expect("a temporary folder") };
        folder.write(CONFIG, config);
        folder.write("corp.jwks.json", &jwks(&[keys::corp(), keys::p256()]).to_string());
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file that only its owner may read.
    pub fn write(&self, name: &str, contents: &str) {
        fs::write(self.path(name), contents).expect("a file in the folder");
        self.chmod(name, 0o600);
    }

    pub fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("its mode changes");
    }

    /// The binary in this folder, for the user who owns it.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        let uid = fs::metadata(self.dir.path()).expect("the folder exists").uid();
        command.current_dir(self.dir.path()).env_clear().env("LC_ALL", "C.UTF-8");
        command.args([name, "--server-user", &uid.to_string()]);
        command
    }

    pub fn check(&self, args: &[&str]) -> Run {
        run(self.command("check").arg(CONFIG).args(args))
    }

    /// Explains `token`, given on standard input, as of [`NOW`] unless `args` hold `--at`.
    pub fn explain(&self, token: &str, args: &[&str]) -> Run {
        let mut command = self.command("explain");
        command.args(["--config", CONFIG]).args(args).write_stdin(token);
        if !args.contains(&"--at") {
            command.args(["--at", &NOW.to_string()]);
        }
        run(&mut command)
    }
}

/// Runs to the end; it never takes ten seconds.
pub fn run(command: &mut Command) -> Run {
    command.timeout(std::time::Duration::from_secs(10));
    let output = loop {
        match command.output() {
            // A copy of the binary that another test has just written: a process that was started meanwhile still has it open.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.expect("the binary starts"),
        }
    };
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("it exits by itself");
    let run = Run { code, stdout: text(output.stdout), stderr: text(output.stderr) };
    shapes::check(command, run.code, &run.stdout);
    screens::check(command, run.code);
    run
}

/// What a person sees on a terminal of a command that asks somebody, or writes.
#[track_caller]
pub fn seen(command: &mut Command) -> Run {
    let run = run(command.env("COLUMNS", screens::COLUMNS.to_string()));
    screens::assert_fits(&format!("{}{}", run.stderr, run.stdout));
    run
}

impl Run {
    /// Standard output as the one JSON document it is.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// Exit code and standard output, with standard error empty.
    #[track_caller]
    pub fn assert(&self, code: i32, stdout: &str) {
        assert_eq!((self.code, self.stderr.as_str(), self.stdout.as_str()), (code, "", stdout), "{}", self.stdout);
    }

    /// That it could not run, for a reason that standard error gives in these words.
    #[track_caller]
    pub fn assert_failed(&self, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {}", self.stderr);
        }
    }
}
