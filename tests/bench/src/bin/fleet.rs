//! `make fleet`: what a provider is asked by 500 servers, as usual, after a start of all at one moment, through outages, and when
//! its keys are rotated.
//!
//! Real key files and locks, each question put once by a real helper over TLS; only the time is turned by hand, so that hours
//! take minutes. Each scene is
//! played with clocks as they are and with clocks that know whole seconds alone, by which all servers would draw the same
//! lot: that is what would be without any. `--json FILE` and `--svg FILE` write it down; `--quick` shows that it works.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

use oauth_validator_bench::fleet::asked::ByHelper;
use oauth_validator_bench::fleet::report::{Played, json, svg, table};
use oauth_validator_bench::fleet::scenes::{MAX_AGE, every};
use oauth_validator_bench::fleet::{Clocks, Fleet};
use oauth_validator_server_tests::tool_path;
use std::io::{Error, Result};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: fleet [--quick] [--json FILE] [--svg FILE]";

fn main() -> ExitCode {
    match fleet() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fleet() -> Result<()> {
    let (mut servers, mut to_json, mut to_svg) = (500, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut file = || arguments.next().map(PathBuf::from).ok_or_else(|| Error::other(USAGE));
        match argument.as_str() {
            "--quick" => servers = 10,
            "--json" => to_json = Some(file()?),
            "--svg" => to_svg = Some(file()?),
            _ => return Err(Error::other(USAGE)),
        }
    }
    let mut played = Vec::new();
    for scene in every() {
        eprintln!("{} ...", scene.looks[0].0);
        let course = |clocks| {
            let mut asked = ByHelper::start(tool_path());
            Ok::<_, Error>(Fleet::new(servers, &asked)?.play(&scene, clocks, 1, &mut asked))
        };
        let courses = [course(Clocks::Real)?, course(Clocks::WholeSeconds)?];
        played.push(Played { scene, courses });
    }
    let about = [
        ("servers", format!("{servers}, with a login every 30 s each")),
        ("provider", format!("lets keys be kept for {} minutes", MAX_AGE.as_secs() / 60)),
    ];
    let report = json(&about, &played);
    print!("{}", table(&report));
    if let Some(file) = to_json {
        std::fs::write(file, format!("{report}\n"))?;
    }
    if let Some(file) = to_svg {
        std::fs::write(file, svg(&report))?;
    }
    Ok(())
}
