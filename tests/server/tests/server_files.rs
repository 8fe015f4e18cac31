//! The tool's reading of pg_hba.conf, pg_ident.conf and postgresql.conf against the server's own: its views
//! pg_hba_file_rules, pg_ident_file_mappings and pg_file_settings, line by line, the errors included.
//!
//! The server reads the files for each view, so that nothing here is loaded, and no login depends on it. Generated lines
//! come from a fixed seed. Must never compare what the build of a server decides, such as whether it has TLS.

use oauth_validator_core::server_files::{
    Address, Connection, Files, HbaContext, HbaLine, IdentLine, Mapping, Name, Place, Problem, Reader, RolesOfIdentity,
    Settings, Source, Unreadable, line_of, map_identity, roles_of,
};
use oauth_validator_server_tests::{Cluster, ClusterOptions};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files as they are.
struct Disk;

fn unreadable(error: &io::Error) -> Unreadable {
    let why = error.to_string();
    let why = why.split(" (os error").next().unwrap_or_default().to_owned();
    Unreadable { missing: error.kind() == io::ErrorKind::NotFound, why }
}

impl Files for Disk {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, Unreadable> {
        fs::read(path).map_err(|error| unreadable(&error))
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, Unreadable> {
        let entries = fs::read_dir(folder).map_err(|error| unreadable(&error))?;
        let files = entries.map(|entry| entry.expect("an entry")).filter(|entry| !entry.path().is_dir());
        Ok(files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }
}

/// One row, of the server's view or of the reader; absent values are empty.
#[derive(Debug, PartialEq, Eq, Clone, Default)]
struct Row {
    file: String,
    line: usize,
    values: Vec<String>,
    error: String,
}

fn start() -> Cluster {
    let cluster = Cluster::start(ClusterOptions::default());
    assert!(!cluster.sql("SELECT 1 FROM pg_hba_file_rules WHERE error IS NULL").expect("a view").is_empty());
    cluster
}

/// The rows of a query whose first columns are file and line, and whose last one is the error.
fn rows(cluster: &Cluster, sql: &str) -> Vec<Row> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let row = |row: Vec<Option<String>>| {
        let mut values: Vec<String> = row.into_iter().map(text).collect();
        let error = values.pop().expect("an error");
        let rest = values.split_off(2);
        Row { file: values[0].clone(), line: values[1].parse().unwrap_or(0), values: rest, error }
    };
    cluster.sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(row).collect()
}

fn read_rows<T>(
    sources: &[Source],
    lines: &[Result<T, Problem>],
    values: impl Fn(&T) -> (&Place, Vec<String>),
) -> Vec<Row> {
    let row = |line: &Result<T, Problem>| {
        let (place, values, error) = match line {
            Ok(line) => {
                let (place, values) = values(line);
                (place, values, String::new())
            }
            Err(problem) => (&problem.line, Vec::new(), problem.message.clone()),
        };
        let source = &sources[place.source];
        Row { file: source.path.display().to_string(), line: line_of(&source.text, place.span.start), values, error }
    };
    lines.iter().map(row).collect()
}

fn json(names: &[Name]) -> String {
    Value::from(names.iter().map(|name| name.text.clone()).collect::<Vec<_>>()).to_string()
}

fn compact(json: &str) -> String {
    serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

const HBA_VIEW: &str = "SELECT file_name, line_number, type, array_to_json(database), array_to_json(user_name), address, \
                        netmask, auth_method, CASE WHEN auth_method = 'oauth' THEN array_to_json(options) END, error \
                        FROM pg_hba_file_rules";

/// What the view says of a line.
fn hba_values(line: &HbaLine) -> (&Place, Vec<String>) {
    let connection = match line.connection {
        Connection::Local => "local",
        Connection::Host => "host",
        Connection::HostSsl => "hostssl",
        Connection::HostNoSsl => "hostnossl",
        Connection::HostGssEnc => "hostgssenc",
        Connection::HostNoGssEnc => "hostnogssenc",
    };
    let (address, mask) = match &line.address {
        None => (String::new(), String::new()),
        Some(Address::All) => ("all".to_owned(), String::new()),
        Some(Address::SameHost) => ("samehost".to_owned(), String::new()),
        Some(Address::SameNet) => ("samenet".to_owned(), String::new()),
        Some(Address::Host(name)) => (name.clone(), String::new()),
        Some(Address::Net { address, mask }) => (address.to_string(), mask.to_string()),
    };
    let mut options = Vec::new();
    if line.is_oauth() {
        let map = line.option("map").map(|map| ("map", map.to_owned()));
        let delegated = line.is_delegated().then(|| ("delegate_ident_mapping", "true".to_owned()));
        let validator = line.option("validator").unwrap_or("oauth_validator").to_owned();
        let required =
            [("issuer", line.issuer().to_owned()), ("scope", line.scope().to_owned()), ("validator", validator)];
        options.extend(map.into_iter().chain(required).chain(delegated).map(|(key, value)| format!("{key}={value}")));
    }
    let options = if line.is_oauth() { Value::from(options).to_string() } else { String::new() };
    let values = [connection, &json(&line.databases), &json(&line.roles), &address, &mask, &line.method, &options];
    (&line.place, values.map(str::to_owned).to_vec())
}

/// What depends on the server's build, and where the reader does not claim to know: a regular expression that the server
/// refuses must be one that is not judged.
fn reconcile(server: &mut Row, own: &mut Row, not_judged: bool) {
    for value in &mut server.values {
        *value = compact(value);
    }
    if server.error.starts_with("hostssl record cannot match") || server.error.starts_with("hostgssenc record") {
        server.error.clear();
    }
    if server.error.starts_with("invalid regular expression") {
        // The server says only the first thing that is wrong.
        assert!(not_judged || !own.error.is_empty(), "{server:?}\n{own:?}");
        own.clone_from(server);
    }
    if server.error.ends_with("not supported by this build") {
        own.clone_from(server);
    }
    if !server.error.is_empty() {
        server.values.clear();
        own.values.clear();
    }
    // getaddrinfo(3) has its own words for that.
    for row in [server, own] {
        if let Some((head, _)) = row.error.split_once("invalid IP mask") {
            row.error = format!("{head}invalid IP mask");
        }
    }
}

#[track_caller]
fn compare_hba(cluster: &Cluster, text: &str) -> usize {
    cluster.set_hba(text);
    let mut reader_files = Disk;
    let mut reader = Reader::new(&mut reader_files);
    let context = HbaContext { libraries: Some(vec!["oauth_validator".to_owned()]), major: major(cluster) };
    let lines = reader.hba(&cluster.data_dir().join("pg_hba.conf"), &context).expect("it is there");
    let own = read_rows(reader.sources(), &lines, hba_values);
    let server = rows(cluster, HBA_VIEW);
    assert_eq!(server.len(), own.len(), "{:#?}\n{:#?}", server.last(), own.last());
    for ((mut server, mut own), line) in server.into_iter().zip(own).zip(&lines) {
        let not_judged = line
            .as_ref()
            .is_ok_and(|line| line.databases.iter().chain(&line.roles).any(|name| name.not_judged().is_some()));
        reconcile(&mut server, &mut own, not_judged);
        assert_eq!(own, server);
    }
    lines.iter().filter(|line| line.is_ok()).count()
}

fn major(cluster: &Cluster) -> Option<u32> {
    let rows = cluster.sql("SELECT current_setting('server_version_num')::int / 10000").expect("a version");
    rows[0][0].as_ref()?.parse().ok()
}

#[test]
fn tricky_lines_of_pg_hba_conf_are_read_as_the_server_reads_them() {
    let cluster = start();
    for (name, text) in [
        ("names", "ana, \"bo b\"\n# a comment\ncy @inner\n"),
        ("inner", "dora\n\n"),
        ("empty", "# nothing\n"),
        ("deep", "@deep\n"),
        ("one.conf", "local one all trust\nlocal one all nonsense\n"),
        ("two.conf", "include \"no such file\"\nhost two all all reject\n"),
        (".hidden.conf", "local hidden all trust\n"),
        ("three.txt", "local three all trust\n"),
        ("loop.conf", "# one\n"),
        ("again", "local again all trust\ninclude again\n"),
        ("bad_names", "ana\ninclude nowhere\n"),
    ] {
        cluster.write_file(name, text);
    }
    fs::create_dir(cluster.config_path().with_file_name("folder.conf")).expect("a folder");
    let etc = cluster.config_path().parent().expect("a folder").display().to_string();
    let text = TRICKY_HBA.replace("ETC", &etc);
    let usable = compare_hba(&cluster, &text);
    assert!(usable > 60, "{usable} lines are valid");
    // What there is without a line break at its end, and with those of another system.
    compare_hba(&cluster, "local all all trust\r\nhost all all all md5\r\nlocal all all \\\r\n  trust\r\n");
    compare_hba(&cluster, "local all all trust\nlocal all all rej\\\nect \\");
}

const TRICKY_HBA: &str = include_str!("server_files/tricky_hba.conf");
const TRICKY_IDENT: &str = include_str!("server_files/tricky_ident.conf");

const IDENT_VIEW: &str =
    "SELECT file_name, line_number, map_name, sys_name, pg_username, error FROM pg_ident_file_mappings";

fn ident_values(line: &IdentLine) -> (&Place, Vec<String>) {
    (&line.place, vec![line.map.clone(), line.identity.text.clone(), line.role.text.clone()])
}

#[track_caller]
fn compare_ident(cluster: &Cluster, text: &str) -> usize {
    cluster.set_ident(text);
    let mut files = Disk;
    let mut reader = Reader::new(&mut files);
    let lines = reader.ident(&cluster.data_dir().join("pg_ident.conf")).expect("it is there");
    let own = read_rows(reader.sources(), &lines, ident_values);
    let server = rows(cluster, IDENT_VIEW);
    assert_eq!(server.len(), own.len(), "{:#?}\n{:#?}", server.last(), own.last());
    for ((mut server, mut own), line) in server.into_iter().zip(own).zip(&lines) {
        let not_judged =
            line.as_ref().is_ok_and(|line| line.identity.not_judged().is_some() || line.role.not_judged().is_some());
        reconcile(&mut server, &mut own, not_judged);
        // Names may look like JSON, which was made compact.
        own.values = own.values.iter().map(|value| compact(value)).collect();
        assert_eq!(own, server);
    }
    lines.iter().filter(|line| line.is_ok()).count()
}

#[test]
fn tricky_lines_of_pg_ident_conf_are_read_as_the_server_reads_them() {
    let cluster = start();
    cluster.write_file("more.conf", "okta \"from the folder\" ana\n");
    cluster.write_file("a_name", "ana\n");
    let etc = cluster.config_path().parent().expect("a folder").display().to_string();
    let usable = compare_ident(&cluster, &TRICKY_IDENT.replace("ETC", &etc));
    assert!(usable > 20, "{usable} lines are valid");
}

/// Numbers that look as if they were none of anybody's choice, and are the same each time (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let count = u64::try_from(words.len()).expect("some words");
        words[usize::try_from((self.0 >> 33) % count).expect("small")]
    }
}

