//! Renewing a token before it ends, for as long as somebody needs it.
//!
//! The next one is asked for when 80 % of a token's life are over. While the provider is away it is asked again, a little less
//! often each time, and the file keeps the old token, which is good for the rest of its life. Must never go on as if nothing
//! were the matter when the provider has said no.

use super::given::GivenToken;
use super::grants;
use super::source::{GrantType, TokenOrigin};
use super::{NoToken, TokenFilePlace};
use crate::output::{CommandFailure, complain, visible};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// For tokens that do not say how long they are good for.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);
/// Nobody waits longer for a new one, whatever the token says.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Between two tries: at first; at most while there is a good token, so that a provider that is back in time is noticed in time;
/// and at most when there is none.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const PAUSE_WITH_TOKEN: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How long a request may go on after the signal that ends the process.
const GRACE: Duration = Duration::from_secs(2);

/// Keeps a token fresh: the one at hand, and how the next one is got.
pub(crate) struct TokenKeeper {
    source: TokenOrigin,
    refresh: Option<Zeroizing<String>>,
}

impl TokenKeeper {
    pub(crate) fn new(source: TokenOrigin) -> Self {
        Self { source, refresh: None }
    }

    /// The first token, which may take a person.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn first(&mut self) -> Result<GivenToken, NoToken> {
        self.judge_place()?;
        grants::obtain(&self.source).map(|token| self.remember(token))
    }

    /// The next one, without anybody's doing.
    fn next(&mut self) -> Result<GivenToken, NoToken> {
        self.judge_place()?;
        let token = match (&self.refresh, &self.source.grant) {
            (Some(refresh), _) => grants::renew(&self.source, refresh),
            (None, GrantType::Device) => {
                Err(NoToken::refused("the provider gave no refresh token, so the next token takes a person")
                    .with_hint("ask for a refresh token, at most providers with the scope offline_access"))
            }
            (None, _) => grants::obtain(&self.source),
        }?;
        Ok(self.remember(token))
    }

    /// A provider may take a refresh token but once, and give another: where that cannot be kept, this one is not spent.
    fn judge_place(&self) -> Result<(), NoToken> {
        let GrantType::Refresh(file) = &self.source.grant else { return Ok(()) };
        TokenFilePlace::at(file).and_then(|place| place.try_out()).map_err(|failure| {
            NoToken::here(format!("the provider may replace the refresh token: {}", failure.what()))
                .with_hint("copy it into a folder of this user's own, and name that copy; nobody was asked yet")
        })
    }

    fn remember(&mut self, mut token: GivenToken) -> GivenToken {
        let Some(refresh) = token.refresh.take() else { return token };
        if let GrantType::Refresh(file) = &self.source.grant {
            save(file, &refresh);
        }
        // Services ask anew: what they prove themselves by is at hand, and a refresh token is one more secret.
        if matches!(self.source.grant, GrantType::Device | GrantType::Refresh(_)) {
            self.refresh = Some(refresh);
        }
        token
    }

    /// Writes new tokens to `place` until it is told to stop; `life` is the first one's.
    ///
    /// # Errors
    /// When there will be no further token.
    pub(crate) fn keep(
        &mut self,
        place: &TokenFilePlace,
        life: Option<Duration>,
        stop: &StopRequest,
    ) -> Result<(), NoToken> {
        let mut life = life;
        loop {
            let end = Instant::now().checked_add(life.unwrap_or(UNKNOWN_LIFE));
            if stop.within(until_renewal(life)) {
                return Ok(());
            }
            let Some(token) = self.renewed(end, stop)? else { return Ok(()) };
            if !put(place, &token.text, end, stop)? {
                return Ok(());
            }
            life = token.life;
        }
    }

    /// The next token, however long the provider is away; `None` if it was told to stop. The one that is there ends at `end`.
    fn renewed(&mut self, end: Option<Instant>, stop: &StopRequest) -> Result<Option<GivenToken>, NoToken> {
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        loop {
            match self.next() {
                Ok(token) => {
                    if told {
                        complain("the token is renewed");
                    }
                    return Ok(Some(token));
                }
                Err(error) if error.passing => {
                    if !told {
                        complain(&format!("the token is not renewed: {}; trying again", visible(&error.what, false)));
                        told = true;
                    }
                }
                Err(error) => return Err(error),
            }
            if stop.within(pause) {
                return Ok(None);
            }
            let has_token = end.is_none_or(|end| Instant::now() < end);
            pause = (pause * 2).min(if has_token { PAUSE_WITH_TOKEN } else { LONGEST_PAUSE });
        }
    }
}

