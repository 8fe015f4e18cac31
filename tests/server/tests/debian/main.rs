//! The Debian packages on a system that has PostgreSQL 18 and 19: installed beside running servers, used by psql,
//! upgraded under open sessions, removed and purged.
//!
//! Installs packages on the machine and trusts a CA there, so it must never run but in the folder that
//! `make test-debian` throws away; `tests/debian/inside` says in which order. Clusters are made by `pg_createcluster`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod cluster;
mod install;
mod packages;
mod probe;
mod psql;
mod removal;
mod scene;
mod upgrade;

/// The certified provider, and a person's browser.
#[allow(dead_code, reason = "some of it is for the tests of other tokens")]
#[path = "../provider/browser.rs"]
mod browser;
#[allow(dead_code, reason = "some of it is for the tests of rotations")]
#[path = "../provider/oidc.rs"]
mod oidc;
