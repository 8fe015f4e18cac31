//! Clients that others wrote, with tokens of the certified provider: for how long they go on, and what each says.
//!
//! `make test-clients` installs what it needs and runs this; `make soak-clients` runs `soak` for ten minutes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod drivers;
#[allow(dead_code, reason = "some of it is for the provider's tests")]
#[path = "../provider/oidc.rs"]
mod oidc;
mod soak;
#[allow(dead_code, reason = "some of it is for the provider's tests")]
#[path = "../provider/support.rs"]
mod support;
