//! Who may see and do what: every function and every view, with the right role and with wrong ones.

use crate::support::{refused, rows, session, start, trusted};

/// For pg_read_all_stats.
const READING: [&str; 6] = [
    "SELECT * FROM oauth_validator.decisions",
    "SELECT * FROM oauth_validator.keys",
    "SELECT * FROM oauth_validator.helper",
    "SELECT * FROM oauth_validator.decision_counts()",
    "SELECT * FROM oauth_validator.key_states()",
    "SELECT * FROM oauth_validator.helper_counts()",
];

/// For pg_signal_backend.
const ENDING: [&str; 3] = [
    "SELECT * FROM oauth_validator.end_sessions('nobody')",
    "SELECT * FROM oauth_validator.enforce()",
    "SELECT * FROM oauth_validator.enforce(gone => true)",
];

#[test]
fn each_is_for_its_role_alone() {
    let cluster = start("");
    let mut alice = session(&cluster, "alice");
    for (role, may_read, may_end) in
        [("trusted", false, false), ("reader", true, false), ("ender", false, true), ("chief", true, true)]
    {
        let mut session = trusted(&cluster, role);
        for (statements, may) in [(&READING[..], may_read), (&ENDING[..], may_end)] {
            for sql in statements {
                match may {
                    true => drop(rows(&mut session, sql)),
                    false => drop(refused(session.query(sql), "42501")),
                }
            }
        }
    }
    // Nor may somebody whom OAuth let in, whose own session all of it is about.
    for sql in READING.iter().chain(&ENDING) {
        refused(alice.query(sql), "42501");
    }
}

#[test]
fn what_everybody_may_is_to_look_and_nothing_else() {
    let cluster = start("");
    let mut trusted = trusted(&cluster, "trusted");
    assert!(rows(&mut trusted, "SELECT * FROM oauth_validator.sessions").is_empty());
    for sql in [
        "INSERT INTO oauth_validator.sessions (authn_id) VALUES ('x')",
        "DELETE FROM oauth_validator.sessions",
        "DROP VIEW oauth_validator.decisions",
        "CREATE OR REPLACE VIEW oauth_validator.sessions AS SELECT 1",
        "GRANT SELECT ON oauth_validator.decisions TO trusted",
    ] {
        assert!(trusted.query(sql).is_err(), "{sql}");
    }
}

#[test]
fn null_is_nobody() {
    let cluster = start("");
    let mut alice = session(&cluster, "alice");
    let mut chief = trusted(&cluster, "chief");
    assert!(rows(&mut chief, "SELECT * FROM oauth_validator.end_sessions(NULL)").is_empty());
    assert!(rows(&mut chief, "SELECT * FROM oauth_validator.enforce(NULL)").is_empty());
    assert!(rows(&mut chief, "SELECT * FROM oauth_validator.end_sessions('')").is_empty());
    assert!(rows(&mut chief, "SELECT * FROM oauth_validator.end_sessions('ALICE')").is_empty());
    assert!(rows(&mut chief, "SELECT * FROM oauth_validator.end_sessions('alice%')").is_empty());
    crate::support::assert_goes_on(&mut alice);
}
