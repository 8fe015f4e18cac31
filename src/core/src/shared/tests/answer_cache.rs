//! Answers that are kept: to whom they come back, for how long, and what is never kept.

use crate::config::{Config, KeySource, Profile};
use crate::introspection::{OnlineAnswer, OnlineCheck};
use crate::lookup::LookupSubject;
use crate::protocol::{HelperRequest, Secret};
use crate::reach::{Pem, Reach};
use crate::shared::{Answers, Keepable, MAX_KEPT_BYTES, Moment, PLACES, Question};
use crate::time::UnixSeconds;
use crate::token::BearerToken;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const FRESH: [u64; 4] = [1, 2, 3, 4];

fn memory() -> Vec<AtomicU64> {
    (0..Answers::WORDS).map(|_| AtomicU64::new(0)).collect()
}

fn at(seconds: u64) -> Moment {
    let now = UnixSeconds::new(1_800_000_000).after(Duration::from_secs(seconds));
    Moment { since_boot: Duration::from_secs(1_000 + seconds), now, epoch: 7 }
}

/// A profile, as a file writes it, with these further settings.
fn profile(mode: &str, further: &str) -> Profile {
    let text = format!(
        "[profiles.corp]\nissuer = \"https://corp.example\"\naudience = [\"pg\"]\nmode = \"{mode}\"\n\
         clients = {{ claims = [\"$.azp\"], allow = [\"psql\"] }}\n\
         introspection = {{ endpoint = \"https://corp.example/i\", auth = \"none\", cache = \"30s\" }}\n{further}\n"
    );
    let parsed = Config::parse(text.as_bytes(), "f");
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings)).profiles()[0].clone()
}

fn check(profile: &Profile) -> &OnlineCheck {
    match &profile.keys {
        KeySource::Online(check) => check,
        other => panic!("{other:?}"),
    }
}

fn request(profile: &Profile, ca: &str, token: &str) -> HelperRequest {
    let reach: Reach<Pem> = check(profile).reach.clone().map(|_| Pem(String::new()));
    let reach = Reach { ca: Some(Pem(ca.to_owned())), ..reach };
    HelperRequest::for_token(check(profile), reach, None, &BearerToken::new(token.as_bytes())).expect("a text")
}

fn shown(token: &str) -> BearerToken {
    BearerToken::new(token.as_bytes())
}

fn question(answers: &Answers<'_>, token: &str) -> Question {
    let profile = profile("introspection", "");
    answers.question(FRESH, &profile, &shown(token), &request(&profile, "ca", token))
}

fn yes(further: &str) -> OnlineAnswer {
    OnlineAnswer { status: 200, body: format!("{{\"active\":true,\"sub\":\"ana\"{further}}}") }
}

/// Keeps this for a question asked at second 0. Whether it was kept.
fn keep(answers: &Answers<'_>, question: &Question, answer: &OnlineAnswer, nonce: u8) -> bool {
    let profile = profile("introspection", "");
    let kept = Keepable::of(check(&profile), answer, at(0));
    kept.is_some_and(|kept| answers.keep(question, kept, [nonce; 12], at(0)))
}

#[test]
fn an_answer_comes_back_to_its_own_question_alone() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let own = question(&answers, "opaque-1");
    assert_eq!(answers.find(&own, at(0)), None, "nothing is kept yet");
    assert!(keep(&answers, &own, &yes(""), 1));
    assert_eq!(answers.find(&own, at(1)), Some(yes("")));
    assert_eq!(answers.find(&question(&answers, "opaque-1"), at(1)), Some(yes("")), "in another process");

    let first = profile("introspection", "");
    for (what, other) in [
        ("a longer token", question(&answers, "opaque-12")),
        ("a shorter token", question(&answers, "opaque-")),
        ("other authorities", answers.question(FRESH, &first, &shown("opaque-1"), &request(&first, "cb", "opaque-1"))),
    ] {
        assert_eq!(answers.find(&other, at(1)), None, "{what}");
    }
    for further in ["deny_identities = [\"eve\"]", "clock_skew = \"31s\"", "scope = { required = [\"x\"] }"] {
        let changed = profile("introspection", further);
        let other = answers.question(FRESH, &changed, &shown("opaque-1"), &request(&changed, "ca", "opaque-1"));
        assert_eq!(answers.find(&other, at(1)), None, "{further}");
    }
    let secret = |text: &str| {
        let mut request = request(&first, "ca", "opaque-1");
        if let crate::protocol::Task::Introspect { authorization, .. } = &mut request.task {
            *authorization = crate::protocol::Authorization::Bearer { secret: Secret::new(text.to_owned()) };
        }
        answers.question(FRESH, &first, &shown("opaque-1"), &request)
    };
    let with_secret = secret("hush");
    assert!(keep(&answers, &with_secret, &yes(""), 2));
    assert!(answers.find(&with_secret, at(1)).is_some());
    assert_eq!(answers.find(&secret("hush!"), at(1)), None, "another secret");
}

