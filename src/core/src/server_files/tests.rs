//! The readers on texts alone: bounds, loops, odd bytes, and what covers what. That they read as the server reads is
//! shown beside a server (tests/server/tests/server_files).

use super::settings::is_our_library;
use super::*;
use std::collections::BTreeMap;

/// Files of a test; a folder is there if a file of it is.
#[derive(Default)]
struct MemoryFiles(BTreeMap<PathBuf, Vec<u8>>);

impl MemoryFiles {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect())
    }
}

const ABSENT: &str = "No such file or directory";

impl FileSystem for MemoryFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile> {
        self.0.get(path).cloned().ok_or_else(|| UnreadableFile { missing: true, why: ABSENT.to_owned() })
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, UnreadableFile> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(folder)).filter_map(|path| path.file_name());
        let names: Vec<String> = inside.map(|name| name.to_string_lossy().into_owned()).collect();
        if names.is_empty() { Err(UnreadableFile { missing: true, why: ABSENT.to_owned() }) } else { Ok(names) }
    }
}

/// The lines of a pg_hba.conf, or what is wrong with them.
fn hba(files: &[(&str, &str)]) -> Vec<Result<HbaLine, String>> {
    let mut files = MemoryFiles::of(files);
    let mut reader = FileReader::new(&mut files);
    let lines = reader.hba(Path::new("/d/pg_hba.conf"), &HbaContext::default()).expect("it is there");
    lines.into_iter().map(|line| line.map_err(|problem| problem.message)).collect()
}

fn line(text: &str) -> HbaLine {
    hba(&[("/d/pg_hba.conf", text)]).remove(0).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn files_that_include_themselves_come_to_an_end() {
    let too_deep = "could not open file \"/d/pg_hba.conf\": maximum nesting depth exceeded";
    let lines = hba(&[("/d/pg_hba.conf", "local all all trust\ninclude pg_hba.conf\n")]);
    assert_eq!(lines.iter().filter(|line| line.is_ok()).count(), MAX_DEPTH + 1);
    assert_eq!(lines.last().and_then(|line| line.as_ref().err()).map(String::as_str), Some(too_deep));
    let lines = hba(&[("/d/pg_hba.conf", "local @pg_hba.conf all trust\n")]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].as_ref().err().map(String::as_str), Some(too_deep));
    // Twice in each would be 2048 files, and folders more.
    let twice = "include pg_hba.conf\n".repeat(2);
    let lines = hba(&[("/d/pg_hba.conf", &twice)]);
    assert!(lines.iter().any(|line| line.as_ref().is_err_and(|why| why.contains("more than 1000 files"))));
}

#[test]
fn what_cannot_be_read_is_the_fault_of_the_line_that_names_it() {
    let text = "include nowhere\nlocal @nowhere all trust\ninclude_dir nowhere\ninclude_if_exists nowhere\nlocal all all trust\n";
    let lines = hba(&[("/d/pg_hba.conf", text)]);
    let wrong: Vec<&str> = lines.iter().filter_map(|line| line.as_ref().err()).map(String::as_str).collect();
    let file = "could not open file \"/d/nowhere\": No such file or directory";
    assert_eq!(wrong, [file, file, "could not open directory \"/d/nowhere\""]);
    assert!(lines[3].is_ok() && lines.len() == 4);
    let mut none = MemoryFiles::default();
    let why = FileReader::new(&mut none).ident(Path::new("/d/pg_ident.conf")).expect_err("there is none");
    assert!(why.missing);
}

#[test]
fn bytes_that_are_no_text_are_read_all_the_same() {
    let mut files = MemoryFiles::default();
    files.0.insert("/d/pg_hba.conf".into(), b"local \xff all trust\nlocal all \xc3\n\0\n".to_vec());
    let mut reader = FileReader::new(&mut files);
    let lines = reader.hba(Path::new("/d/pg_hba.conf"), &HbaContext::default()).expect("it is there");
    assert!(lines[0].is_ok() && lines[1].is_err() && lines[2].is_err(), "{lines:?}");
}

#[test]
fn places_are_those_of_the_file_although_lines_go_on() {
    let mut files =
        MemoryFiles::of(&[("/d/pg_hba.conf", "# x\nhostssl all all \\\n  all oauth \\\n issuer=i scope=s map=m\n")]);
    let mut reader = FileReader::new(&mut files);
    let lines = reader.hba(Path::new("/d/pg_hba.conf"), &HbaContext::default()).expect("it is there");
    let line = lines[0].as_ref().expect("a line");
    let text = &reader.sources()[0].text;
    assert_eq!(reader.place(&line.place), "pg_hba.conf:2");
    assert_eq!(reader.place(line.option_place("map")), "pg_hba.conf:4");
    assert_eq!(&text[line.option_place("map").span.clone()], "map=m");
    assert_eq!(&text[line.connection_place.span.clone()], "hostssl");
}

