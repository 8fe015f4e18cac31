//! Many servers and one provider: what the provider is asked, hour by hour, with a clock that is turned by hand.
//!
//! Each server is a folder of key files, and each of its logins an order to the store, as a backend gives it: locks, key
//! files, ages and back-off are the real ones, and only the time is not. Who answers is an [`Asked`]: the tool's helper and
//! a provider over TLS, or in tests a function. Must never decide by itself when somebody asks: that is what is looked at.

pub mod asked;
pub mod report;
pub mod scenes;
#[cfg(test)]
mod tests;

use oauth_validator_core::protocol::{HelperReply, HelperRequest};
use oauth_validator_core::{FilePath, KeySet, KeyTiming, Location, NewerKeys, ProviderKeys, ProviderSettings, Reach};
use oauth_validator_store::{ClientLeft, Environment, KeyRefresh, ServerUser};
use scenes::Scene;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{DirBuilder, write};
use std::io::Result;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// For how long clients show a token that they have.
const TOKENS_LAST: Duration = Duration::from_mins(10);

/// Times as they are built in; see `keys` in oauth-validator.toml(5).
const TIMING: KeyTiming = KeyTiming {
    min_ttl: Duration::from_mins(5),
    max_ttl: Duration::from_hours(24),
    stale_max: Duration::from_hours(24),
    kid_cooldown: Duration::from_mins(1),
};

/// What the provider is like at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// Whether it answers with nothing but errors.
    pub away: bool,
    /// How many keys it publishes.
    pub keys: usize,
}

/// A provider that can be asked and be brought into a state.
pub trait Asked {
    /// From now on it is like this.
    fn set(&mut self, state: State);

    /// The answer, and how many requests that took.
    fn ask(&mut self, request: &HelperRequest) -> (HelperReply, u32);

    /// The issuer, and its authority as PEM where it has TLS.
    fn issuer(&self) -> (String, Option<Vec<u8>>);
}

/// The clocks of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// As they are: no two agree to the nanosecond.
    Real,
    /// They know whole seconds alone, so that all servers draw the same lot: what would be without any.
    WholeSeconds,
}

/// What has happened in a scene, second by second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Requests to the provider.
    pub requests: Vec<u32>,
    /// Logins.
    pub logins: Vec<u32>,
    /// Those of them that were denied, for want of a key.
    pub denied: Vec<u32>,
}

/// The servers, each with a folder of its own.
pub struct Fleet {
    folders: Vec<PathBuf>,
    config: PathBuf,
    source: ProviderKeys,
    _place: TempDir,
}

