//! The decision as a pure function: every refusal by its code, and none of them with a word of the token in it.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

mod claims;
mod delegation;
mod driver;
mod endpoints;
mod header;
mod hints;
mod identity;
mod introspection;
mod key_documents;
mod keys;
mod line;
mod lookup;
mod mutants;
mod properties;
mod providers;
mod rotation;
mod rules;
mod scope;
mod session;
mod structure;
mod support;
mod traces;