#[test]
fn a_line_covers_what_no_other_client_is_left_of() {
    let oauth = |head: &str| line(&format!("{head} oauth issuer=i scope=s"));
    for (outer, inner, covers) in [
        ("host all all all", "hostssl app ana 10.0.0.0/8", true),
        ("host all all 10.0.0.0/8", "host app ana 10.1.0.0/16", true),
        ("host all all 10.1.0.0/16", "host app ana 10.0.0.0/8", false),
        ("host all all 0.0.0.0/0", "host app ana all", false),
        ("host all all 0.0.0.0/0", "host app ana ::1/128", false),
        ("host all all samenet", "host app ana samenet", true),
        ("host all all a.example", "host app ana b.example", false),
        ("hostssl all all all", "host app ana all", false),
        ("host all all all", "local app ana", false),
        ("local all all", "local replication ana", false),
        ("local app,rep ana,bo", "local rep,app ana", true),
        ("local app ana", "local app,rep ana", false),
        ("local all +dba", "local all ana", false),
        ("local all \"all\"", "local all ana", false),
    ] {
        assert_eq!(oauth(outer).covers(&oauth(inner)), covers, "{outer} / {inner}");
    }
}

#[test]
fn options_count_as_the_server_counts_them() {
    let twice = line("local all all oauth issuer=a scope=s issuer=b map=x map=");
    assert_eq!((twice.issuer(), twice.map(), twice.is_delegated()), ("b", None, false));
    assert!(line("local all all oauth issuer=a scope=s delegate_ident_mapping=1").is_delegated());
    assert!(!line("local all all oauth issuer=a scope=s delegate_ident_mapping=true").is_delegated());
}

#[test]
fn settings_of_later_files_win_and_wrong_lines_hide_nothing() {
    let mut files = MemoryFiles::of(&[
        ("/c/postgresql.conf", "ssl = off\nport = = 1\ndata_directory = '/d'\ninclude_dir = 'conf.d'\nSSL = 'on'\n"),
        ("/c/conf.d/b.conf", "oauth_validator_libraries = 'a, \"b \"\"c\"'\n"),
        ("/d/postgresql.auto.conf", "data_directory = '/elsewhere'\nport = 5433"),
        ("/wrong/postgresql.auto.conf", "port = 1\n"),
    ]);
    let mut reader = FileReader::new(&mut files);
    let settings = reader.settings(Path::new("/c/postgresql.conf"), Path::new("/wrong")).expect("it is there");
    assert_eq!((settings.value("PORT"), settings.has_tls()), (Some("5433"), true));
    assert_eq!(settings.data_directory, Path::new("/d"), "ALTER SYSTEM cannot move it");
    assert_eq!(settings.libraries(), Some(vec!["a".to_owned(), "b \"c".to_owned()]));
    assert_eq!(settings.problems.len(), 1);
    assert_eq!(settings.problems[0].message, "syntax error near \"=\"");
}

#[test]
fn lists_of_libraries_are_whole_or_nothing() {
    for (list, names) in [
        ("''", Some(vec![])),
        ("' oauth_validator '", Some(vec!["oauth_validator"])),
        ("'a,b'", Some(vec!["a", "b"])),
        ("'a,'", None),
        ("',a'", None),
        ("'\"a'", None),
        ("'\"a\" b'", None),
    ] {
        let mut files = MemoryFiles::of(&[("/c/postgresql.conf", &format!("oauth_validator_libraries = {list}\n"))]);
        let mut reader = FileReader::new(&mut files);
        let settings = reader.settings(Path::new("/c/postgresql.conf"), Path::new("/c")).expect("it is there");
        let names = names.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(settings.libraries(), names, "{list}");
    }
    assert!(is_our_library("oauth_validator") && is_our_library("$libdir/oauth_validator.so"));
    assert!(!is_our_library("oauth_validator2") && !is_our_library("other/") && !is_our_library(""));
}

#[test]
fn tls_is_on_where_the_server_says_so() {
    for (value, on) in [
        ("on", true),
        ("TRUE", true),
        ("yes", true),
        ("1", true),
        ("t", true),
        ("off", false),
        ("o", false),
        ("", false),
    ] {
        let mut files = MemoryFiles::of(&[("/c/postgresql.conf", &format!("ssl = '{value}'\n"))]);
        let settings = FileReader::new(&mut files).settings(Path::new("/c/postgresql.conf"), Path::new("/c"));
        assert_eq!(settings.expect("it is there").has_tls(), on, "{value}");
    }
}

#[test]
fn expressions_are_judged_or_said_not_to_be() {
    for are in ["(?=a)", "(?i)a", "***=a", "(a)\\1", "\\ma", "a**", "*a", "[[.a.]]", "[]a]", "a{x}", "(", "a)", "[a"] {
        assert!(pattern::compile(are).is_err(), "{are}");
    }
    for (are, text, fits) in [
        ("^a.b$", "a\nb", true),
        ("[&&~]", "&", true),
        ("[a\\-c]", "b", false),
        ("\\d", "٣", false),
        ("a|b", "xbx", true),
        ("^(?:ab){2}$", "abab", true),
    ] {
        assert_eq!(pattern::compile(are).map(|regex| regex.is_match(text)), Ok(fits), "{are}");
    }
    assert!(pattern::captures_alike("^(.*)@corp\\.example$"));
    for are in ["(.*)@corp", "^(a|ab)(c|bcd)$", "^(.*?)@x$", "^(a*)+$", "^(a)\\$"] {
        assert!(!pattern::captures_alike(are), "{are}");
    }
}
