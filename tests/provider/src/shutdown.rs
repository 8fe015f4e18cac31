//! The end of a mock provider, which those who keep a client waiting wait for as well.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::lock;

/// A flag that can be waited for.
#[derive(Default)]
pub(crate) struct Shutdown {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Shutdown {
    /// Waits this long, or until the provider stops: then it says `true`.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(lock(&self.raised), time, |raised| !*raised);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn raise(&self) {
        *lock(&self.raised) = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_raised(&self) -> bool {
        *lock(&self.raised)
    }
}