const KINDS: &[&str] = &[
    "local",
    "host",
    "hostssl",
    "hostnossl",
    "\"host\"",
    "hostgssenc",
    "hostnogssenc",
    "local,host",
    "hots",
    "LOCAL",
    "\"\"",
];
const NAMES: &[&str] = &[
    "all",
    "\"all\"",
    "ana",
    "a,b",
    "a, b ,c",
    "sameuser",
    "+dba",
    "\"+dba\"",
    "/^a.*$",
    "\"/^(a|b)$\"",
    "\"a b\"",
    "a\"b c\"d",
    "\"a\"\"b\"",
    ",",
    "\"unclosed",
    "replication",
    "@nowhere",
    "@\"no where\"",
    "\"@x\"",
    "#",
    "\"#\"",
    "a#b",
    "\\",
    "\"\"",
    "/(",
    "ü",
    "\ta\t",
    "a\\\nb",
    "@",
    "'a b'",
];
const ADDRESSES: &[&str] = &[
    "all",
    "\"all\"",
    "samehost",
    "samenet",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/0",
    "10.1/16",
    "10.0.0.0 255.0.0.0",
    "10.0.0.0",
    "::1/128",
    "::/0",
    "::1/129",
    "::1 ffff::",
    "::1 255.0.0.0",
    "fe80::1 10",
    "host.example",
    ".example",
    "host.example/8",
    "1.2.3.4.5/8",
    "0x7f.1/8",
    "010.0.0.1/32",
    "256.1.1.1/8",
    "10.0.0.0/8,all",
    "10.0.0.0/+8",
    "10.0.0.0/-1",
    "10.0.0.0/8x",
    "1/8",
    "4294967296/8",
    "\"10.0.0.0/ 8\"",
    "::ffff:10.0.0.1/128",
    "10.0.0.0 mask",
    "",
];
const AUTHS: &[&str] = &[
    "trust",
    "reject",
    "oauth",
    "md5",
    "scram-sha-256",
    "peer",
    "ident",
    "cert",
    "password",
    "oauth,trust",
    "OAUTH",
    "\"oauth\"",
    "oauht",
    "",
];
const OPTION_WORDS: &[&str] = &[
    "issuer=https://a",
    "issuer=\"https://a b\"",
    "scope=\"x y\"",
    "scope=",
    "map=m",
    "map=",
    "validator=oauth_validator",
    "validator=other",
    "delegate_ident_mapping=1",
    "delegate_ident_mapping=0",
    "delegate_ident_mapping=yes",
    "scope=a,b",
    "\"scope=a b\"",
    "issuer",
    "isuer=x",
    "map=m,issuer=https://b",
    "ldapserver=x",
    "validator.profile=corp",
    "krb_realm=X",
    "=x",
    "# scope=c",
    "pamservice=x",
    "compat_realm=1",
];
const OAUTH: &str = "issuer=https://a scope=b";

