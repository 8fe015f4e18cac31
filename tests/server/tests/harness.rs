//! The harness itself, on a real server without the module: starts, logs in, is refused, leaves nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use oauth_validator_server_tests::{Account, Cluster, ClusterOptions, Login, LoginOutcome, may_mount};

const OAUTH_LINE: &str = r#"local all all oauth issuer="https://issuer.example" scope="db.connect""#;

fn with_hba(hba: &str) -> Cluster {
    Cluster::start(ClusterOptions { hba: hba.into(), ..ClusterOptions::default() })
}

fn one(cluster: &Cluster, sql: &str) -> String {
    let rows = cluster.sql(sql).expect(sql);
    rows[0][0].clone().expect("a value")
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn administrator_gets_rows_errors_and_logs() {
    let cluster = Cluster::start(ClusterOptions::default());
    let version: u32 = one(&cluster, "SHOW server_version_num").parse().expect("a number");
    assert!(version >= 180_000, "{version}");
    assert_eq!(cluster.sql("SELECT 1, NULL, ''; SELECT 'a', NULL").expect("rows"), [[Some("a".to_owned()), None]]);

    let mark = cluster.log_mark();
    let error = cluster.sql("SELECT 1/0").expect_err("a division by zero");
    assert_eq!(error.sqlstate(), Some("22012"));
    let said = cluster.wait_for_log(mark, "STATEMENT:  SELECT 1/0");
    assert!(said.contains("ERROR:  division by zero"), "{said}");
    assert!(said.contains("connection authenticated: user=\"postgres\" method=trust"), "{said}");
    assert!(!cluster.log_since(cluster.log_mark()).contains("division"));

    let mut session = cluster.login(&Login::new("postgres", "postgres")).accepted();
    assert!(session.parameter("server_version").is_some());
    assert_eq!(session.system_user(), Ok(None), "a trust line authenticates nobody");
    let pid = session.query("SELECT pg_backend_pid()").expect("a pid");
    assert_eq!(pid[0][0], Some(session.backend_pid().to_string()));
    session.query("nonsense").expect_err("a syntax error");
    assert_eq!(session.query("SELECT 1").expect("the session goes on").len(), 1);
}

#[test]
fn reports_each_kind_of_refusal() {
    let cluster = with_hba("local all blocked reject\nlocal all known trust");
    cluster.sql("CREATE ROLE known LOGIN; CREATE ROLE blocked LOGIN").expect("roles");

    cluster.login(&Login::new("known", "postgres")).accepted();
    for (role, database, sqlstate, message) in [
        ("blocked", "postgres", "28000", "pg_hba.conf rejects connection"),
        ("nobody_known", "postgres", "28000", "no pg_hba.conf entry"),
        ("known", "no_such_database", "3D000", "does not exist"),
        ("postgres", "no_such_database", "3D000", "does not exist"),
    ] {
        let attempt = cluster.login(&Login::new(role, database).token("never asked for"));
        let error = attempt.refused();
        assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", sqlstate));
        assert!(error.message.contains(message), "{error}");
        assert!(attempt.challenge.is_none());
        let sent = String::from_utf8_lossy(&attempt.received);
        assert!(sent.contains(message), "what was received holds the error: {sent:?}");
    }
}

#[test]
fn oauth_without_a_library_is_refused() {
    let cluster = with_hba(OAUTH_LINE);
    let login = Login::new("app", "postgres").token("SENTINEL");
    let mark = cluster.log_mark();
    let attempt = cluster.login(&login);
    let error = attempt.refused();
    assert!(error.message.contains("could not access file \"oauth_validator\""), "{error}");
    assert!(!String::from_utf8_lossy(&attempt.received).contains("SENTINEL"));
    let said = cluster.wait_for_log(mark, "could not access file");
    assert!(!said.contains("SENTINEL"), "{said}");

    // A line whose library is not in the list is no valid line: the reload says so.
    cluster.append_conf("oauth_validator_libraries = 'another'");
    cluster.reload();
    let attempt = cluster.login(&login);
    assert!(attempt.refused().message.contains("could not access file \"another\""));
    cluster.set_hba(&format!("{OAUTH_LINE} validator=oauth_validator"));
    let error = cluster.try_reload().expect_err("the validator is not permitted");
    assert!(error.to_string().contains("pg_hba.conf was not reloaded"), "{error}");
}

#[test]
fn other_methods_are_not_taken_for_oauth() {
    let cluster = with_hba("local all plain password\nlocal all scram scram-sha-256");
    cluster.sql("CREATE ROLE plain LOGIN; CREATE ROLE scram LOGIN PASSWORD 'x'").expect("roles");
    for (role, expected) in [("plain", "method 3"), ("scram", "SCRAM-SHA-256")] {
        let attempt = cluster.login(&Login::new(role, "postgres").token("t"));
        match &attempt.outcome {
            LoginOutcome::Failed(text) => assert!(text.contains(expected), "{text}"),
            other => panic!("{role}: {other:?}"),
        }
    }
}

#[test]
fn settings_take_effect_when_reload_returns() {
    let cluster = with_hba("local all guest reject");
    cluster.sql("CREATE ROLE guest LOGIN").expect("a role");
    let guest = Login::new("guest", "postgres");
    assert_eq!(cluster.login(&guest).refused().sqlstate, "28000");
    cluster.set_hba("local all guest trust");
    cluster.append_conf("work_mem = '5MB'");
    cluster.reload();
    assert_eq!(one(&cluster, "SHOW work_mem"), "5MB");
    cluster.login(&guest).accepted();

    cluster.set_hba("local all guest nonsense");
    let error = cluster.try_reload().expect_err("an unknown method");
    assert!(error.to_string().contains("invalid authentication method"), "{error}");
    cluster.set_hba("");
    cluster.append_conf("work_mem = 'many'");
    let error = cluster.try_reload().expect_err("an invalid value");
    assert!(error.to_string().contains("contains errors"), "{error}");
}

#[test]
fn runs_as_another_user_on_files_of_its_own() {
    let cluster = Cluster::start(ClusterOptions::default());
    let (uid, gid) = cluster.server_user();
    assert_ne!(uid, 0);
    let account = Account::for_server();
    assert_eq!((account.uid, account.gid), (uid, gid));
    let status = std::fs::read_to_string(format!("/proc/{}/status", cluster.postmaster_pid())).expect("a process");
    assert!(status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{status}");
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    let inherited = rustix::process::geteuid().is_root() && groups.is_some_and(|g| !g.trim().is_empty());
    assert!(!inherited, "root's groups went to the server: {groups:?}");

    cluster.write_config("# one\n");
    cluster.write_config("# two\n");
    let jwks = cluster.write_file("keys.json", b"{}");
    assert_eq!(std::fs::read_to_string(cluster.config_path()).expect("a file"), "# two\n");
    for file in [cluster.config_path(), jwks] {
        let found = std::fs::metadata(&file).expect("a file");
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (uid, gid, 0o600));
        for folder in file.ancestors().skip(1) {
            let found = std::fs::metadata(folder).expect("a folder");
            assert!(found.uid() == 0 || found.uid() == uid, "{}", folder.display());
            let sticky = found.mode() & 0o1000 != 0;
            assert!(sticky || found.mode() & 0o022 == 0, "{}", folder.display());
        }
    }
}

#[test]
fn leaves_no_process_and_no_folder() {
    let mut cluster = Cluster::start(ClusterOptions::default());
    let first = cluster.postmaster_pid();
    let folder = cluster.socket_dir().to_path_buf();
    assert!(cluster.processes().len() > 3, "{:?}", cluster.processes());
    assert!(cluster.processes().contains(&first));

    cluster.stop();
    assert_eq!(cluster.processes(), Vec::<u32>::new());
    match cluster.login(&Login::new("postgres", "postgres")).outcome {
        LoginOutcome::Failed(text) => assert!(text.contains("cannot connect"), "{text}"),
        other => panic!("{other:?}"),
    }
    cluster.restart();
    let pids = cluster.processes();
    assert_ne!(cluster.postmaster_pid(), first);

    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _session = cluster.login(&Login::new("postgres", "postgres")).accepted();
        assert!(cluster.log().contains("connection authorized"));
        panic!("as a failing test does");
    }));
    let cause = panicked.expect_err("a panic");
    assert_eq!(cause.downcast_ref(), Some(&"as a failing test does"));
    assert!(!folder.exists());
    assert_eq!(pids.into_iter().find(|pid| runs(*pid)), None);
}

