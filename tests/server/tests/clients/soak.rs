//! Short tokens for a long time: pgbench under `oauth-validator run`, and a subscription through the preloaded library, while
//! the provider answers, is away for less than a token has left, and is away for longer.
//!
//! By default less than a minute, with tokens of twenty seconds; `OAUTH_VALIDATOR_SOAK=1` is ten minutes with tokens of thirty, of
//! which the provider is away for ninety seconds.

use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config};
use oauth_validator_server_tests::{Account, Cluster, ClusterOptions, now, preload_path, tool_path};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the issue promises: connections succeed so soon after the provider is back.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// How long things take, in seconds.
struct Pace {
    token: u32,
    /// Until the provider is away for a moment, about when a token is to be renewed; so many times.
    quiet: u64,
    blink: u64,
    blinks: u32,
    settle: u64,
    /// Longer than any token is good for.
    outage: u64,
}

impl Pace {
    fn chosen() -> Self {
        match std::env::var_os("OAUTH_VALIDATOR_SOAK") {
            Some(value) if value == "1" => Self { token: 30, quiet: 118, blink: 2, blinks: 4, settle: 20, outage: 90 },
            _ => Self { token: 20, quiet: 14, blink: 1, blinks: 1, settle: 3, outage: 25 },
        }
    }
}

/// The provider, the files that servers and clients share, and the secret of the service `app`.
struct SoakScene {
    provider: OidcProvider,
    key: Value,
    folder: TempDir,
}