#[test]
fn generated_lines_of_pg_hba_conf_are_read_as_the_server_reads_them() {
    let cluster = start();
    let mut numbers = Numbers(1);
    let mut text = String::new();
    for _ in 0..3000 {
        let kind = numbers.pick(KINDS);
        let mut words = vec![kind, numbers.pick(NAMES), numbers.pick(NAMES)];
        if !kind.contains("local") || numbers.pick(&["", "", "", "x"]) == "x" {
            words.push(numbers.pick(ADDRESSES));
        }
        let auth = numbers.pick(AUTHS);
        words.push(auth);
        words.push(if auth.contains("oauth") { numbers.pick(&[OAUTH, OAUTH, OAUTH, ""]) } else { "" });
        for _ in 0..2 {
            let option = numbers.pick(OPTION_WORDS);
            words.push(numbers.pick(&[option, "", "", ""]));
        }
        let separator = numbers.pick(&[" ", "\t", "  ", " \\\n "]);
        text += &words.join(separator);
        text += "\n";
    }
    let usable = compare_hba(&cluster, &text);
    assert!((200..2900).contains(&usable), "{usable} lines are valid");
}

#[test]
fn generated_lines_of_pg_ident_conf_are_read_as_the_server_reads_them() {
    let cluster = start();
    let mut numbers = Numbers(2);
    let mut text = String::new();
    for _ in 0..2000 {
        let words =
            [numbers.pick(NAMES), numbers.pick(NAMES), numbers.pick(NAMES), numbers.pick(&["", "", "more", "#x"])];
        text += &words.join(numbers.pick(&[" ", "\t", ",", " \\\n"]));
        text += "\n";
    }
    let usable = compare_ident(&cluster, &text);
    assert!((200..1900).contains(&usable), "{usable} lines are valid");
}

