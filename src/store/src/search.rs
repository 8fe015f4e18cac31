//! A provider's keys: from the key file while that is good, from the provider when it is not, and by one login at a time.
//!
//! The folder's lock decides who asks. Whoever does not get it uses the keys at hand, or waits for the one who did.
//! Nothing is asked for here: that is for the `Environment`, in a server a child process. A record that cannot be
//! used is as good as none, and nothing but a fetch ever replaces it. A fetch that has begun is not given up because the
//! login that began it is: what comes of it, be it a failure, is written down for everybody. Otherwise a stranger who
//! presents tokens and hangs up would have the provider asked without end, since nothing would ever count as an outcome.

use crate::cache::{CacheTrouble, KeyFolder, KeyLock};
use crate::provider::{ClientLeft, Environment, HELPER_MARGIN, KeyRefresh, bearer_of, gone, no_folder, sentence};
use oauth_validator_core::asking::{Attempt, AttemptEnd, MIN_ATTEMPT_GAP, MayAsk, may_ask};
use oauth_validator_core::protocol::{HelperFailure, HelperReply, HelperRequest};
use oauth_validator_core::{KeyRecord, KeySet, KeyStatus, KeysUnavailable, KeysWanted, Pem, Reach, UnixSeconds};
use std::time::{Duration, Instant};

/// How often somebody who waits for another login's fetch looks whether it is done.
const POLL: Duration = Duration::from_millis(50);

/// Why there are no keys, or no newer ones.
pub(crate) enum NoKeys {
    /// The provider is not asked again yet. The newest keys of it, and when that is.
    NotYet(KeySet, String),
    Unavailable(KeysUnavailable),
}

/// What came of holding the lock.
enum WithLock {
    /// These keys will do.
    Keys(KeySet),
    /// The provider may not be asked yet, but in a moment, which a login can wait for.
    Soon,
    /// There are none to be had by this order.
    Refused(NoKeys),
}

/// Whether the one who holds the lock may ask the provider.
enum Permission {
    Ask,
    /// In a moment.
    Soon,
    /// The provider may not be asked for a while, and why.
    Later(String),
}

/// One order on its way.
pub(crate) struct KeySearch<'a> {
    order: &'a KeyRefresh<'a>,
    world: &'a mut dyn Environment,
    folder: KeyFolder,
    reach: Reach<Pem>,
    fingerprint: String,
    started: Instant,
    deadline: Instant,
    /// Whether something was said about a key file that cannot be used.
    complained: bool,
}

impl<'a> KeySearch<'a> {
    pub(crate) fn start(order: &'a KeyRefresh<'a>, world: &'a mut dyn Environment) -> Result<Self, NoKeys> {
        let started = Instant::now();
        let deadline = started + order.source.settings.reach.timeout;
        let (reach, fingerprint) = order.reach().map_err(NoKeys::Unavailable)?;
        let folder = KeyFolder::open(order.folder, order.user, order.create_folder)
            .map_err(|trouble| NoKeys::Unavailable(no_folder(trouble)))?;
        Ok(Self { order, world, folder, reach, fingerprint, started, deadline, complained: false })
    }

    pub(crate) fn run(&mut self, wanted: KeysWanted) -> Result<KeySet, NoKeys> {
        let first = self.read();
        if let (KeysWanted::Usable, KeyStatus::Fresh, Some(keys)) =
            (wanted, self.standing(first.as_ref()), keys(first.as_ref()))
        {
            return Ok(keys);
        }
        let mut record = first.clone();
        loop {
            match self.folder.try_lock(self.order.profile) {
                Ok(Some(lock)) => match self.with_lock(lock, wanted, first.as_ref()) {
                    WithLock::Keys(keys) => return Ok(keys),
                    WithLock::Refused(obstacle) => return Err(obstacle),
                    WithLock::Soon => {}
                },
                Ok(None) => {}
                Err(trouble) => return self.without_access(wanted, record, trouble),
            }
            if let Some(keys) = self.good_enough(wanted, first.as_ref(), record.as_ref()) {
                return Ok(keys);
            }
            self.wait_a_little()?;
            record = self.read();
        }
    }

    /// What the record holds, if that is what was wanted: any usable keys, or usable ones that were not there at first.
    fn good_enough(&self, wanted: KeysWanted, first: Option<&KeyRecord>, record: Option<&KeyRecord>) -> Option<KeySet> {
        let newer = || record.map(KeyRecord::times) != first.map(KeyRecord::times) || keys(record) != keys(first);
        keys(record).filter(|_| self.standing(record).is_usable() && (wanted == KeysWanted::Usable || newer()))
    }

