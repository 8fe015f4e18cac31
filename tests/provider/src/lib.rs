//! A mock OpenID provider: discovery, keys and answers about tokens over real TLS on the loopback, with faults that a test chooses.
//!
//! For tests only: it panics where a library would return an error. It answers what it is told and must never
//! judge a client; that it is trusted by nobody but the holder of [`MockProvider::ca_file`] is its only protection.
//! It must never hold a test up either: dropping it closes every connection and joins every thread.
//!
//! One request a connection (`Connection: close`). The server offers TLS 1.2 and 1.3. It cannot offer anything
//! older, because rustls does not speak it, so that a client refuses TLS 1.1 has to be shown by other means.
//!
//! ```
//! use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
//! use serde_json::json;
//!
//! let provider = MockProvider::with_issuer_path("/realms/corp");
//! provider.set_keys(json!({ "keys": [] }));
//! provider.set_header("/jwks", "Cache-Control", "max-age=60");
//! provider.set_fault("/jwks", Fault::Status(503));
//! assert!(provider.issuer().ends_with("/realms/corp"));
//! assert_eq!(provider.request_count("/jwks"), 0);
//! provider.stop();
//! provider.set_fault(ALL, Fault::ExpiredCertificate);
//! provider.restart();
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

mod answer;
mod certificates;
mod directory;
mod fault;
mod http;
mod provider;
mod reply;
mod self_signed;
mod server;
mod shutdown;
mod site;
mod stream;

pub use certificates::{ClientCredentials, LocalhostCertificate};
pub use directory::{BATCH, Directory, Mishap};
pub use fault::Fault;
pub use http::HttpRequest;
pub use provider::MockProvider;
pub use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
pub use reply::Reply;
pub use self_signed::SelfSigned;
pub use site::ALL;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks even after a panic: a failed assertion elsewhere must not turn into a second panic while dropping.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