/// A pg_ident.conf of one text.
struct Text(String);

impl Files for Text {
    fn read(&mut self, _: &Path) -> Result<Vec<u8>, Unreadable> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&mut self, _: &Path) -> Result<Vec<String>, Unreadable> {
        Ok(Vec::new())
    }
}

/// What a map with this expression says about an identity, for the role `all` and for `\\1`.
fn judged(pattern: &str, identity: &str) -> (Option<bool>, Option<String>) {
    let quoted = pattern.replace('"', "\"\"");
    let mut text = Text(format!("m \"/{quoted}\" all\nn \"/{quoted}\" \\1\n"));
    let lines = Reader::new(&mut text).ident(Path::new("pg_ident.conf")).expect("a text");
    let lines: Vec<IdentLine> = lines.into_iter().map(|line| line.expect("a line")).collect();
    let matches = match map_identity(&lines, "m", identity, "any") {
        Mapping::Granted(_) => Some(true),
        Mapping::Denied => Some(false),
        Mapping::Unknown(..) | Mapping::Broken(..) => None,
    };
    let captured = roles_of(&lines, "n", identity).into_iter().find_map(|(_, role)| match role {
        RolesOfIdentity::One(role) => Some(role),
        RolesOfIdentity::Some(_) => None,
    });
    (matches, captured)
}

