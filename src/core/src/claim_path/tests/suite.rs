//! The public JSONPath Compliance Test Suite, if the environment says where it is (`RFC9535_SUITE`).
//!
//! A valid selector gives the nodes that the suite wants, or is refused; an invalid one is refused. The suite is others'
//! work and not kept here.

use super::super::ClaimPath;
use serde_json::Value;

#[test]
fn the_compliance_suite_is_followed_or_refused() {
    let Some(path) = std::env::var_os("RFC9535_SUITE") else {
        eprintln!("skipped: RFC9535_SUITE does not name the compliance suite (cts.json)");
        return;
    };
    let suite: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = suite["tests"].as_array().unwrap();
    let (mut right, mut invalid, mut refused, mut wrong) = (0, 0, Vec::new(), Vec::new());
    for case in cases {
        let (name, selector) = (case["name"].as_str().unwrap(), case["selector"].as_str().unwrap());
        let must_fail = case["invalid_selector"] == Value::Bool(true);
        match ClaimPath::parse(selector) {
            Err(_) if must_fail => invalid += 1,
            Err(bad) => refused.push(format!("{name}: {selector:?}: {}", bad.why)),
            Ok(_) if must_fail => wrong.push(format!("{name}: {selector:?} is accepted")),
            Ok(path) => {
                let nodes: Vec<Value> = path.select(&case["document"]).unwrap().into_iter().cloned().collect();
                let nodes = Value::Array(nodes);
                let several = case["results"].as_array().is_some_and(|results| results.contains(&nodes));
                if several || case.get("result") == Some(&nodes) {
                    right += 1;
                } else {
                    wrong.push(format!("{name}: {selector:?} gives {nodes}"));
                }
            }
        }
    }
    println!(
        "{} cases: {right} give the right nodes, {invalid} invalid ones are refused, {} valid ones are refused:\n{}",
        cases.len(),
        refused.len(),
        refused.join("\n")
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused.len() * 20 < cases.len(), "too many are refused");
}
