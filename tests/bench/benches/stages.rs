//! The stages of a login again and again, warm: `cargo bench -p oauth-validator-bench`. `stage` has them cold.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use divan::Bencher;
use oauth_validator_bench::stage::all;

fn main() {
    divan::main();
}

#[divan::bench(args = all().into_iter().map(|stage| stage.name))]
fn stage(bencher: Bencher<'_, '_>, name: &String) {
    let stages = all();
    let found = stages.iter().find(|stage| stage.name == *name).expect("a name of the list");
    let body = found.prepare();
    bencher.bench_local(body);
}
