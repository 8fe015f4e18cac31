//! One stage of a login, in a fresh process: `stage NAME` prints how many nanoseconds its first and its second run took.
//!
//! Without a name it runs every stage so, in processes of their own, and prints medians: a login is always a first run.
//! `valgrind --tool=callgrind --toggle-collect='*measured*' stage NAME` counts the instructions of one run, which
//! repeats where time does not (`make bench-instructions`).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

use oauth_validator_bench::stage::{Body, all};
use std::io::{Error, Result};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Processes for each stage.
const PROCESSES: usize = 21;

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        None => every_stage(),
        Some("--list") => {
            all().iter().for_each(|stage| println!("{}", stage.name));
            Ok(())
        }
        Some(name) => one_stage(name),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stage: {error}");
            ExitCode::FAILURE
        }
    }
}

fn one_stage(name: &str) -> Result<()> {
    let stages = all();
    let stage = stages.iter().find(|stage| stage.name == name);
    let stage = stage.ok_or_else(|| Error::other(format!("there is no stage {name}; see stage --list")))?;
    let mut body = stage.prepare();
    let cold = timed(|| measured(&mut body));
    let warm = timed(body);
    println!("{cold} {warm}");
    Ok(())
}

/// What callgrind counts; its name must be in the program.
#[inline(never)]
fn measured(body: &mut Body) {
    body();
}

fn timed(run: impl FnOnce()) -> u128 {
    let started = Instant::now();
    run();
    started.elapsed().as_nanos()
}

fn every_stage() -> Result<()> {
    let own = std::env::current_exe()?;
    println!("{:<16} {:>12} {:>12}", "stage", "first run", "second run");
    for stage in all() {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..PROCESSES {
            let output = Command::new(&own).arg(&stage.name).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let pair: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
            let [cold, warm] = pair.as_slice() else {
                return Err(Error::other(format!("{}: {}", stage.name, String::from_utf8_lossy(&output.stderr))));
            };
            times[0].push(*cold);
            times[1].push(*warm);
        }
        let [cold, warm] = times.map(|mut times| {
            times.sort_unstable();
            times[PROCESSES / 2] as f64 / 1e3
        });
        println!("{:<16} {cold:>9.1} µs {warm:>9.1} µs", stage.name);
    }
    Ok(())
}
