//! The helper process inside a login: what it is given, how it can fail, and that it never outlives the login (`ends`).
//!
//! The helpers are scripts that behave badly. The library is the one with faults on request: a login runs the helper
//! with a request that no pipe holds at once, and is denied with what came of it.

mod ends;

use crate::support::{CONFIG, HBA};
use crate::support::{alice, lets_alice_in, refused, set_mode, token};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_server_tests::{
    AT_ONCE, Cluster, ClusterOptions, PendingLogin, ProcessId, eventually, faulty_module_path, needs_root,
};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A server on which each login of `alice` runs the helper as the fault says.
struct Scene {
    cluster: Cluster,
    token: String,
}

impl Scene {
    fn new(fault: &str) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            module: Some(faulty_module_path()),
            config: Some(CONFIG.into()),
            hba: HBA.into(),
            conf: format!("oauth_validator.test_fault = '{fault}'\n"),
            ..ClusterOptions::default()
        });
        cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql("CREATE ROLE alice LOGIN").expect("a role");
        Self { cluster, token: token().sign(keys::corp()) }
    }

    /// Where the library looks without being told: beside its own folder.
    fn helper(&self) -> PathBuf {
        self.cluster.socket_dir().join("bin/oauth-validator")
    }

    /// Makes a shell script the helper.
    fn script(&self, script: &str) {
        self.program(&format!("#!/bin/sh\n{script}\n"));
    }

    fn program(&self, contents: &str) {
        let new = self.helper().with_extension("new");
        fs::write(&new, contents).expect("a script");
        set_mode(&new, 0o755);
        fs::rename(new, self.helper()).expect("a helper");
    }

    fn begin(&self) -> PendingLogin {
        self.cluster.begin_login(&alice(&self.token))
    }

    /// Logs in, which is denied; returns what came of the helper, which is gone by then.
    #[track_caller]
    fn outcome(&self) -> String {
        let log = refused(&self.cluster, &alice(&self.token), "internal");
        let detail = log.lines().find_map(|line| line.split_once("DETAIL:  ")).expect("a detail").1;
        assert_eq!(children(&self.cluster), [], "{detail}");
        nothing_is_left(&self.cluster, detail);
        detail.to_owned()
    }

    /// The fault taken back, everything is as it always is.
    #[track_caller]
    fn is_unharmed(&self) {
        assert!(!self.cluster.log().contains("terminated by signal"), "{}", self.cluster.log());
        self.cluster.append_conf("oauth_validator.test_fault = ''");
        self.cluster.reload();
        lets_alice_in(&self.cluster);
    }
}

/// What the server's processes have started and not reaped.
fn children(cluster: &Cluster) -> Vec<ProcessId> {
    let servers: Vec<i32> = cluster.processes().into_iter().filter_map(|pid| i32::try_from(pid).ok()).collect();
    let mut found = ProcessId::all();
    // By its name, because a backend may be newer than the list.
    found.retain(|process| servers.contains(&process.parent) && process.name != "postgres");
    found
}

/// Nor does anything else run the helper, wherever it belongs. A script's own children may take a moment to get a name.
#[track_caller]
fn nothing_is_left(cluster: &Cluster, after: &str) {
    let script = cluster.socket_dir().join("bin").to_string_lossy().into_owned();
    let runs_it = |process: &ProcessId| {
        let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&script)
    };
    eventually(&format!("nothing left after: {after}"), AT_ONCE, || {
        (children(cluster).is_empty() && !ProcessId::all().iter().any(runs_it)).then_some(())
    });
}

