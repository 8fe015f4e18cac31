//! What the fuzzer calls: one function for each kind of input that a stranger, a provider or an administrator writes.
//!
//! Each asks for more than that nothing panics: what is granted is proven by other code than that under test, the same
//! input is judged the same twice, and nothing that is said of an input repeats what nobody may read. A function that
//! returns has found nothing; it must never work around a wrong answer.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a finding is a panic"
)]

pub mod answer;
pub mod claim_path;
pub mod config;
pub mod jwks;
pub mod server_files;
pub mod token;
pub mod world;
