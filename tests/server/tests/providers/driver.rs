//! A provider's driver as a process; `tests/providers/README.md` has its protocol.
//!
//! It must never outlive its handle: it ends with its standard input, and is killed if it does not.

use crate::folder::{ProviderFolder, Trial};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// For a start with all its tokens, of which the slowest takes 15 s, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a driver says when its provider is up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriverReady {
    /// The version of what is run.
    pub version: String,
    /// As discovery spells it, or tokens where discovery does not.
    pub issuer: String,
    /// Where its documents are, if not below the issuer.
    pub served_at: Option<String>,
    /// By kind.
    pub tokens: BTreeMap<String, String>,
    /// Whose these are, by kind: the identity that must be reported.
    #[serde(default)]
    pub identities: BTreeMap<String, String>,
    /// What stands for the words in capitals, where that is not the same at each start.
    #[serde(default)]
    pub fill: BTreeMap<String, String>,
    /// A token like the user's, of another user.
    pub stranger: Option<String>,
    /// The client that this server is when it asks about tokens.
    pub introspection: Option<Asking>,
}

/// A client that may ask.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    pub client_id: String,
    pub client_secret: String,
}

/// A running provider.
pub struct Driver {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Driver {
    /// Starts it and waits until its provider is up.
    pub fn start(provider: &ProviderFolder, trial: &Trial) -> (Self, DriverReady) {
        let folder = provider.installed();
        assert!(folder.join("installed").is_file(), "{} is missing: make test-providers installs it", folder.display());
        let log = folder.join("log");
        let (program, arguments) = provider.run.split_first().expect("a program");
        let own = folder.join(program);
        let mut command = if own.is_file() { Command::new(own) } else { Command::new(program) };
        command.args(arguments).args(&trial.arguments).current_dir(&folder);
        // Nothing of this machine's settings, and no proxy, is a provider's business.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).expect("a log"));
        let mut child = command.spawn().unwrap_or_else(|why| panic!("{program}: {why}"));
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once the trial is over.
                let _ = sender.send(line);
            }
        });
        let driver = Self { child, lines, log };
        let ready: DriverReady =
            serde_json::from_value(driver.line()).unwrap_or_else(|why| panic!("{}: {why}", provider.name));
        assert_eq!(ready.version, provider.version, "{}: provider.toml names another version", provider.name);
        (driver, ready)
    }

    /// Has it do something, and gives its answer.
    pub fn ask(&mut self, command: &str) -> Value {
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        writeln!(stdin, "{command}").and_then(|()| stdin.flush()).expect("a driver that reads");
        self.line()
    }

    fn line(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("the driver: {why}\n{}", self.said()));
        serde_json::from_str(&line).unwrap_or_else(|why| panic!("the driver's answer: {why}\n{}", self.said()))
    }

    /// The end of what it said besides.
    pub fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let skip = log.lines().count().saturating_sub(40);
        log.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let give_up = Instant::now() + Duration::from_secs(5);
        while Instant::now() < give_up {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // No assertion: the test may be unwinding.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}
