//! What the options and the variables of libpq make of a target, and what they are refused for.

use super::{Check, ProbeTarget, Roots, Security, ServerAddress, Variables};
use crate::args::{Args, Command};
use crate::output::CommandFailure;
use clap::Parser;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The target of a command line, in an environment of these variables.
fn target(line: &str, variables: &[(&str, &str)]) -> Result<ProbeTarget, CommandFailure> {
    let args = Args::try_parse_from(["oauth-validator", "probe"].into_iter().chain(line.split_whitespace()))
        .expect("a command line");
    let Command::Probe(options) = args.command else { panic!("{line}") };
    let of = |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| OsString::from(value));
    ProbeTarget::with(&options, Variables { of: &of, user: &|| Some("dba".to_owned()) })
}

#[track_caller]
fn place(line: &str, variables: &[(&str, &str)]) -> ServerAddress {
    target(line, variables).expect("a target").place
}

#[track_caller]
fn why(line: &str, variables: &[(&str, &str)]) -> String {
    format!("{:?}", target(line, variables).expect_err("no target"))
}

fn network(host: &str, port: u16, security: Security) -> ServerAddress {
    ServerAddress::Network(host.to_owned(), port, security)
}

fn verify_full(roots: Roots) -> Security {
    Security::Tls(Check::Name(roots))
}

#[test]
fn nothing_at_all_means_this_machines_server_and_this_user() {
    let target = target("", &[]).expect("a target");
    assert_eq!(target.place, ServerAddress::Socket("/var/run/postgresql/.s.PGSQL.5432".into()));
    assert_eq!((target.user.as_str(), target.database.as_str()), ("dba", "dba"));
}

#[test]
fn options_come_before_variables_and_these_before_defaults() {
    let variables =
        [("PGHOST", "db.example"), ("PGPORT", "5433"), ("PGUSER", "ana"), ("PGDATABASE", "app"), ("PGSSLMODE", "")];
    let found = target("", &variables).expect("a target");
    assert_eq!(found.place, network("db.example", 5433, verify_full(Roots::System)));
    assert_eq!((found.user.as_str(), found.database.as_str()), ("ana", "app"));
    let found = target("--host /tmp --port 1 --user ben --dbname d", &variables).expect("a target");
    assert_eq!(found.place, ServerAddress::Socket("/tmp/.s.PGSQL.1".into()));
    assert_eq!((found.user.as_str(), found.database.as_str()), ("ben", "d"));
    assert_eq!(target("--user ben", &[]).expect("a target").database, "ben");
}

#[test]
fn a_host_is_a_folder_an_abstract_name_or_a_machine() {
    assert_eq!(place("--host @pg/run", &[]), ServerAddress::Abstract("pg/run/.s.PGSQL.5432".to_owned()));
    assert_eq!(place("--host ::1", &[]).to_string(), "[::1]:5432");
    assert_eq!(place("--host db.example --port 7", &[]).to_string(), "db.example:7");
    assert_eq!(place("--host @x", &[]).to_string(), "@x/.s.PGSQL.5432");
    assert!(why("--host a,b", &[]).contains("several hosts"));
    assert!(why("", &[("PGHOST", "a,b")]).contains("several hosts"));
}

#[test]
fn what_is_empty_is_refused_as_an_option() {
    for (option, words) in [("--host=", "the host is empty"), ("--user=", "the role is"), ("--dbname=", "database is")]
    {
        assert!(why(option, &[]).contains(words), "{option}");
    }
}

#[test]
fn without_a_word_a_connection_is_verified_in_full() {
    assert_eq!(place("--host h", &[]), network("h", 5432, verify_full(Roots::System)));
    assert_eq!(
        place("--host h --sslrootcert ca.pem", &[]),
        network("h", 5432, verify_full(Roots::File("ca.pem".into())))
    );
    assert_eq!(
        place("--host h", &[("PGSSLROOTCERT", "/ca.pem")]),
        network("h", 5432, verify_full(Roots::File("/ca.pem".into())))
    );
    let system = place("--host h --sslrootcert system", &[("PGSSLROOTCERT", "/ca.pem")]);
    assert_eq!(system, network("h", 5432, verify_full(Roots::System)));
}

#[test]
fn a_root_certificate_at_home_counts_if_there_is_one() {
    let home = tempfile::tempdir().expect("a folder");
    let variables = [("HOME", home.path().to_str().expect("UTF-8"))];
    assert_eq!(place("--host h", &variables), network("h", 5432, verify_full(Roots::System)));
    let path = home.path().join(".postgresql/root.crt");
    std::fs::create_dir(home.path().join(".postgresql")).expect("a folder");
    std::fs::write(&path, "").expect("a file");
    assert_eq!(place("--host h", &variables), network("h", 5432, verify_full(Roots::File(path.clone()))));
    let required = place("--host h --sslmode require", &variables);
    assert_eq!(required, network("h", 5432, Security::Tls(Check::Authority(Roots::File(path)))));
}

#[test]
fn weaker_modes_have_to_be_asked_for() {
    let of = |line: &str| match place(line, &[]) {
        ServerAddress::Network(_, _, security) => security,
        other => panic!("{other:?}"),
    };
    let file = || Roots::File(PathBuf::from("ca.pem"));
    assert_eq!(of("--host h --sslmode disable"), Security::Plain { anywhere: false });
    assert_eq!(of("--host h --sslmode disable --insecure-plaintext"), Security::Plain { anywhere: true });
    assert_eq!(of("--host h --sslmode require"), Security::Tls(Check::Nothing));
    assert_eq!(of("--host h --sslmode require --sslrootcert ca.pem"), Security::Tls(Check::Authority(file())));
    assert_eq!(of("--host h --sslmode verify-ca --sslrootcert ca.pem"), Security::Tls(Check::Authority(file())));
}

#[test]
fn modes_that_would_say_nothing_are_refused() {
    for line in ["verify-ca", "verify-ca --sslrootcert system", "require --sslrootcert system"] {
        let why = why(&format!("--host h --sslmode {line}"), &[]);
        assert!(why.contains("says nothing") && why.contains("--sslrootcert"), "{line}: {why}");
    }
    assert!(why("--host h --insecure-plaintext", &[]).contains("is for --sslmode disable"));
    assert!(why("--host h", &[("PGSSLMODE", "prefer")]).contains("PGSSLMODE in the environment cannot be used"));
    assert!(why("", &[("PGPORT", "x")]).contains("PGPORT in the environment cannot be used"));
}

#[test]
fn a_variable_that_is_no_text_is_an_error() {
    let args = Args::try_parse_from(["oauth-validator", "probe"]).expect("a command line");
    let Command::Probe(options) = args.command else { panic!() };
    let of = |name: &str| (name == "PGUSER").then(|| OsString::from_vec(vec![0xff]));
    let failure = ProbeTarget::with(&options, Variables { of: &of, user: &|| None }).expect_err("no target");
    assert!(format!("{failure:?}").contains("PGUSER in the environment is not UTF-8"));
    let failure = ProbeTarget::with(&options, Variables { of: &|_| None, user: &|| None }).expect_err("no target");
    assert!(format!("{failure:?}").contains("give --user"));
}
