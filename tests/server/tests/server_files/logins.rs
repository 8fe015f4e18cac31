//! Which line takes a login, and whether a map lets it in: what is foretold, and what the server then does.

use crate::{DiskFiles, start};
use oauth_validator_core::server_files::{
    ClientOrigin, FileReader, HbaContext, HbaLine, IdentLine, LoginQuery as Asked, Mapping, choose, line_of,
    map_identity,
};
use oauth_validator_server_tests::{Cluster, Login, LoginOutcome};

const ROLES: [&str; 6] = ["ana", "bo", "a b", "all", "dba", "ANA"];
const DATABASES: [&str; 4] = ["app", "ana", "a,b", "all"];

/// Where a login would end, and what it would be.
const LINES: &str = "\
local replication bo trust
local all \"dba\" reject
local sameuser ana trust
local \"all\" \"all\" reject
local app,\"a,b\" /^[ab]$,bo trust
local /^a.b$ all reject
local app /^.n trust
local \"sameuser\" all trust
local all \"+dba\" trust
local ana bo reject
local app \"a b\",all reject
local all ANA trust
";

/// The line of pg_hba.conf that took the login, as the log says, or `None` if none did.
fn taken(cluster: &Cluster, login: &Login<'_>) -> Option<usize> {
    let mark = cluster.log_mark();
    match cluster.login(login).outcome {
        LoginOutcome::Accepted(_) => {
            let log = cluster.wait_for_log(mark, "connection authenticated");
            let (_, place) = log.split_once("pg_hba.conf:").expect("the line of the file");
            Some(place.split(')').next().and_then(|line| line.parse().ok()).expect("a number"))
        }
        LoginOutcome::Refused(error) if error.message.contains("pg_hba.conf rejects connection") => Some(0),
        LoginOutcome::Refused(error) if error.message.contains("no pg_hba.conf entry") => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_line_that_is_foretold_takes_the_login() {
    let cluster = start();
    for role in ROLES {
        cluster.sql(&format!("CREATE ROLE \"{role}\" LOGIN REPLICATION")).expect("a role");
    }
    for database in DATABASES {
        cluster.sql(&format!("CREATE DATABASE \"{database}\"")).expect("a database");
    }
    cluster.set_hba(LINES);
    cluster.reload();
    let mut disk = DiskFiles;
    let mut reader = FileReader::new(&mut disk);
    let lines = reader.hba(&cluster.data_dir().join("pg_hba.conf"), &HbaContext::default()).expect("it is there");
    let lines: Vec<HbaLine> = lines.into_iter().map(|line| line.expect("a line")).collect();
    let number = |line: &HbaLine| line_of(&reader.sources()[0].text, line.place.span.start);
    let (mut accepted, mut rejected) = (0, 0);
    for role in ROLES {
        for database in DATABASES.iter().map(|database| Some(*database)).chain([None]) {
            let chosen = choose(&lines, &Asked { role, database, client: ClientOrigin::Local });
            assert!(chosen.earlier.is_empty() && chosen.assumed.is_none(), "nothing here is unknown");
            let foretold = chosen.line.map(|line| if line.method == "reject" { 0 } else { number(line) });
            let login = match database {
                Some(database) => Login::new(role, database),
                None => Login::new(role, "postgres").replication("true"),
            };
            assert_eq!(taken(&cluster, &login), foretold, "{role} {database:?}");
            if foretold.is_some_and(|line| line > 0) { accepted += 1 } else { rejected += 1 }
        }
    }
    assert!(accepted > 5 && rejected > 5, "{accepted} in, {rejected} out");
}

const MAPS: &str = "\
a SELF ana
b SELF all
c SELF \"all\"
d /^(.)(.*)$ \\1na
e /^(.)(.*)$ \"\\1na\"
f /.* \\1na
f SELF ana
g SELF +dba
h SELF \"+dba\"
i SELF /^a
j /^(nobody)$ ana
j SELF bo
k \"SELF\" \"ana\"
l SELF ANA
m /^(?:x)?SELF$ ana
n self2 ana
";

/// The map of a `peer` line, which compares as an OAuth line does (`check_usermap`), with the system's user as identity.
#[test]
fn a_map_lets_in_whom_it_is_said_to_let_in() {
    let cluster = start();
    for role in ROLES {
        cluster.sql(&format!("CREATE ROLE \"{role}\" LOGIN")).expect("a role");
    }
    let identity = std::process::Command::new("id").arg("-un").output().expect("id(1) runs").stdout;
    let identity = String::from_utf8(identity).expect("a name").trim().to_owned();
    cluster.set_ident(&MAPS.replace("SELF", &identity));
    let mut disk = DiskFiles;
    let lines = FileReader::new(&mut disk).ident(&cluster.data_dir().join("pg_ident.conf")).expect("it is there");
    let lines: Vec<IdentLine> = lines.into_iter().map(|line| line.expect("a line")).collect();
    let (mut accepted, mut refused) = (0, 0);
    for map in ('a'..='n').map(String::from) {
        cluster.set_hba(&format!("local all all peer map={map}"));
        cluster.reload();
        for role in ROLES {
            let foretold = match map_identity(&lines, &map, &identity, role) {
                Mapping::Granted(_) => true,
                Mapping::Denied | Mapping::Broken(..) => false,
                // Groups are not in the file.
                Mapping::Unknown(..) => continue,
            };
            let let_in = match cluster.login(&Login::new(role, "postgres")).outcome {
                LoginOutcome::Accepted(_) => true,
                LoginOutcome::Refused(error) if error.message.contains("Peer authentication failed") => false,
                other => panic!("{other:?}"),
            };
            assert_eq!(let_in, foretold, "map {map}, role {role}");
            if let_in { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > 10 && refused > 20, "{accepted} in, {refused} out");
}
