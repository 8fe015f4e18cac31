//! Keys of a provider: who asks it, how often, and what becomes of everybody else. The provider itself is a function
//! here; key files and locks are real.

use super::{Place, give, needs_root, set_mode};
use crate::{Gone, KeyFolder, KeyOrder, ServerUser, Surroundings};
use oauth_validator_core::protocol::{Failure, FetchedKeys, Freshness, HelperRequest, Outcome, Task};
use oauth_validator_core::{
    KeyRecord, KeySet, KeyTiming, KeysUnavailable, Location, NewerKeys, ProviderKeys, ProviderSettings, Standing,
    Wanted,
};
use oauth_validator_fixtures::keys;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const TIMING: KeyTiming =
    KeyTiming { min_ttl: 100, max_ttl: 1000, stale_max: 500, kid_cooldown: 60, connect_timeout: 1, timeout: 2 };

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn old_keys() -> KeySet {
    set(keys::corp())
}

fn new_keys() -> KeySet {
    set(keys::partner())
}

fn set(key: &keys::TestKey) -> KeySet {
    KeySet::from_jwks(keys::jwks(&[key]).to_string().as_bytes()).unwrap()
}

fn answer(keys: KeySet) -> Outcome {
    let url = "https://idp.example/jwks".to_owned();
    Outcome::Keys(FetchedKeys { url, etag: Some("\"7\"".into()), freshness: Freshness::default(), keys })
}

fn nobody_answers() -> Outcome {
    Outcome::Failed(Failure { code: "connect".into(), message: "nobody answers".into(), hint: "See whether.".into() })
}

type Provider<'a> = Box<dyn FnMut(&HelperRequest) -> Outcome + 'a>;

/// A provider that answers by a function, and counts.
struct World<'a> {
    provider: Provider<'a>,
    /// What happens while somebody waits.
    meanwhile: Box<dyn FnMut() -> Result<(), Gone> + 'a>,
    /// Whether somebody still waits for what was fetched.
    still_wanted: Result<(), Gone>,
    fetches: usize,
    complaints: Vec<String>,
}

impl Surroundings for World<'_> {
    fn pause(&mut self, time: Duration) -> Result<(), Gone> {
        assert!(time <= Duration::from_millis(50));
        std::thread::sleep(time);
        (self.meanwhile)()
    }

    fn still_wanted(&mut self) -> Result<(), Gone> {
        self.still_wanted
    }

    fn fetch(&mut self, request: &HelperRequest, limit: Duration) -> Outcome {
        assert!(Duration::from_millis(request.deadline_ms) < limit, "the helper gives up first");
        self.fetches += 1;
        (self.provider)(request)
    }

    fn ask(&mut self, _: &HelperRequest, _: Duration) -> Result<Outcome, Gone> {
        panic!("nobody asks about a token")
    }

    fn complain(&mut self, what: &str, hint: &str) {
        self.complaints.push(format!("{what} | {hint}"));
    }
}

fn world<'a>(provider: impl FnMut(&HelperRequest) -> Outcome + 'a) -> World<'a> {
    let (provider, meanwhile) = (Box::new(provider), Box::new(|| Ok(())));
    World { provider, meanwhile, still_wanted: Ok(()), fetches: 0, complaints: Vec::new() }
}

/// A login whose client hangs up while the provider answers.
fn left<'a>(provider: impl FnMut(&HelperRequest) -> Outcome + 'a) -> World<'a> {
    World { still_wanted: Err(Gone), ..world(provider) }
}

fn never<'a>() -> World<'a> {
    world(|_| panic!("the provider was asked"))
}

/// A profile with its folder of key files.
struct Setup {
    place: Place,
    source: ProviderKeys,
    folder: PathBuf,
}

impl Setup {
    fn new() -> Self {
        let place = Place::new();
        let folder = place.folder("oauth_validator", 0o700);
        let settings = ProviderSettings {
            location: Location::Issuer,
            allowed_hosts: Vec::new(),
            ca_file: None,
            proxy: None,
            insecure_http: false,
            timing: TIMING,
        };
        let source = ProviderKeys { issuer: "https://idp.example".into(), settings: settings.into() };
        Self { place, source, folder }
    }

    fn settings(&mut self) -> &mut ProviderSettings {
        Arc::make_mut(&mut self.source.settings)
    }

