//! The keys that `explain` decides with, where a provider publishes them.
//!
//! Either the server's own, as its key file has them now, or those of a file that somebody has at hand, and then nobody is
//! asked; or the provider's, fetched for this explanation alone. Must always say which, and must never write.

use crate::config_file::ConfigFile;
use crate::fetch::Foreground;
use crate::key_place::KeyPlace;
use crate::words;
use oauth_validator_core::protocol::{HelperReply, HelperRequest};
use oauth_validator_core::{KeyRecord, KeySet, KeysUnavailable, NewerKeys, ProviderKeys};
use oauth_validator_store::{Environment, bearer_of, with_files};

/// Supplies a decision with keys.
pub(crate) struct Supply<'f> {
    /// The configuration.
    pub(crate) file: &'f ConfigFile,
    place: Option<&'f KeyPlace>,
    /// Keys that take the place of all others, and whether they were asked for.
    given: Option<(KeySet, bool)>,
    /// What was supplied.
    known: KeySet,
    /// Where the keys come from, and what that means.
    pub(crate) notes: Vec<String>,
}

impl<'f> Supply<'f> {
    /// Those `given`, or from the key files of `place`, or else from the providers themselves.
    pub(crate) fn new(file: &'f ConfigFile, place: Option<&'f KeyPlace>, given: Option<KeySet>) -> Self {
        let given = given.map(|keys| (keys, false));
        Self { file, place, given, known: KeySet::default(), notes: Vec::new() }
    }

    /// The keys that take the place of all others, if there are such.
    pub(crate) fn given(&mut self) -> Option<KeySet> {
        let (keys, asked) = self.given.as_mut()?;
        *asked = true;
        Some(keys.clone())
    }

    /// Whether keys were given for nothing.
    pub(crate) fn is_unused(&self) -> bool {
        self.given.as_ref().is_some_and(|(_, asked)| !asked)
    }

    /// The provider's keys as far as they were asked for.
    pub(crate) fn known(&self) -> &KeySet {
        &self.known
    }

    /// The keys that a login would begin with.
    pub(crate) fn usable(&mut self, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        let keys = match (self.given(), self.place) {
            (Some(keys), _) => Ok(keys),
            (None, Some(place)) => self.kept(place, profile, source),
            (None, None) => self.published(source),
        }?;
        self.known = keys.clone();
        Ok(keys)
    }

    /// The keys for a token that names none of these.
    pub(crate) fn newer(&self) -> NewerKeys {
        let newest = self.known.clone();
        if self.place.is_none() || self.given.is_some() {
            return NewerKeys::Found(newest);
        }
        let why =
            "With a key file, explain asks nobody; the server would ask the provider, once per keys.kid_cooldown.";
        NewerKeys::NotYet { newest, why: why.to_owned() }
    }

    fn kept(&mut self, place: &KeyPlace, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        let (record, standing) = place.at_hand(&place.order(profile, source, self.file))?;
        let now = words::now();
        let path = place.file_of(profile);
        let times = record.as_ref().and_then(KeyRecord::times);
        let fetched = times.map(|(at, _)| format!(", fetched {}", words::since(at, now))).unwrap_or_default();
        match record.as_ref().and_then(KeyRecord::keys).filter(|_| standing.is_usable()) {
            Some(keys) => {
                self.notes.push(format!("the keys are those of {path:?}{fetched}: {standing}"));
                Ok(keys.clone())
            }
            None => {
                let failure = record.as_ref().and_then(KeyRecord::failure).map(|(at, _, failure)| {
                    format!(
                        " The last attempt failed {}: {}: {}.",
                        words::since(at, now),
                        failure.code,
                        failure.message
                    )
                });
                let detail = format!(
                    "No keys that can be used are in {path:?}: {standing}{fetched}.{} The server would ask the provider; \
                     with a key file, explain asks nobody.",
                    failure.unwrap_or_default()
                );
                Err(KeysUnavailable::new(detail, format!("Fetch them: {}", place.refresh_command(profile))))
            }
        }
    }

    fn published(&mut self, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        let reach = with_files(&source.settings.reach, &self.file.path, self.file.user)?;
        let timeout = reach.timeout;
        let bearer = bearer_of(source, &self.file.path, self.file.user)?;
        let request = HelperRequest::for_keys(source, reach, bearer, None);
        let issuer = &source.issuer;
        let why = match Foreground::default().fetch(&request, timeout) {
            HelperReply::Keys(fetched) => {
                let url = &fetched.url;
                self.notes.push(format!(
                    "the keys were fetched for this explanation, from {url}; the server may still have older ones, \
                     which --pgdata shows"
                ));
                return Ok(fetched.keys);
            }
            HelperReply::Failed(failure) => KeysUnavailable::new(
                format!("The keys of {issuer} cannot be fetched: {}: {}.", failure.code, failure.message),
                failure.hint,
            ),
            // Nothing was known that could be unchanged.
            HelperReply::Unchanged(_) | HelperReply::Answer(_) => {
                KeysUnavailable::new(format!("The answer of {issuer} has no keys."), "Try again.")
            }
        };
        self.notes.push(
            "the provider was asked for this explanation; the server may still have keys, which --pgdata shows"
                .to_owned(),
        );
        Err(why)
    }
}
