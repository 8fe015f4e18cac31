//! `oauth-validator gateway` between clients that know no OAUTHBEARER and a real server, over real TLS.
//!
//! psql, and asyncpg and pg8000 from PyPI, which cannot show a token by themselves. What a server that is none receives is
//! looked through for the token, and so is all that the gateway says.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod clients;
mod endurance;
#[cfg(feature = "clients")]
mod others;
mod refusals;
mod scene;
mod sessions;
#[allow(dead_code, reason = "some of it is for the preload library's tests")]
#[path = "../preload/strangers.rs"]
mod strangers;