    fn order(&self) -> KeyOrder<'_> {
        KeyOrder {
            profile: "corp",
            source: &self.source,
            config_path: self.place.folder.path(),
            folder: &self.folder,
            create_folder: false,
            user: ServerUser::current(),
        }
    }

    fn usable(&self, world: &mut World<'_>) -> Result<KeySet, KeysUnavailable> {
        self.order().usable(world)
    }

    fn newer(&self, world: &mut World<'_>) -> NewerKeys {
        self.order().newer(world)
    }

    /// Puts a key file there that was fetched this many seconds ago; its keys are fresh for 100 s.
    fn with_keys_aged(self, age: i64) -> Self {
        let Outcome::Keys(fetched) = answer(old_keys()) else { unreachable!() };
        let record = KeyRecord::fetched(
            "corp",
            &self.source.fingerprint(None),
            &self.source.settings.timing,
            fetched,
            now() - age,
        );
        self.write(&record.to_bytes());
        self
    }

    fn write(&self, contents: &[u8]) {
        fs::write(self.file(), contents).unwrap();
        set_mode(&self.file(), 0o600);
    }

    fn file(&self) -> PathBuf {
        self.folder.join("corp.json")
    }

    fn standing(&self) -> Standing {
        self.order().at_hand().unwrap().1
    }
}

#[track_caller]
fn says(result: Result<KeySet, KeysUnavailable>, words: &[&str]) {
    let why = result.expect_err("no keys");
    for word in words {
        assert!(why.detail.contains(word) || why.hint.contains(word), "no {word:?} in {why:?}");
    }
}

#[test]
fn the_first_login_asks_and_the_next_ones_need_nobody() {
    let setup = Setup::new();
    let mut first = world(|request| {
        let Task::Keys { issuer, known, .. } = &request.task else { panic!("{request:?}") };
        assert_eq!((issuer.as_str(), known), ("https://idp.example", &None));
        answer(old_keys())
    });
    assert_eq!(setup.usable(&mut first), Ok(old_keys()));
    assert_eq!((first.fetches, first.complaints.len()), (1, 0));
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
    assert_eq!(setup.standing(), Standing::Fresh);
}

#[test]
fn keys_are_refreshed_ahead_and_the_provider_is_told_what_is_known() {
    let setup = Setup::new().with_keys_aged(80);
    let mut refresh = world(|request| {
        let Task::Keys { known, .. } = &request.task else { panic!("{request:?}") };
        assert_eq!(known.as_ref().map(|known| known.etag.as_str()), Some("\"7\""));
        Outcome::Unchanged(Freshness::default())
    });
    assert_eq!(setup.usable(&mut refresh), Ok(old_keys()));
    assert_eq!(refresh.fetches, 1);
    assert_eq!(setup.standing(), Standing::Fresh, "confirmed");
}

#[test]
fn however_short_keys_live_attempts_are_a_second_apart() {
    let mut setup = Setup::new();
    setup.settings().timing = KeyTiming { min_ttl: 1, max_ttl: 1, ..TIMING };
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
    let setup = Setup::new().with_keys_aged(100);
    let mut dead = world(|_| nobody_answers());
    for _ in 0..3 {
        assert_eq!(setup.usable(&mut dead), Ok(old_keys()));
    }
    assert_eq!((dead.fetches, dead.complaints.len()), (1, 1), "the others are within its back-off");
    let line = "logins by profile \"corp\" go on with old keys until 20";
    assert!(dead.complaints[0].starts_with(line), "{:?}", dead.complaints);
    assert!(dead.complaints[0].contains(": connect: nobody answers | See whether."), "{:?}", dead.complaints);
    let setup = Setup::new().with_keys_aged(600);
    says(
        setup.usable(&mut dead),
        &["connect: nobody answers.", "older than keys.max_ttl and keys.stale_max", "See whether."],
    );
    let setup = Setup::new();
    says(setup.usable(&mut dead), &["The keys of https://idp.example cannot be fetched: connect: nobody answers."]);
    says(setup.usable(&mut dead), &["connect: nobody answers.", "asked again in 1 s"]);
    assert_eq!(dead.fetches, 3);
}