#[test]
fn a_crash_changes_the_incarnation_but_not_the_start_time() {
    let cluster = Cluster::start(ClusterOptions::default());
    let (before, started) = (cluster.incarnation(), cluster.postmaster_start_time());
    assert_eq!(cluster.incarnation(), before);
    let session = cluster.login(&Login::new("postgres", "postgres")).accepted();
    let pid = rustix::process::Pid::from_raw(session.backend_pid()).expect("a pid");
    let mark = cluster.log_mark();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("our own backend");
    cluster.wait_for_log(mark, "database system is ready to accept connections");
    assert_eq!(cluster.postmaster_start_time(), started);
    let after = cluster.incarnation();
    assert_eq!((after.postmaster, after.crashes), (before.postmaster, before.crashes + 1));
    assert_ne!(after.checkpointer, before.checkpointer);
}

#[test]
fn limits_the_address_space_of_the_server() {
    let limit: u64 = 2 << 30;
    let cluster = Cluster::start(ClusterOptions { ulimit_as: Some(limit), ..ClusterOptions::default() });
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", cluster.postmaster_pid())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max address space"));
    assert!(line.is_some_and(|line| line.contains(&limit.to_string())), "{line:?}");

    let starved = Cluster::try_start(ClusterOptions { ulimit_as: Some(1 << 20), ..ClusterOptions::default() });
    assert!(starved.is_err(), "1 MiB is not enough for postgres");
}