#[test]
fn it_ends_with_its_time_the_token_an_enforcement_and_the_memory() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let (short, long) = (question(&answers, "short"), question(&answers, "long"));
    let expires = at(0).now.after(Duration::from_secs(10)).get();
    assert!(keep(&answers, &long, &yes(""), 1));
    assert!(keep(&answers, &short, &yes(&format!(",\"exp\":{expires}")), 2));
    for (second, of_short, of_long) in
        [(0, true, true), (9, true, true), (10, false, true), (29, false, true), (30, false, false)]
    {
        assert_eq!(answers.find(&short, at(second)).is_some(), of_short, "{second}");
        assert_eq!(answers.find(&long, at(second)).is_some(), of_long, "{second}");
    }
    // The wall clock was set back: it is the other one that counts.
    let set_back = Moment { now: UnixSeconds::new(0), ..at(30) };
    assert_eq!(answers.find(&long, set_back), None);
    // The machine was stopped and goes on later, as a guest that is resumed, or its clock was set forward.
    for (wall, found) in [(10, true), (30, true), (31, false), (604_800, false)] {
        let resumed = Moment { now: at(wall).now, ..at(10) };
        assert_eq!(answers.find(&long, resumed).is_some(), found, "{wall}");
    }
    // A place that says that it holds much longer than any answer is none of ours.
    assert_eq!(answers.find(&long, Moment { since_boot: Duration::ZERO, ..at(0) }), None);
    for epoch in [6, 8] {
        assert_eq!(answers.find(&long, Moment { epoch, ..at(1) }), None, "{epoch}");
    }
    let other = self::memory();
    let others = Answers::new(&other).expect("enough");
    let profile = profile("introspection", "");
    let elsewhere = others.question([5, 6, 7, 8], &profile, &shown("long"), &request(&profile, "ca", "long"));
    assert_eq!(answers.find(&elsewhere, at(1)), None, "another memory has another secret");
}

#[test]
fn what_is_no_clear_yes_or_too_long_is_not_kept() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let own = question(&answers, "t");
    let answer = |status, body: &str| OnlineAnswer { status, body: body.to_owned() };
    let now = at(0).now.get();
    for no in [
        answer(200, "{\"active\":false}"),
        answer(200, "{\"active\":\"true\"}"),
        answer(200, "{\"sub\":\"ana\"}"),
        answer(200, "active"),
        answer(400, "{\"active\":true}"),
        answer(200, "{\"active\":true,\"token_type\":\"refresh_token\"}"),
        yes(",\"exp\":\"soon\""),
        yes(",\"exp\":1e300"),
        yes(&format!(",\"exp\":{now}")),
        yes(&format!(",\"exp\":{}", now - 1)),
    ] {
        assert!(!keep(&answers, &own, &no, 1), "{no:?} {}", no.body);
        assert_eq!(answers.find(&own, at(0)), None);
    }
    let filled = |length: usize| {
        let rest = length - yes(",\"x\":\"\"").body.len();
        yes(&format!(",\"x\":\"{}\"", "x".repeat(rest)))
    };
    assert!(!keep(&answers, &own, &filled(MAX_KEPT_BYTES + 1), 1));
    assert!(keep(&answers, &own, &filled(MAX_KEPT_BYTES), 2));
    assert_eq!(answers.find(&own, at(0)), Some(filled(MAX_KEPT_BYTES)));
    // Without the setting.
    let mut off = check(&profile("introspection", "")).clone();
    off.cache = Duration::ZERO;
    assert!(Keepable::of(&off, &yes(""), at(0)).is_none());
}