#[test]
fn an_unknown_kid_asks_once_per_cooldown_and_takes_what_it_gets() {
    let setup = Setup::new().with_keys_aged(0);
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
    let setup = Setup::new().with_keys_aged(0);
    let mut dead = world(|_| nobody_answers());
    for again in ["", "asked again in 1 s"] {
        let NewerKeys::Unavailable(why) = setup.newer(&mut dead) else { panic!("keys") };
        assert!(why.detail.contains("connect: nobody answers.") && why.detail.contains(again), "{why:?}");
    }
    assert_eq!((dead.fetches, setup.usable(&mut never())), (1, Ok(old_keys())));
}

#[test]
fn who_finds_the_lock_taken_uses_what_is_there() {
    let setup = Setup::new().with_keys_aged(90);
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    let _taken = folder.try_lock("corp").unwrap().unwrap();
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
}

#[test]
fn who_finds_the_lock_taken_and_no_keys_waits_for_the_one_who_asks() {
    let setup = Setup::new();
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    let mut taken = folder.try_lock("corp").unwrap();
    let mut waits = 0;
    let mut waiting = never();
    waiting.meanwhile = Box::new(|| {
        waits += 1;
        if waits == 3 {
            let Outcome::Keys(fetched) = answer(old_keys()) else { unreachable!() };
            let record = KeyRecord::fetched("corp", &setup.source.fingerprint(None), &TIMING, fetched, now());
            taken.take().unwrap().write(&record.to_bytes()).unwrap();
        }
        Ok(())
    });
    assert_eq!(setup.usable(&mut waiting), Ok(old_keys()));
    drop(waiting);
    assert_eq!(waits, 3);
}

#[test]
fn waiting_has_an_end() {
    let setup = Setup::new();
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    let _taken = folder.try_lock("corp").unwrap().unwrap();
    says(setup.usable(&mut never()), &["Another login", "keys.timeout, 2 s"]);
    let mut gone = never();
    gone.meanwhile = Box::new(|| Err(Gone));
    says(setup.usable(&mut gone), &["hung up"]);
}

/// A stranger's token with a made-up `kid`, whose client is gone before the provider has answered.
#[test]
fn what_one_who_hangs_up_began_counts_for_everybody() {
    let setup = Setup::new().with_keys_aged(0);
    let mut stranger = left(|_| answer(new_keys()));
    let NewerKeys::Unavailable(why) = setup.newer(&mut stranger) else { panic!("let in") };
    assert!(why.detail.contains("hung up") && stranger.fetches == 1, "{why:?}");
    for _ in 0..3 {
        let NewerKeys::NotYet { newest, why } = setup.newer(&mut left(|_| panic!("asked"))) else { panic!("keys") };
        assert!(newest == new_keys() && why.contains("asked again in 60 s"), "{why}");
    }
    assert_eq!(setup.usable(&mut never()), Ok(new_keys()));
}

#[test]
fn a_failure_that_nobody_waited_for_backs_off_as_any_other() {
    for (age, wanted) in [(0, Wanted::Newer), (90, Wanted::Usable), (600, Wanted::Usable)] {
        let setup = Setup::new().with_keys_aged(age);
        let mut stranger = left(|_| nobody_answers());
        for _ in 0..5 {
            match wanted {
                Wanted::Newer => assert!(matches!(setup.newer(&mut stranger), NewerKeys::Unavailable(_))),
                Wanted::Usable => drop(setup.usable(&mut stranger)),
            }
        }
        assert_eq!(stranger.fetches, 1, "{wanted:?}, keys of {age} s");
    }
}

/// Be the keys new, or usable all the while.
#[test]
fn nobody_is_let_in_who_has_left() {
    for (setup, age) in [(Setup::new(), None), (Setup::new().with_keys_aged(90), Some(90))] {
        says(setup.usable(&mut left(|_| answer(new_keys()))), &["hung up"]);
        assert_eq!(setup.usable(&mut never()), Ok(new_keys()), "but what was fetched is kept, {age:?}");
    }
    let setup = Setup::new().with_keys_aged(90);
    says(setup.usable(&mut left(|_| nobody_answers())), &["hung up"]);
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
}

/// As by a shutdown or `authentication_timeout` in the midst of a fetch: the attempt began, and has no end.
fn cut_off(setup: &Setup) {
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    folder.try_lock("corp").unwrap().unwrap().begin_attempt().unwrap();
}

