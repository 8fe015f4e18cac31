//! `make bench`: logins with oauth_validator beside logins with a validator that does nothing.
//!
//! Prints a table; `--json FILE` and `--svg FILE` write it down. `--quick` shows in a few seconds that all of it works;
//! its numbers mean little. Exits with 1 when a login fails, when the provider is asked during the measurement, or when
//! logins leave something behind: no time is ever a reason.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

use oauth_validator_bench::client::RepeatedLogin;
use oauth_validator_bench::instead::{self, Kind, Usable};
use oauth_validator_bench::measure::Subject;
use oauth_validator_bench::report::{BenchReport, table, with_table};
use oauth_validator_bench::rows::{Rows, further_profile, servers_of};
use oauth_validator_bench::servers::{BenchIssuers, Servers};
use oauth_validator_bench::slapd::Slapd;
use oauth_validator_bench::soak::{growth, soak};
use oauth_validator_bench::variant::{BASE, ProviderUse, Variant, every};
use oauth_validator_bench::{noop, picture};
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

struct Options {
    rounds: usize,
    logins: usize,
    soak: usize,
    only_base: bool,
    only: String,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
    readme: Option<PathBuf>,
}

const USAGE: &str = "usage: logins [--quick] [--base] [--only TEXT] [--rounds N] [--logins N] [--soak N]
              [--json FILE] [--svg FILE] [--readme FILE]
  --quick     2 rounds of 20 logins and a soak of 200: shows that it works
  --base      only the case that the targets name, preloaded and not, at Unix sockets
  --only TEXT only rows whose names have this in them
  --rounds N  rounds (5)
  --logins N  logins of each kind in a round (400)
  --soak N    logins after which the postmaster must be as it was (100000; 0: none)
  --json FILE, --svg FILE   the report, and a picture of it
  --readme FILE             puts the table in the place of the one that FILE has
Beside tokens it measures scram-sha-256, cert and both over TLS, PAM and LDAP, as far as server and
system have them; where not, it says why. PAM needs root, and util-linux's unshare and setpriv: the
server gets an /etc/passwd, an /etc/shadow and an /etc/pam.d that it alone sees. LDAP needs slapd, which
is started with a database of its own. Nothing of the system is changed.";

fn main() -> ExitCode {
    let outcome = options(std::env::args().skip(1)).and_then(|options| bench(&options));
    match outcome {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            problems.iter().for_each(|problem| eprintln!("bench: {problem}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options {
        rounds: 5,
        logins: 400,
        soak: 100_000,
        only_base: false,
        only: String::new(),
        json: None,
        svg: None,
        readme: None,
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| Error::other(format!("{argument} needs a value\n{USAGE}")));
        let number = |text: String| text.parse().map_err(|_| Error::other(format!("{text} is no number\n{USAGE}")));
        match argument.as_str() {
            "--quick" => options = Options { rounds: 2, logins: 20, soak: 200, ..options },
            "--base" => options.only_base = true,
            "--only" => options.only = value()?,
            "--rounds" => options.rounds = number(value()?)?,
            "--logins" => options.logins = number(value()?)?,
            "--soak" => options.soak = number(value()?)?,
            "--json" => options.json = Some(value()?.into()),
            "--svg" => options.svg = Some(value()?.into()),
            "--readme" => options.readme = Some(value()?.into()),
            "--help" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            other => return Err(Error::other(format!("{other} is not known\n{USAGE}"))),
        }
    }
    Ok(options)
}

/// What is wrong besides times.
fn bench(options: &Options) -> Result<Vec<String>> {
    let noop = noop::build()?;
    let providers = BenchIssuers::start();
    let base = |variant: &Variant| Variant { preloaded: false, session: false, asked: ProviderUse::No, ..*variant };
    let variants: Vec<Variant> = every()
        .filter(|variant| !options.only_base || base(variant) == BASE)
        .filter(|variant| variant.name().contains(&options.only))
        .collect();
    let named = |kind: &Kind| kind.rows().iter().any(|row| row.contains(&options.only));
    let wanted: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !options.only_base && named(kind)).collect();
    let Usable { kinds, not_measured } = instead::usable(&noop, &wanted)?;

    let mut rows = Rows::of(&variants);
    let mut requests = 0;
    for number in 1..=options.rounds {
        eprintln!("round {number} of {}", options.rounds);
        requests += add_round(&mut rows, &noop, &variants, &providers, options)?;
        requests += add_instead(&mut rows, &noop, &kinds, &providers, options)?;
    }

    let servers = Servers::start(&noop, false)?;
    let clients = servers.clients(&BASE, &providers)?;
    let more_memory = more_memory(&noop, &providers, &clients)?;
    let asked = providers.keys.connection_count();
    let (sessions, introspection) = (rows.spreads(false), rows.spreads(true));
    let rows = rows.finished();
    let mut report = BenchReport {
        about: about(&servers, &kinds, options)?,
        further_profile: further_profile(&rows),
        sessions,
        introspection,
        not_measured,
        rows,
        requests: 0,
        memory: Vec::new(),
    };
    let [_, ours] = clients;
    let mut problems = memory(&servers, ours, more_memory, options, &mut report)?;
    report.requests = requests + providers.keys.connection_count() - asked;
    if report.requests > 0 {
        problems.push(format!("the provider was asked {} times by logins that had all keys", report.requests));
    }
    written(&report, options)?;
    Ok(problems)
}

