//! The sentinel test: nothing of a token reaches the server's log or the client, however talkative the server is.
//!
//! Until the signature holds, and the token is meant for this server, that is nothing at all; after it, the identity
//! alone, in PostgreSQL's own `connection authenticated`. It looks for whole strings and for every piece of 16
//! characters, as they are, as base64 and in hexadecimal.

use crate::cases::{self, Case};
use crate::providers::{self, ENTRA, LAB, SECRET_LENGTH, SECRET_MARK, secret};
use crate::support::TALKATIVE;
use oauth_validator_fixtures::mint;
use std::collections::HashMap;

/// The shortest piece that counts.
const PIECE: usize = 16;

/// Every piece that must not be seen, with what it belongs to.
#[derive(Default)]
struct Forbidden {
    pieces: HashMap<[u8; PIECE], usize>,
    owners: Vec<String>,
}

impl Forbidden {
    fn add(&mut self, bytes: &[u8], what: &str) {
        self.owners.push(what.to_owned());
        for piece in bytes.windows(PIECE) {
            let piece: [u8; PIECE] = piece.try_into().expect("a window's length");
            self.pieces.insert(piece, self.owners.len() - 1);
        }
    }

    /// As it is, in both alphabets of base64, and in hexadecimal.
    fn add_in_all_spellings(&mut self, bytes: &[u8], what: &str) {
        let standard: Vec<u8> = bytes
            .iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        let hex = hex(bytes);
        self.add(bytes, what);
        self.add(&standard, &format!("{what}, in standard base64"));
        self.add(hex.as_bytes(), &format!("{what}, in hexadecimal"));
        self.add(hex.to_ascii_uppercase().as_bytes(), &format!("{what}, in hexadecimal"));
        // Base64 of it, wherever in a longer text it begins.
        for shift in 0..3 {
            let shifted = [&[0; 3][..shift], bytes].concat();
            let encoded = mint::b64(shifted);
            self.add(&encoded.as_bytes()[4..], &format!("{what}, in base64"));
        }
    }

    /// The token, and the secrets within what its parts decode to.
    fn add_token(&mut self, token: &str, what: &str) {
        self.add_in_all_spellings(token.as_bytes(), &format!("the token of {what}"));
        for (number, part) in token.trim_end_matches('=').split('.').enumerate() {
            let decoded = decoded(part);
            let what = format!("part {} of the token of {what}", number + 1);
            self.add(hex(&decoded).as_bytes(), &what);
            self.add(hex(&decoded).to_ascii_uppercase().as_bytes(), &what);
            for secret in secrets_in(&decoded) {
                self.add_in_all_spellings(secret, &what);
            }
        }
    }

    /// The first piece that `text` has nevertheless.
    fn found_in(&self, text: &[u8]) -> Option<String> {
        text.windows(PIECE).enumerate().find_map(|(at, piece)| {
            let what = &self.owners[*self.pieces.get(piece)?];
            let around = &text[at.saturating_sub(200)..(at + 200).min(text.len())];
            Some(format!("{what}: \"{}\" in:\n{}", piece.escape_ascii(), String::from_utf8_lossy(around)))
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64url, as far as it is: unlike in a token, anything may follow or be missing.
fn decoded(part: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits: Vec<usize> = part.bytes().map_while(|byte| alphabet.iter().position(|own| *own == byte)).collect();
    let whole = |four: &[usize]| four.iter().chain([0; 4].iter()).take(4).fold(0, |sum, digit| sum * 64 + digit);
    let bytes = digits.chunks(4).flat_map(|four| {
        let [_, rest @ ..] = u32::try_from(whole(four)).expect("24 bits").to_be_bytes();
        rest.into_iter().take(four.len() * 6 / 8)
    });
    bytes.collect()
}

fn secrets_in(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.windows(SECRET_LENGTH).filter(|window| window.starts_with(SECRET_MARK.as_bytes()))
}

/// The log, with each identity taken out that it may mention; and it does mention it, once for each login.
fn without_permitted_names(log: &str, cases: &[Case]) -> String {
    let mut log = log.to_owned();
    for identity in cases.iter().filter_map(|case| case.identity.as_deref()) {
        let mention = format!("connection authenticated: identity=\"{identity}\" method=oauth");
        assert_eq!(log.matches(&mention).count(), 1, "{mention}");
        log = log.replace(&mention, "connection authenticated: identity=\"-\" method=oauth");
    }
    log
}

#[test]
fn nothing_of_a_refused_token_is_logged_or_sent() {
    let cluster = providers::start(TALKATIVE);
    let cases = cases::refused();
    let mut forbidden = Forbidden::default();
    for case in &cases {
        forbidden.add_token(&case.token, case.what);
    }
    for case in &cases {
        let mark = cluster.log_mark();
        let attempt = cluster.login(&case.login());
        assert_eq!(attempt.refused().sqlstate, "28000", "{}", case.what);
        assert_eq!(forbidden.found_in(&attempt.received), None, "{}: sent to the client", case.what);
        cluster.wait_for_log(mark, "FATAL:");
    }
    let log = cluster.log();
    assert_eq!(log.matches("oauth_validator: denied: ").count(), cases.len());
    assert!(log.contains("DEBUG:  00000: oauth_validator: "), "the trace is there as well");
    assert_eq!(forbidden.found_in(without_permitted_names(&log, &cases).as_bytes()), None);
}

#[test]
fn an_accepted_token_leaves_nothing_but_the_name() {
    let cluster = providers::start(TALKATIVE);
    let mut forbidden = Forbidden::default();
    let lab = LAB.secret_user().subject("ana_lab").sign(LAB.key());
    forbidden.add_token(&lab, "ana_lab");
    let entra = ENTRA.secret_user().claim("oid", "5d5d5d5d-3333-4444-8555-666666666666").sign(ENTRA.key());
    forbidden.add_token(&entra, "ana_entra");
    for login in [LAB.login(&lab), ENTRA.login(&entra)] {
        let attempt = cluster.login(&login);
        assert_eq!(forbidden.found_in(&attempt.received), None);
        let mut session = attempt.accepted();
        // Nor may somebody with a session find it in what the server shows of others.
        let rows = session.query("SELECT a::text FROM pg_stat_activity AS a").expect("rows");
        assert_eq!(forbidden.found_in(format!("{rows:?}").as_bytes()), None);
    }
    assert_eq!(forbidden.found_in(cluster.log().as_bytes()), None);
}

/// A search that finds nothing must be able to find something.
#[test]
fn the_search_finds_what_is_there() {
    let mut forbidden = Forbidden::default();
    let user = LAB.secret_user();
    let identity = LAB.identity_of(&user);
    let token = user.sign(LAB.key());
    forbidden.add_token(&token, "somebody");
    let signature = mint::split(&token)[2].clone();
    assert_eq!(decoded(token.split('.').nth(2).expect("a signature")), signature);
    for seen in [
        token.clone(),
        token[7..40].to_owned(),
        token.rsplit('.').next().expect("a signature")[..PIECE].to_owned(),
        identity.clone(),
        identity[3..3 + PIECE].to_owned(),
        mint::b64(format!("sub={identity}")),
        hex(identity.as_bytes()).to_ascii_uppercase(),
        hex(&signature[9..9 + PIECE]),
    ] {
        let log = format!("2026-01-01 LOG:  something about {seen} there");
        assert!(forbidden.found_in(log.as_bytes()).is_some(), "{seen}");
    }
    for unseen in [secret(), "RS256".to_owned(), "https://lab.example/realms/db".to_owned()] {
        assert_eq!(forbidden.found_in(format!("LOG:  {unseen}").as_bytes()), None);
    }
}
