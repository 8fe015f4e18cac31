//! A login as a script of messages: what the server sends, and what the probe answers and concludes.

use super::{Challenge, ProbeFindings, ProbeOutcome, attempt};
use crate::output::CommandFailure;
use crate::probe::script::Script;
use crate::probe::target::{ProbeTarget, ServerAddress};
use crate::probe::wire::MessageStream;

const RESPONSE: &[u8] = b"n,,\x01auth=Bearer t0k3n\x01\x01";

fn message(kind: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    [&[kind][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
}

fn authentication(number: u32, data: impl AsRef<[u8]>) -> Vec<u8> {
    message(b'R', [&number.to_be_bytes()[..], data.as_ref()].concat())
}

fn asks() -> Vec<u8> {
    authentication(10, "OAUTHBEARER\0\0")
}

fn error(code: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0"))
}

fn row(values: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(value.as_bytes());
    }
    message(b'D', body)
}

/// What follows AuthenticationOk in a session whose query has this answer.
fn session(answer: &[Vec<u8>]) -> Vec<u8> {
    let start =
        [message(b'S', "server_version\x0018.6\0"), message(b'K', [0, 0, 0, 7, 1, 2, 3, 4]), message(b'Z', "I")];
    let end = [message(b'C', "SELECT 1\0"), message(b'Z', "I")];
    [start.concat(), message(b'T', "columns"), answer.concat(), end.concat()].concat()
}

/// What becomes of the login, and what the server was told.
fn run(script: &[Vec<u8>]) -> (Result<(ProbeOutcome, ProbeFindings), CommandFailure>, Vec<u8>) {
    let target =
        ProbeTarget { place: ServerAddress::Socket("/s".into()), user: "ana".to_owned(), database: "app".to_owned() };
    let mut stream = Script::new(script.concat());
    let ended =
        attempt(MessageStream::new(&mut stream), &target, RESPONSE).map(|(outcome, findings, _)| (outcome, findings));
    (ended, stream.told)
}

fn shown(told: &[u8]) -> bool {
    told.windows(5).any(|window| window == b"t0k3n")
}

#[track_caller]
fn outcome(script: &[Vec<u8>]) -> (ProbeOutcome, ProbeFindings) {
    run(script).0.expect("an outcome")
}

/// The words of a failure; whether the token was shown before it.
#[track_caller]
fn failure(script: &[Vec<u8>]) -> (String, bool) {
    let (ended, told) = run(script);
    (format!("{:?}", ended.expect_err("no outcome")), shown(&told))
}

#[test]
fn a_token_that_is_accepted_opens_a_session() {
    let answer = [row(&["oauth:ana@corp", "ana", "ana"])];
    let noise = [message(b'N', "SWARNING\0Mcollation\0\0"), message(b'S', "x\0y\0")].concat();
    let script = [noise.clone(), asks(), noise.clone(), authentication(0, ""), noise, session(&answer)];
    let (ended, told) = run(&script);
    let (outcome, findings) = ended.expect("an outcome");
    assert_eq!(outcome, ProbeOutcome::Accepted);
    let who = findings.session.expect("a session");
    assert_eq!(who.system_user.as_deref(), Some("oauth:ana@corp"));
    assert_eq!((findings.backend_pid, findings.server_version.as_deref()), (Some(7), Some("18.6")));
    let startup = b"user\0ana\0database\0app\0application_name\0oauth-validator\0client_encoding\0UTF8\0\0";
    assert_eq!(&told[8..8 + startup.len()], startup);
    let sasl = [&b"OAUTHBEARER\0\0\0\0\x17"[..], RESPONSE].concat();
    assert!(told[8 + startup.len()..].starts_with(&message(b'p', sasl)), "{told:?}");
    assert!(told.ends_with(&message(b'X', "")));
}

#[test]
fn a_token_that_is_refused_has_a_challenge() {
    let challenge = r#"{"status":"invalid_token","openid-configuration":"https://i/x","scope":"a b"}"#;
    let (ended, told) = run(&[asks(), authentication(11, challenge), error("28000")]);
    let (outcome, findings) = ended.expect("an outcome");
    assert_eq!(outcome, ProbeOutcome::TokenRefused);
    assert_eq!(findings.error.expect("an error").code, "28000");
    let text = |text: &str| Some(text.to_owned());
    let expected =
        Challenge { status: text("invalid_token"), openid_configuration: text("https://i/x"), scope: text("a b") };
    assert_eq!(findings.challenge, Some(expected));
    assert!(told.ends_with(&message(b'p', "\x01")), "the refusal is acknowledged");
}

#[test]
fn other_methods_get_neither_token_nor_answer() {
    for (request, name) in [
        (authentication(3, ""), "a password in clear"),
        (authentication(5, "salt"), "md5"),
        (authentication(7, ""), "gss"),
        (authentication(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), "scram-sha-256"),
        (authentication(10, "OAUTHBEARER2\0\0"), "SASL with OAUTHBEARER2"),
        (authentication(10, "XOAUTH2\0\0OAUTHBEARER\0\0"), "SASL with XOAUTH2"),
        (authentication(10, ""), "authentication request 10"),
        (authentication(99, ""), "authentication request 99"),
    ] {
        let (ended, told) = run(&[request, authentication(0, "")]);
        let (outcome, findings) = ended.expect(name);
        assert_eq!(outcome, ProbeOutcome::OtherMethod, "{name}");
        assert!(findings.method.is_some_and(|method| method.starts_with(name)), "{name}");
        let startup = u32::from_be_bytes(*told.first_chunk().expect("a length"));
        assert_eq!(told.len(), startup as usize, "{name}: nothing is sent but the startup message");
    }
}

#[test]
fn a_server_that_asks_for_nothing_is_not_shown_the_token() {
    let answer = [row(&["peer:root", "ana", "ana"])];
    let (ended, told) = run(&[authentication(0, ""), session(&answer)]);
    let (outcome, findings) = ended.expect("an outcome");
    assert_eq!((outcome, shown(&told)), (ProbeOutcome::NotAsked, false));
    assert!(findings.session.is_some() && findings.method.is_some_and(|method| method.contains("trust")));
    // Before PostgreSQL 16 there is no system_user.
    let (ended, findings) = outcome_of_query_error(authentication(0, ""));
    assert_eq!((ended, findings.session), (ProbeOutcome::NotAsked, None));
}

/// A session that is opened, and whose query fails.
fn outcome_of_query_error(before: Vec<u8>) -> (ProbeOutcome, ProbeFindings) {
    outcome(&[before, session(&[error("42703")])])
}

#[test]
fn an_error_is_what_its_step_makes_it() {
    let ok = authentication(0, "");
    for (script, expected) in [
        (vec![error("28000")], ProbeOutcome::NotAdmitted),
        (vec![asks(), error("58P01")], ProbeOutcome::NotJudged),
        (vec![asks(), error("28000")], ProbeOutcome::NotJudged),
        (vec![asks(), ok.clone(), error("3D000")], ProbeOutcome::SessionRefused),
        (vec![ok.clone(), error("28000")], ProbeOutcome::SessionRefused),
    ] {
        let (outcome, findings) = outcome(&script);
        assert_eq!((outcome, findings.error.is_some()), (expected, true));
    }
    assert_eq!(outcome_of_query_error([asks(), ok].concat()).0, ProbeOutcome::SessionRefused);
}

#[test]
fn a_server_that_takes_nobody_is_no_outcome() {
    for (code, hint) in [("53300", "max_connections"), ("57P03", "starts or stops"), ("XX000", "server's log")] {
        let (words, shown) = failure(&[error(code)]);
        assert!(words.contains("takes no login now") && words.contains(code) && words.contains(hint), "{words}");
        assert!(!shown);
    }
}

#[test]
fn a_connection_that_ends_says_how_far_it_was() {
    let (words, shown) = failure(&[]);
    assert!(words.contains("before it asked for anything") && !shown, "{words}");
    let (words, shown) = failure(&[asks()]);
    assert!(words.contains("after the token was sent") && words.contains("did it crash") && shown, "{words}");
    let (words, _) = failure(&[asks(), authentication(0, "")]);
    assert!(words.contains("after it let the client in"), "{words}");
}

#[test]
fn what_has_no_place_in_a_login_ends_it() {
    let challenge = authentication(11, "{}");
    for (script, words) in [
        (vec![message(b'D', "\0\0")], "a message 'D'"),
        (vec![message(b'R', "\0\0")], "a message 'R'"),
        (vec![asks(), asks()], "request for authentication 10"),
        (vec![asks(), authentication(3, "")], "request for authentication 3"),
        (vec![asks(), challenge.clone(), challenge.clone()], "request for authentication 11"),
        (vec![asks(), authentication(11, "no JSON")], "challenge that is not a JSON object"),
        (vec![asks(), authentication(11, "[]")], "challenge that is not a JSON object"),
        (vec![asks(), authentication(0, ""), message(b'K', "\0")], "short BackendKeyData"),
        (vec![asks(), authentication(0, ""), message(b'G', "")], "message 'G'"),
        (vec![asks(), authentication(0, ""), session(&[])], "not one row of three values"),
        (vec![asks(), authentication(0, ""), session(&[row(&["a", "b"])])], "not one row of three values"),
    ] {
        let (said, _) = failure(&script);
        assert!(said.contains(words), "no {words:?} in {said}");
    }
}