const PIECES: &[&str] = &[
    "a",
    "b",
    "ana",
    "@",
    ".",
    "\\.",
    "corp",
    "[ab]",
    "[^@]",
    "[a-c-]",
    "[[:alpha:]]",
    "[&&a]",
    "\\d",
    "\\w",
    "\\s",
    "(a|b)",
    "(.*)",
    "(a+)",
    "(?:ab)",
    "*",
    "+",
    "?",
    "*?",
    "{2}",
    "{1,2}",
    "{1,}",
    "|",
    "^",
    "$",
    "\\@",
    "ü",
    "-",
    "(?=a)",
    "\\1",
    "\\y",
    "[[.a.]]",
    "~",
    "()",
    "(",
    ")",
    "[]a]",
    "{",
    "}",
    "\\",
    "[\\]]",
    "[a\\-c]",
    "\n",
    "#",
    " ",
];
const IDENTITIES: &[&str] = &[
    "ana",
    "ana@corp.example",
    "a",
    "b",
    "ab",
    "aab",
    "aaa",
    "",
    "ü",
    "ana corp",
    "a@b@c",
    "a-b",
    "1_x",
    "A",
    "~&",
    "a.b",
    "]",
    "{",
];

/// An expression that is judged here must be one for the server, and mean the same to it.
#[test]
fn expressions_that_are_judged_mean_to_the_server_what_they_mean_here() {
    let cluster = start();
    let mut numbers = Numbers(3);
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (mut queries, mut expected, mut captures) = (Vec::new(), Vec::new(), 0);
    for turn in 0..6000 {
        let middle: String = (0..3).map(|_| numbers.pick(PIECES)).collect();
        let pattern = match turn % 3 {
            // One of those whose group becomes the role.
            0 => {
                let before = numbers.pick(&["", "a*", "a?", "[a-c]*"]);
                let group = numbers.pick(&["(.*)", "([^@]+)", "(a*)", "([a-c]+)", "(a?b?)"]);
                format!("^{before}{group}{}$", numbers.pick(&["", "@.*", ".*", "b?", "a*", "@corp\\.example"]))
            }
            _ => format!("{}{middle}{}", numbers.pick(&["", "^"]), numbers.pick(&["", "$"])),
        };
        if pattern.contains('\n') {
            continue;
        }
        for identity in [numbers.pick(IDENTITIES), numbers.pick(IDENTITIES)] {
            let (Some(matches), captured) = judged(&pattern, identity) else { continue };
            let (text, regex) = (literal(identity), literal(&pattern));
            let capture = captured.as_ref().map_or("''".to_owned(), |_| format!("substring({text} from {regex})"));
            captures += usize::from(captured.is_some());
            queries.push(format!("SELECT {text} COLLATE \"C\" ~ {regex}, {capture}, {regex}, {text}"));
            expected.push((matches, captured.unwrap_or_default(), pattern.clone()));
        }
    }
    assert!(queries.len() > 1000 && captures > 50, "{} judged, {captures} captures", queries.len());
    for (queries, expected) in queries.chunks(200).zip(expected.chunks(200)) {
        let sql = queries.join(" UNION ALL ");
        let rows = cluster.sql(&sql).unwrap_or_else(|error| panic!("{error}: {expected:?}"));
        assert_eq!(rows.len(), expected.len());
        for (row, (matches, captured, _)) in rows.iter().zip(expected) {
            let of_server = (row[0].as_deref() == Some("t"), row[1].clone().unwrap_or_default());
            assert_eq!((*matches, captured.clone()), of_server, "{row:?}");
        }
    }
}

const SETTINGS_VIEW: &str = "SELECT sourcefile, sourceline, name, setting, error FROM pg_file_settings ORDER BY seqno";

