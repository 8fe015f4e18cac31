//! With `shared_preload_libraries`: the same logins, and a postmaster that keeps nothing of them.

use crate::support::{alice, lets_alice_in, open_files, refused, rss_kb, start, token};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{Cluster, LoginOutcome, module_path};
use std::fs;

/// Of 500 logins, kept or lost; one page for each would be 2,000.
const GROWTH_KB: u64 = 512;

fn has_library(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process").contains("/oauth_validator.so")
}

fn some_logins(cluster: &Cluster, count: usize) {
    let good = token().sign(keys::corp());
    let bad = token().audience("another").sign(keys::corp());
    for number in 0..count {
        let (token, accepted) = if number % 2 == 0 { (&good, true) } else { (&bad, false) };
        let outcome = cluster.login(&alice(token)).outcome;
        let expected = if accepted {
            matches!(outcome, LoginOutcome::Accepted(_))
        } else {
            matches!(outcome, LoginOutcome::Refused(_))
        };
        assert!(expected, "login {number}: {outcome:?}");
    }
}

#[test]
fn preloading_changes_neither_the_answer_nor_the_postmaster() {
    for (conf, preloaded) in [("shared_preload_libraries = 'oauth_validator'", true), ("", false)] {
        let cluster = start(module_path(), conf, None);
        let postmaster = cluster.postmaster_pid();
        assert_eq!(has_library(postmaster), preloaded);
        lets_alice_in(&cluster);
        refused(&cluster, &alice(&token().audience("x").sign(keys::corp())), "audience_mismatch (profile \"corp\")");
        refused(&cluster, &alice("rubbish"), "token_malformed");

        some_logins(&cluster, 100);
        let (memory, files) = (rss_kb(postmaster), open_files(postmaster).len());
        some_logins(&cluster, 500);
        let grown = rss_kb(postmaster).saturating_sub(memory);
        assert!(grown <= GROWTH_KB, "the postmaster grew by {grown} kB");
        assert_eq!(open_files(postmaster).len(), files);
        assert_eq!(has_library(postmaster), preloaded);
    }
}

/// What the postmaster read at its start must not decide about logins hours later.
#[test]
fn a_preloaded_library_reads_the_file_of_today() {
    let cluster = start(module_path(), "shared_preload_libraries = 'oauth_validator'", None);
    lets_alice_in(&cluster);
    cluster.write_config("");
    refused(&cluster, &alice(&token().sign(keys::corp())), "hba_issuer_unknown");
    cluster.write_config(crate::support::CONFIG);
    lets_alice_in(&cluster);
}
