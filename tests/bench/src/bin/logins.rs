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

use oauth_validator_bench::client::Client;
use oauth_validator_bench::measure::{Subject, round};
use oauth_validator_bench::report::{Report, Row, Spread, median, table};
use oauth_validator_bench::servers::{Providers, Servers};
use oauth_validator_bench::soak::{growth, soak};
use oauth_validator_bench::variant::{Asked, BASE, Variant, every};
use oauth_validator_bench::{noop, picture};
use std::io::{Error, Result};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// What a postmaster may have more after any number of logins, in kB: a page or two for what it logs or counts itself.
const FLAT: u64 = 64;

struct Options {
    rounds: usize,
    logins: usize,
    soak: usize,
    only_base: bool,
    only: String,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
}

const USAGE: &str =
    "usage: logins [--quick] [--base] [--only TEXT] [--rounds N] [--logins N] [--soak N] [--json FILE] [--svg FILE]
  --quick     2 rounds of 20 logins and a soak of 200: shows that it works
  --base      only the case that the targets name, preloaded and not
  --only TEXT only rows whose names have this in them
  --rounds N  rounds (5)
  --logins N  logins of each kind in a round (400)
  --soak N    logins after which the postmaster must be as it was (100000; 0: none)";

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
    let mut options =
        Options { rounds: 5, logins: 400, soak: 100_000, only_base: false, only: String::new(), json: None, svg: None };
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
            other => return Err(Error::other(format!("{other} is not known\n{USAGE}"))),
        }
    }
    Ok(options)
}

/// What is wrong besides times.
fn bench(options: &Options) -> Result<Vec<String>> {
    let noop = noop::build()?;
    let providers = Providers::start();
    let base = |variant: &Variant| Variant { preloaded: false, session: false, asked: Asked::No, ..*variant };
    let variants: Vec<Variant> = every()
        .filter(|variant| !options.only_base || base(variant) == BASE)
        .filter(|variant| variant.name().contains(&options.only))
        .collect();

    let mut rows = Rows::of(&variants);
    let mut requests = 0;
    // Where in memory a server happens to lie makes more of a difference than one round has from the next, so each round
    // has servers of its own.
    for number in 1..=options.rounds {
        eprintln!("round {number} of {}", options.rounds);
        let servers = [Servers::start(&noop, false)?, Servers::start(&noop, true)?];
        // Each set of keys is fetched once, before anything is measured.
        for variant in &variants {
            of(&servers, variant).clients(&beside(variant), &providers)?;
            of(&servers, variant).clients(variant, &providers)?;
        }
        let asked = providers.keys.connection_count();
        rows.add_round(&servers, &variants, &providers, options)?;
        requests += providers.keys.connection_count() - asked;
    }

    let servers = Servers::start(&noop, false)?;
    let clients = servers.clients(&BASE, &providers)?;
    let asked = providers.keys.connection_count();
    let spreads = |asked: bool| -> Vec<(String, Spread)> {
        let rows = rows.beside.iter().filter(|(variant, _)| (variant.asked != Asked::No) == asked);
        rows.map(|(variant, ratios)| (variant.name(), Spread::of(ratios.iter().copied()))).collect()
    };
    let (sessions, introspection) = (spreads(false), spreads(true));
    let rows = rows.finished();
    let mut report = Report {
        about: about(&servers, options)?,
        further_profile: further_profile(&rows),
        sessions,
        introspection,
        not_measured: not_measured()?,
        rows,
        requests: 0,
        memory: Vec::new(),
    };
    let mut problems = memory(&servers, clients, options, &mut report)?;
    report.requests = requests + providers.keys.connection_count() - asked;
    if report.requests > 0 {
        problems.push(format!("the provider was asked {} times by logins that had all keys", report.requests));
    }

    let json = report.json();
    print!("{}", table(&json));
    if let Some(file) = &options.json {
        std::fs::write(file, format!("{json:#}\n"))?;
    }
    if let Some(file) = &options.svg {
        std::fs::write(file, picture::svg(&json))?;
    }
    Ok(problems)
}

fn of<'a>(servers: &'a [Servers; 2], variant: &Variant) -> &'a Servers {
    &servers[usize::from(variant.preloaded)]
}

/// What people use instead and this run does not show, and why.
fn not_measured() -> Result<Vec<(String, String)>> {
    let postgres = oauth_validator_server_tests::Postgres::find_or_install().map_err(Error::other)?;
    let configured = Command::new(postgres.pg_config()).arg("--configure").output()?.stdout;
    let configured = String::from_utf8_lossy(&configured).into_owned();
    let ways = [
        ("cert, and logins over TLS", ["--with-openssl", "--with-ssl"]),
        ("PAM (pam_unix)", ["--with-pam", "--with-pam"]),
        ("LDAP (slapd)", ["--with-ldap", "--with-ldap"]),
    ];
    let why = |options: [&str; 2]| match options.into_iter().any(|option| configured.contains(option)) {
        true => "this program has no client for it".to_owned(),
        false => format!("this server is built without {}", options[0]),
    };
    Ok(ways.into_iter().map(|(name, options)| (name.to_owned(), why(options))).collect())
}