#[test]
fn the_seconds_of_tokeninfo_count_from_its_answer() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let profile = profile("tokeninfo", "");
    let question = answers.question(FRESH, &profile, &shown("t"), &request(&profile, "ca", "t"));
    let body = "{\"azp\":\"psql\",\"expires_in\":\"5\"}".to_owned();
    let kept = Keepable::of(check(&profile), &OnlineAnswer { status: 200, body }, at(0)).expect("a yes");
    assert!(answers.keep(&question, kept, [1; 12], at(0)));
    assert!(answers.find(&question, at(4)).is_some());
    assert_eq!(answers.find(&question, at(5)), None);
}

#[test]
fn while_all_places_are_taken_a_further_answer_is_not_kept() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let questions: Vec<Question> = (0..=PLACES).map(|number| question(&answers, &format!("t{number}"))).collect();
    for question in &questions[..PLACES] {
        assert!(keep(&answers, question, &yes(""), 1));
        assert!(keep(&answers, question, &yes(",\"again\":1"), 2), "one question has one place");
    }
    assert!(!keep(&answers, &questions[PLACES], &yes(""), 1));
    assert_eq!(answers.find(&questions[PLACES], at(0)), None);
    assert!(questions[..PLACES].iter().all(|question| answers.find(question, at(0)) == Some(yes(",\"again\":1"))));
    // A minute later there is room again.
    let profile = profile("introspection", "");
    let later = Keepable::of(check(&profile), &yes(""), at(60)).expect("a yes");
    assert!(answers.keep(&questions[PLACES], later, [3; 12], at(60)));
    assert!(answers.find(&questions[PLACES], at(61)).is_some());
}

/// Every backend can read the memory, and write it.
#[test]
fn the_memory_shows_nothing_and_what_was_changed_in_it_is_no_answer() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let own = question(&answers, "opaque-token-of-ana");
    let name = ",\"name\":\"a-name-to-be-looked-for\"";
    assert!(keep(&answers, &own, &yes(name), 1));
    let bytes: Vec<u8> = memory.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    for text in ["a-name-", "active", "opaque-t", "\"sub\""] {
        assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
    let used: Vec<usize> = (0..memory.len()).filter(|at| memory[*at].load(Ordering::Relaxed) != 0).collect();
    // The number in front says only whether somebody writes; the list of ends is for those who look for room.
    let only_hints = |number: usize| (16 + PLACES..16 + 2 * PLACES + 1).contains(&number) || number < 4;
    for number in used.into_iter().filter(|number| !only_hints(*number)) {
        let right = memory[number].fetch_xor(1, Ordering::Relaxed);
        assert_eq!(answers.find(&own, at(1)), None, "word {number}");
        memory[number].store(right, Ordering::Relaxed);
    }
    assert_eq!(answers.find(&own, at(1)), Some(yes(name)));
}

#[test]
fn many_at_once_find_their_own_answer_or_none() {
    let memory = memory();
    let profile = profile("introspection", "");
    thread::scope(|scope| {
        for worker in 0..4u8 {
            let (memory, profile) = (&memory, &profile);
            scope.spawn(move || {
                let answers = Answers::new(memory).expect("enough");
                for round in 0..400u64 {
                    let token = format!("t{}", round % 7);
                    let question = answers.question(
                        [u64::from(worker) + 9; 4],
                        profile,
                        &shown(&token),
                        &request(profile, "ca", &token),
                    );
                    let of_token = yes(&format!(",\"token\":\"{token}\""));
                    if let Some(found) = answers.find(&question, at(1)) {
                        assert_eq!(found, of_token);
                    }
                    let kept = Keepable::of(check(profile), &of_token, at(0)).expect("a yes");
                    let mut nonce = [worker; 12];
                    nonce[..8].copy_from_slice(&round.to_le_bytes());
                    answers.keep(&question, kept, nonce, at(0));
                }
            });
        }
    });
    let answers = Answers::new(&memory).expect("enough");
    let found = (0..7).filter(|number| {
        let token = format!("t{number}");
        let question = answers.question(FRESH, &profile, &shown(&token), &request(&profile, "ca", &token));
        answers.find(&question, at(1)) == Some(yes(&format!(",\"token\":\"{token}\"")))
    });
    assert_eq!(found.count(), 7, "all had the same secret");
}

/// Whoever changes one of these changes what a word of the memory means, and `VERSION` with it.
#[test]
fn a_place_is_as_large_as_an_answer_and_what_is_known_of_it() {
    // The number in front; the identity of the question; the two ends, the epoch and the length; the nonce; the answer
    // with what sealing adds.
    let place = 1 + 4 + 4 + 2 + 514;
    assert_eq!(Answers::WORDS, 16 + 256 * 2 + 256 * place);
}

