//! What differs between the major releases of PostgreSQL: options of a line, the place of a denial in the log, and that
//! a library for one of them is refused by the other.
//!
//! The log is read as it was written: elsewhere the harness tells it as PostgreSQL 18 would.

use crate::support::{CONFIG, HBA, alice, assert_told_nothing, lets_alice_in, refused, start, token};
use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{
    Cluster, ClusterOptions, Login, SOON, eventually, module_for, module_path, needs_release,
};

/// Two profiles of one issuer, told apart by nothing but their names.
const TWINS: &str = r#"
[profiles.staff]
issuer = "https://issuer.example"
audience = ["api://db"]
identity = { claim = "$.sub", prefix = "staff:" }
keys = { jwks_file = "corp.jwks" }
[profiles.robots]
issuer = "https://issuer.example"
audience = ["api://robots"]
identity = { claim = "$.sub", prefix = "robots:" }
keys = { jwks_file = "corp.jwks" }
"#;

/// A line for `role` with this behind it.
fn line(role: &str, rest: &str) -> String {
    format!("local all \"{role}\" oauth issuer=\"https://issuer.example\" scope=\"db.connect\" {rest}\n")
}

fn twins() -> Cluster {
    let hba = line("staff:alice", "validator.profile=staff")
        + &line("robots:alice", "validator.profile=robots")
        + &line("both:alice", "validator.profile=\"staff,robots\" delegate_ident_mapping=1");
    let options = ClusterOptions { config: Some(TWINS.into()), hba, ..ClusterOptions::with_module() };
    let cluster = Cluster::start(options);
    cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
    for role in ["staff:alice", "robots:alice", "both:alice"] {
        cluster.sql(&format!("CREATE ROLE \"{role}\" LOGIN")).expect("a role");
    }
    cluster
}

/// What the log says once `role` was refused with `token`; the client learns nothing.
#[track_caller]
fn refuses(cluster: &Cluster, role: &str, token: TokenBuilder) -> String {
    let mark = cluster.log_mark();
    let attempt = cluster.login(&Login::new(role, "postgres").token(token.sign(keys::corp())));
    assert_told_nothing(&attempt, role);
    cluster.wait_for_log(mark, "FATAL:")
}

#[test]
fn lines_of_one_issuer_are_told_apart_by_profile() {
    if !needs_release(19, "lines_of_one_issuer_are_told_apart_by_profile") {
        return;
    }
    let cluster = twins();
    let for_robots = || token().audience("api://robots");
    for (role, token) in [("staff:alice", token()), ("robots:alice", for_robots())] {
        let mut session = cluster.login(&Login::new(role, "postgres").token(token.sign(keys::corp()))).accepted();
        assert_eq!(session.system_user(), Ok(Some(format!("oauth:{role}"))));
    }
    for (role, token, said) in [
        ("staff:alice", for_robots(), "denied: audience_mismatch (profile \"staff\")\n"),
        ("robots:alice", token(), "denied: audience_mismatch (profile \"robots\")\n"),
        ("both:alice", token(), "denied: profile_ambiguous\n"),
    ] {
        let log = refuses(&cluster, role, token);
        assert!(log.contains(said), "{role}: {log}");
    }
}

#[test]
fn a_profile_that_is_not_there_denies_and_is_named() {
    if !needs_release(19, "a_profile_that_is_not_there_denies_and_is_named") {
        return;
    }
    let cluster = start(module_path(), "", None);
    for (value, said) in [
        ("corpp", "names \"corpp\", which is no profile of"),
        ("\"corp,crop\"", "names \"crop\", which is no profile of"),
        ("\"corp,corp\"", "names \"corp\" twice."),
        ("\"\"", "is \"\", which has an empty name in it."),
        // What is no UTF-8 cannot be a name, and what would begin a line of its own does not.
        ("\"c\u{fffd}rp\u{1b}[2J\"", "names \"c\u{fffd}rp\u{fffd}[2J\", which is no profile of"),
    ] {
        cluster.set_hba(&line("alice", &format!("validator.profile={value}")));
        cluster.reload();
        let log = refused(&cluster, &alice(&token().sign(keys::corp())), "profile_unknown");
        assert!(log.contains(&format!("DETAIL:  validator.profile of the pg_hba.conf line {said}")), "{log}");
    }
    cluster.set_hba(&line("alice", "validator.profile=corp"));
    cluster.reload();
    lets_alice_in(&cluster);
}

#[test]
fn a_misspelt_option_denies_and_is_named() {
    if !needs_release(19, "a_misspelt_option_denies_and_is_named") {
        return;
    }
    let cluster = start(module_path(), "", None);
    cluster.set_hba(&line("alice", "validator.profil=corp"));
    cluster.reload();
    let mark = cluster.log_mark();
    let attempt = cluster.login(&alice(&token().sign(keys::corp())));
    assert_eq!(attempt.refused().message, "OAuth bearer authentication failed for user \"alice\"");
    let log = cluster.wait_for_log(mark, "FATAL:");
    for label in ["WARNING", "DETAIL"] {
        let said = format!("{label}:  unrecognized authentication option name: \"validator.profil\"");
        assert!(log.contains(&said), "{log}");
    }
    assert!(!log.contains("denied: "), "the validator was not asked: {log}");
}

