//! pg_hba.conf as the view pg_hba_file_rules has it.

use crate::{DiskFiles, NAMES, Numbers, read_rows, reconcile, rows, start};
use oauth_validator_core::server_files::{
    Address, ConnectionType, FilePosition, FileReader, HbaContext, HbaLine, HbaName,
};
use oauth_validator_server_tests::Cluster;
use serde_json::Value;
use std::fs;

const HBA_VIEW: &str = "SELECT file_name, line_number, type, array_to_json(database), array_to_json(user_name), address, \
                        netmask, auth_method, CASE WHEN auth_method = 'oauth' THEN array_to_json(options) END, error \
                        FROM pg_hba_file_rules";

/// What the view says of a line.
fn hba_values(line: &HbaLine) -> (&FilePosition, Vec<String>) {
    let connection = match line.connection {
        ConnectionType::Local => "local",
        ConnectionType::Host => "host",
        ConnectionType::HostSsl => "hostssl",
        ConnectionType::HostNoSsl => "hostnossl",
        ConnectionType::HostGssEnc => "hostgssenc",
        ConnectionType::HostNoGssEnc => "hostnogssenc",
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

fn json(names: &[HbaName]) -> String {
    Value::from(names.iter().map(|name| name.text.clone()).collect::<Vec<_>>()).to_string()
}

#[track_caller]
fn compare_hba(cluster: &Cluster, text: &str) -> usize {
    cluster.set_hba(text);
    let mut reader_files = DiskFiles;
    let mut reader = FileReader::new(&mut reader_files);
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

const TRICKY_HBA: &str = include_str!("tricky_hba.conf");

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
    assert!((150..2900).contains(&usable), "{usable} lines are valid");
}
