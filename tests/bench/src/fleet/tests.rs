//! That a fleet does not stay in step, and what it asks then. The provider is a function here.

use super::report::{per_minute, svg, table};
use super::scenes::{MAX_AGE, Scene};
use super::{Asked, Clocks, Course, Fleet, State};
use oauth_validator_core::KeySet;
use oauth_validator_core::protocol::{FetchedKeys, Freshness, HelperFailure, HelperReply, HelperRequest};
use oauth_validator_fixtures::keys;
use serde_json::json;
use std::ops::Range;

const SERVERS: usize = 100;

/// Answers at once.
struct StateFunction(State);

impl Asked for StateFunction {
    fn set(&mut self, state: State) {
        self.0 = state;
    }

    fn ask(&mut self, _: &HelperRequest) -> (HelperReply, u32) {
        if self.0.away {
            let failure = HelperFailure { code: "status".into(), message: "503".into(), hint: "wait".into() };
            return (HelperReply::Failed(failure), 1);
        }
        let all = [keys::ed25519(), keys::corp()];
        let published = KeySet::from_jwks(keys::jwks(&all[..self.0.keys]).to_string().as_bytes()).expect("keys");
        let freshness = Freshness { max_age: Some(MAX_AGE), no_cache: false };
        let url = "https://idp.example/jwks".to_owned();
        (HelperReply::Keys(FetchedKeys { url, etag: None, freshness, keys: published }), 2)
    }

    fn issuer(&self) -> (String, Option<Vec<u8>>) {
        ("https://idp.example".to_owned(), None)
    }
}

fn scene(minutes: u32) -> Scene {
    Scene { at_once: true, minutes, away: None, rotation: None, looks: vec![("it", 0..minutes)] }
}

fn play(scene: &Scene, clocks: Clocks) -> Course {
    let mut asked = StateFunction(State { away: false, keys: 1 });
    Fleet::new(SERVERS, &asked).expect("folders").play(scene, clocks, 7, &mut asked)
}

fn busiest(course: &Course, minutes: Range<usize>) -> u32 {
    per_minute(&course.requests)[minutes].iter().copied().max().unwrap_or_default()
}

/// Each server asks once an hour, with two requests: 200 in the first minutes, and then not all of them at the same time again.
#[test]
fn servers_that_began_together_part() {
    let scene = scene(180);
    let [real, whole] = [Clocks::Real, Clocks::WholeSeconds].map(|clocks| play(&scene, clocks));
    for course in [&real, &whole] {
        assert_eq!(per_minute(&course.requests)[..5].iter().sum::<u32>(), 200, "each asks once");
        assert_eq!(course.denied.iter().sum::<u32>(), 0);
    }
    let (herd, parted) = (busiest(&whole, 100..180), busiest(&real, 100..180));
    assert!(herd >= 60, "without, a third of all come in one minute: {herd}");
    assert!(parted <= 40, "{parted} requests in one minute of 100 servers that began two hours ago");
}

/// Nobody asks more often than the least back-off allows, some once more within a minute by chance, and as good as all are in
/// again two minutes after the outage.
#[test]
fn an_outage_without_keys_is_no_flood() {
    let course = play(&Scene { away: Some(0..10), ..scene(20) }, Clocks::Real);
    let minutes = per_minute(&course.requests);
    let (during, after) = minutes.split_at(10);
    assert!(
        during.iter().skip(3).all(|requests| *requests <= 125),
        "once a minute, when the first minutes are over: {minutes:?}"
    );
    assert_eq!(after.iter().sum::<u32>(), 200, "each asks once more, and has its keys: {minutes:?}");
    assert!(after[..2].iter().sum::<u32>() >= 180, "nine of ten at once: {minutes:?}");
    assert_eq!(course.denied[..600], course.logins[..600], "no login without keys");
    assert_eq!(course.denied[12 * 60..].iter().sum::<u32>(), 0, "all are back two minutes later");
}

/// A key that is published long before its use costs no login; one that is used at once costs some.
#[test]
fn a_rotation_is_seen_by_those_alone_who_were_not_told() {
    let told = play(&Scene { rotation: Some([1, 61]), ..scene(75) }, Clocks::Real);
    assert_eq!(told.denied.iter().sum::<u32>(), 0);
    let untold = play(&Scene { rotation: Some([10, 10]), ..scene(40) }, Clocks::Real);
    let asked = per_minute(&untold.requests);
    assert!(asked[5..10].iter().all(|requests| *requests == 0), "{asked:?}");
    assert_eq!(asked[10..22].iter().sum::<u32>(), 200, "each asks once: {asked:?}");
    assert_eq!(untold.denied.iter().sum::<u32>(), 0, "and waits for the answer");
}

#[test]
fn what_was_seen_is_a_table_and_a_picture() {
    let figures = json!({ "a_minute": 1.5, "busiest_minute": 9, "busiest_second": 3, "logins": 70, "denied": 4 });
    let look = json!({ "name": "an hour", "as_it_is": figures, "without": figures });
    let curve = json!({ "name": "an hour", "as_it_is": vec![1; 300], "without": vec![2; 300] });
    let short = json!({ "name": "short", "as_it_is": [1], "without": [1] });
    let report = json!({ "about": { "servers": "2" }, "looks": [look], "curves": [curve, short] });
    assert!(table(&report).contains("\n| an hour | 2 | 9 | 3 | 4 of 70 | 9 | 3 |\n"), "{}", table(&report));
    let svg = svg(&report);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("short"), "{svg}");
    assert_eq!(svg.matches("<polyline").count(), 2);
}
