//! Groups at Microsoft Graph: whom they let in, by which requests, and for whom nobody is asked.

use crate::support::helped;
use crate::tenant::{ANA, DBA, FAR, TEAM, TENANT, Tenant};
use oauth_validator_fixtures::{TokenBuilder, keys};
use oauth_validator_mock_provider::{BATCH, Mishap};
use oauth_validator_server_tests::now;
use serde_json::{Value, json};

fn overage() -> Value {
    json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/x"}}})
}

#[test]
fn a_member_gets_in_by_two_requests_and_the_client_s_token_goes_nowhere() {
    let tenant = Tenant::start();
    let token = tenant.token(&overage());
    tenant.lets_in(&token);
    assert_eq!((tenant.asked(), tenant.provider.requests().len()), ((1, 1), 2));
    let requests = tenant.provider.requests();
    let form = requests[0].form();
    let fields: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(fields, ["grant_type", "client_id", "client_secret", "scope"]);
    assert_eq!((form[0].1.as_str(), requests[0].header("Authorization")), ("client_credentials", None));
    assert_eq!(form[3].1, format!("{}/.default", tenant.provider.base_url()));
    assert_eq!((requests[1].method.as_str(), requests[1].path.as_str()), ("POST", BATCH));
    let batch: Value = serde_json::from_slice(&requests[1].body).expect("JSON");
    let all = batch["requests"].as_array().expect("requests");
    let asked: Vec<usize> = all.iter().map(|one| one["body"]["groupIds"].as_array().expect("groups").len()).collect();
    assert_eq!(asked, [20, 1], "21 groups, in one batch");
    assert_eq!(all[0]["url"], format!("/users/{ANA}/checkMemberGroups"));
    for request in &requests {
        let headers = request.headers.iter().map(|(_, value)| value.as_str()).collect::<String>();
        let sent = format!("{headers}{}", String::from_utf8_lossy(&request.body));
        assert!(!sent.contains(&token[..40]), "the client's token is nobody's business");
    }
    tenant.lets_in(&tenant.token(&json!({"hasgroups": true})));
    tenant.lets_in(&tenant.token(&json!({})));
    assert_eq!(tenant.asked(), (3, 3), "nothing is kept: two requests a login");
}

#[test]
fn lookups_are_counted_once_each() {
    let tenant = Tenant::start();
    let counted = |requests: u32, failures: u32| vec![vec![Some(requests.to_string()), Some(failures.to_string())]];
    tenant.lets_in(&tenant.token(&overage()));
    assert_eq!(helped(&tenant.cluster), counted(1, 0), "one helper for both requests");
    tenant.publish(Mishap::Throttled("5".to_owned()), &[DBA]);
    tenant.refuses(&tenant.token(&overage()), "lookup_unavailable");
    tenant.refuses(&tenant.token(&json!({"aud": "api://other"})), "audience_mismatch");
    assert_eq!(helped(&tenant.cluster), counted(2, 1));
}

#[test]
fn groups_count_directly_by_way_of_others_and_in_whatever_order_they_are_told() {
    let tenant = Tenant::start();
    let token = tenant.token(&overage());
    for (mishap, groups) in [
        (Mishap::None, &[DBA][..]),
        (Mishap::None, &[TEAM][..]),
        (Mishap::None, &[FAR][..]),
        (Mishap::OutOfOrder, &[FAR][..]),
        (Mishap::OutOfOrder, &[DBA, FAR][..]),
    ] {
        tenant.publish(mishap.clone(), groups);
        tenant.lets_in(&token);
    }
    for groups in
        [&[][..], &["6f1d2c3b-0000-4a5b-8c6d-555555555555"][..], &["6f1d2c3b-9999-4a5b-8c6d-000000000007"][..]]
    {
        tenant.publish(Mishap::None, groups);
        let log = tenant.refuses(&token, "rule_failed");
        assert!(log.contains("looked up at"), "{log}");
    }
}

#[test]
fn a_group_with_hidden_membership_lets_nobody_in() {
    let tenant = Tenant::start();
    tenant.provider.set_directory(tenant.directory().with_user(ANA, &[TEAM]).with_hidden(DBA));
    tenant.refuses(&tenant.token(&overage()), "rule_failed");
    tenant.publish(Mishap::None, &[TEAM]);
    tenant.lets_in(&tenant.token(&overage()));
}

#[test]
fn nobody_is_asked_about_a_token_that_fails_by_itself() {
    let tenant = Tenant::start();
    for (change, code) in [
        (json!({"azp": "stolen"}), "client_not_allowed"),
        (json!({"azp": null}), "client_not_allowed"),
        (json!({"aud": "api://other"}), "audience_mismatch"),
        (json!({"exp": now() - 100}), "expired"),
        (json!({"scope": "openid"}), "scope_missing"),
        (json!({"oid": null}), "identity_missing"),
        (json!({"groups": ["staff"]}), "rule_failed"),
        (json!({"groups": []}), "rule_failed"),
        (json!({"groups": [], "hasgroups": true}), "groups_overage"),
        (json!({"tid": null}), "lookup_mismatch"),
        (json!({"tid": "9a8b7c6d-2222-4eee-9fff-000000000002"}), "lookup_mismatch"),
        (json!({"tid": TENANT, "oid": "ana@corp.example"}), "lookup_mismatch"),
        (json!({"oid": format!("{ANA}/../../groups")}), "lookup_mismatch"),
    ] {
        let log = tenant.refuses(&tenant.token(&change), code);
        assert!(code != "groups_overage" || log.contains("kind = \"graph\""), "{log}");
    }
    let claims = json!({"iss": "https://login.example/corp", "oid": ANA, "tid": TENANT, "aud": "api://db",
        "scope": "db.connect", "azp": "psql", "iat": now(), "exp": now() + 600});
    let forged = TokenBuilder::new(json!({"typ": "at+jwt"}), claims).sign(&keys::partner().with_kid("corp-rsa"));
    tenant.refuses(&forged, "signature_invalid");
    tenant.lets_in(&tenant.token(&json!({"groups": [DBA]})));
    assert_eq!(tenant.provider.connection_count(), 0, "not one of them had anybody asked");
}

#[test]
fn the_secret_is_read_for_each_login_and_judged() {
    let tenant = Tenant::start();
    let token = tenant.token(&overage());
    tenant.cluster.write_file("graph.secret", "another secret");
    let log = tenant.refuses(&token, "lookup_unavailable");
    assert!(log.contains("AADSTS7000215") && log.contains("lookup.client_secret_file"), "{log}");
    assert!(!log.contains("told in many words") && !log.contains("another secret"), "{log}");
    for (content, words) in [("", "does not hold one line"), ("a\nb\n", "does not hold one line")] {
        tenant.cluster.write_file("graph.secret", content);
        let log = tenant.refuses(&token, "lookup_unavailable");
        assert!(log.contains("lookup.client_secret_file") && log.contains(words), "{log}");
    }
    assert_eq!(tenant.asked(), (1, 0), "without a token there is no batch, without a secret nobody is asked");
}