#[test]
fn postgresql_conf_is_read_as_the_server_reads_it() {
    let cluster = start();
    for (name, text) in [
        ("plain.conf", "Work_Mem = 5MB\nmaintenance_work_mem\t'6MB' # comment\n"),
        ("sub", "search_path = 'a''b, \\'c\\', \\\\ \\101\\x'\ninclude 'sub2'\n"),
        ("sub2", "application_name = 'from sub2'\r\ninclude_if_exists = 'nowhere'\r\n"),
        ("myself", "include 'myself'\n"),
        ("fine", "my.name = some-thing_else.x:/y\nport = 5 # fine\nport =5#fine\nport=0x10\n"),
        // The view gives a file up at its first error, so that each has a file of its own.
        ("bad0.txt", "event_source = \"double\"\n"),
        ("bad1.txt", "port = \n"),
        ("bad2.txt", "port 5432 5433\n"),
        ("bad3.txt", "= 5\n"),
        ("bad4.txt", "a.b.c = 1\n"),
        ("bad5.txt", "port = 'unclosed\n"),
        ("bad6.txt", "port = /var\n"),
        ("bad7.txt", "1abc = 2\n"),
        ("bad8.txt", "port=5kB;\n"),
        ("bad9.txt", "x.y = 10.0.0.1\n"),
        ("empty", ""),
    ] {
        cluster.write_file(name, text);
    }
    let etc = cluster.config_path().parent().expect("a folder").display().to_string();
    fs::create_dir(cluster.config_path().with_file_name("deep")).expect("a folder");
    cluster.write_file("deep/deep.conf", "include '../deeper'\n");
    cluster.write_file("deeper", "include 'deep/deep.conf'\n");
    cluster.append_conf(&GOOD_CONF.replace("ETC", &etc));
    cluster.sql("ALTER SYSTEM SET work_mem = '7MB'").expect("it is allowed");
    let (settings, wrong) = compare_settings(&cluster);
    assert!(settings.all.len() > 35 && wrong == 0, "{} settings, {wrong} errors", settings.all.len());
    assert_eq!(settings.value("WORK_MEM"), Some("7MB"), "postgresql.auto.conf comes last");

    cluster.append_conf(&BAD_CONF.replace("ETC", &etc));
    let (_, wrong) = compare_settings(&cluster);
    assert_eq!(wrong, BAD_CONF.lines().count());
}

type SettingLine = (PathBuf, usize, String, String);

/// What the files set, and how many lines of them are wrong.
#[track_caller]
fn compare_settings(cluster: &Cluster) -> (Settings, usize) {
    let mut files = Disk;
    let mut reader = Reader::new(&mut files);
    let path = cluster.data_dir().join("postgresql.conf");
    let settings = reader.settings(&path, &cluster.data_dir()).expect("it is there");
    let at = |place: &Place, name: &str, value: &str| -> SettingLine {
        let source = &reader.sources()[place.source];
        (source.path.clone(), line_of(&source.text, place.span.start), name.to_owned(), value.to_owned())
    };
    // With an error before, the server does not look at postgresql.auto.conf.
    let is_read =
        |place: &Place| settings.problems.is_empty() || !at(place, "", "").0.ends_with("postgresql.auto.conf");
    let kept = settings.all.iter().filter(|setting| is_read(&setting.place));
    let own: Vec<SettingLine> = kept.map(|setting| at(&setting.place, &setting.name, &setting.value)).collect();
    let message = |problem: &Problem| problem.message.split(" near ").next().unwrap_or_default().to_owned();
    let problems: Vec<SettingLine> =
        settings.problems.iter().map(|problem| at(&problem.line, "", &message(problem))).collect();
    let (set, wrong): (Vec<Row>, Vec<Row>) =
        rows(cluster, SETTINGS_VIEW).into_iter().partition(|row| !row.values[0].is_empty());
    let set: Vec<SettingLine> =
        set.into_iter().map(|row| (row.file.into(), row.line, row.values[0].clone(), row.values[1].clone())).collect();
    let wrong: Vec<SettingLine> =
        wrong.into_iter().map(|row| (row.file.into(), row.line, String::new(), row.error)).collect();
    assert_eq!(own, set);
    assert_eq!(problems, wrong);
    (settings, wrong.len())
}

const GOOD_CONF: &str = "
include = 'ETC/plain.conf'
include 'ETC/sub'
include_if_exists 'ETC/nowhere'
include_dir 'ETC'
INCLUDE 'ETC/empty'
include 'ETC/fine'
  max_wal_size=1GB
log_min_duration_statement = -1
cursor_tuple_fraction = 1.5e-2
seq_page_cost = .5
";

/// Each line has one error, in itself or in what it includes.
const BAD_CONF: &str = "\
include 'ETC/missing'
include ''
include_dir 'ETC/no folder'
include 'ETC/myself'
include 'ETC/bad0.txt'
include 'ETC/bad1.txt'
include 'ETC/bad2.txt'
include 'ETC/bad3.txt'
include 'ETC/bad4.txt'
include 'ETC/bad5.txt'
include 'ETC/bad6.txt'
include 'ETC/bad7.txt'
include 'ETC/bad8.txt'
include 'ETC/bad9.txt'
include_dir 'ETC/deep'
";
