//! Ten thousand hostile tokens against one server: nobody gets in, nothing breaks, and nothing is left behind.

use crate::generator::Hostile;
use crate::support::{alice, lets_alice_in, open_files, rss_kb, start};
use oauth_validator_server_tests::{Cluster, Login, LoginOutcome, module_path};
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

const TOKENS: usize = 10_000;
/// After these the postmaster has everything it ever needs.
const WARM_UP: usize = 1_000;
const CLIENTS: usize = 4;
/// Of 9,000 logins; one page kept for each would be 36,000.
const GROWTH_KB: u64 = 2_048;

/// Shows `count` tokens in several sessions at once.
fn attack(cluster: &Cluster, hostiles: &mut [Hostile], count: usize) {
    let share = count / hostiles.len();
    thread::scope(|scope| {
        for hostile in hostiles {
            scope.spawn(move || {
                for _ in 0..share {
                    let (kind, token) = hostile.token();
                    is_refused(cluster, kind, &token);
                }
            });
        }
    });
}

fn is_refused(cluster: &Cluster, kind: &str, token: &[u8]) {
    let attempt = cluster.login(&Login::new("alice", "postgres").token(token));
    let shown = token.escape_ascii();
    match &attempt.outcome {
        // 28000 is what the validator refuses, or PostgreSQL before it; 08P01 is a message that is none.
        LoginOutcome::Refused(error) => {
            let fatal = (error.severity.as_str(), error.sqlstate.as_str());
            assert!([("FATAL", "28000"), ("FATAL", "08P01")].contains(&fatal), "{kind}: {error}\n{shown}");
            assert!(!error.to_string().contains("oauth_validator"), "{kind}: {error}\n{shown}");
        }
        other => panic!("{kind}: {other:?}\n{shown}"),
    }
}

/// The postmaster's open files, once they are as many as `expected`, or after a while.
fn settled_files(postmaster: u32, expected: usize) -> usize {
    let give_up = Instant::now() + Duration::from_secs(5);
    loop {
        let open = open_files(postmaster).len();
        if open == expected || Instant::now() > give_up {
            return open;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ten_thousand_hostile_tokens_let_nobody_in() {
    let cluster = start(module_path(), "", None);
    let (before, postmaster) = (cluster.incarnation(), cluster.postmaster_pid());
    let idle_files = open_files(postmaster).len();
    let seeds = (1..).take(CLIENTS);
    let mut hostiles: Vec<Hostile> = seeds.map(|number| Hostile::new(0x0a11_ce00 + number)).collect();
    // What they start from is good: a refusal is a refusal of what was done to it.
    for good in hostiles.iter().flat_map(Hostile::good) {
        cluster.login(&alice(good)).accepted();
    }

    attack(&cluster, &mut hostiles, WARM_UP);
    let warm = rss_kb(postmaster);
    attack(&cluster, &mut hostiles, TOKENS - WARM_UP);
    let grown = rss_kb(postmaster).saturating_sub(warm);
    println!("the postmaster has {warm} kB, and grew by {grown} kB");
    assert!(grown < GROWTH_KB, "the postmaster grew by {grown} kB");
    assert_eq!(settled_files(postmaster, idle_files), idle_files);
    assert_eq!(cluster.incarnation(), before);
    lets_alice_in(&cluster);
    judge_the_log(&cluster.log());
}

/// The tokens reached every step of the decision, and none of them broke one.
fn judge_the_log(log: &str) {
    let denials: Vec<&str> = log.lines().filter_map(|line| line.split_once("denied: ")).map(|found| found.1).collect();
    let codes: BTreeSet<&str> = denials.iter().filter_map(|denial| denial.split(' ').next()).collect();
    assert!(
        !codes.contains("internal"),
        "{}",
        log.lines().filter(|line| line.contains(" at src/")).take(3).collect::<String>()
    );
    assert!(denials.len() > TOKENS * 9 / 10, "most reach the validator: {}", denials.len());
    for code in [
        "token_malformed",
        "token_too_large",
        "issuer_mismatch",
        "token_type",
        "algorithm",
        "key_unknown",
        "signature_invalid",
        "audience_mismatch",
        "expired",
        "not_yet_valid",
        "lifetime_too_long",
        "claim_type",
        "sender_constrained",
        "actor_not_allowed",
        "id_token",
        "scope_missing",
        "identity_invalid",
    ] {
        assert!(codes.contains(code), "no token came as far as {code}: {codes:?}");
    }
    assert!(log.contains("do not match"), "some were good, for somebody else");
}
