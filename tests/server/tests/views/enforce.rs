//! `enforce()` and `end_sessions`: who is ended, by which code, and above all who is not.

use crate::support::{
    PRELOADED, assert_goes_on, assert_was_ended, bobs_session, config, corp_profile, login_as, partner_profile,
    present, present_are, refused, rows, session, start, token, trusted,
};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{ClientSession, Cluster, Login};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const ENFORCE: &str = "SELECT authn_id, profile, code FROM oauth_validator.enforce() ORDER BY 1";

/// What `enforce()` returns to one who may signal, and nothing more.
fn enforce(cluster: &Cluster) -> Vec<Vec<String>> {
    rows(&mut trusted(cluster, "ender"), ENFORCE)
}

#[track_caller]
fn all_go_on(sessions: &mut [&mut ClientSession]) {
    sessions.iter_mut().for_each(|session| assert_goes_on(session));
}

/// The leaver at noon: one line in the file, one SELECT.
#[test]
fn each_deny_list_ends_its_own_sessions_by_its_own_code() {
    for conf in [PRELOADED, ""] {
        let cluster = start(conf);
        let mut stays = session(&cluster, "stays");
        let mut bob = bobs_session(&cluster);
        let by_other_key = token("p256").sign(keys::p256());
        let mut of_key = cluster.login(&Login::new("app", "postgres").token(by_other_key)).accepted();
        assert!(enforce(&cluster).is_empty(), "nothing is denied");
        let lists = [
            (config("deny_identities = [\"leaver\"]", ""), "leaver", "identity_denied"),
            (config("deny_jti = [\"jti-thief\"]", ""), "thief", "token_revoked"),
        ];
        for (config, who, code) in lists {
            let (mut one, mut other) = (session(&cluster, who), session(&cluster, who));
            cluster.write_config(&config);
            assert_eq!(enforce(&cluster), [[who, "corp", code], [who, "corp", code]]);
            assert_was_ended(&mut one);
            assert_was_ended(&mut other);
            all_go_on(&mut [&mut stays, &mut bob, &mut of_key]);
            assert!(enforce(&cluster).is_empty(), "once is enough");
        }
        for denied in [keys::p256().thumbprint(), keys::p256().kid().to_owned()] {
            cluster.write_config(&config("", &format!(", deny_kids = [\"{denied}\"]")));
            assert_eq!(enforce(&cluster), [["p256", "corp", "token_revoked"]], "{denied}");
            assert_was_ended(&mut of_key);
            all_go_on(&mut [&mut stays, &mut bob]);
            cluster.write_config(&config("", ""));
            let again = token("p256").sign(keys::p256());
            of_key = cluster.login(&Login::new("app", "postgres").token(again)).accepted();
        }
        let clients = "clients = { claims = [\"$.azp\"], allow = [\"client-stays\"] }";
        cluster.write_config(&config(clients, ""));
        assert_eq!(enforce(&cluster), [["p256", "corp", "client_not_allowed"]]);
        all_go_on(&mut [&mut stays, &mut bob]);
    }
}

/// Names that no view shows, since they are too long or not for a screen, and that `deny_jti` can hold all the same.
#[test]
fn a_token_is_revoked_by_whatever_jti_it_has() {
    let cluster = start("");
    let names = ["j".repeat(2000), "two\nlines".to_owned(), "\u{202e}drow".to_owned(), "nul\0".to_owned()];
    let with = |jti: &str| {
        let token = token("odd").claim("jti", jti).sign(keys::corp());
        cluster.login(&Login::new("app", "postgres").token(token)).accepted()
    };
    for jti in &names {
        let mut other = with(&format!("{jti}x"));
        let mut denied = with(jti);
        cluster.write_config(&config(&format!("deny_jti = [{}]", serde_json::json!(jti)), ""));
        assert_eq!(enforce(&cluster), [["odd", "corp", "token_revoked"]], "{jti:?}");
        assert_was_ended(&mut denied);
        assert_goes_on(&mut other);
        cluster.write_config(&config("", ""));
    }
}

