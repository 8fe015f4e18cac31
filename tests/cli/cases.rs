//! The list of cases, explained by the real binary: `explain` must never say other than what the server decides.

use crate::support::{CONFIG, Folder, Run, run};
use oauth_validator_fixtures::cases::{self, Case, ExpectedOutcome, Level, roles};
use oauth_validator_fixtures::samples::ISSUED_AT;
use oauth_validator_mock_provider::{BATCH, MockProvider, Reply};
use serde_json::json;

/// The case's configuration with `provider`, which answers as the case says.
fn config(case: &Case, provider: &MockProvider) -> String {
    let reply = match case.reply(ISSUED_AT) {
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

/// The case in `folder`, asked about as a DBA would.
fn explained(folder: &Folder, provider: &MockProvider, case: &Case) -> Run {
    folder.write(CONFIG, &config(case, provider));
    for (name, contents) in case.files() {
        folder.write(&name, &contents);
    }
    let mut command = folder.command("explain");
    command.args(["--json", "--config", CONFIG]).args(arguments(case));
    run(command.write_stdin(case.token(ISSUED_AT)))
}

/// What the command is told of a case besides its configuration and its token.
pub fn arguments(case: &Case) -> Vec<String> {
    let request = &case.request;
    let mut arguments = vec!["--at".to_owned(), (ISSUED_AT + case.at).to_string()];
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["--hba-issuer", &request.hba_issuer, "--hba-scope", &request.hba_scope, "--role", &request.role]);
    if let Some(names) = &request.hba_profiles {
        add(&["--hba-profile", names]);
    }
    if !request.database.is_empty() {
        add(&["--database", &request.database]);
    }
    if request.replication {
        add(&["--replication"]);
    }
    if request.delegated {
        add(&["--delegated"]);
        for attribute in attributes(&request.role) {
            add(&["--role-attribute", attribute]);
        }
    }
    arguments
}

/// What the role amounts to, in the words of CREATE ROLE: its own attributes and those of the roles it can become, and
/// the names of these.
fn attributes(role: &str) -> Vec<&'static str> {
    let reached = roles::reached(role);
    let own = reached.iter().flat_map(|role| {
        let attributes = [
            (role.superuser, "superuser"),
            (role.create_role, "createrole"),
            (role.replication, "replication"),
            (role.bypass_rls, "bypassrls"),
        ];
        attributes.into_iter().filter(|(has, _)| *has).map(|(_, word)| word)
    });
    own.chain(reached.iter().skip(1).map(|role| role.name.as_str())).collect()
}

fn outcome(case: &Case, run: &Run) -> ExpectedOutcome {
    let json = run.json();
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    let outcome = ExpectedOutcome { code: text("reason"), authn_id: text("authn_id") };
    let granted = outcome.code.is_none();
    assert_eq!(json["outcome"], if granted { "granted" } else { "denied" }, "{}", case.name);
    assert_eq!(run.code, i32::from(!granted), "{}: {}", case.name, run.stderr);
    outcome
}

/// Some of the cases, and what is explained otherwise than the list says.
fn disagreements(cases: &[&Case]) -> Vec<String> {
    let (folder, provider) = (Folder::new(""), MockProvider::start());
    cases
        .iter()
        .filter_map(|case| {
            let run = explained(&folder, &provider, case);
            let words = case.disagrees(&outcome(case, &run))?;
            Some(format!("{words}: {}", run.json()["detail"]))
        })
        .collect()
}

#[test]
fn every_case_is_explained_as_the_list_says() {
    let cases: Vec<&Case> = cases::all().iter().filter(|case| case.runs_at(Level::Explain)).collect();
    let (first, second) = cases.split_at(cases.len() / 2);
    let found = std::thread::scope(|scope| {
        let first = scope.spawn(|| disagreements(first));
        let second = disagreements(second);
        [first.join().expect("no panic"), second].concat()
    });
    let refused = cases.iter().filter(|case| case.outcome.code.is_some()).count();
    println!("{} cases explained, {refused} of them refused", cases.len());
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), cases.len(), found.join("\n"));
    assert!(cases.len() >= 300 && refused >= 200, "{refused} of {}", cases.len());
}