    /// What the one who holds the lock can do: take what others have fetched meanwhile, ask, or not yet.
    fn with_lock(&mut self, mut lock: KeyLock, wanted: KeysWanted, first: Option<&KeyRecord>) -> WithLock {
        // Somebody may have been done just before the lock was free.
        let record = self.read();
        let fresh = wanted == KeysWanted::Newer || self.standing(record.as_ref()) == KeyStatus::Fresh;
        if let Some(keys) = self.good_enough(wanted, first, record.as_ref()).filter(|_| fresh) {
            return WithLock::Keys(keys);
        }
        let usable = self.good_enough(KeysWanted::Usable, None, record.as_ref());
        let enough = usable.clone().filter(|_| wanted == KeysWanted::Usable);
        match (self.permission(&lock, record.as_ref(), wanted, enough.is_some()), enough) {
            (Permission::Ask, _) => match self.with_answer(&mut lock, wanted, record, usable) {
                Ok(keys) => WithLock::Keys(keys),
                Err(obstacle) => WithLock::Refused(obstacle),
            },
            (Permission::Soon | Permission::Later(_), Some(keys)) => WithLock::Keys(keys),
            (Permission::Soon, None) => WithLock::Soon,
            (Permission::Later(why), None) => WithLock::Refused(self.not_now(record, usable, why)),
        }
    }

    /// Whether the one who holds the lock may ask now; `can_do_without` who has keys that will do.
    fn permission(
        &self,
        lock: &KeyLock,
        record: Option<&KeyRecord>,
        wanted: KeysWanted,
        can_do_without: bool,
    ) -> Permission {
        let (timing, last, now) = (&self.order.source.settings.timing, lock.last_attempt(), self.world.since_1970());
        let not_yet = |wait| not_yet(last.map_or(Duration::ZERO, |last| now.saturating_sub(last.began)), wait);
        match may_ask(record, &self.fingerprint, timing, last, wanted, now) {
            MayAsk::Now => {
                let cut_off = last.filter(|last| last.end == AttemptEnd::CutOff && last.began <= now);
                match cut_off {
                    Some(cut_off) if !self.is_next(cut_off, now, can_do_without) => Permission::Soon,
                    _ => Permission::Ask,
                }
            }
            MayAsk::Soon(_) => Permission::Soon,
            MayAsk::Later(wait) => Permission::Later(not_yet(wait)),
            MayAsk::LaterUnsaved(wait) => Permission::Later(not_yet(wait) + " Its last answer could not be saved."),
        }
    }

    /// Whether the attempt after one that was cut off is this login's.
    ///
    /// A client that keeps coming and hanging up must not be the next each time, or nobody would ever get an answer. So it is
    /// for those who have waited themselves; later for everybody, since it may be that nobody can wait that long.
    fn is_next(&self, cut_off: Attempt, now: Duration, can_do_without: bool) -> bool {
        let has_waited = !can_do_without && self.started.elapsed() >= MIN_ATTEMPT_GAP / 2;
        has_waited || now.saturating_sub(cut_off.began) >= 2 * MIN_ATTEMPT_GAP
    }

    /// Asks, and takes what comes of it; or, for want of an answer, the keys at hand.
    fn with_answer(
        &mut self,
        lock: &mut KeyLock,
        wanted: KeysWanted,
        record: Option<KeyRecord>,
        usable: Option<KeySet>,
    ) -> Result<KeySet, NoKeys> {
        // Nobody should wait long for what he can do without.
        let patience = match (wanted, &usable) {
            (KeysWanted::Usable, Some(_)) => self.reach.connect_timeout,
            _ => Duration::MAX,
        };
        let failed_before = record.as_ref().and_then(KeyRecord::failure).map(|(last_at, ..)| last_at);
        let (record, unsaved) = self.ask(lock, record, patience)?;
        if let Some(trouble) = unsaved {
            self.world.complain(&self.not_saved(&trouble), &trouble.hint());
        }
        // What was fetched is kept. Nobody is let in who has left meanwhile.
        self.world.still_wanted().map_err(|ClientLeft| NoKeys::Unavailable(gone()))?;
        match (record.failure(), record.keys(), usable) {
            (None, Some(keys), _) => Ok(keys.clone()),
            (_, _, Some(keys)) if wanted == KeysWanted::Usable => {
                self.warn_of_the_end(&record, failed_before);
                Ok(keys)
            }
            _ => Err(NoKeys::Unavailable(self.failed(&record))),
        }
    }

