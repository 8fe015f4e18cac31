//! The list of cases as logins on a real server: what the core decides must be what becomes of a client.
//!
//! The outcome is read where a DBA reads it, in the server's log; the code of the module is not asked. One login each,
//! on one server, whose configuration and keys are replaced before it, and whose pg_hba.conf when the line changes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use oauth_validator_fixtures::cases::{self, Case, ExpectedOutcome, Level, roles};
use oauth_validator_mock_provider::{BATCH, MockProvider, Reply};
use oauth_validator_server_tests::{Cluster, ClusterOptions, FinishedLogin, Login, LoginOutcome, now, tool_path};
use serde_json::json;
use std::collections::BTreeSet;

/// Lets every identity be every role: what a map allows is PostgreSQL's business, and not what the cases are about.
const IDENT: &str = "cases /^ all\n";

fn server(cases: &[&Case]) -> Cluster {
    let options = ClusterOptions { ident: IDENT.into(), helper: Some(tool_path()), ..ClusterOptions::with_module() };
    let cluster = Cluster::start(options);
    for statement in roles::statements() {
        cluster.sql(&statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let granted = cases.iter().filter(|case| case.outcome.code.is_none());
    let databases: BTreeSet<&str> = granted.map(|case| case.request.database.as_str()).collect();
    for database in databases.into_iter().filter(|name| !["", "postgres"].contains(name)) {
        cluster.sql(&format!("CREATE DATABASE \"{database}\"")).expect("a database");
    }
    cluster
}

/// The lines of pg_hba.conf; physical replication has one of its own kind.
fn lines(case: &Case) -> String {
    let quoted = |text: &str| text.replace('"', "\"\"");
    let (issuer, scope) = (quoted(&case.request.hba_issuer), quoted(&case.request.hba_scope));
    let profiles = case.request.hba_profiles.as_deref().map(quoted);
    let profiles = profiles.map_or_else(String::new, |names| format!(" validator.profile=\"{names}\""));
    let rest = if case.request.delegated { "delegate_ident_mapping=1" } else { "map=cases" };
    ["all", "replication"]
        .map(|database| format!("local {database} all oauth issuer=\"{issuer}\" scope=\"{scope}\"{profiles} {rest}\n"))
        .concat()
}

/// What became of a login.
struct CaseResult {
    attempt: FinishedLogin,
    log: String,
    token: Vec<u8>,
}

/// The case's configuration with `provider`, which answers as the case says.
fn config(case: &Case, provider: &MockProvider, issued_at: i64) -> String {
    let reply = match case.reply(issued_at) {
        Some((status, body)) => Reply::new(status, body).with_header("Content-Type", "application/json"),
        None => Reply::new(503, ""),
    };
    provider.set_reply("/token", Reply::json(&json!({"token_type": "Bearer", "access_token": "for-graph"})));
    for path in ["/introspect", "/tokeninfo", BATCH] {
        provider.set_reply(path, reply.clone());
    }
    provider.set_reply_to_get("/userinfo", reply);
    case.config_with_provider(&provider.base_url(), provider.ca_file())
}

fn log_in(cluster: &Cluster, provider: &MockProvider, case: &Case) -> CaseResult {
    let issued_at = now() - case.at;
    cluster.write_config(&config(case, provider, issued_at));
    for (name, contents) in case.files() {
        cluster.write_file(&name, contents);
    }
    let mark = cluster.log_mark();
    let token = case.token(issued_at);
    let mut login = Login::new(&case.request.role, &case.request.database).token(&token);
    if case.request.replication {
        login = login.replication(if case.request.database.is_empty() { "true" } else { "database" });
    }
    let attempt = cluster.login(&login);
    // Both are written last, and only once.
    let last = if matches!(attempt.outcome, LoginOutcome::Accepted(_)) { "connection authorized" } else { "FATAL:" };
    let log = cluster.wait_for_log(mark, last);
    CaseResult { attempt, log, token }
}

/// What the log says of the login; `None` if the validator was not asked.
fn outcome(result: &CaseResult) -> Option<ExpectedOutcome> {
    let after = |words: &str| result.log.lines().find_map(|line| Some(line.split_once(words)?.1));
    let authn_id = after("connection authenticated: identity=\"")
        .and_then(|rest| Some(rest.rsplit_once("\" method=oauth")?.0.to_owned()));
    let denial = after("oauth_validator: denied: ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    match (denial, &authn_id) {
        (Some(code), _) => Some(ExpectedOutcome { code: Some(code), authn_id }),
        (None, Some(_)) => Some(ExpectedOutcome { code: None, authn_id }),
        (None, None) => None,
    }
}

/// What is not as the list says, or as it must be in any login.
fn complaint(case: &Case, result: &CaseResult) -> Option<String> {
    let complain = |what: &str| Some(format!("{}\n  {what}: {:?}\n{}", case.name, result.attempt.outcome, result.log));
    let found = outcome(result);
    if case.server_refuses {
        return found.and_then(|_| complain("the validator was asked"));
    }
    let Some(found) = found else {
        return complain("the log says nothing of it");
    };
    if let Some(words) = case.disagrees(&found) {
        return complain(&words);
    }
    let accepted = matches!(result.attempt.outcome, LoginOutcome::Accepted(_));
    if accepted != case.outcome.code.is_none() {
        return complain("the log says one thing, the client sees another");
    }
    let token = String::from_utf8_lossy(&result.token);
    let leaks = |text: &str| token.split('.').any(|part| part.len() > 12 && text.contains(part));
    if leaks(&result.log) || leaks(&String::from_utf8_lossy(&result.attempt.received)) {
        return complain("a part of the token is in the log, or went back");
    }
    None
}

#[test]
fn every_login_ends_as_the_list_says() {
    let mut cases: Vec<&Case> = cases::all().iter().filter(|case| case.runs_at(Level::Server)).collect();
    cases.sort_by_key(|case| lines(case));
    let (cluster, provider) = (server(&cases), MockProvider::start());
    if cluster.major() < 19 {
        let all = cases.len();
        cases.retain(|case| case.request.hba_profiles.is_none());
        println!("{} cases skipped: PostgreSQL 18 has no validator.profile", all - cases.len());
    }
    let before = cluster.incarnation();
    let mut complaints = Vec::new();
    let mut current = String::new();
    for case in &cases {
        let lines = lines(case);
        if lines != current {
            cluster.set_hba(&lines);
            cluster.reload();
            current = lines;
        }
        let result = log_in(&cluster, &provider, case);
        complaints.extend(complaint(case, &result));
    }
    assert_eq!(cluster.incarnation(), before, "the server crashed");
    let refused = cases.iter().filter(|case| case.outcome.code.is_some()).count();
    println!("{} logins on a server, {refused} of them refused", cases.len());
    assert!(complaints.is_empty(), "{} of {}:\n{}", complaints.len(), cases.len(), complaints.join("\n"));
    assert!(cases.len() >= 300 && refused >= 200, "{refused} of {}", cases.len());
}