#[test]
fn an_attempt_that_was_cut_off_holds_nobody_up() {
    let setup = Setup::new().with_keys_aged(0);
    cut_off(&setup);
    assert_eq!(setup.newer(&mut world(|_| answer(new_keys()))), NewerKeys::Found(new_keys()));
}

#[test]
fn who_comes_along_is_not_the_next_while_somebody_waits() {
    let setup = Setup::new().with_keys_aged(0);
    cut_off(&setup);
    let comes_along = || {
        let mut hurried = never();
        hurried.meanwhile = Box::new(|| Err(Gone));
        let NewerKeys::Unavailable(why) = setup.newer(&mut hurried) else { panic!("keys") };
        assert!(why.detail.contains("hung up"), "{why:?}");
    };
    // Each time that the other one waits, and first at the lock.
    let mut waits = 0;
    let mut patient = world(|_| answer(new_keys()));
    patient.meanwhile = Box::new(|| {
        waits += 1;
        comes_along();
        Ok(())
    });
    assert_eq!(setup.newer(&mut patient), NewerKeys::Found(new_keys()));
    drop(patient);
    assert!(waits > 0, "the other one asked at once, as if he had waited himself");
}

#[test]
fn who_can_do_without_lets_those_who_wait_go_first() {
    let setup = Setup::new().with_keys_aged(90);
    cut_off(&setup);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!(setup.usable(&mut world(|_| answer(new_keys()))), Ok(new_keys()));
}

#[test]
fn what_cannot_be_saved_is_used_and_complained_of_and_not_asked_for_by_each_login() {
    let setup = Setup::new();
    fs::create_dir(setup.file()).unwrap();
    let mut first = world(|_| answer(old_keys()));
    assert_eq!(setup.usable(&mut first), Ok(old_keys()));
    assert_eq!((first.fetches, first.complaints.len()), (1, 2), "{:?}", first.complaints);
    assert!(first.complaints[0].contains("it counts as absent"), "{:?}", first.complaints);
    assert!(
        first.complaints[1].starts_with("the keys of profile \"corp\" cannot be saved: "),
        "{:?}",
        first.complaints
    );
    says(setup.usable(&mut never()), &["asked again in 60 s at the earliest. Its last answer could not be saved."]);
}

#[test]
fn a_key_file_that_somebody_removed_is_fetched_again() {
    let setup = Setup::new();
    assert_eq!(setup.usable(&mut world(|_| answer(old_keys()))), Ok(old_keys()));
    fs::remove_file(setup.file()).unwrap();
    assert_eq!(setup.usable(&mut world(|_| answer(new_keys()))), Ok(new_keys()));
}

#[test]
fn key_files_of_others_are_no_key_files() {
    let original = Setup::new().with_keys_aged(0);
    let contents = fs::read(original.file()).unwrap();
    let half = &contents[..contents.len() / 2];
    let changed_issuer = |setup: &mut Setup| setup.source.issuer = "https://partner.example".into();
    let same = |_: &mut Setup| {};
    type Change = fn(&mut Setup);
    let cases: [(&[u8], Change, usize); 5] = [
        (half, same, 1),
        (b"", same, 1),
        (b"{\"version\": 1}", same, 1),
        (b"\xff\xfe\x00", same, 1),
        (&contents, changed_issuer, 0),
    ];
    for (contents, change, complaints) in cases {
        let mut setup = Setup::new();
        change(&mut setup);
        setup.write(contents);
        assert!(!setup.standing().is_usable());
        let mut dead = world(|_| nobody_answers());
        says(setup.usable(&mut dead), &["nobody answers"]);
        assert_eq!(dead.complaints.len(), complaints, "{:?}", dead.complaints);
        fs::remove_file(setup.folder.join("corp.lock")).unwrap();
        assert_eq!(setup.usable(&mut world(|_| answer(new_keys()))), Ok(new_keys()), "replaced");
        assert_eq!(setup.usable(&mut never()), Ok(new_keys()));
    }
}

#[test]
fn keys_from_the_future_are_none() {
    let setup = Setup::new().with_keys_aged(-3600);
    assert_eq!(setup.standing(), Standing::FromTheFuture);
    says(setup.usable(&mut world(|_| nobody_answers())), &["nobody answers"]);
}