impl Fleet {
    /// So many servers that know nothing yet.
    ///
    /// # Errors
    /// When their folders cannot be made.
    pub fn new(servers: usize, asked: &dyn Asked) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("fleet-").tempdir()?;
        let (issuer, authority) = asked.issuer();
        let ca = authority.as_ref().map(|_| FilePath("ca.pem".to_owned()));
        if let Some(pem) = &authority {
            write(place.path().join("ca.pem"), pem)?;
        }
        let folder = |number| {
            let path = place.path().join(format!("server-{number}"));
            DirBuilder::new().mode(0o700).create(&path).map(|()| path)
        };
        let settings = ProviderSettings {
            location: Location::Issuer,
            allowed_hosts: Vec::new(),
            reach: Reach {
                ca,
                proxy: None,
                insecure_http: false,
                connect_timeout: Duration::from_secs(2),
                timeout: Duration::from_secs(5),
            },
            bearer_token_file: None,
            timing: TIMING,
        };
        Ok(Self {
            folders: (0..servers).map(folder).collect::<Result<_>>()?,
            config: place.path().join("oauth-validator.toml"),
            source: ProviderKeys { issuer, settings: Arc::new(settings) },
            _place: place,
        })
    }

    /// Plays a scene. The same `seed` gives the same logins.
    ///
    /// # Panics
    /// If a login waits for another one: they come one after the other.
    pub fn play(&self, scene: &Scene, clocks: Clocks, seed: u64, asked: &mut dyn Asked) -> Course {
        let mut dice = fastrand::Rng::with_seed(seed);
        let seconds = scene.seconds();
        let nothing = vec![0; seconds];
        let course = Course { requests: nothing.clone(), logins: nothing.clone(), denied: nothing };
        let mut world = World { clocks, base: start(), elapsed: Duration::ZERO, course, asked };
        let first = |dice: &mut fastrand::Rng| if scene.at_once { scene.pause(dice) } else { scene.spread(dice) };
        let mut logins: BinaryHeap<Reverse<(Duration, usize)>> =
            (0..self.folders.len()).map(|server| Reverse((first(&mut dice), server))).collect();
        let mut before = None;
        while let Some(Reverse((at, server))) = logins.pop().filter(|Reverse((at, _))| at.as_secs() < seconds as u64) {
            let state = scene.state(at);
            if before.replace(state) != Some(state) {
                world.asked.set(state);
            }
            world.elapsed = at;
            let shows_the_new_key = scene.used_since(at).is_some_and(|since| {
                since >= TOKENS_LAST || dice.f64() < since.as_secs_f64() / TOKENS_LAST.as_secs_f64()
            });
            let granted = self.log_in(server, shows_the_new_key, &mut world);
            world.course.count(at, granted);
            logins.push(Reverse((at + scene.pause(&mut dice), server)));
        }
        world.course
    }

    /// Whether a login finds the key that it needs.
    fn log_in(&self, server: usize, shows_the_new_key: bool, world: &mut World<'_>) -> bool {
        let order = KeyRefresh {
            profile: "corp",
            source: &self.source,
            config_path: &self.config,
            folder: &self.folders[server],
            create_folder: false,
            user: ServerUser::current(),
        };
        let has_it = |keys: &KeySet| !shows_the_new_key || keys.keys().len() > 1;
        match order.usable(world) {
            Ok(keys) if has_it(&keys) => true,
            Ok(_) => matches!(order.newer(world), NewerKeys::Found(keys) if has_it(&keys)),
            Err(_) => false,
        }
    }

    /// The folder of a server.
    #[must_use]
    pub fn folder(&self, server: usize) -> &Path {
        &self.folders[server]
    }
}

impl Course {
    fn count(&mut self, at: Duration, granted: bool) {
        let second = at.as_secs() as usize;
        self.logins[second] += 1;
        self.denied[second] += u32::from(!granted);
    }
}

/// What a login finds around itself.
struct World<'a> {
    clocks: Clocks,
    base: Duration,
    elapsed: Duration,
    course: Course,
    asked: &'a mut dyn Asked,
}

impl Environment for World<'_> {
    fn since_1970(&self) -> Duration {
        let now = self.base + self.elapsed;
        match self.clocks {
            Clocks::Real => now,
            Clocks::WholeSeconds => Duration::from_secs(now.as_secs()),
        }
    }

    fn pause(&mut self, time: Duration) -> std::result::Result<(), ClientLeft> {
        self.elapsed += time;
        Ok(())
    }

    fn still_wanted(&mut self) -> std::result::Result<(), ClientLeft> {
        Ok(())
    }

    fn fetch(&mut self, request: &HelperRequest, _: Duration) -> HelperReply {
        let (outcome, requests) = self.asked.ask(request);
        if let Some(second) = self.course.requests.get_mut(self.elapsed.as_secs() as usize) {
            *second += requests;
        }
        outcome
    }

    fn ask(&mut self, _: &HelperRequest, _: Duration) -> std::result::Result<HelperReply, ClientLeft> {
        panic!("nobody asks about a token")
    }

    /// That keys are old is what some scenes are about.
    fn complain(&mut self, _: &str, _: &str) {}
}

/// A moment of today, so that whatever looks at a file's times finds nothing odd.
fn start() -> Duration {
    Duration::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
