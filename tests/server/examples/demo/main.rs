//! `make demo`: a PostgreSQL server, four providers, and who gets in.
//!
//! Everything printed happens: the server is real, tokens are signed by keys made for this run, the reasons of
//! refusals are read from the server's log. Exits with 0 only if every outcome is the expected one.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

mod files;
mod outcome;
mod screen;
mod table;
mod tokens;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode, Output};

use files::{DemoFiles, ORPHAN, PROFILES};
use oauth_validator_fixtures::jwks;
use oauth_validator_server_tests::{Cluster, ClusterOptions, HarnessError, Result, target_dir};
use outcome::{DemoCase, DemoExpectation, Observed, entry};
use screen::Screen;
use table::ColumnTable;
use tokens::DemoProviders;

fn main() -> ExitCode {
    match demo() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every outcome was the expected one.
fn demo() -> Result<bool> {
    let files = DemoFiles::from_examples()?;
    let providers = DemoProviders::new();
    let cluster = start(&files, &providers)?;
    let life = cluster.incarnation();
    let mut screen = Screen::new();

    introduce(&screen, &cluster, &files)?;
    let_in(&mut screen, &cluster, &providers);
    refuse(&mut screen, &cluster, &providers);
    let report = mistakes(&mut screen, &cluster, &files, &providers)?;
    let restarted = (cluster.incarnation() != life).then_some("it was started again: see its log");
    screen.outcome("from the first login to the last, the server neither restarted nor crashed", restarted);
    checked(&mut screen, &report);

    let fine = screen.summary();
    screen.text("Next: README.md shows how to set this up for a server and a provider of your own.");
    Ok(fine)
}

fn start(files: &DemoFiles, providers: &DemoProviders) -> Result<Cluster> {
    let cluster = Cluster::try_start(ClusterOptions {
        config: Some(files.config.clone()),
        hba: files.hba.clone(),
        ident: files.ident.clone(),
        // Who and where is enough here: when, and in which process, would only make long lines.
        conf: "log_line_prefix = '%q%u@%d '".into(),
        ..ClusterOptions::with_module()
    })?;
    for (profile, key) in providers.keys() {
        cluster.write_file(&key_file(profile), jwks(&[key]).to_string());
    }
    let databases = PROFILES.iter().map(|(_, database)| *database).chain([ORPHAN]);
    let statements = databases.map(|database| format!("CREATE DATABASE {database}"));
    for sql in statements.chain(["CREATE ROLE ana LOGIN".into(), "CREATE ROLE bruno LOGIN".into()]) {
        cluster.sql(&sql).map_err(|error| HarnessError::new(format!("{sql}: {error}")))?;
    }
    Ok(cluster)
}

fn key_file(profile: &str) -> String {
    format!("{profile}.jwks.json")
}

fn introduce(screen: &Screen, cluster: &Cluster, files: &DemoFiles) -> Result<()> {
    let version = cluster.sql("SHOW server_version").map_err(|error| HarnessError::new(error.to_string()))?;
    let version = version.into_iter().flatten().next().flatten().unwrap_or_default();
    screen.heading(&format!("PostgreSQL {version} with oauth_validator"));
    screen.text(
        "A server was started for this demo, and goes away with it. Its users log in with tokens of four \
         providers. These have the layout of the real ones, but are signed with keys made just now: nothing is sent \
         over the network.",
    );
    screen.heading("oauth-validator.toml says whom to believe what");
    screen.numbered(&files.config);
    screen.text(
        "These are the files of config/examples, but for the tables [profiles.*.keys]: without a jwks_file, the server \
         would ask the real providers for their keys, and those have not signed the tokens of this demo.",
    );
    screen.heading("pg_hba.conf says which provider serves which database");
    screen.quote(&files.hba);
    screen.text("Over a network such lines begin with hostssl instead of local.");
    screen.heading("pg_ident.conf says who may be which role");
    screen.quote(&files.ident);
    Ok(())
}

fn let_in(screen: &mut Screen, cluster: &Cluster, providers: &DemoProviders) {
    screen.heading("Ana logs in with the token of each provider");
    all(screen, cluster, ["provider of the token", "let in as (system_user)"], &providers.good());
}

fn refuse(screen: &mut Screen, cluster: &Cluster, providers: &DemoProviders) {
    screen.heading("Who is refused, and why");
    screen.text("In each line one thing is wrong. ✓ means: refused, and for that very reason.");
    let seen = all(screen, cluster, ["token", "reason in the server's log"], &providers.bad());
    let Some(first) = seen.first() else { return };
    screen.heading("What the administrator reads in the log about the first of them");
    screen.quote(&entry(&first.log).unwrap_or_default());
    screen.heading("What the client is told, whatever the reason");
    screen.quote(&first.told);
}

fn all(screen: &mut Screen, cluster: &Cluster, titles: [&str; 2], cases: &[DemoCase]) -> Vec<Observed> {
    let table = ColumnTable::begin(screen, titles, &cases.iter().collect::<Vec<_>>());
    cases.iter().map(|case| table.run(screen, cluster, case)).collect()
}

/// Mistakes of an administrator: they lock out, they never let in, and mending them takes no restart.
fn mistakes(screen: &mut Screen, cluster: &Cluster, files: &DemoFiles, providers: &DemoProviders) -> Result<Output> {
    let misspelt = files.config.replacen("\naudience = [\"api://postgres\"]", "\naudiance = [\"api://postgres\"]", 1);
    if misspelt == files.config {
        return Err(HarnessError::new("the example for Okta has another audience than this demo misspells"));
    }
    let config = cluster.config_path();
    let keys = config.with_file_name(key_file("google"));
    let okta = |about, expected| providers.at_okta(about, expected);
    let unknown_key = okta("\"audience\" misspelt as \"audiance\"", DemoExpectation::Denied("config_invalid"));
    let writable = okta("anybody may write to oauth-validator.toml", DemoExpectation::Denied("config_unreadable"));
    let no_keys =
        providers.at_google("the file with Google's keys is gone", DemoExpectation::Denied("keys_unavailable"));
    let mended = okta("none any more: all is mended", DemoExpectation::LetIn("oauth:00u000user0000000h7"));

    screen.heading("Mistakes in the files lock out, and once they are mended the next login works");
    let titles = ["mistake", "outcome"];
    let table = ColumnTable::begin(screen, titles, &[&unknown_key, &writable, &no_keys, &mended]);

    cluster.write_config(&misspelt);
    table.run(screen, cluster, &unknown_key);
    let report = check(cluster)?;

    cluster.write_config(&files.config);
    io(fs::set_permissions(&config, Permissions::from_mode(0o666)))?;
    table.run(screen, cluster, &writable);

    cluster.write_config(&files.config);
    let contents = io(fs::read(&keys))?;
    io(fs::remove_file(&keys))?;
    table.run(screen, cluster, &no_keys);

    cluster.write_file(&key_file("google"), contents);
    table.run(screen, cluster, &mended);
    Ok(report)
}

fn checked(screen: &mut Screen, report: &Output) {
    screen.heading("The first mistake again: `oauth-validator check` finds it before anybody is locked out");
    screen.quote(&String::from_utf8_lossy(&report.stdout));
    let found = report.status.code() == Some(1);
    let problem = (!found).then(|| format!("{}: {}", report.status, String::from_utf8_lossy(&report.stderr)));
    screen.outcome("oauth-validator check exits with 1: errors were found", problem.as_deref());
}

/// What the tool says of the configuration as it is now.
fn check(cluster: &Cluster) -> Result<Output> {
    let tool = target_dir().join("bin/oauth-validator");
    let config = cluster.config_path();
    let mut command = Command::new(&tool);
    if let (Some(folder), Some(file)) = (config.parent(), config.file_name()) {
        command.current_dir(folder).arg("check").arg(file);
    }
    // As much as a quotation has.
    command.env("COLUMNS", "76");
    command.arg("--server-user").arg(cluster.server_user().0.to_string());
    let cannot = |error| HarnessError::new(format!("cannot run {}: {error}; run `make tool`", tool.display()));
    command.output().map_err(cannot)
}

fn io<T>(result: std::io::Result<T>) -> Result<T> {
    result.map_err(|error| HarnessError::new(format!("cannot change a file of the demo: {error}")))
}