#[test]
fn a_configuration_that_cannot_be_used_ends_nobody() {
    let cluster = start("");
    let mut leaver = session(&cluster, "leaver");
    let mut ender = trusted(&cluster, "ender");
    let denying = config("deny_identities = [\"leaver\"]", "");
    let broken = [
        ("config_invalid", format!("{denying}nonsense = 1\n")),
        ("config_invalid", denying.replace("deny_identities", "deny_identitys")),
        ("config_invalid", format!("{denying}[profiles.third]\nissuer = \"https://third.example\"\n")),
    ];
    for (code, text) in &broken {
        cluster.write_config(text);
        for sql in [ENFORCE, "SELECT * FROM oauth_validator.enforce(gone => true)"] {
            let error = refused(ender.query(sql), "F0000");
            assert!(error.contains(&format!("oauth_validator: {code}: no session was ended")), "{error}");
        }
        assert_goes_on(&mut leaver);
    }
    cluster.write_config(&denying);
    fs::set_permissions(cluster.config_path(), Permissions::from_mode(0o666)).expect("a file that anybody may write");
    assert!(refused(ender.query(ENFORCE), "F0000").contains("config_unreadable"));
    fs::remove_file(cluster.config_path()).expect("removed");
    assert!(refused(ender.query(ENFORCE), "F0000").contains("config_unreadable"));
    assert_goes_on(&mut leaver);
    assert_eq!(present(&cluster), ["leaver"]);
    cluster.write_config(&denying);
    assert_eq!(rows(&mut ender, ENFORCE), [["leaver", "corp", "identity_denied"]]);
    assert_was_ended(&mut leaver);
}

#[test]
fn a_profile_that_is_gone_ends_its_sessions_only_if_that_is_said() {
    let cluster = start("");
    let (mut alice, mut bob) = (session(&cluster, "alice"), bobs_session(&cluster));
    cluster.write_config(&corp_profile("", ""));
    assert!(enforce(&cluster).is_empty());
    // Another profile's list is not its own.
    cluster.write_config(&corp_profile("deny_identities = [\"bob\"]", ""));
    assert!(enforce(&cluster).is_empty());
    all_go_on(&mut [&mut alice, &mut bob]);
    let mut ender = trusted(&cluster, "ender");
    let gone = "SELECT authn_id, profile, code FROM oauth_validator.enforce(gone => true)";
    assert_eq!(rows(&mut ender, gone), [["bob", "partner", "profile_unknown"]]);
    assert_was_ended(&mut bob);
    assert_goes_on(&mut alice);
    // An empty file trusts nobody, and is valid.
    cluster.write_config("");
    assert!(enforce(&cluster).is_empty());
    assert_eq!(rows(&mut ender, gone), [["alice", "corp", "profile_unknown"]]);
    // Whoever was told to end is still there until he does.
    assert_was_ended(&mut alice);
    cluster.write_config(&partner_profile(""));
    assert!(rows(&mut ender, gone).is_empty());
}

#[test]
fn a_superusers_session_is_ended_by_a_superuser_alone() {
    let cluster = start("");
    let mut boss = cluster.login(&login_as("root_of_all", "boss")).accepted();
    let mut same = session(&cluster, "boss");
    cluster.write_config(&config("deny_identities = [\"boss\"]", ""));
    // The other session is ended all the same.
    assert_eq!(enforce(&cluster), [["boss", "corp", "identity_denied"]]);
    assert_was_ended(&mut same);
    assert_goes_on(&mut boss);
    assert!(rows(&mut trusted(&cluster, "ender"), "SELECT * FROM oauth_validator.end_sessions('boss')").is_empty());
    assert_goes_on(&mut boss);
    assert_eq!(rows(&mut trusted(&cluster, "chief"), ENFORCE), [["boss", "corp", "identity_denied"]]);
    assert_was_ended(&mut boss);
}

#[test]
fn sessions_of_one_identity_are_ended_and_of_none_else() {
    let cluster = start("");
    let mut sessions: Vec<_> = ["alice", "alice", "alic", "alice2", "Alice"].map(|who| session(&cluster, who)).into();
    let mut others = sessions.split_off(2);
    let sql = "SELECT pid, authn_id, profile, code FROM oauth_validator.end_sessions('alice') ORDER BY pid";
    let mut pids: Vec<i32> = sessions.iter().map(ClientSession::backend_pid).collect();
    pids.sort_unstable();
    let expected: Vec<Vec<String>> =
        pids.iter().map(|pid| vec![pid.to_string(), "alice".into(), "corp".into(), "-".into()]).collect();
    assert_eq!(rows(&mut trusted(&cluster, "ender"), sql), expected);
    sessions.iter_mut().for_each(assert_was_ended);
    others.iter_mut().for_each(assert_goes_on);
    present_are(&cluster, &["Alice", "alic", "alice2"]);
}

/// Who ends himself is the last one, so that nobody is left because of that.
#[test]
fn the_caller_is_ended_last() {
    let cluster = start("");
    cluster.sql("GRANT pg_signal_backend TO app").expect("it");
    let mut first = session(&cluster, "leaver");
    let mut second = session(&cluster, "leaver");
    cluster.write_config(&config("deny_identities = [\"leaver\"]", ""));
    assert_eq!(first.query(ENFORCE).expect_err("ended by himself").sqlstate(), Some("57P01"));
    assert_was_ended(&mut second);
    present_are(&cluster, &[]);
}