/// Writes a token, and tries again while the one that is there is good, until `end`: a full disk may have room by then. `false`
/// if it was told to stop.
fn put(place: &TokenFilePlace, text: &str, end: Option<Instant>, stop: &StopRequest) -> Result<bool, NoToken> {
    let mut told = false;
    loop {
        let Some(written) = stop.unless_set(|| place.write(text)) else { return Ok(false) };
        let Err(failure) = written else { return Ok(true) };
        if end.is_some_and(|end| Instant::now() >= end) {
            return Err(NoToken::here(failure.what().to_owned()));
        }
        if !told {
            complain(&format!("{}; trying again while the token there is good", failure.what()));
            told = true;
        }
        if stop.within(PAUSE_WITH_TOKEN) {
            return Ok(false);
        }
    }
}

/// Four fifths of a token's life, within a day. Never less than the first pause: a token that is over as soon as it is there,
/// by a clock that differs or since a command has kept it, must not make this ask without a rest.
fn until_renewal(life: Option<Duration>) -> Duration {
    (life.unwrap_or(UNKNOWN_LIFE).min(LONGEST_LIFE) / 5 * 4).max(FIRST_PAUSE)
}

/// A provider that gives a new refresh token with each access token takes the old one no more.
fn save(file: &std::path::Path, refresh: &str) {
    if fs::read_to_string(file).is_ok_and(|own| Zeroizing::new(own).trim_end() == refresh) {
        return;
    }
    if let Err(failure) = TokenFilePlace::at(file).and_then(|place| place.write(refresh)) {
        complain(&format!("warning: the new refresh token is lost: {}", visible(failure.what(), false)));
    }
}

/// Whether somebody wants the end.
#[derive(Clone)]
pub(crate) struct StopRequest(Arc<(Mutex<bool>, Condvar)>);

impl StopRequest {
    /// Nobody does yet, and nobody but [`StopRequest::set`] will.
    pub(crate) fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    /// The end was asked for by SIGTERM, SIGINT or SIGHUP. A request that is on its way is not waited for for long.
    ///
    /// # Errors
    /// If the signals cannot be had.
    pub(crate) fn on_signals() -> Result<Self, CommandFailure> {
        let failed = |error| CommandFailure::new(format!("cannot wait for signals: {error}"));
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(failed)?;
        let stop = Self::new();
        let own = stop.clone();
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                own.set();
                thread::sleep(GRACE);
                std::process::exit(0);
            }
        });
        Ok(stop)
    }

    /// Wakes whoever waits, and lets end what [`StopRequest::unless_set`] is doing: nothing is written from then on.
    pub(crate) fn set(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Does it, unless it is the end.
    fn unless_set<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let is_end = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!*is_end).then(act)
    }

    /// Waits, and says whether it is the end.
    fn within(&self, time: Duration) -> bool {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(guard, time, |is_end| !*is_end);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_PAUSE, LONGEST_LIFE, StopRequest, until_renewal};
    use std::time::{Duration, Instant};

    #[test]
    fn a_token_is_renewed_after_four_fifths_of_its_life_and_never_without_a_rest() {
        assert_eq!(until_renewal(Some(Duration::from_secs(600))), Duration::from_secs(480));
        assert_eq!(until_renewal(None), Duration::from_secs(240));
        for short in [Duration::ZERO, Duration::from_millis(600)] {
            assert_eq!(until_renewal(Some(short)), FIRST_PAUSE);
        }
        for long in [LONGEST_LIFE, Duration::from_secs(u64::MAX), Duration::MAX] {
            assert_eq!(until_renewal(Some(long)), LONGEST_LIFE / 5 * 4);
        }
    }

    #[test]
    fn a_wait_ends_at_once_when_it_is_told_to() {
        let stop = StopRequest::new();
        assert!(!stop.within(Duration::from_millis(10)));
        let other = stop.clone();
        let begun = Instant::now();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            other.set();
        });
        assert!(stop.within(Duration::from_secs(60)));
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert!(stop.within(Duration::ZERO));
    }

    /// `run` removes its folder then: a file that came later would stay, with a token in it.
    #[test]
    fn whoever_ends_it_waits_for_what_is_being_written_and_nothing_comes_later() {
        let stop = StopRequest::new();
        let (begun, begins) = std::sync::mpsc::channel();
        let other = stop.clone();
        let writer = std::thread::spawn(move || {
            other.unless_set(|| {
                begun.send(()).expect("somebody waits");
                std::thread::sleep(Duration::from_millis(200));
                Instant::now()
            })
        });
        begins.recv().expect("it has begun");
        stop.set();
        let set = Instant::now();
        let written = writer.join().expect("no panic").expect("it was not the end");
        assert!(written <= set);
        assert_eq!(stop.unless_set(|| "written"), None);
    }
}