    /// Says that logins go on with keys that could not be refreshed, and until when. The first attempts come faster than
    /// one in a cooldown, and need not all be a line.
    fn warn_of_the_end(&mut self, record: &KeyRecord, failed_before: Option<UnixSeconds>) {
        let timing = &self.order.source.settings.timing;
        let soon_again = failed_before.is_some_and(|before| self.now().since(before) < timing.kid_cooldown);
        if let (Some(until), false) = (record.usable_until(timing), soon_again) {
            let KeysUnavailable { detail, hint } = self.failed(record);
            let profile = self.order.profile;
            let why = detail.trim_end_matches('.');
            self.world
                .complain(&format!("logins by profile \"{profile}\" go on with old keys until {until}: {why}"), &hint);
        }
    }

    /// The answer of one who may not ask yet, and is not content with the keys at hand.
    fn not_now(&self, record: Option<KeyRecord>, usable: Option<KeySet>, why: String) -> NoKeys {
        match record {
            Some(record) if record.failure().is_some() => {
                let KeysUnavailable { detail, hint } = self.failed(&record);
                NoKeys::Unavailable(KeysUnavailable { detail: format!("{detail} {why}"), hint })
            }
            _ => NoKeys::NotYet(usable.unwrap_or_default(), why),
        }
    }

    /// Asks whatever is at hand, and fails if the answer cannot be kept.
    pub(crate) fn refresh(&mut self) -> Result<KeyRecord, NoKeys> {
        let mut lock = self.wait_for_lock()?;
        let record = self.read();
        match self.ask(&mut lock, record, Duration::MAX)? {
            (_, Some(trouble)) => {
                Err(NoKeys::Unavailable(KeysUnavailable::new(self.not_saved(&trouble) + ".", trouble.hint())))
            }
            (record, None) if record.failure().is_some() => Err(NoKeys::Unavailable(self.failed(&record))),
            (record, None) => Ok(record),
        }
    }

    /// The answer of one who cannot lock: nothing is fetched.
    fn without_access(
        &self,
        wanted: KeysWanted,
        record: Option<KeyRecord>,
        trouble: CacheTrouble,
    ) -> Result<KeySet, NoKeys> {
        match self.good_enough(KeysWanted::Usable, None, record.as_ref()) {
            Some(keys) if wanted == KeysWanted::Usable => Ok(keys),
            _ => Err(NoKeys::Unavailable(no_folder(trouble))),
        }
    }

