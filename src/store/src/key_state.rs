//! What there is to say of a profile's keys to somebody who watches a server: how old they are, until when they will do,
//! and how the last attempt to fetch them ended.
//!
//! Looks at files and judges as a login does; asks nobody, takes no lock, and writes nothing.

use crate::key_file::load_keys;
use crate::users::ServerUser;
use oauth_validator_core::config::KeySource;
use oauth_validator_core::{KeyRecord, KeyStatus, KeysUnavailable, Profile, ProviderKeys, UnixSeconds};
use std::path::Path;

/// The state of one profile's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyState {
    /// Where they are: `provider`, `file`, `inline`, or `none` where the provider is asked about each token.
    pub source: &'static str,
    /// What they are worth: [`KeyStatus::code`] of a provider's; else `local`, `unreadable`, or `not_needed`.
    pub standing: &'static str,
    /// Whether they can verify a token now, or none are needed.
    pub usable: bool,
    /// When they were fetched or last confirmed.
    pub fetched_at: Option<UnixSeconds>,
    /// Until when the provider is not asked for them.
    pub fresh_until: Option<UnixSeconds>,
    /// Until when they verify tokens if the provider does not answer.
    pub usable_until: Option<UnixSeconds>,
    /// How many there are.
    pub keys: Option<usize>,
    /// When the last attempt to fetch them ended.
    pub last_attempt_at: Option<UnixSeconds>,
    /// `ok`, or the code of the failure.
    pub last_outcome: Option<String>,
}

impl KeyState {
    /// The state of the keys of `profile`, whose configuration is at `config_path`, for a server that runs as `user`.
    /// `at_hand` says what is at hand of a provider's keys: see [`KeyRefresh::at_hand`](crate::KeyRefresh::at_hand).
    pub fn of(
        profile: &Profile,
        config_path: &Path,
        user: ServerUser,
        at_hand: impl FnOnce(&ProviderKeys) -> Result<(Option<KeyRecord>, KeyStatus), KeysUnavailable>,
    ) -> Self {
        match &profile.keys {
            KeySource::Provider(source) => match at_hand(source) {
                Ok((record, standing)) => Self::provided(record.as_ref(), standing, source),
                Err(_) => Self::unreadable("provider"),
            },
            KeySource::Inline(keys) => Self::local("inline", keys.keys().len()),
            KeySource::Online(_) => Self { source: "none", standing: "not_needed", usable: true, ..Self::default() },
            KeySource::File(file) => match load_keys(file, config_path, user) {
                Ok(keys) => Self::local("file", keys.keys().len()),
                Err(_) => Self::unreadable("file"),
            },
        }
    }

    fn local(source: &'static str, keys: usize) -> Self {
        Self { source, standing: "local", usable: true, keys: Some(keys), ..Self::default() }
    }

    fn unreadable(source: &'static str) -> Self {
        Self { source, standing: "unreadable", ..Self::default() }
    }

    fn provided(record: Option<&KeyRecord>, standing: KeyStatus, source: &ProviderKeys) -> Self {
        let timing = &source.settings.timing;
        let fetched_at = record.and_then(KeyRecord::times).map(|(at, _)| at);
        let failure = record.and_then(KeyRecord::failure);
        Self {
            source: "provider",
            standing: standing.code(),
            usable: standing.is_usable(),
            fetched_at,
            fresh_until: record.and_then(|record| record.fresh_until(timing)),
            usable_until: record.and_then(|record| record.usable_until(timing)),
            keys: record.and_then(KeyRecord::keys).map(|keys| keys.keys().len()),
            last_attempt_at: failure.map(|(at, ..)| at).or(fetched_at),
            last_outcome: match failure {
                Some((.., failure)) => Some(failure.code.clone()),
                None => fetched_at.map(|_| "ok".to_owned()),
            },
        }
    }
}