/// PostgreSQL sees to these when it reads the file.
#[test]
fn lines_that_the_server_does_not_take() {
    let cluster = start(module_path(), "", None);
    let known = cluster.major() >= 19;
    let unquoted = ("validator.profile=corp,partner", "authentication option not in name=value format: partner");
    let of_18 = ("validator.profile=corp", "unrecognized authentication option name: \"validator.profile\"");
    let (rest, said) = if known { unquoted } else { of_18 };
    cluster.set_hba(&line("alice", rest));
    let error = cluster.try_reload().expect_err("a line that is wrong");
    assert!(error.to_string().contains(said), "{error}");
    // What was read before still holds.
    lets_alice_in(&cluster);
}

/// The reports of a denial that are the module's own, and those of the server that have it.
fn reports(log: &str) -> (usize, usize) {
    let count = |label: &str| log.matches(&format!("{label}:  oauth_validator: denied: ")).count();
    (count("LOG"), count("DETAIL"))
}

#[test]
fn a_denial_is_in_the_log_once() {
    let cluster = start(module_path(), "", None);
    let mark = cluster.log_mark();
    refused(&cluster, &alice(&token().audience("another").sign(keys::corp())), "audience_mismatch");
    let log = cluster.log_as_written(mark);
    assert_eq!(reports(&log), if cluster.major() >= 19 { (0, 1) } else { (1, 0) }, "{log}");
    for words in [
        "denied: audience_mismatch (profile \"corp\")\n",
        "accepts audience \"api://db\"; ",
        "add it to profiles.corp.audience",
    ] {
        assert_eq!(log.matches(words).count(), 1, "{words}: {log}");
    }
    lets_alice_in(&cluster);
    assert_eq!(cluster.log().matches("oauth_validator:").count(), 1);
}

#[test]
fn a_terse_log_has_the_code_once() {
    let cluster = start(module_path(), "log_error_verbosity = terse", None);
    let mark = cluster.log_mark();
    let attempt = cluster.login(&alice(&token().audience("another").sign(keys::corp())));
    assert_told_nothing(&attempt, "alice");
    let log = cluster.wait_for_log(mark, "LOG:  oauth_validator: denied: audience_mismatch (profile \"corp\")\n");
    assert_eq!(reports(&log), (1, 0), "{log}");
    assert!(!log.contains("api://db") && !log.contains("DETAIL"), "{log}");
}

/// Whoever breaks off before he is refused is in the log all the same, whenever he does.
#[test]
fn a_client_that_breaks_off_is_in_the_log_once() {
    let cluster = start(module_path(), "", None);
    let bad = token().audience("another").sign(keys::corp());
    for _ in 0..20 {
        let mark = cluster.log_mark();
        drop(cluster.begin_login(&alice(&bad)));
        let denial = "oauth_validator: denied: audience_mismatch (profile \"corp\")\n";
        let log =
            eventually("a denial", SOON, || Some(cluster.log_as_written(mark)).filter(|log| log.contains(denial)));
        assert_eq!(log.matches(denial).count(), 1, "{log}");
    }
    // Nothing of them follows the next login.
    let all = cluster.log_as_written(0);
    assert_eq!(all.matches("denied: audience_mismatch").count(), 20, "{all}");
    lets_alice_in(&cluster);
}

/// Nor is it forgotten where he never takes notice of the refusal.
#[test]
fn a_client_that_falls_silent_is_in_the_log_once() {
    let cluster = start(module_path(), "authentication_timeout = 1s", None);
    let mark = cluster.log_mark();
    let silent = cluster.begin_login(&alice(&token().audience("another").sign(keys::corp())));
    let ended = "canceling authentication due to timeout";
    let log = eventually("the timeout", SOON, || Some(cluster.log_as_written(mark)).filter(|log| log.contains(ended)));
    drop(silent);
    // The report at the end of the backend comes after the server's.
    let denial = "oauth_validator: denied: audience_mismatch (profile \"corp\")\n";
    cluster.wait_for_log(mark, denial);
    assert_eq!(cluster.log_as_written(mark).matches(denial).count(), 1, "{log}");
}

/// As the manual quotes it.
#[test]
fn a_library_for_another_release_is_refused() {
    let own = start(module_path(), "", None).major();
    let other = if own == 18 { 19 } else { 18 };
    let Some(library) = module_for(other) else {
        println!("skipped: a_library_for_another_release_is_refused needs `make module` for PostgreSQL {other}");
        return;
    };
    let options = ClusterOptions {
        config: Some(CONFIG.into()),
        hba: HBA.into(),
        module: Some(library),
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(options);
    cluster.sql("CREATE ROLE alice LOGIN").expect("a role");
    let mark = cluster.log_mark();
    let attempt = cluster.login(&alice(&token().sign(keys::corp())));
    assert!(attempt.refused().message.contains("incompatible library"), "{attempt:?}");
    let log = cluster.wait_for_log(mark, "DETAIL:");
    assert!(
        log.contains("incompatible library \"") && log.contains("oauth_validator.so\": version mismatch\n"),
        "{log}"
    );
    assert!(log.contains(&format!("DETAIL:  Server is version {own}, library is version {other}.\n")), "{log}");
    assert!(!log.contains("connection authenticated: identity"), "{log}");
}
