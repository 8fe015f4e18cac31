//! What happens to a fleet, and in which of its minutes somebody looks.
//!
//! A provider that lets keys be kept for an hour, and servers with a login every half a minute each: fewer logins spread
//! the requests by themselves.

use super::State;
use std::ops::Range;
use std::time::Duration;

/// For how long the provider lets keys be kept.
pub const MAX_AGE: Duration = Duration::from_hours(1);

/// Between two logins of one server, on average.
const PAUSE: Duration = Duration::from_secs(30);

/// When all is as usual: servers have begun within the hour before, at any time, and asked a second time since.
const SETTLED: u32 = 150;

/// What happens to a fleet; times are minutes since it began.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Whether all servers begin at one moment without keys, as after a change of `issuer` or `ca_file` everywhere. Otherwise
    /// they begin within an hour.
    pub at_once: bool,
    /// How long it goes on.
    pub minutes: u32,
    /// While the provider is away.
    pub away: Option<Range<u32>>,
    /// When the provider publishes a new key, and when it begins to sign with it.
    pub rotation: Option<[u32; 2]>,
    /// In which minutes somebody looks, and what they are called.
    pub looks: Vec<(&'static str, Range<u32>)>,
}

/// All of them.
#[must_use]
pub fn every() -> Vec<Scene> {
    let usual = Scene { at_once: false, minutes: 0, away: None, rotation: None, looks: Vec::new() };
    let outage = |minutes: u32, during, after| Scene {
        minutes: SETTLED + minutes + 20,
        away: Some(SETTLED..SETTLED + minutes),
        looks: vec![(during, SETTLED..SETTLED + minutes), (after, SETTLED + minutes..SETTLED + minutes + 10)],
        ..usual.clone()
    };
    let rotation = |published: u32, used: u32, look| Scene {
        minutes: used + 20,
        rotation: Some([published, used]),
        looks: vec![(look, used..used + 10)],
        ..usual.clone()
    };
    vec![
        Scene { minutes: SETTLED + 60, looks: vec![("all as usual, an hour", SETTLED..SETTLED + 60)], ..usual.clone() },
        Scene {
            at_once: true,
            minutes: 300,
            looks: vec![
                ("all begin without keys: the first ten minutes", 0..10),
                ("the second hour after", 60..120),
                ("the fifth hour after", 240..300),
            ],
            ..usual.clone()
        },
        outage(10, "an outage of 10 minutes", "the ten minutes after it"),
        outage(120, "an outage of 2 hours", "the ten minutes after it"),
        Scene {
            at_once: true,
            minutes: 30,
            away: Some(0..10),
            looks: vec![
                ("all begin without keys in an outage of 10 minutes", 0..10),
                ("the ten minutes after it", 10..20),
            ],
            ..usual.clone()
        },
        rotation(SETTLED, SETTLED + 61, "a new key, published an hour before its use"),
        rotation(SETTLED, SETTLED, "a new key, used at once"),
    ]
}

impl Scene {
    /// How long it goes on.
    #[must_use]
    pub const fn seconds(&self) -> usize {
        self.minutes as usize * 60
    }

    /// What the provider is like at this time.
    #[must_use]
    pub fn state(&self, at: Duration) -> State {
        let minute = minutes(at);
        let away = self.away.as_ref().is_some_and(|away| away.contains(&minute));
        State { away, keys: if self.rotation.is_some_and(|[published, _]| minute >= published) { 2 } else { 1 } }
    }

    /// For how long the provider has signed with the new key.
    #[must_use]
    pub fn used_since(&self, at: Duration) -> Option<Duration> {
        let [_, used] = self.rotation?;
        at.checked_sub(Duration::from_mins(used.into()))
    }

    /// Until a server's next login: any time, however long the last one is ago.
    pub fn pause(&self, dice: &mut fastrand::Rng) -> Duration {
        PAUSE.mul_f64(-(1.0 - dice.f64()).ln())
    }

    /// When a server of a fleet that has settled began.
    pub fn spread(&self, dice: &mut fastrand::Rng) -> Duration {
        MAX_AGE.mul_f64(dice.f64())
    }
}

fn minutes(at: Duration) -> u32 {
    u32::try_from(at.as_secs() / 60).unwrap_or(u32::MAX)
}