/// A round of logins at Unix sockets, and how often the provider was asked in it. Where in memory a server happens to lie
/// makes more of a difference than one round has from the next, so each round has servers of its own.
fn add_round(
    rows: &mut Rows,
    noop: &Path,
    variants: &[Variant],
    providers: &BenchIssuers,
    options: &Options,
) -> Result<usize> {
    let servers = [Servers::start(noop, false)?, Servers::start(noop, true)?];
    // Each set of keys is fetched once, before anything is measured.
    for variant in variants {
        let servers = servers_of(&servers, variant);
        servers.clients_at_once(variant, providers)?;
        servers.tried_clients(&variant.beside())?;
    }
    let asked = providers.keys.connection_count();
    rows.add_round(&servers, variants, providers, options.logins)?;
    Ok(providers.keys.connection_count() - asked)
}

/// A round of what people use instead, once those servers have ended; and how often the provider was asked in it.
fn add_instead(
    rows: &mut Rows,
    noop: &Path,
    kinds: &[Kind],
    providers: &BenchIssuers,
    options: &Options,
) -> Result<usize> {
    let mut requests = 0;
    if kinds.contains(&Kind::Tls) {
        let (measured, asked) = instead::over_tls(noop, providers, options.logins)?;
        rows.add(measured);
        requests = asked;
    }
    if kinds.iter().any(|kind| *kind != Kind::Tls) {
        rows.add(instead::by_clear_text(noop, kinds, options.logins)?);
    }
    Ok(requests)
}

/// To standard output, and into the files that are named.
fn written(report: &BenchReport, options: &Options) -> Result<()> {
    let text = format!("{:#}\n", report.json());
    // As whoever reads the file will have it: a number can be read as the one beside it, and rounded the other way.
    let json = serde_json::from_str(&text)?;
    print!("{}", table(&json));
    if let Some(file) = &options.json {
        std::fs::write(file, text)?;
    }
    if let Some(file) = &options.svg {
        std::fs::write(file, picture::svg(&json))?;
    }
    if let Some(file) = &options.readme {
        let text = std::fs::read_to_string(file)?;
        std::fs::write(file, with_table(&text, &json).ok_or_else(|| Error::other("no place for a table"))?)?;
    }
    Ok(())
}

/// How much more memory a backend has after a login than with the validator that does nothing, in kB, without the library
/// preloaded and with it.
fn more_memory(
    noop: &Path,
    providers: &BenchIssuers,
    [without, ours]: &[RepeatedLogin; 2],
) -> Result<[(&'static str, i64); 2]> {
    let preloaded = Servers::start(noop, true)?;
    let [without_preloaded, ours_preloaded] = preloaded.clients(&BASE, providers)?;
    Ok([("", growth(without, ours)?), (", preloaded", growth(&without_preloaded, &ours_preloaded)?)])
}

/// Fills in what logins cost in memory, and returns what they leave behind.
fn memory(
    servers: &Servers,
    ours: RepeatedLogin,
    more_memory: [(&'static str, i64); 2],
    options: &Options,
    report: &mut BenchReport,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (how, more) in more_memory {
        report.memory.push((format!("a backend's memory, more than with no-op{how}"), format!("{more} kB")));
        if more >= 1024 {
            problems.push(format!("a login{how} takes {more} kB of memory; 1024 kB would be too much"));
        }
    }
    if options.soak > 0 {
        eprintln!("soak of {} logins", options.soak);
        let [before, after] = soak(&Subject::new(ours, &servers.ours), options.soak)?;
        let text = format!("{before} before, {after} after");
        report.memory.push((format!("the postmaster, {} logins", options.soak), text.clone()));
        if !after.is_flat_since(before) {
            problems.push(format!("{} logins leave something in the postmaster: {text}", options.soak));
        }
    }
    Ok(problems)
}

fn about(servers: &Servers, kinds: &[Kind], options: &Options) -> Result<Vec<(String, String)>> {
    let version = servers.ours.sql("SELECT version()").map_err(|error| Error::other(error.to_string()))?;
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let date = Command::new("date").arg("+%Y-%m-%d").output()?;
    let slapd = Slapd::program().filter(|_| kinds.contains(&Kind::Ldap)).map(|program| Slapd::version(&program));
    let mut pairs = vec![
        ("machine", format!("{model}, {cores} cores")),
        ("server", version.into_iter().flatten().flatten().next().unwrap_or_default()),
        ("date", String::from_utf8_lossy(&date.stdout).trim().to_owned()),
        (
            "rounds",
            format!("{}, of {} logins of each kind, each with servers of its own", options.rounds, options.logins),
        ),
    ];
    if let Some(version) = slapd {
        pairs.push(("directory", version?));
    }
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