impl SoakScene {
    fn new(lifetime: u32) -> Self {
        let key = make_key("ES256", "first");
        let provider = OidcProvider::with_lifetime(&[&key], lifetime);
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
        let place = Self { provider, key, folder };
        for (name, text) in [("secret", "the-secret-of-app"), ("ca.pem", place.provider.ca_pem())] {
            fs::write(place.path(name), text).expect("a file");
        }
        // For the server's account, which keeps a token as well.
        fs::set_permissions(place.path("secret"), Permissions::from_mode(0o644)).expect("a mode");
        for (name, built) in [("liboauth_token.so", preload_path()), ("oauth-validator", tool_path())] {
            fs::copy(built, place.path(name)).expect("a file");
            fs::set_permissions(place.path(name), Permissions::from_mode(0o755)).expect("a mode");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The tool as the service `app`, with this end of its command line.
    fn tool(&self, program: &Path, command: &str, rest: &[&str]) -> Command {
        let mut tool = Command::new(program);
        tool.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TMPDIR", self.folder.path());
        tool.args([command, "--issuer", &self.provider.issuer(), "--client-id", "app", "--scope", "db.connect"]);
        tool.arg("--client-secret-file").arg(self.path("secret")).arg("--ca-file").arg(self.path("ca.pem"));
        tool.args(rest).stdin(Stdio::null()).stdout(Stdio::null());
        tool
    }

    fn conninfo(&self, to: &Cluster) -> String {
        let (host, issuer) = (to.socket_dir().display(), self.provider.issuer());
        format!(
            "host={host} dbname=postgres user=app oauth_issuer={issuer}/.well-known/openid-configuration oauth_client_id=any"
        )
    }
}

/// A process that ends with the value.
struct ChildOfTest(Child);

impl ChildOfTest {
    /// Ends it as an administrator would, and waits.
    fn end(&mut self) {
        if self.0.try_wait().expect("a child").is_none() {
            kill_process(Pid::from_child(&self.0), Signal::TERM).expect("a signal");
        }
        self.0.wait().expect("its end");
    }
}

impl Drop for ChildOfTest {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The server that is logged in to, with a table that is published.
fn publisher(place: &SoakScene) -> Cluster {
    let cluster = Cluster::start(ClusterOptions {
        // A profile says that it serves replication.
        config: Some(config(&place.provider, DISCOVERY).replace("audience =", "replication = true\naudience =")),
        hba: format!("local all all oauth issuer=\"{}\" scope=\"db.connect\"", place.provider.issuer()),
        helper: Some(tool_path()),
        conf: "wal_level = logical".into(),
        ..ClusterOptions::with_module()
    });
    cluster.write_file("ca.pem", place.provider.ca_pem());
    cluster.sql("CREATE ROLE app LOGIN REPLICATION").expect("a role");
    cluster.sql("CREATE TABLE ticks (at timestamptz); GRANT ALL ON ticks TO app").expect("a table");
    cluster.sql("CREATE PUBLICATION ticks FOR TABLE ticks").expect("a publication");
    cluster
}

/// A server that is started with the library, the token's file, and the one host that may get it.
fn subscriber(place: &SoakScene, to: &Cluster) -> Cluster {
    let path = |name: &str| place.path(name).display().to_string();
    let environment = [
        ("LD_PRELOAD", path("liboauth_token.so")),
        ("OAUTH_TOKEN_FILE", path("kept/token")),
        ("OAUTH_TOKEN_ISSUER", place.provider.issuer()),
        ("OAUTH_TOKEN_HOSTS", to.socket_dir().display().to_string()),
    ];
    let cluster = Cluster::start(ClusterOptions {
        environment: environment.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        conf: "wal_retrieve_retry_interval = 500ms".into(),
        // Without it the server would find no library of its own either, such as that for subscriptions.
        ..ClusterOptions::with_module()
    });
    cluster.sql("CREATE TABLE ticks (at timestamptz)").expect("a table");
    let subscription = format!("CREATE SUBSCRIPTION ticks CONNECTION '{}' PUBLICATION ticks", place.conninfo(to));
    cluster.sql(&subscription).expect("a subscription: it logs in");
    cluster
}

/// The token's file, kept fresh by the account of the servers.
fn kept(place: &SoakScene) -> ChildOfTest {
    let (folder, account) = (place.path("kept"), Account::for_server());
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("a mode");
    chown(&folder, Some(account.uid), Some(account.gid)).expect("a folder of the servers' account");
    let file = folder.join("token");
    let mut tool =
        place.tool(&place.path("oauth-validator"), "token", &["--keep", "--output", file.to_str().expect("UTF-8")]);
    if rustix::process::geteuid().as_raw() != account.uid {
        tool.uid(account.uid).gid(account.gid);
    }
    let keeper = ChildOfTest(tool.stderr(Stdio::null()).spawn().expect("the tool runs"));
    assert!(soon(Duration::from_secs(20), || file.exists()), "no token");
    keeper
}

/// pgbench, again and again, each transaction with a connection of its own; one line of the log for each run.
fn benches(place: &SoakScene, to: &Cluster) -> (ChildOfTest, PathBuf) {
    let (script, log, said) = (place.path("script"), place.path("runs"), place.path("said"));
    fs::write(&script, "select 1;\n").expect("a script");
    let loop_ = format!(
        "while :; do begun=$(date +%s.%N); if '{}' --no-vacuum --connect --client=2 --transactions=5 --file='{}' '{}' \
         >/dev/null 2>>'{}'; then outcome=ok; else outcome=failed; fi; \
         echo \"$begun $(date +%s.%N) $outcome\" >> '{}'; sleep 0.1; done",
        to.psql_path().with_file_name("pgbench").display(),
        script.display(),
        place.conninfo(to),
        said.display(),
        log.display(),
    );
    let hosts = to.socket_dir().display().to_string();
    let mut command = place.tool(&tool_path(), "run", &["--hosts", &hosts, "--", "/bin/sh", "-c", &loop_]);
    let stderr = fs::File::create(place.path("run.log")).expect("a log");
    (ChildOfTest(command.stderr(stderr).spawn().expect("the tool runs")), log)
}

/// When a run began and ended, in seconds since 1970, and whether all its connections were let in.
fn runs(log: &Path) -> Vec<(f64, f64, bool)> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let run = |line: &str| {
        let parts: [&str; 3] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let [begun, ended, outcome] = parts;
        Some((begun.parse().ok()?, ended.parse().ok()?, outcome == "ok"))
    };
    text.lines().filter_map(run).collect()
}

/// Whether it comes to be so within this time.
fn soon(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let give_up = Instant::now() + limit;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= give_up {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn count(cluster: &Cluster) -> u64 {
    let rows = cluster.sql("SELECT count(*) FROM ticks").expect("a number");
    rows[0][0].as_deref().expect("a number").parse().expect("a number")
}

/// A row each second, and every other second the subscription has to connect anew.
fn tick_for(seconds: u64, publisher: &Cluster) {
    let end = Instant::now() + Duration::from_secs(seconds);
    for number in 0.. {
        if Instant::now() >= end {
            return;
        }
        publisher.sql("INSERT INTO ticks VALUES (now())").expect("a row");
        if number % 2 == 1 {
            publisher.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication").expect("its end");
        }
        thread::sleep(Duration::from_secs(1).min(end.saturating_duration_since(Instant::now())));
    }
}

fn catches_up(publisher: &Cluster, subscriber: &Cluster, within: Duration) -> bool {
    soon(within, || count(subscriber) == count(publisher))
}

#[test]
fn connections_succeed_for_as_long_as_there_is_a_good_token_and_soon_after() {
    let pace = Pace::chosen();
    let mut place = SoakScene::new(pace.token);
    let publisher = publisher(&place);
    let _keeper = kept(&place);
    let subscriber = subscriber(&place, &publisher);
    let (mut run, log) = benches(&place, &publisher);
    assert!(soon(Duration::from_secs(20), || !runs(&log).is_empty()), "pgbench does not run");
    let key = place.key.clone();

    // The provider answers; then it is away for less than any token has left when its renewal is due.
    for _ in 0..pace.blinks {
        tick_for(pace.quiet, &publisher);
        place.provider.stop();
        thread::sleep(Duration::from_secs(pace.blink));
        place.provider.restart(&[&key]);
    }
    tick_for(pace.settle, &publisher);
    let mark = subscriber.log_mark();
    let failed: Vec<_> = runs(&log).into_iter().filter(|run| !run.2).collect();
    let errors = place.path("said");
    let said = || fs::read_to_string(&errors).unwrap_or_default();
    assert!(failed.is_empty(), "{failed:?}: {}", said());
    assert!(!subscriber.log().contains("liboauth_token:"), "{}", subscriber.log());
    assert!(catches_up(&publisher, &subscriber, BACK_WITHIN), "rows are missing");

    // Away for longer: new connections are refused here, by the library's own text.
    place.provider.stop();
    let gone = now();
    tick_for(pace.outage, &publisher);
    assert!(said().contains("liboauth_token: OAUTH_TOKEN_FILE") && said().contains("its token expired"), "{}", said());
    let log_then = subscriber.log_since(mark);
    assert!(log_then.contains("liboauth_token: OAUTH_TOKEN_FILE"), "{log_then}");
    let had = runs(&log).len();
    assert!(!runs(&log).last().expect("a run").2, "it would go on without a token");
    place.provider.restart(&[&key]);
    let back = Instant::now();
    assert!(soon(BACK_WITHIN, || runs(&log).iter().skip(had).any(|run| run.2)), "{:?}", runs(&log).last());
    println!("{} runs of pgbench; back {:?} after the provider", runs(&log).len(), back.elapsed());
    assert!(catches_up(&publisher, &subscriber, BACK_WITHIN), "the subscription does not come back");
    // None failed before the token that was there had ended.
    let early = runs(&log).into_iter().find(|run| !run.2 && run.1 < gone as f64);
    assert_eq!(early, None);
    run.end();
    assert!(
        !fs::read_dir(place.folder.path())
            .expect("a folder")
            .flatten()
            .any(|entry| { entry.file_name().to_string_lossy().starts_with("oauth-validator-run") }),
        "the token of `run` is left"
    );
}