/// The backend that waits as pg_stat_activity calls it, and its children.
#[track_caller]
fn waiting(cluster: &Cluster, event: &str, helpers: usize) -> (ProcessId, Vec<ProcessId>) {
    let sql = format!(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Extension' AND wait_event = '{event}' AND state = 'starting'"
    );
    eventually(event, Duration::from_secs(10), || {
        let rows = cluster.sql(&sql).expect("pg_stat_activity");
        let backend = ProcessId::of(rows.first()?.first()?.as_ref()?.parse().ok()?)?;
        let found: Vec<ProcessId> =
            ProcessId::all().into_iter().filter(|process| process.parent == backend.pid).collect();
        // Between fork and exec it is still called after the server.
        (found.len() == helpers && found.iter().all(|child| child.name != "postgres")).then_some((backend, found))
    })
}

#[test]
fn the_helper_gets_what_it_needs_and_nothing_else() {
    let place = Scene::new("run_helper");
    place.script(
        r#"IFS= read -r line
timeout 0.3 cat > /dev/null
echo "input $? ${#line} argument $# $1 folder $(pwd)"
echo "descriptors" $(ls /proc/self/fd) "errors $(readlink /proc/self/fd/2)"
echo "environment" $(tr '\0' ' ' < /proc/$$/environ)
echo "group $(( $(cut -d ' ' -f 5 /proc/$$/stat) - $$ ))"
exec grep -E 'Sig(Blk|Ign)' /proc/self/status"#,
    );
    let answer = place.outcome();
    // What whoever runs the tests left open, the server inherited; and ls itself reads a folder.
    let plain = Command::new("ls").arg("/proc/self/fd").output().expect("ls").stdout;
    let open = String::from_utf8_lossy(&plain).replace('\n', " ");
    for expected in [
        // 124: timeout(1) found no end of the input.
        r#""input 124 65536 argument 1 helper folder /\n"#,
        &format!(r"\ndescriptors {open}errors /dev/null\n"),
        r"\nenvironment\n",
        r"\ngroup 0\n",
        r"\nSigBlk:\t0000000000000000\n",
    ] {
        assert!(answer.contains(expected), "{expected} in: {answer}");
    }
    let ignored = answer.split(r"SigIgn:\t").nth(1).and_then(|rest| u64::from_str_radix(rest.get(..16)?, 16).ok());
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::PIPE, Signal::ALARM, Signal::CHILD] {
        assert_eq!(ignored.expect("a mask") >> (signal.as_raw() - 1) & 1, 0, "{signal:?} is ignored: {answer}");
    }
    place.is_unharmed();
}

