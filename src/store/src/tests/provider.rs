//! Keys of a provider: who asks it, how often, and what becomes of everybody else. The provider itself is a function
//! here; key files and locks are real.

mod asking;
mod files;
mod waiting;

use super::{TestFolder, set_mode};
use crate::{ClientLeft, Environment, KeyRefresh, ServerUser};
use oauth_validator_core::protocol::{FetchedKeys, Freshness, HelperFailure, HelperReply, HelperRequest};
use oauth_validator_core::{
    KeyRecord, KeySet, KeyStatus, KeyTiming, KeysUnavailable, Location, NewerKeys, ProviderKeys, ProviderSettings,
    Reach, UnixSeconds,
};
use oauth_validator_fixtures::keys;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const TIMING: KeyTiming = KeyTiming {
    min_ttl: Duration::from_secs(100),
    max_ttl: Duration::from_secs(1000),
    stale_max: Duration::from_secs(500),
    kid_cooldown: Duration::from_secs(60),
};

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
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

fn answer(keys: KeySet) -> HelperReply {
    let url = "https://idp.example/jwks".to_owned();
    HelperReply::Keys(FetchedKeys { url, etag: Some("\"7\"".into()), freshness: Freshness::default(), keys })
}

fn nobody_answers() -> HelperReply {
    HelperReply::Failed(HelperFailure {
        code: "connect".into(),
        message: "nobody answers".into(),
        hint: "See whether.".into(),
    })
}

type ReplyFunction<'a> = Box<dyn FnMut(&HelperRequest) -> HelperReply + 'a>;

/// A provider that answers by a function, and counts.
struct CountingProvider<'a> {
    provider: ReplyFunction<'a>,
    /// What happens while somebody waits.
    meanwhile: Box<dyn FnMut() -> Result<(), ClientLeft> + 'a>,
    /// Whether somebody still waits for what was fetched.
    still_wanted: Result<(), ClientLeft>,
    fetches: usize,
    complaints: Vec<String>,
}

impl Environment for CountingProvider<'_> {
    fn pause(&mut self, time: Duration) -> Result<(), ClientLeft> {
        assert!(time <= Duration::from_millis(50));
        std::thread::sleep(time);
        (self.meanwhile)()
    }

    fn still_wanted(&mut self) -> Result<(), ClientLeft> {
        self.still_wanted
    }

    fn fetch(&mut self, request: &HelperRequest, limit: Duration) -> HelperReply {
        assert!(request.reach.timeout < limit, "the helper gives up first");
        self.fetches += 1;
        (self.provider)(request)
    }

    fn ask(&mut self, _: &HelperRequest, _: Duration) -> Result<HelperReply, ClientLeft> {
        panic!("nobody asks about a token")
    }

    fn complain(&mut self, what: &str, hint: &str) {
        self.complaints.push(format!("{what} | {hint}"));
    }
}

fn world<'a>(provider: impl FnMut(&HelperRequest) -> HelperReply + 'a) -> CountingProvider<'a> {
    let (provider, meanwhile) = (Box::new(provider), Box::new(|| Ok(())));
    CountingProvider { provider, meanwhile, still_wanted: Ok(()), fetches: 0, complaints: Vec::new() }
}

/// A login whose client hangs up while the provider answers.
fn left<'a>(provider: impl FnMut(&HelperRequest) -> HelperReply + 'a) -> CountingProvider<'a> {
    CountingProvider { still_wanted: Err(ClientLeft), ..world(provider) }
}

fn never<'a>() -> CountingProvider<'a> {
    world(|_| panic!("the provider was asked"))
}

/// A profile with its folder of key files.
struct ProviderSetup {
    place: TestFolder,
    source: ProviderKeys,
    folder: PathBuf,
}

impl ProviderSetup {
    fn new() -> Self {
        let place = TestFolder::new();
        let folder = place.folder("oauth_validator", 0o700);
        let settings = ProviderSettings {
            location: Location::Issuer,
            allowed_hosts: Vec::new(),
            reach: Reach {
                ca: None,
                proxy: None,
                insecure_http: false,
                connect_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
            },
            bearer_token_file: None,
            timing: TIMING,
        };
        let source = ProviderKeys { issuer: "https://idp.example".into(), settings: settings.into() };
        Self { place, source, folder }
    }

    /// Of the settings, where they name no file.
    fn fingerprint(&self) -> String {
        self.source.fingerprint(&self.source.settings.reach.map(|_| panic!("they name a file")))
    }

    fn settings(&mut self) -> &mut ProviderSettings {
        Arc::make_mut(&mut self.source.settings)
    }

    fn order(&self) -> KeyRefresh<'_> {
        KeyRefresh {
            profile: "corp",
            source: &self.source,
            config_path: self.place.folder.path(),
            folder: &self.folder,
            create_folder: false,
            user: ServerUser::current(),
        }
    }

    fn usable(&self, world: &mut CountingProvider<'_>) -> Result<KeySet, KeysUnavailable> {
        self.order().usable(world)
    }

    fn newer(&self, world: &mut CountingProvider<'_>) -> NewerKeys {
        self.order().newer(world)
    }

    /// Puts a key file there that was fetched this many seconds ago; its keys are fresh for 100 s.
    fn with_keys_aged(self, age: u64) -> Self {
        self.with_keys_of(UnixSeconds::of(now() - Duration::from_secs(age)))
    }

    /// Puts a key file there that was fetched then.
    fn with_keys_of(self, then: UnixSeconds) -> Self {
        let HelperReply::Keys(fetched) = answer(old_keys()) else { unreachable!() };
        let record = KeyRecord::fetched("corp", &self.fingerprint(), &self.source.settings.timing, fetched, then);
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

    fn standing(&self) -> KeyStatus {
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
