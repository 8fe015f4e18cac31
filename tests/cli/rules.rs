//! Rules with alternatives and rules that only report, as `check` and `explain` show them.

use crate::support::{Folder, corp, okta};
use oauth_validator_fixtures::{TokenBuilder, keys};
use serde_json::{Value, json};

const RULES: &str = r#"
[[profiles.corp.require]]
any = [
    { claim = "$.dept", equals = "finance" },
    { claim = "$.groups", contains = "auditors" },
]

[[profiles.corp.require]]
claim       = "$.acr"
equals      = "phr"
report_only = true
"#;

fn folder() -> Folder {
    Folder::new(&corp("", RULES))
}

/// What `explain` says of the step of the rules.
fn said(token: TokenBuilder) -> (i32, String) {
    let run = folder().explain(&token.sign(keys::corp()), &["--hba-scope", "db.connect", "--json"]);
    let report = run.json();
    let steps = report["steps"].as_array().expect("steps");
    let rules = steps.iter().find(|step| step["step"] == "rules").expect("the step of the rules");
    (run.code, rules["said"].as_str().expect("a text").to_owned())
}

#[test]
fn explain_says_which_alternative_held_and_what_only_reports() {
    let finance = okta().claim("dept", "finance").claim("acr", "phr");
    assert_eq!(
        said(finance),
        (
            0,
            "1 rule, which holds; oauth-validator.toml:10 by alternative 1 of 2 ($.dept equals); \
             oauth-validator.toml:16 only reports, and holds ($.acr equals)"
                .to_owned()
        )
    );
    let auditor = okta().claim("groups", json!(["x", "auditors"]));
    let (code, text) = said(auditor);
    assert_eq!(code, 0);
    assert!(text.contains("by alternative 2 of 2 ($.groups contains)"), "{text}");
    assert!(text.contains("only reports, and does not hold ($.acr equals)"), "{text}");
}

#[test]
fn a_denial_says_why_each_alternative_does_not_hold() {
    let run =
        folder().explain(&okta().claim("dept", "sales").sign(keys::corp()), &["--hba-scope", "db.connect", "--json"]);
    let report = run.json();
    assert_eq!((run.code, &report["reason"]), (1, &Value::from("rule_failed")));
    let detail = report["detail"].as_str().expect("a detail");
    let expected = "No alternative of the rule of oauth-validator.toml:10 holds. $.dept equals: the claim selects one value \
                    in the token; $.groups contains: ";
    assert!(detail.starts_with(expected), "{detail}");
    assert!(!detail.contains("sales"), "a value of the token: {detail}");
}

#[test]
fn check_warns_of_a_rule_that_only_reports() {
    let run = folder().check(&[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(
        run.stdout.contains("warning[report_only]: ") && run.stdout.contains("--> oauth-validator.toml:19:15"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.ends_with("valid, 1 warning; 1 profile: corp\n"), "{}", run.stdout);
}
