//! What an answer of Microsoft Graph is worth: one for each request of the batch, in any order, about nothing else.

use super::{GROUPS_OF_A_REQUEST, Graph, MAX_GROUPS, is_guid, member_groups};
use crate::introspection::OnlineAnswer;
use crate::lookup::NoUse;
use crate::reason::Reason;
use serde_json::{Value, json};

const TENANT: &str = "9a8b7c6d-2222-4eee-9fff-000000000001";
const USER: &str = "5d5d5d5d-3333-4444-8555-666666666666";

fn group(number: usize) -> String {
    format!("6f1d2c3b-0000-4a5b-8c6d-{number:012x}")
}

/// One that asks about so many groups.
fn graph(groups: usize) -> Graph {
    Graph {
        endpoint: "https://graph.example".to_owned(),
        token_endpoint: "https://login.example/token".to_owned(),
        tenant: TENANT.to_owned(),
        client_id: "pg".to_owned(),
        secret_file: "secret".to_owned(),
        groups: (0..groups).map(group).collect(),
    }
}

fn outcome(graph: &Graph, status: u16, body: &str) -> Result<Value, NoUse> {
    graph.found(&OnlineAnswer { status, body: body.to_owned() }).map(|found| found["groups"].clone())
}

fn of(graph: &Graph, responses: &Value) -> Result<Value, NoUse> {
    outcome(graph, 200, &json!({ "responses": responses }).to_string())
}

fn fine(id: &str, groups: &[usize]) -> Value {
    let value: Vec<String> = groups.iter().map(|number| group(*number)).collect();
    json!({"id": id, "status": 200, "headers": {"Content-Type": "application/json"}, "body": {"value": value}})
}

#[test]
fn a_batch_has_twenty_groups_a_request() {
    for (groups, requests) in [(1, 1), (20, 1), (21, 2), (40, 2), (MAX_GROUPS, 5)] {
        let batch = member_groups(USER, &graph(groups).groups);
        let all = batch["requests"].as_array().unwrap();
        assert_eq!(all.len(), requests, "{groups}");
        let mut asked = 0;
        for (number, request) in (1..).zip(all) {
            assert_eq!((&request["id"], &request["method"]), (&json!(number.to_string()), &json!("POST")));
            assert_eq!(request["url"], format!("/users/{USER}/checkMemberGroups"));
            assert_eq!(request["headers"]["Content-Type"], "application/json");
            let ids = request["body"]["groupIds"].as_array().unwrap().len();
            assert!((1..=GROUPS_OF_A_REQUEST).contains(&ids));
            asked += ids;
        }
        assert_eq!(asked, groups);
    }
}

#[test]
fn answers_come_in_any_order_and_in_any_case() {
    let graph = graph(41);
    let found = of(&graph, &json!([fine("3", &[40]), fine("1", &[19, 0]), fine("2", &[20])])).unwrap();
    assert_eq!(found, json!([group(19), group(0), group(20), group(40)]));
    let shouted = json!([{"id": "1", "status": 200, "body": {"value": [group(10).to_ascii_uppercase()]}}]);
    assert_eq!(of(&self::graph(20), &shouted).unwrap(), json!([group(10)]), "as the configuration spells it");
    assert_eq!(of(&self::graph(20), &json!([fine("1", &[])])).unwrap(), json!([]));
    let own = graph.answer(|id| id == group(7) || id == group(33));
    assert_eq!(outcome(&graph, 200, &own.body).unwrap(), json!([group(7), group(33)]));
}

#[test]
fn what_is_not_one_answer_to_each_request_is_none() {
    let graph = graph(21);
    for responses in [
        json!([]),
        json!([fine("1", &[0])]),
        json!([fine("1", &[0]), fine("1", &[0])]),
        json!([fine("1", &[0]), fine("2", &[20]), fine("3", &[])]),
        json!([fine("1", &[0]), fine("2", &[20]), fine("2", &[20])]),
        json!([fine("1", &[0]), fine("0", &[20])]),
        json!([fine("1", &[0]), {"id": 2, "status": 200, "body": {"value": []}}]),
        json!([fine("1", &[0]), {"status": 200, "body": {"value": []}}]),
        json!([fine("1", &[0]), {"id": "2", "status": "200", "body": {"value": []}}]),
        json!([fine("1", &[0]), {"id": "2", "body": {"value": []}}]),
        json!([fine("1", &[0]), {"id": "2", "status": 200}]),
        json!([fine("1", &[0]), {"id": "2", "status": 200, "body": "e30="}]),
        json!([fine("1", &[0]), {"id": "2", "status": 200, "body": {"value": group(20)}}]),
        json!([fine("1", &[0]), {"id": "2", "status": 200, "body": {"value": [{"id": group(20)}]}}]),
        json!([fine("1", &[0]), {"id": "2", "status": 200, "body": {"value": [20]}}]),
        json!([fine("1", &[0]), null]),
        json!({"1": fine("1", &[0])}),
        json!(null),
    ] {
        assert_eq!(of(&graph, &responses).map_err(|why| why.reason), Err(Reason::LookupUnavailable), "{responses}");
    }
    // A group that nobody asked about, or that another request was about, is no answer to this one.
    for other in [21, 0] {
        let responses = json!([fine("1", &[]), fine("2", &[other])]);
        let why = of(&graph, &responses).unwrap_err();
        assert!(why.reason == Reason::LookupUnavailable && why.why.contains("was not asked about"), "{why:?}");
    }
    for body in ["", "[]", "null", "{}", "{\"responses\":[]}{}", "{\"responses\":[],\"responses\":[]}", "<html>"] {
        assert_eq!(outcome(&graph, 200, body).map_err(|why| why.reason), Err(Reason::LookupUnavailable), "{body}");
    }
    let good = graph.answer(|_| true).body;
    for status in [0, 201, 401, 403, 429, 500] {
        assert_eq!(outcome(&graph, status, &good).map_err(|why| why.reason), Err(Reason::LookupUnavailable));
    }
}

