//! The module against a certified OpenID provider that nobody of this project wrote: npm's oidc-provider.
//!
//! Every token here is one that the provider issued by a real grant, or such a token spoiled; every key is one that it
//! publishes. `make test-provider` installs the provider and runs this.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod browser;
mod logins;
mod oidc;
mod opaque;
mod outage;
mod proposal;
mod refusals;
mod rotation;
mod support;
mod token;
