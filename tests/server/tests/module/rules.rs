//! Rules that only report, and prefixes that are kept for a profile that is gone: what the log says, and who gets in.

use crate::support::{CONFIG, alice, lets_alice_in, refused, start, token};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::module_path;

const REPORTS: &str = "\n[[profiles.corp.require]]\nclaim = \"$.acr\"\nequals = \"phr\"\nreport_only = true\n";

#[test]
fn a_rule_that_only_reports_is_logged_and_denies_nobody() {
    let cluster = start(module_path(), "", None);
    cluster.write_config(&format!("{CONFIG}{REPORTS}"));
    let line = "LOG:  oauth_validator: report_only: rule_failed (profile \"corp\")";
    let mark = cluster.log_mark();
    let weak = token().claim("acr", "sentinel-of-a-claim").sign(keys::corp());
    cluster.login(&alice(&weak)).accepted();
    let log = cluster.wait_for_log(mark, line);
    assert!(log.contains("oauth-validator.toml:") && log.contains("$.acr equals"), "{log}");
    assert!(!log.contains("sentinel-of-a-claim"), "a value of the token: {log}");
    assert!(!log.contains("denied"), "{log}");
    // Once for each login, and not for one that passes it.
    assert_eq!(log.matches("report_only").count(), 1, "{log}");
    let mark = cluster.log_mark();
    cluster.login(&alice(&token().claim("acr", "phr").sign(keys::corp()))).accepted();
    assert!(!cluster.log_since(mark).contains("report_only"), "{}", cluster.log_since(mark));
    // As soon as it does not only report, it denies.
    cluster.write_config(&format!("{CONFIG}{REPORTS}").replace("report_only = true", ""));
    refused(&cluster, &alice(&weak), "rule_failed (profile \"corp\")");
}

#[test]
fn a_prefix_stays_kept_for_the_partner_that_is_gone() {
    let cluster = start(module_path(), "", None);
    let partner = "\n[profiles.partner]\nissuer = \"https://partner.example\"\naudience = [\"api://db\"]\n\
                   identity = { prefix = \"partner:\" }\nkeys = { jwks_file = \"corp.jwks\" }\n";
    let reserved = "reserved_prefixes = [\"partner:\"]\n";
    let as_theirs = token().subject("partner:alice").sign(keys::corp());
    for config in [
        format!("{CONFIG}{partner}"),
        format!("{reserved}{CONFIG}{partner}"),
        // Gone, and the prefix with it unless it is reserved.
        format!("{reserved}{CONFIG}"),
    ] {
        cluster.write_config(&config);
        refused(&cluster, &alice(&as_theirs), "identity_invalid (profile \"corp\")");
        lets_alice_in(&cluster);
    }
}
