//! What becomes of an order for a provider's keys.

use crate::provider::{Environment, KeyRefresh};
use crate::search::{KeySearch, NoKeys};
use oauth_validator_core::{KeyRecord, KeySet, KeysUnavailable, KeysWanted, NewerKeys};

impl KeyRefresh<'_> {
    /// Keys that may verify tokens: those at hand if they are good, else the provider's.
    ///
    /// # Errors
    /// What is wrong with the key files, or with the provider.
    pub fn usable(&self, world: &mut dyn Environment) -> Result<KeySet, KeysUnavailable> {
        KeySearch::start(self, world).and_then(|mut search| search.run(KeysWanted::Usable)).map_err(|obstacle| {
            match obstacle {
                NoKeys::Unavailable(why) => why,
                // A login without keys has to wait only where the last answer could not be saved.
                NoKeys::NotYet(_, why) => KeysUnavailable::new(
                    why,
                    "Look for an earlier line that says why the key file could not be written.",
                ),
            }
        })
    }

    /// Newer keys than those at hand.
    pub fn newer(&self, world: &mut dyn Environment) -> NewerKeys {
        match KeySearch::start(self, world).and_then(|mut search| search.run(KeysWanted::Newer)) {
            Ok(keys) => NewerKeys::Found(keys),
            Err(NoKeys::NotYet(newest, why)) => NewerKeys::NotYet { newest, why },
            Err(NoKeys::Unavailable(why)) => NewerKeys::Unavailable(why),
        }
    }

    /// Asks the provider now, however good the keys at hand are, and returns the new record.
    ///
    /// # Errors
    /// What is wrong with the key files, or with the provider; the key file says so too.
    pub fn refresh(&self, world: &mut dyn Environment) -> Result<KeyRecord, KeysUnavailable> {
        KeySearch::start(self, world).and_then(|mut search| search.refresh()).map_err(|obstacle| match obstacle {
            NoKeys::Unavailable(why) => why,
            NoKeys::NotYet(_, why) => KeysUnavailable::new(why, ""),
        })
    }
}