/// All rounds of all variants, and of the server's own ways to log in.
struct Rows {
    noop: [Row; 2],
    ours: Vec<Row>,
    others: [Row; 2],
    /// For each row with a session, or whose provider is asked, round by round: its median over that of the same without.
    beside: Vec<(Variant, Vec<f64>)>,
}

impl Rows {
    fn of(variants: &[Variant]) -> Self {
        let row = |name: &str| Row { name: name.to_owned(), rounds: Vec::new(), noop: Vec::new() };
        Self {
            noop: [row("no-op"), row("no-op, preloaded")],
            ours: variants.iter().map(|variant| row(&variant.name())).collect(),
            others: [row("trust"), row("scram-sha-256")],
            beside: variants.iter().filter(|it| beside(it) != **it).map(|it| (*it, Vec::new())).collect(),
        }
    }

    fn add_round(
        &mut self,
        servers: &[Servers; 2],
        variants: &[Variant],
        providers: &Providers,
        options: &Options,
    ) -> Result<()> {
        let mut seen = [false; 2];
        for (variant, row) in variants.iter().zip(&mut self.ours) {
            let pair = of(servers, variant);
            let other = beside(variant);
            let [_, without] = pair.clients(&other, providers)?;
            let [floor, ours] = pair.clients(variant, providers)?;
            let mut subjects = vec![subject(floor, &pair.noop), subject(ours, &pair.ours)];
            if other != *variant {
                let of = |variant: &Variant| Some(variant.config(&providers.of(variant).base_url()));
                subjects.push(Subject { client: without, server: &pair.ours, config: of(&other) });
                subjects[1].config = of(variant);
            }
            let mut samples = round(&subjects, variant.logins(options.logins))?.into_iter();
            let (Some(floor), Some(ours)) = (samples.next(), samples.next()) else { continue };
            if let (Some(without), Some((_, ratios))) =
                (samples.next(), self.beside.iter_mut().find(|(of, _)| of == variant))
            {
                ratios.push(median(&ours) / median(&without));
            }
            let preloaded = usize::from(variant.preloaded);
            if !std::mem::replace(&mut seen[preloaded], true) {
                self.noop[preloaded].rounds.push(floor.clone());
                self.noop[preloaded].noop.push(floor.clone());
            }
            row.rounds.push(ours);
            row.noop.push(floor);
        }
        let plain = servers[0].clients_without_a_token();
        let subjects: Vec<_> = plain.into_iter().map(|(_, client)| subject(client, &servers[0].noop)).collect();
        for (row, sample) in self.others.iter_mut().zip(round(&subjects, options.logins)?) {
            row.rounds.push(sample);
            row.noop.extend(self.noop[0].rounds.last().cloned());
        }
        Ok(())
    }

    fn finished(self) -> Vec<Row> {
        let rows = self.noop.into_iter().chain(self.ours).chain(self.others);
        rows.filter(|row| !row.noop.is_empty()).collect()
    }
}

/// The login that the variant is compared with: without a session, and with a signed token.
fn beside(variant: &Variant) -> Variant {
    Variant { session: false, asked: Asked::No, ..*variant }
}

fn subject(client: Client, server: &oauth_validator_server_tests::Cluster) -> Subject<'_> {
    Subject { client, server, config: None }
}

/// From the rows with 1,000 profiles and with 1, round by round, in microseconds.
fn further_profile(rows: &[Row]) -> Option<Spread> {
    let rounds = |profiles| {
        let name = Variant { profiles, ..BASE }.name();
        Some(rows.iter().find(|row| row.name == name)?.rounds.iter().map(median))
    };
    Some(Spread::of(rounds(1000)?.zip(rounds(1)?).map(|(many, one)| (many - one) * 1e3 / 999.0)))
}

/// Fills in what logins cost in memory, and returns what they leave behind.
fn memory(servers: &Servers, [noop, ours]: [Client; 2], options: &Options, report: &mut Report) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let more = growth(&noop, &ours)?;
    report.memory.push(("a backend's memory, more than with no-op".into(), format!("{more} kB")));
    if more >= 1024 {
        problems.push(format!("a login takes {more} kB of memory; 1024 kB would be too much"));
    }
    if options.soak > 0 {
        eprintln!("soak of {} logins", options.soak);
        let [before, after] = soak(&subject(ours, &servers.ours), options.soak)?;
        let text = format!(
            "{} kB and {} files before, {} kB and {} files after",
            before.memory, before.files, after.memory, after.files
        );
        report.memory.push((format!("the postmaster, {} logins", options.soak), text.clone()));
        if after.files > before.files || after.memory > before.memory + FLAT {
            problems.push(format!("{} logins leave something in the postmaster: {text}", options.soak));
        }
    }
    Ok(problems)
}

fn about(servers: &Servers, options: &Options) -> Result<Vec<(String, String)>> {
    let version = servers.ours.sql("SELECT version()").map_err(|error| Error::other(error.to_string()))?;
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let date = Command::new("date").arg("+%Y-%m-%d").output()?;
    let pairs = [
        ("machine", format!("{model}, {cores} cores")),
        ("server", version.into_iter().flatten().flatten().next().unwrap_or_default()),
        ("date", String::from_utf8_lossy(&date.stdout).trim().to_owned()),
        (
            "rounds",
            format!("{}, of {} logins of each kind, each with servers of its own", options.rounds, options.logins),
        ),
    ];
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
