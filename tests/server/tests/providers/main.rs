//! The module against providers that nobody here wrote: each of `tests/providers`, started by its driver, with what
//! `discover` proposes for it.
//!
//! Every token here is one that a provider issued by itself. A provider is one folder there, and nothing here knows any of
//! them by name. `make test-providers` installs them and runs this; `PROVIDERS` names those that are meant, or `all`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod driver;
mod folder;
mod logins;
mod profile;
mod table;
mod trial;
mod userinfo;

use crate::folder::ProviderFolder;
use crate::logins::Scene;
use crate::table::TrialRow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// One after the other on one server, and a table at the end. One that fails does not keep the others from being tried.
#[test]
fn each_logs_in_with_what_discover_proposes() {
    let place = Scene::start();
    let mut rows = Vec::new();
    for provider in ProviderFolder::chosen() {
        for trial in &provider.trials {
            let started = Instant::now();
            let counts = catch_unwind(AssertUnwindSafe(|| trial::run(&place, &provider, trial)));
            rows.push(TrialRow::new(&provider, trial, counts.ok(), started.elapsed()));
        }
    }
    println!("{}", table::text(&rows));
    let failed: Vec<&str> = rows.iter().filter(|row| row.counts.is_none()).map(|row| row.provider.as_str()).collect();
    assert!(failed.is_empty() && !rows.is_empty(), "failed: {failed:?}, of {}", rows.len());
}