/// The number in front of a place is odd while somebody writes it: nobody else writes there, and nobody reads it.
#[test]
fn a_place_that_somebody_writes_is_left_alone() {
    let sequence = |memory: &[AtomicU64], number: usize, value: u64| {
        memory[16 + 2 * PLACES + number * 525].store(value, Ordering::Relaxed);
    };
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let own = question(&answers, "opaque");
    (0..PLACES).for_each(|number| sequence(&memory, number, 1));
    assert!(!keep(&answers, &own, &yes(""), 1), "all of them are being written");
    sequence(&memory, 7, 0);
    assert!(keep(&answers, &own, &yes(""), 2));
    assert_eq!(answers.find(&own, at(1)), Some(yes("")));
    sequence(&memory, 7, 3);
    assert_eq!(answers.find(&own, at(1)), None, "it is being written anew");
    sequence(&memory, 7, 4);
    assert_eq!(answers.find(&own, at(1)), Some(yes("")));
}

/// A profile that looks groups up, and has what was found kept.
fn looking_up(cache: &str) -> Profile {
    let text = format!(
        "[profiles.corp]\nissuer = \"https://corp.example\"\naudience = [\"pg\"]\n\
         require = [{{ claim = \"$.groups\", contains = \"dba\" }}]\n\
         lookup = {{ kind = \"userinfo\", claims = [\"groups\"], endpoint = \"https://corp.example/u\"{cache} }}\n"
    );
    let parsed = Config::parse(text.as_bytes(), "f");
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings)).profiles()[0].clone()
}

#[test]
fn what_was_found_for_a_token_is_kept_without_what_nobody_asked_for() {
    let memory = memory();
    let answers = Answers::new(&memory).expect("enough");
    let profile = looking_up(", cache = \"30s\"");
    let lookup = &profile.lookup.as_ref().expect("a lookup").value;
    let about = |seconds: u64| LookupSubject { user: "ana".to_owned(), expires: Some(at(seconds).now) };
    let question = |token: &str, user: &str| {
        let about = LookupSubject { user: user.to_owned(), expires: None };
        let reach: Reach<Pem> = lookup.reach.clone().map(|_| Pem(String::new()));
        let request = HelperRequest::for_lookup(lookup, reach, None, &about, &shown(token)).expect("a text");
        answers.question(FRESH, &profile, &shown(token), &request)
    };
    let says = |body: &str| OnlineAnswer { status: 200, body: body.to_owned() };
    let full = says("{\"sub\":\"ana\",\"groups\":[\"dba\"],\"email\":\"ana@corp.example\"}");
    let own = question("t", "ana");
    let kept = Keepable::of_lookup(lookup, &about(10), &full, at(0)).expect("to be kept");
    assert!(answers.keep(&own, kept, [1; 12], at(0)));
    let found = answers.find(&own, at(9)).expect("it");
    assert_eq!(found.body, "{\"groups\":[\"dba\"],\"sub\":\"ana\"}", "and no address");
    assert_eq!(answers.find(&own, at(10)), None, "not longer than the token");
    assert_eq!(answers.find(&question("t2", "ana"), at(1)), None, "another token");
    for (what, answer) in [
        ("another user's", says("{\"sub\":\"eve\",\"groups\":[\"dba\"]}")),
        ("nothing", says("{\"sub\":\"ana\"}")),
        ("no groups", says("{\"sub\":\"ana\",\"groups\":[]}")),
        ("no JSON", says("x")),
        ("a refusal", OnlineAnswer { status: 401, ..full.clone() }),
    ] {
        assert!(Keepable::of_lookup(lookup, &about(10), &answer, at(0)).is_none(), "{what}");
    }
    assert!(Keepable::of_lookup(lookup, &about(0), &full, at(0)).is_none(), "a token that has expired");
    let none = looking_up("");
    let none = &none.lookup.as_ref().expect("a lookup").value;
    assert!(Keepable::of_lookup(none, &about(10), &full, at(0)).is_none(), "by itself nothing is kept");
    let long = format!("{{\"sub\":\"ana\",\"groups\":[\"{}\"]}}", "g".repeat(MAX_KEPT_BYTES));
    assert!(Keepable::of_lookup(lookup, &about(10), &says(&long), at(0)).is_none(), "too long");
}
