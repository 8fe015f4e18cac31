//! No piece of a token in any output: not as it came, not decoded from base64url, not in hexadecimal.

use crate::denials::cases;
use crate::support::{Folder, corp, okta};
use oauth_validator_fixtures::keys;
use oauth_validator_fixtures::mint::{b64, unb64};

/// Shorter pieces may stand in a text by chance.
const PIECE: usize = 12;

/// Pieces of the token, and of its signature in other encodings.
fn pieces(token: &str) -> Vec<String> {
    let mut texts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut parts = token.split('.');
    if let (Some(_), Some(_), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) {
        let clean = signature.trim_end().trim_end_matches('=');
        let bytes = if clean.is_empty() { Vec::new() } else { unb64(clean) };
        texts.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        texts.push(bytes.iter().map(|byte| format!("{byte:02X}")).collect());
        texts.push(bytes.iter().map(|byte| format!("{byte}, ")).collect());
        texts.push(bytes.iter().map(|byte| format!("{byte},")).collect());
    }
    texts.iter().flat_map(|text| windows(text)).collect()
}

fn windows(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.windows(PIECE).map(|window| window.iter().collect()).collect()
}

#[track_caller]
fn assert_clean(output: &str, token: &str, about: &str) {
    for piece in pieces(token) {
        assert!(!output.contains(&piece), "{about}: {piece:?} of the token is in\n{output}");
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let token = okta().sign(keys::corp());
    let signature = token.rsplit('.').next().unwrap();
    let leak = format!("the signature {}... did not fit", &signature[100..100 + PIECE]);
    assert!(pieces(&token).iter().any(|piece| leak.contains(piece)));
    let hex: String = unb64(signature)[20..30].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(pieces(&token).iter().any(|piece| hex.contains(piece)));
    let header = token.split('.').next().unwrap();
    assert!(pieces(&token).iter().any(|piece| header.contains(piece)));
}

#[test]
fn denied_tokens_leave_no_trace_in_text_or_json() {
    for case in cases() {
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        for format in [vec![], vec!["--json"], vec!["--ascii"]] {
            let run = case.folder.explain(&case.token, &[&args[..], &format[..]].concat());
            assert_clean(&(run.stdout + &run.stderr), &case.token, case.code);
        }
    }
}

#[test]
fn granted_tokens_leave_no_trace_either() {
    let token = okta().sign(keys::corp());
    let folder = Folder::new(&corp("", ""));
    for format in [vec![], vec!["--json"]] {
        let run = folder.explain(&token, &format);
        assert_eq!(run.code, 0, "{}", run.stdout);
        assert_clean(&(run.stdout + &run.stderr), &token, "granted");
    }
}

#[test]
fn a_token_that_could_not_be_judged_is_not_printed() {
    let token = okta().sign(keys::corp());
    let two = corp("", "") + &corp("", "").replace("corp]", "second]").replace("aus000001", "aus000002");
    let run = Folder::new(&two).explain(&token, &[]);
    run.assert_failed(&["--hba-issuer", "aus000001 (corp)", "aus000002 (second)"]);
    assert_clean(&run.stderr, &token, "several profiles");
}

/// Claims are shown up to 200 characters, and of a denied token only those that the decision used.
#[test]
fn claims_that_the_decision_did_not_use_are_not_shown() {
    let long = "s".repeat(300);
    let token = okta().claim("ssn", "078-05-1120").claim("uid", long.clone()).sign(keys::corp());
    let run = Folder::new(&corp("", "")).explain(&token, &["--json"]);
    assert_eq!(run.code, 0);
    assert!(!run.stdout.contains("078-05-1120") && !run.stdout.contains(&b64("078-05-1120")), "{}", run.stdout);
    let report = run.json();
    let step = report["steps"].as_array().unwrap().iter().find(|step| step["step"] == "identity").unwrap();
    let shown = step["facts"]["$.uid"].as_str().expect("a cut value is a string");
    assert_eq!(shown, format!("\"{}…", &long[..199]));
}