    fn wait_for_lock(&mut self) -> Result<KeyLock, NoKeys> {
        loop {
            match self.folder.try_lock(self.order.profile) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => self.wait_a_little()?,
                Err(trouble) => return Err(NoKeys::Unavailable(no_folder(trouble))),
            }
        }
    }

    fn wait_a_little(&mut self) -> Result<(), NoKeys> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let timeout = self.reach.timeout.as_secs();
            return Err(NoKeys::Unavailable(KeysUnavailable::new(
                format!(
                    "Another login has been asking the provider for the keys for longer than keys.timeout, {timeout} s."
                ),
                "See whether the provider answers: oauth-validator discover ISSUER.",
            )));
        }
        self.world.pause(POLL.min(left)).map_err(|ClientLeft| NoKeys::Unavailable(gone()))
    }

    /// Asks the provider, and writes down what came of it; also says why that cannot be written down.
    fn ask(
        &mut self,
        lock: &mut KeyLock,
        record: Option<KeyRecord>,
        patience: Duration,
    ) -> Result<(KeyRecord, Option<CacheTrouble>), NoKeys> {
        lock.begin_attempt(self.world.since_1970()).map_err(|trouble| NoKeys::Unavailable(no_folder(trouble)))?;
        let usable = self.standing(record.as_ref()).is_usable();
        let known = record.as_ref().filter(|_| usable).and_then(KeyRecord::known_document);
        let left = self.deadline.saturating_duration_since(Instant::now()).min(patience);
        let for_helper = left.saturating_sub(HELPER_MARGIN).max(HELPER_MARGIN);
        let source = self.order.source;
        let outcome = match bearer_of(source, self.order.config_path, self.order.user) {
            Ok(bearer) => {
                let reach = self.reach.clone().within(for_helper);
                self.world.fetch(&HelperRequest::for_keys(source, reach, bearer, known), left)
            }
            Err(KeysUnavailable { detail, hint }) => {
                let message = detail.trim_end_matches('.').to_owned();
                HelperReply::Failed(HelperFailure { code: "bearer_token".to_owned(), message, hint })
            }
        };
        let record = self.record_of(outcome, record, usable);
        let saved = lock.write(&record.to_bytes());
        let ended = lock.end_attempt(saved.is_ok(), self.world.since_1970());
        Ok((record, saved.and(ended).err()))
    }

    fn not_saved(&self, trouble: &CacheTrouble) -> String {
        format!("the keys of profile \"{}\" cannot be saved: {trouble}", self.order.profile)
    }

    /// `known` is what the key file held; whether its keys are `usable` is whether the provider may confirm them.
    fn record_of(&self, outcome: HelperReply, known: Option<KeyRecord>, usable: bool) -> KeyRecord {
        let (profile, timing, now) = (self.order.profile, &self.order.source.settings.timing, self.now());
        let chance = self.world.since_1970();
        let failure = match (outcome, known.clone().filter(|_| usable)) {
            (HelperReply::Keys(keys), _) => {
                return KeyRecord::fetched(profile, &self.fingerprint, timing, keys, now).spread_by(chance);
            }
            (HelperReply::Unchanged(freshness), Some(record)) => {
                return record.confirmed(timing, freshness, now).spread_by(chance);
            }
            (HelperReply::Failed(failure), _) => failure,
            (HelperReply::Answer(_), _) => HelperFailure {
                code: "helper".to_owned(),
                message: "it answered another question than it was asked".to_owned(),
                hint: "Install the helper and the library of one version.".to_owned(),
            },
            (HelperReply::Unchanged(_), None) => HelperFailure {
                code: "unchanged".to_owned(),
                message: "the helper says that the keys are unchanged, and there are none".to_owned(),
                hint: "Install the helper and the library of one version.".to_owned(),
            },
        };
        KeyRecord::failed(known, profile, &self.fingerprint, failure, now)
    }

    /// The record of the key file; says once if there is one that cannot be used.
    fn read(&mut self) -> Option<KeyRecord> {
        let path = || self.folder.path_of(self.order.profile);
        let (what, hint) = match self.folder.read(self.order.profile) {
            Ok(None) => return None,
            Ok(Some(bytes)) => match KeyRecord::read(&bytes) {
                Some(record) => return Some(record),
                None => (
                    format!("{:?} is not a key file of this version; it counts as absent", path()),
                    "Nothing has to be done: the next fetch replaces it.".to_owned(),
                ),
            },
            Err(trouble) => (format!("{trouble}; it counts as absent"), trouble.hint()),
        };
        if !std::mem::replace(&mut self.complained, true) {
            self.world.complain(&what, &hint);
        }
        None
    }

    fn standing(&self, record: Option<&KeyRecord>) -> KeyStatus {
        let timing = &self.order.source.settings.timing;
        record.map_or(KeyStatus::NoRecord, |record| record.standing(&self.fingerprint, timing, self.now()))
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds::of(self.world.since_1970())
    }

    /// Why the keys of a record that ends in a failure are not to be had.
    fn failed(&self, record: &KeyRecord) -> KeysUnavailable {
        let Some((_, attempts, failure)) = record.failure() else {
            return KeysUnavailable::new("The provider's answer has no keys.", "");
        };
        let (issuer, message) = (&self.order.source.issuer, &failure.message);
        let again = if attempts > 1 { format!(" ({attempts} attempts in a row)") } else { String::new() };
        let mut detail = format!("The keys of {issuer} cannot be fetched{again}: {}: {message}.", failure.code);
        if self.standing(Some(record)) == KeyStatus::Expired {
            detail.push_str(" Those fetched before are older than keys.max_ttl and keys.stale_max allow.");
        }
        KeysUnavailable::new(detail, sentence(&failure.hint))
    }
}

fn keys(record: Option<&KeyRecord>) -> Option<KeySet> {
    record.and_then(KeyRecord::keys).cloned()
}

fn not_yet(asked_ago: Duration, again_in: Duration) -> String {
    // Rounded up: "in 0 s" would be now.
    let again_in = again_in.as_millis().div_ceil(1000);
    format!("The provider was asked {} s ago, and is asked again in {again_in} s at the earliest.", asked_ago.as_secs())
}