#[test]
fn helpers_that_answer_in_their_own_way() {
    let place = Scene::new("run_helper");
    for (script, answer) in [
        ("echo yes", r#"The helper answered "yes\n"."#),
        ("exec < /dev/null; sleep 0.2; echo unread", r#"The helper answered "unread\n"."#),
        ("IFS= read -r line; printf '%s' later; sleep 0.2; printf '%s' on", r#"The helper answered "lateron"."#),
        ("cat > /dev/null & echo failed; exit 1", r#"The helper answered "failed\n"."#),
        ("echo enough; exec > /dev/null; exec sleep 60", r#"The helper answered "enough\n"."#),
        ("sleep 3 & echo forked", r#"The helper answered "forked\n"."#),
    ] {
        place.script(script);
        let started = Instant::now();
        assert_eq!(place.outcome(), answer, "{script}");
        assert!(started.elapsed() < AT_ONCE, "{:?}: {script}", started.elapsed());
    }
    place.script("exec head -c 1048576 /dev/zero");
    let all = place.outcome();
    assert_eq!(all.matches(r"\0").count(), 1 << 20, "exactly the limit");
    place.is_unharmed();
}

#[test]
fn helpers_that_fail() {
    let place = Scene::new("run_helper");
    for (script, outcome) in [
        ("exit 3", "The helper ended without an answer (exit status 3)."),
        ("IFS= read -r line", "The helper ended without an answer (exit status 0)."),
        ("kill -9 $$", "The helper ended without a complete answer (signal 9)."),
        ("echo UNSAID; echo UNSAID >&2; kill -SEGV $$", "The helper ended without a complete answer (signal 11)."),
        ("sleep 3 & exit 3", "The helper ended without an answer (exit status 3)."),
        ("sleep 3 & echo UNSAID; kill -9 $$", "The helper ended without a complete answer (signal 9)."),
        ("exec > /dev/null; exec sleep 60", "The helper closed its output without an answer."),
        ("exec yes UNSAID", "The helper answered with more than 1048576 bytes."),
        ("exec head -c 1048577 /dev/zero", "The helper answered with more than 1048576 bytes."),
    ] {
        place.script(script);
        let started = Instant::now();
        assert_eq!(place.outcome(), outcome, "{script}");
        assert!(started.elapsed() < AT_ONCE, "{:?}: {script}", started.elapsed());
    }
    assert!(!place.cluster.log().contains("UNSAID"), "nothing that a helper wrote is logged");
    place.is_unharmed();
}

#[test]
fn helpers_that_are_not_run() {
    let place = Scene::new("run_helper");
    let helper = place.helper();
    let outcome = place.outcome();
    assert!(outcome.starts_with(&format!("The helper: {helper:?} does not exist.")), "{outcome}");
    place.program("#!/no/such/interpreter\n");
    assert_eq!(place.outcome(), "The helper could not be started: No such file or directory (os error 2).");
    place.program("no program of any kind");
    assert_eq!(place.outcome(), "The helper could not be started: Exec format error (os error 8).");

    place.script("echo EVIL");
    for (mode, expected) in [(0o644, "must be executable by"), (0o757, "must not be writable by group or others")] {
        set_mode(&helper, mode);
        let outcome = place.outcome();
        assert!(outcome.contains(expected) && outcome.contains(&format!("mode {mode:04o}")), "{outcome}");
    }
    set_mode(&helper, 0o755);
    if needs_root("helpers_that_are_not_run: a stranger's") {
        std::os::unix::fs::chown(&helper, Some(12_345), None).expect("a new owner");
        let outcome = place.outcome();
        assert!(outcome.contains("owned by uid 12345, mode 0755; it must be owned by root"), "{outcome}");
    }
    assert!(!place.cluster.log().contains("EVIL"), "none of them was run");

    fs::remove_file(&helper).expect("a helper");
    place.cluster.append_conf("oauth_validator.helper = 'bin/oauth-validator'");
    place.cluster.reload();
    let outcome = place.outcome();
    assert!(outcome.starts_with("The helper: \"bin/oauth-validator\" is not an absolute path."), "{outcome}");
    place.is_unharmed();
}

#[test]
fn the_setting_comes_before_the_installed_helper() {
    let place = Scene::new("run_helper");
    place.script("echo installed");
    let other = place.cluster.write_file("other", "#!/bin/sh\necho other\n");
    set_mode(&other, 0o755);
    place.cluster.append_conf(&format!("oauth_validator.helper = '{}'", other.display()));
    place.cluster.reload();
    assert_eq!(place.outcome(), r#"The helper answered "other\n"."#);
    assert_shown_to_superusers_alone(&place.cluster, &other);
    place.is_unharmed();
}

#[track_caller]
fn assert_shown_to_superusers_alone(cluster: &Cluster, helper: &Path) {
    let load = "LOAD 'oauth_validator'; ";
    let shown = cluster.sql(&format!("{load} SHOW oauth_validator.helper")).expect("a superuser sees it");
    assert_eq!(shown, [vec![Some(helper.display().to_string())]]);
    let error =
        cluster.sql(&format!("{load} SET ROLE alice; SHOW oauth_validator.cache_directory")).expect_err("alice");
    assert_eq!(error.sqlstate(), Some("42501"), "{error}");
    let error = cluster.sql(&format!("{load} SET oauth_validator.helper = '/bin/sh'")).expect_err("it is the file's");
    assert_eq!(error.sqlstate(), Some("55P02"), "{error}");
}
