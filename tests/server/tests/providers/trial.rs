//! One trial: a provider is started, asked by `discover`, and its tokens are shown to the server.
//!
//! Must never let a token pass by: each that the driver has is expected to do something, and each that is expected is there.

use crate::driver::{Driver, DriverReady};
use crate::folder::{JudgedBy, ProviderFolder, Trial};
use crate::logins::{Scene, TrialOutcome};
use crate::profile::TrialFiles;
use crate::userinfo;
use std::thread;
use std::time::{Duration, Instant};

/// How often it was let in, and how often not.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrialCounts {
    pub logins: usize,
    pub refusals: usize,
}

/// What a trial has found so far.
struct TrialFindings<'t> {
    trial: &'t Trial,
    ready: &'t DriverReady,
    counts: TrialCounts,
    /// What was not as the provider's folder says.
    wrong: Vec<String>,
}

/// Runs it, and panics if anything is not as the provider's folder says.
pub fn run(place: &Scene, provider: &ProviderFolder, trial: &Trial) -> TrialCounts {
    let (mut driver, ready) = Driver::start(provider, trial);
    println!("{} {}, {}", provider.package, provider.version, trial.name);
    let files = TrialFiles::proposed(trial, &ready);
    place.read(&files);
    if let Some(asking) = &ready.introspection {
        place.set_secret(&asking.client_secret);
    }
    let known: Vec<&String> = trial.tokens.keys().filter(|kind| *kind != "rotated").collect();
    assert_eq!(known, ready.tokens.keys().collect::<Vec<_>>(), "the driver has other tokens than [trial.tokens]");
    let mut findings = TrialFindings { trial, ready: &ready, counts: TrialCounts::default(), wrong: Vec::new() };
    for (kind, token) in &ready.tokens {
        let outcome = match kind.as_str() {
            "expired" => until_refused(place, &files, token),
            _ => place.show(token),
        };
        findings.compare(kind, &trial.tokens[kind], &outcome);
    }
    if let (Some(wanted), Some(asking)) = (&trial.wrong_secret, &ready.introspection) {
        place.set_secret(&format!("{}x", asking.client_secret));
        findings.compare("user", wanted, &place.show(&ready.tokens["user"]));
        place.set_secret(&asking.client_secret);
    }
    if let Some(wanted) = trial.tokens.get("rotated") {
        let token = driver.ask("rotate")["token"].as_str().expect("a token").to_owned();
        findings.compare("rotated", wanted, &until_known(place, &files, &token));
    }
    let said = driver.said();
    if let Some(looked_up) = &trial.lookup {
        let endpoint = files.userinfo.as_deref().expect("a userinfo endpoint");
        for (wanted, outcome) in userinfo::tried(place, &files, looked_up, &ready, endpoint) {
            findings.compare("user", &wanted, &outcome);
        }
        // By keys that are known, so that nothing else is missed.
        assert_eq!(trial.profile, JudgedBy::Keys, "[trial.lookup] is for profiles with keys");
        drop(driver);
        findings.compare("user", "lookup_unavailable", &userinfo::away(place, &files, looked_up, &ready, endpoint));
    }
    let TrialFindings { counts, wrong, .. } = findings;
    assert!(wrong.is_empty(), "{}\n{}\n{}\n{said}", wrong.join("\n"), files.config, files.hba);
    counts
}

impl TrialFindings<'_> {
    fn compare(&mut self, kind: &str, wanted: &str, outcome: &TrialOutcome) {
        let identity = self.ready.identities.get(kind);
        let called = self.trial.called.get(kind).map_or(kind, String::as_str);
        if outcome.said != wanted {
            let why = outcome.log.lines().find(|line| line.contains("DETAIL:")).unwrap_or_default();
            self.wrong.push(format!("{} ({called}): {} instead of {wanted}: {why}", self.trial.name, outcome.said));
        } else if wanted != "granted" {
            self.counts.refusals += 1;
        } else if identity.is_none() || outcome.identity.as_ref() != identity {
            self.wrong.push(format!("{called} is {:?}, and the driver says {identity:?}", outcome.identity));
        } else {
            self.counts.logins += 1;
        }
    }
}

/// A token of seconds may be good for a while yet; the clocks are one, so nothing has to be allowed for.
fn until_refused(place: &Scene, files: &TrialFiles, token: &str) -> TrialOutcome {
    place.set_config(&files.config_with(&[], "clock_skew", "0s"));
    let outcome = until(place, token, |said| said != "granted");
    place.set_config(&files.config.to_string());
    outcome
}

/// The provider is asked about a key that nobody knows at most once a minute, by default: a test does not wait that long.
fn until_known(place: &Scene, files: &TrialFiles, token: &str) -> TrialOutcome {
    place.set_config(&files.config_with(&["keys"], "kid_cooldown", "1s"));
    until(place, token, |said| said != "key_unknown")
}

fn until(place: &Scene, token: &str, is_over: fn(&str) -> bool) -> TrialOutcome {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        let outcome = place.show(token);
        if is_over(&outcome.said) || Instant::now() > give_up {
            return outcome;
        }
        thread::sleep(Duration::from_millis(250));
    }
}
