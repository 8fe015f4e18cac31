//! Who asks the provider, and how often.

use super::{ProviderSetup, TIMING, answer, never, new_keys, nobody_answers, old_keys, says, world};
use oauth_validator_core::protocol::{Freshness, HelperReply, Task};
use oauth_validator_core::{KeyStatus, KeyTiming, NewerKeys};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn the_first_login_asks_and_the_next_ones_need_nobody() {
    let setup = ProviderSetup::new();
    let mut first = world(|request| {
        let Task::Keys { issuer, known, .. } = &request.task else { panic!("{request:?}") };
        assert_eq!((issuer.as_str(), known), ("https://idp.example", &None));
        answer(old_keys())
    });
    assert_eq!(setup.usable(&mut first), Ok(old_keys()));
    assert_eq!((first.fetches, first.complaints.len()), (1, 0));
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
    assert_eq!(setup.standing(), KeyStatus::Fresh);
}

#[test]
fn keys_are_refreshed_ahead_and_the_provider_is_told_what_is_known() {
    let setup = ProviderSetup::new().with_keys_aged(80);
    let mut refresh = world(|request| {
        let Task::Keys { known, .. } = &request.task else { panic!("{request:?}") };
        assert_eq!(known.as_ref().map(|known| known.etag.as_str()), Some("\"7\""));
        HelperReply::Unchanged(Freshness::default())
    });
    assert_eq!(setup.usable(&mut refresh), Ok(old_keys()));
    assert_eq!(refresh.fetches, 1);
    assert_eq!(setup.standing(), KeyStatus::Fresh, "confirmed");
}

#[test]
fn however_short_keys_live_attempts_are_a_second_apart() {
    let mut setup = ProviderSetup::new();
    setup.settings().timing = KeyTiming { min_ttl: Duration::from_secs(1), max_ttl: Duration::from_secs(1), ..TIMING };
    let mut busy = world(|_| answer(old_keys()));
    let started = Instant::now();
    for _ in 0..50 {
        assert_eq!(setup.usable(&mut busy), Ok(old_keys()));
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(busy.fetches <= 2 + seconds, "{} fetches in {seconds} s", busy.fetches);
}

#[test]
fn a_dead_provider_holds_up_one_login_and_ends_the_others_with_stale_max() {
    let setup = ProviderSetup::new().with_keys_aged(100);
    let mut dead = world(|_| nobody_answers());
    for _ in 0..3 {
        assert_eq!(setup.usable(&mut dead), Ok(old_keys()));
    }
    assert_eq!((dead.fetches, dead.complaints.len()), (1, 1), "the others are within its back-off");
    let line = "logins by profile \"corp\" go on with old keys until 20";
    assert!(dead.complaints[0].starts_with(line), "{:?}", dead.complaints);
    assert!(dead.complaints[0].contains(": connect: nobody answers | See whether."), "{:?}", dead.complaints);
    let setup = ProviderSetup::new().with_keys_aged(600);
    says(
        setup.usable(&mut dead),
        &["connect: nobody answers.", "older than keys.max_ttl and keys.stale_max", "See whether."],
    );
    let setup = ProviderSetup::new();
    says(setup.usable(&mut dead), &["The keys of https://idp.example cannot be fetched: connect: nobody answers."]);
    says(setup.usable(&mut dead), &["connect: nobody answers.", "asked again in 1 s"]);
    assert_eq!(dead.fetches, 3);
}

#[test]
fn an_unknown_kid_asks_once_per_cooldown_and_takes_what_it_gets() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    let mut rotated = world(|_| answer(new_keys()));
    assert_eq!(setup.newer(&mut rotated), NewerKeys::Found(new_keys()));
    for _ in 0..3 {
        let NewerKeys::NotYet { why, .. } = setup.newer(&mut never()) else { panic!("asked again") };
        assert!(why.starts_with("The provider was asked 0 s ago, and is asked again in 60 s"), "{why}");
    }
    assert_eq!(setup.usable(&mut never()), Ok(new_keys()));
}

#[test]
fn a_provider_that_does_not_answer_is_named_also_to_those_who_come_later() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    let mut dead = world(|_| nobody_answers());
    for again in ["", "asked again in 1 s"] {
        let NewerKeys::Unavailable(why) = setup.newer(&mut dead) else { panic!("keys") };
        assert!(why.detail.contains("connect: nobody answers.") && why.detail.contains(again), "{why:?}");
    }
    assert_eq!((dead.fetches, setup.usable(&mut never())), (1, Ok(old_keys())));
}

#[test]
fn unchanged_without_anything_known_is_no_answer() {
    let setup = ProviderSetup::new();
    let mut confused = world(|_| HelperReply::Unchanged(Freshness::default()));
    says(setup.usable(&mut confused), &["there are none", "one version"]);
}

#[test]
fn a_refresh_asks_however_fresh_the_keys_are_and_says_what_failed() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    for _ in 0..2 {
        let record = setup.order().refresh(&mut world(|_| answer(new_keys()))).unwrap();
        assert_eq!(record.keys(), Some(&new_keys()));
    }
    let why = setup.order().refresh(&mut world(|_| nobody_answers())).unwrap_err();
    assert!(why.detail.contains("nobody answers"), "{why:?}");
    assert_eq!(setup.usable(&mut never()), Ok(new_keys()), "nothing is lost");
    fs::remove_file(setup.file()).unwrap();
    fs::create_dir(setup.file()).unwrap();
    let why = setup.order().refresh(&mut world(|_| answer(new_keys()))).unwrap_err();
    assert!(why.detail.contains("cannot be saved"), "{why:?}");
}

#[test]
fn a_bearer_token_is_read_for_each_fetch() {
    let mut setup = ProviderSetup::new();
    let file = setup.place.path("token");
    setup.settings().bearer_token_file = Some(file.display().to_string());
    for token in ["first", "second\n"] {
        fs::write(&file, token).unwrap();
        let mut asked = world(|request| {
            let Task::Keys { bearer, .. } = &request.task else { panic!("{request:?}") };
            assert_eq!(bearer.as_ref().map(|bearer| bearer.expose()), Some(token.trim_end()));
            answer(old_keys())
        });
        assert_eq!(ProviderSetup::usable(&setup, &mut asked), Ok(old_keys()));
        assert_eq!(asked.fetches, 1);
        // A profile's key file is forgotten, so that the next login asks.
        fs::remove_dir_all(setup.place.path("oauth_validator")).unwrap();
        setup.place.folder("oauth_validator", 0o700);
    }
}

#[test]
fn without_its_bearer_token_nobody_is_asked_and_old_keys_go_on() {
    let mut setup = ProviderSetup::new();
    setup.settings().bearer_token_file = Some("missing".to_owned());
    says(setup.usable(&mut never()), &["bearer_token", "keys.bearer_token_file", "does not exist"]);
    let mut setup = ProviderSetup::new().with_keys_aged(80);
    setup.settings().bearer_token_file = Some("missing".to_owned());
    let mut quiet = world(|_| panic!("nobody is asked"));
    assert_eq!(setup.usable(&mut quiet), Ok(old_keys()));
    assert!(quiet.complaints[0].contains("keys.bearer_token_file"), "{:?}", quiet.complaints);
}
