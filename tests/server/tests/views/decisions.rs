//! `decisions`, `keys` and `helper`: every login is counted once, by what became of it.

use crate::support::{PRELOADED, config, corp_profile, login, rows, session, start, texts, token, trusted};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{Cluster, Login, LoginOutcome};
use std::collections::BTreeMap;
use std::thread;

const GRANTED: usize = 6;
const DENIED: usize = 4;

/// Counts by `profile/code`.
fn decisions(cluster: &Cluster) -> BTreeMap<String, usize> {
    let sql = "SELECT concat(coalesce(profile, '-'), '/', code), count FROM oauth_validator.decisions";
    let rows = texts(cluster.sql(sql).expect("the view"));
    let number = rows.len();
    let counts: BTreeMap<_, _> =
        rows.into_iter().map(|row| (row[0].clone(), row[1].parse().expect("a number"))).collect();
    assert_eq!(counts.len(), number, "one row each");
    counts
}

fn expected(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// As many profiles as come and go with their files, and more than there are cells: all are counted, the last ones together.
#[test]
fn names_that_find_no_cell_are_counted_together() {
    const CELLS: usize = 4096;
    const MORE: usize = 20;
    let cluster = start(PRELOADED);
    let denied = Login::new("app", "postgres").token(token("alice").audience("x").sign(keys::corp()));
    for number in 0..CELLS + MORE {
        cluster.write_config(&corp_profile("", "").replace("profiles.corp", &format!("profiles.p{number}")));
        cluster.login(&denied).refused();
    }
    let counts = decisions(&cluster);
    assert_eq!(counts.len(), CELLS + 1);
    assert_eq!(counts.get("(others)/(others)"), Some(&MORE));
    assert!((0..CELLS).all(|number| counts.get(&format!("p{number}/audience_mismatch")) == Some(&1)));
}

/// Logins that are denied, and what each is counted as.
fn denials() -> [(Login<'static>, &'static str); 5] {
    let app = |token: String| Login::new("app", "postgres").token(token);
    let expired = oauth_validator_server_tests::now() - 1000;
    [
        (app(token("alice").audience("x").sign(keys::corp())), "corp/audience_mismatch"),
        (app(token("alice").claim("exp", expired).sign(keys::corp())), "corp/expired"),
        (app(token("alice").claim("scope", "none").sign(keys::corp())), "corp/scope_missing"),
        (app("rubbish".to_owned()), "-/token_malformed"),
        // The token is good, and pg_ident.conf is not: PostgreSQL refuses it.
        (Login::new("root_of_all", "postgres").token(token("alice").sign(keys::corp())), "corp/not_mapped"),
    ]
}

#[test]
fn eight_clients_are_counted_exactly_and_a_restart_begins_anew() {
    for conf in [PRELOADED, ""] {
        let mut cluster = start(conf);
        assert_eq!(decisions(&cluster), expected(&[]));
        thread::scope(|scope| {
            for client in 0..8 {
                let cluster = &cluster;
                scope.spawn(move || {
                    for n in 0..GRANTED {
                        drop(session(cluster, &format!("person-{client}-{n}")));
                    }
                    for (login, code) in denials() {
                        for _ in 0..DENIED {
                            let outcome = cluster.login(&login).outcome;
                            assert!(matches!(outcome, LoginOutcome::Refused(_)), "{code}: {outcome:?}");
                        }
                    }
                });
            }
        });
        let all = [
            ("corp/granted", 8 * GRANTED),
            ("corp/audience_mismatch", 8 * DENIED),
            ("corp/expired", 8 * DENIED),
            ("corp/scope_missing", 8 * DENIED),
            ("-/token_malformed", 8 * DENIED),
            ("corp/not_mapped", 8 * DENIED),
        ];
        assert_eq!(decisions(&cluster), expected(&all), "{conf}");
        let ages = "SELECT bool_and(now() - last_at BETWEEN '-1 s' AND '5 min') FROM oauth_validator.decisions";
        assert_eq!(texts(cluster.sql(ages).expect("times")), [["t"]]);
        cluster.reload();
        assert_eq!(decisions(&cluster), expected(&all), "kept over a reload");
        cluster.restart();
        assert_eq!(decisions(&cluster), expected(&[]), "zero after a restart");
        drop(session(&cluster, "alice"));
        assert_eq!(decisions(&cluster), expected(&[("corp/granted", 1)]));
    }
}

/// libpq's first round trip has no token, and is no decision.
#[test]
fn who_shows_no_token_is_not_counted() {
    let cluster = start(PRELOADED);
    for _ in 0..3 {
        assert!(cluster.discovery("app", "postgres").is_object());
    }
    assert_eq!(decisions(&cluster), expected(&[]));
}

#[test]
fn a_configuration_that_cannot_be_read_is_counted_without_a_profile() {
    let cluster = start(PRELOADED);
    cluster.write_config("profiles = 1");
    cluster.login(&login("alice")).refused();
    cluster.write_config("");
    cluster.login(&login("alice")).refused();
    assert_eq!(decisions(&cluster), expected(&[("-/config_invalid", 1), ("-/hba_issuer_unknown", 1)]));
}

#[test]
fn what_only_reports_is_counted_beside_the_decision() {
    let cluster = start(PRELOADED);
    let rule = "\n[[profiles.corp.require]]\nclaim = \"$.acr\"\nequals = \"phr\"\nreport_only = true\n";
    cluster.write_config(&format!("{}{rule}", config("", "")));
    for _ in 0..2 {
        drop(session(&cluster, "alice"));
    }
    let denied = Login::new("app", "postgres").token(token("alice").claim("iss", "x").sign(keys::corp()));
    cluster.login(&denied).refused();
    assert_eq!(
        decisions(&cluster),
        expected(&[("corp/granted", 2), ("corp/report_only", 2), ("corp/issuer_mismatch", 1)]),
        "a login that is denied before its rules reports nothing"
    );
}

#[test]
fn keys_says_what_a_login_would_find() {
    let cluster = start("");
    let mut reader = trusted(&cluster, "reader");
    let sql = "SELECT profile, source, standing, keys, fetched_at, usable_until, last_outcome FROM oauth_validator.keys ORDER BY 1";
    assert_eq!(
        rows(&mut reader, sql),
        [["corp", "file", "local", "2", "-", "-", "-"], ["partner", "file", "local", "2", "-", "-", "-"]]
    );
    let provider = "[profiles.far]\nissuer = \"https://far.example\"\naudience = [\"x\"]\n";
    cluster.write_config(&format!("{}{provider}", config("", "")));
    assert_eq!(rows(&mut reader, sql)[1], ["far", "provider", "unreadable", "-", "-", "-", "-"], "there is no folder");
    std::fs::remove_file(cluster.write_file("corp.jwks", "")).expect("removed");
    assert_eq!(rows(&mut reader, sql)[0], ["corp", "file", "unreadable", "-", "-", "-", "-"]);
    cluster.write_config("profiles = 1");
    let error = reader.query(sql).expect_err("no configuration");
    assert_eq!(error.sqlstate(), Some("F0000"), "{error}");
    assert!(error.to_string().contains("config_invalid"), "{error}");
}

#[test]
fn helper_counts_what_providers_were_asked() {
    let cluster = start(PRELOADED);
    let mut reader = trusted(&cluster, "reader");
    let sql = "SELECT requests, failures FROM oauth_validator.helper";
    assert_eq!(rows(&mut reader, sql), [["0", "0"]]);
    // A helper that is none: each question is asked in vain.
    let provider = "[profiles.corp]\nissuer = \"https://issuer.example\"\naudience = [\"api://db\"]\n";
    cluster.write_config(provider);
    cluster.write_helper("#!/bin/sh\nexit 1\n");
    cluster.login(&login("alice")).refused();
    assert_eq!(rows(&mut reader, sql), [["1", "1"]]);
    assert_eq!(decisions(&cluster), expected(&[("corp/keys_unavailable", 1)]));
}
