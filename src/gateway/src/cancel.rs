//! Where a request to cancel belongs: the key of a session is known by the server that gave it, and by no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest key that PostgreSQL gives, behind the process ID.
pub(crate) const MAX_KEY: usize = 256;

/// The sessions that can be cancelled, by what their BackendKeyData has.
#[derive(Clone, Default)]
pub(crate) struct CancelKeys(Arc<Mutex<HashMap<Vec<u8>, usize>>>);

/// One of them, as long as it lives.
pub(crate) struct CancelEntry {
    keys: CancelKeys,
    key: Vec<u8>,
}

impl CancelKeys {
    /// Remembers that the server of this number gave this key; `None` for what is no key.
    pub(crate) fn remember(&self, key: &[u8], server: usize) -> Option<CancelEntry> {
        if !(5..=4 + MAX_KEY).contains(&key.len()) {
            return None;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec(), server);
        Some(CancelEntry { keys: self.clone(), key: key.to_vec() })
    }

    /// The number of the server that gave the key of a CancelRequest.
    pub(crate) fn server(&self, key: &[u8]) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }
}

impl Drop for CancelEntry {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::CancelKeys;

    #[test]
    fn a_key_is_known_while_its_session_lives() {
        let keys = CancelKeys::default();
        let entry = keys.remember(&[0, 0, 0, 1, 9, 9, 9, 9], 1);
        assert_eq!(keys.server(&[0, 0, 0, 1, 9, 9, 9, 9]), Some(1));
        assert_eq!(keys.server(&[0, 0, 0, 1, 9, 9, 9, 8]), None);
        drop(entry);
        assert_eq!(keys.server(&[0, 0, 0, 1, 9, 9, 9, 9]), None);
        assert!(keys.remember(&[0, 0, 0, 1], 0).is_none());
        assert!(keys.remember(&[7; 260], 0).is_some());
        assert!(keys.remember(&[7; 261], 0).is_none());
    }
}