#[test]
fn one_request_that_fails_makes_all_worthless_and_says_why() {
    let graph = graph(21);
    let error = |status: u16, headers: Value| {
        let body = json!({"error": {"code": "Request_BadRequest", "message": "sentinel"}});
        json!([{"id": "2", "status": status, "headers": headers, "body": body}, fine("1", &[0])])
    };
    for (status, reason, words, hint) in [
        (400, Reason::LookupUnavailable, "malformed (status 400)", Some("lookup.groups")),
        (401, Reason::LookupUnavailable, "(status 401)", Some("GroupMember.Read.All")),
        (403, Reason::LookupUnavailable, "(status 403)", Some("GroupMember.Read.All")),
        (404, Reason::LookupMismatch, "knows no user", Some("lookup.tenant")),
        (429, Reason::LookupUnavailable, "too many requests (status 429).", Some("assigned to the application")),
        (503, Reason::LookupUnavailable, "with status 503.", None),
        (204, Reason::LookupUnavailable, "with status 204.", None),
    ] {
        let why = of(&graph, &error(status, json!({}))).unwrap_err();
        assert_eq!(why.reason, reason, "{status}");
        assert!(why.why.contains(words) && !why.why.contains("sentinel"), "{why:?}");
        assert_eq!(why.hint.is_some(), hint.is_some(), "{status}");
        assert!(hint.is_none_or(|words| why.hint.unwrap().contains(words)), "{why:?}");
    }
    for (headers, words) in [
        (json!({"Retry-After": "17"}), ", and says to wait 17 seconds."),
        (json!({"retry-after": 17}), ", and says to wait 17 seconds."),
        (json!({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), "(status 429)."),
        (json!({"Retry-After": "-1"}), "(status 429)."),
        (json!({"Retry-After": ["sentinel"]}), "(status 429)."),
        (json!(null), "(status 429)."),
    ] {
        let why = of(&graph, &error(429, headers.clone())).unwrap_err();
        assert!(why.why.ends_with(words) && !why.why.contains("sentinel"), "{headers}: {why:?}");
    }
}

#[test]
fn a_user_is_a_guid_of_the_tenant() {
    let graph = graph(1);
    let user = |token: &Value| graph.user(token).map(str::to_owned).map_err(|why| why.reason);
    assert_eq!(user(&json!({"tid": TENANT, "oid": USER})), Ok(USER.to_owned()));
    assert_eq!(user(&json!({"tid": TENANT.to_ascii_uppercase(), "oid": USER})), Ok(USER.to_owned()));
    for token in [
        json!({"oid": USER}),
        json!({"tid": USER, "oid": USER}),
        json!({"tid": null, "oid": USER}),
        json!({"tid": [TENANT], "oid": USER}),
        json!({"tid": TENANT}),
        json!({"tid": TENANT, "sub": USER}),
        json!({"tid": TENANT, "oid": ""}),
        json!({"tid": TENANT, "oid": [USER]}),
        json!({"tid": TENANT, "oid": format!("{USER}/../../groups")}),
        json!({"tid": TENANT, "oid": "me"}),
        json!({"tid": TENANT, "oid": format!("{USER}\n")}),
    ] {
        assert_eq!(user(&token), Err(Reason::LookupMismatch), "{token}");
    }
}

#[test]
fn a_guid_has_five_parts() {
    assert!(is_guid(USER) && is_guid(&USER.to_ascii_uppercase()));
    for text in [
        "",
        "5d5d5d5d333344448555666666666666",
        "{5d5d5d5d-3333-4444-8555-666666666666}",
        "5d5d5d5d-3333-4444-8555-66666666666",
        "5d5d5d5d-3333-4444-8555-6666666666666",
        "5d5d5d5d-3333-4444-8555-66666666666g",
        "5d5d5d5d-3333-4444-8555-666666666666-",
        "5d5d5d5d-3333-4444-8555",
        "é5d5d5d-3333-4444-8555-666666666666",
    ] {
        assert!(!is_guid(text), "{text}");
    }
}