#[test]
fn another_content_of_ca_file_gives_the_keys_up() {
    let mut setup = Setup::new();
    let ca = setup.place.file("ca.pem", 0o600);
    setup.settings().ca_file = Some(ca.to_string_lossy().into_owned());
    let mut first = world(|request| {
        assert_eq!(request.ca_pem.as_deref(), Some(super::SECRET));
        answer(old_keys())
    });
    assert_eq!(setup.usable(&mut first), Ok(old_keys()));
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
    fs::write(&ca, "another authority").unwrap();
    says(setup.usable(&mut world(|_| nobody_answers())), &["nobody answers"]);
    fs::remove_file(&ca).unwrap();
    says(setup.usable(&mut never()), &["keys.ca_file", "does not exist"]);
    fs::write(&ca, [0xff]).unwrap();
    says(setup.usable(&mut never()), &["keys.ca_file", "is not text"]);
    set_mode(&ca, 0o666);
    says(setup.usable(&mut never()), &["keys.ca_file", "mode 0666"]);
}

#[test]
fn an_untrusted_folder_is_never_asked_for() {
    let setup = Setup::new().with_keys_aged(0);
    set_mode(&setup.folder, 0o770);
    says(setup.usable(&mut never()), &["0770"]);
    set_mode(&setup.folder, 0o700);
    let moved = setup.place.path("elsewhere");
    fs::rename(&setup.folder, &moved).unwrap();
    says(setup.usable(&mut never()), &["oauth_validator"]);
    std::os::unix::fs::symlink(&moved, &setup.folder).unwrap();
    says(setup.usable(&mut never()), &["symbolic link"]);
    if needs_root("an_untrusted_folder_is_never_asked_for") {
        fs::remove_file(&setup.folder).unwrap();
        fs::rename(&moved, &setup.folder).unwrap();
        give(&setup.folder, super::STRANGER, super::STRANGER);
        says(setup.usable(&mut never()), &["owned by"]);
    }
}

#[test]
fn the_default_folder_is_made_and_another_one_is_not() {
    let setup = Setup::new();
    fs::remove_dir(&setup.folder).unwrap();
    says(setup.usable(&mut never()), &["oauth_validator"]);
    let order = KeyOrder { create_folder: true, ..setup.order() };
    assert_eq!(order.usable(&mut world(|_| answer(old_keys()))), Ok(old_keys()));
}

#[test]
fn unchanged_without_anything_known_is_no_answer() {
    let setup = Setup::new();
    let mut confused = world(|_| Outcome::Unchanged(Freshness::default()));
    says(setup.usable(&mut confused), &["there are none", "one version"]);
}

#[test]
fn a_refresh_asks_however_fresh_the_keys_are_and_says_what_failed() {
    let setup = Setup::new().with_keys_aged(0);
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
fn a_hundred_logins_at_once_make_one_request() {
    for wanted in [Wanted::Usable, Wanted::Newer] {
        let setup = match wanted {
            Wanted::Usable => Setup::new(),
            Wanted::Newer => Setup::new().with_keys_aged(0),
        };
        let (setup, fetches) = (Arc::new(setup), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        let logins: Vec<_> = (0..100)
            .map(|_| {
                let (setup, fetches) = (Arc::clone(&setup), Arc::clone(&fetches));
                std::thread::spawn(move || {
                    let mut world = world(|_| {
                        fetches.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(400));
                        answer(new_keys())
                    });
                    match wanted {
                        Wanted::Usable => setup.usable(&mut world).ok(),
                        Wanted::Newer => match setup.newer(&mut world) {
                            NewerKeys::Found(keys) => Some(keys),
                            _ => None,
                        },
                    }
                })
            })
            .collect();
        for login in logins {
            assert_eq!(login.join().unwrap(), Some(new_keys()), "{wanted:?} after {:?}", start.elapsed());
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1, "{wanted:?}");
    }
}

#[test]
fn paths_are_relative_to_the_configuration() {
    let mut setup = Setup::new();
    let config = setup.place.file("oauth-validator.toml", 0o600);
    setup.place.file("ca.pem", 0o600);
    setup.settings().ca_file = Some("ca.pem".into());
    let order = KeyOrder { config_path: Path::new(&config), ..setup.order() };
    assert_eq!(order.usable(&mut world(|_| answer(old_keys()))), Ok(old_keys()));
}
