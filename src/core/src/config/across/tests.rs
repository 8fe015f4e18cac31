//! What is said of profiles of different files that accept tokens of one issuer on one line.

use crate::config::{Config, ConfigFolder, FolderFile};
use crate::finding::FindingCode;

/// A profile of a line that all of them serve, for tokens of this issuer.
fn profile(name: &str, issuer: &str) -> String {
    format!(
        "[profiles.{name}]\nissuer = \"https://{name}.example\"\nhba_issuers = [\"https://line.example\"]\n\
         token_issuers = [\"https://{issuer}.example\"]\naudience = [\"{name}\"]\nkeys = {{ jwks_file = \"k\" }}\n\
         identity = {{ prefix = \"{name}:\" }}\n"
    )
}

/// How often each file of the folder is told that an issuer is shared, and with whom.
fn shared(main: &str, files: &[String]) -> Vec<Vec<String>> {
    let names: Vec<String> = (0..files.len()).map(|at| format!("/d/{at}.toml")).collect();
    let files: Vec<FolderFile<'_>> =
        files.iter().zip(&names).map(|(text, name)| FolderFile { name, text: Ok(text.as_bytes()) }).collect();
    let parsed = Config::parse_all(main.as_bytes(), "/main.toml", ConfigFolder { name: "/d", files: &files });
    assert!(parsed.config.is_some(), "{:?}", parsed.findings);
    let told = |findings: &Vec<crate::finding::Finding>| {
        let shared = findings.iter().filter(|finding| finding.code == FindingCode::SharedIssuer);
        shared.map(|finding| finding.message.clone()).collect()
    };
    parsed.folder.iter().map(told).collect()
}

#[test]
fn the_later_one_is_told_of_the_first_one_of_another_file() {
    let (a, b, c) = (profile("a", "t"), profile("b", "t"), profile("c", "t"));
    for (main, files) in [(a.as_str(), vec![b.clone()]), ("", vec![a.clone(), b.clone()])] {
        let told = shared(main, &files);
        let (last, others) = told.split_last().expect("a file");
        assert!(others.iter().all(Vec::is_empty), "{told:?}");
        let [message] = last.as_slice() else { panic!("{told:?}") };
        assert!(message.contains("\"a\"") && message.contains("https://t.example"), "{message}");
    }
    let told = shared("", &[a, b, c]);
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1]);
    assert!(told[2][0].contains("\"a\""), "{told:?}");
}

#[test]
fn nobody_is_told_where_issuers_differ() {
    assert_eq!(shared(&profile("a", "t"), &[profile("b", "u")]), [Vec::<String>::new()]);
    assert_eq!(shared("", &[profile("a", "t"), profile("b", "u")]), [Vec::<String>::new(), Vec::new()]);
}
