//! `liboauth_token.so` in programs that somebody else wrote: psql and the tools beside it, psycopg's wheel with a libpq of its
//! own, and dblink inside a server.
//!
//! Each refusal is looked for on the wire as well: whoever is not to have the token must not see a byte of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod dblink;
mod psql;
mod psycopg;
mod scene;
mod strangers;