#[test]
fn what_is_mounted_the_server_alone_sees() {
    if let Err(why) = may_mount() {
        eprintln!("skipped: {why}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("hosts"), "127.0.0.9 seen.example\n").expect("a file");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let before = std::fs::read_to_string("/etc/hosts").expect("the system's");
    let mounts = vec![(folder.path().join("hosts"), "/etc/hosts".into())];
    let cluster = Cluster::start(ClusterOptions { mounts, ..ClusterOptions::default() });
    assert_eq!(one(&cluster, "SELECT pg_read_file('/etc/hosts')"), "127.0.0.9 seen.example\n");
    assert_eq!(std::fs::read_to_string("/etc/hosts").expect("the system's"), before);
    drop(cluster);
    let mounts = vec![(folder.path().join("none"), "/etc/hosts".into())];
    assert!(Cluster::try_start(ClusterOptions { mounts, ..ClusterOptions::default() }).is_err());
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let options = ClusterOptions { conf: "no_such_setting = 1".into(), ..ClusterOptions::default() };
    let Err(error) = Cluster::try_start(options) else {
        panic!("started with an unknown setting");
    };
    assert!(error.to_string().contains("unrecognized configuration parameter"), "{error}");
}

#[test]
fn waits_have_an_end() {
    let cluster = Cluster::start(ClusterOptions::default());
    let mut session = cluster.login(&Login::new("postgres", "postgres")).accepted();
    session.set_timeout(Duration::from_millis(100));
    let started = Instant::now();
    let error = session.query("SELECT pg_sleep(20)").expect_err("a time-out");
    assert!(error.to_string().contains("time-out"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));

    cluster.append_conf("pre_auth_delay = 1");
    cluster.reload();
    let login = Login::new("postgres", "postgres").timeout(Duration::from_millis(100));
    match cluster.login(&login).outcome {
        LoginOutcome::Failed(text) => assert!(text.contains("time-out"), "{text}"),
        other => panic!("{other:?}"),
    }
}
