//! Several files: whose errors deny whom, and what of a denied profile goes on counting.

use crate::config::{Config, ConfigFolder, FolderFile, ParsedFiles, Unread, folder_of};
use crate::decision::{Decision, Known, Request};
use crate::finding::FindingCode;
use crate::reason::Reason;
use crate::time::UnixSeconds;
use crate::token::BearerToken;
use std::path::Path;

const MAIN: &str = "/etc/pg/oauth-validator.toml";
const FOLDER: &str = "/etc/pg/oauth-validator.d";

/// A profile with an issuer of its own name; what is written in `more` comes behind.
fn profile(name: &str, more: &str) -> String {
    format!(
        "[profiles.{name}]\nissuer = \"https://{name}.example\"\naudience = [\"pg\"]\nkeys = {{ jwks_file = \"k\" }}\n{more}\n"
    )
}

fn parsed(main: &str, files: &[(&str, &str)]) -> ParsedFiles {
    let names: Vec<String> = files.iter().map(|(name, _)| format!("{FOLDER}/{name}")).collect();
    let files: Vec<FolderFile<'_>> = files
        .iter()
        .zip(&names)
        .map(|((_, text), name)| FolderFile {
            name,
            text: match text.strip_prefix("unread: ") {
                Some(why) => Err(Unread { why, hint: "do it" }),
                None => Ok(text.as_bytes()),
            },
        })
        .collect();
    Config::parse_all(main.as_bytes(), MAIN, ConfigFolder { name: FOLDER, files: &files })
}

fn config(main: &str, files: &[(&str, &str)]) -> Config {
    let parsed = parsed(main, files);
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings))
}

fn names(config: &Config) -> Vec<&str> {
    config.profiles().iter().map(|profile| profile.name.as_str()).collect()
}

fn denied(config: &Config) -> Vec<&str> {
    config.denied().iter().map(crate::config::DeniedProfile::name).collect()
}

fn codes(parsed: &ParsedFiles, file: usize) -> Vec<FindingCode> {
    parsed.folder[file].iter().map(|finding| finding.code).collect()
}

/// What becomes of an unsigned JWT of this issuer by a line of this issuer: never a grant, and the code tells how far it
/// came; `token_type` and `algorithm` are those of a profile that was found.
fn reason(config: &Config, line: &str, issuer: &str) -> (Reason, Option<String>, String) {
    let request = Request { hba_issuer: line.to_owned(), ..Request::default() };
    reason_of(config, &request, issuer)
}

fn reason_of(config: &Config, request: &Request, issuer: &str) -> (Reason, Option<String>, String) {
    let part = |text: &str| {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut out = String::new();
        for chunk in text.as_bytes().chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for at in 0..=chunk.len() {
                out.push(char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]));
            }
        }
        out
    };
    let header = part("{\"alg\":\"none\",\"typ\":\"at+jwt\"}");
    let token = format!("{header}.{}.{}", part(&format!("{{\"iss\":\"{issuer}\"}}")), part("xxx"));
    let answer =
        crate::decide(request, &BearerToken::new(token.as_bytes()), config, &Known::default(), UnixSeconds::new(0));
    let crate::DecisionState::Decided(verdict) = answer else { panic!("it needs something") };
    match verdict.decision {
        Decision::Denied(denial) => (denial.reason, denial.profile, denial.detail),
        Decision::Granted(_) => panic!("granted"),
    }
}

/// Errors of every kind that one file can have by itself.
const SLIPS: [(&str, FindingCode); 12] = [
    ("audiance = [\"pg\"]", FindingCode::UnknownKey),
    ("clock_skew = 30", FindingCode::WrongType),
    ("clock_skew = \"1h\"", FindingCode::OutOfRange),
    ("databases = []", FindingCode::EmptyValue),
    ("token_kind = \"all\"", FindingCode::BadValue),
    ("hba_issuers = [\"http://b.example\"]", FindingCode::BadUrl),
    ("identity = { claim = \"sub\" }", FindingCode::BadJsonPath),
    ("identity = { pattern = \"(\" }", FindingCode::BadPattern),
    ("scope = { claim = \"none\" }", FindingCode::Conflict),
    ("keys = 5", FindingCode::Syntax),
    ("clients = { claims = [\"$.azp\"] }", FindingCode::MissingKey),
    ("x = = y", FindingCode::Syntax),
];

#[test]
fn files_of_the_folder_have_profiles_like_the_main_one() {
    let main = format!("[defaults]\nclock_skew = \"7s\"\n{}", profile("corp", ""));
    let config = config(&main, &[("b.toml", &profile("b", "")), ("a.toml", &profile("a", "clock_skew = \"1s\""))]);
    assert_eq!(names(&config), ["a", "b", "corp"], "by name");
    let of = |name: &str| config.profiles().iter().find(|profile| profile.name == name).unwrap();
    assert_eq!(of("b").clock_skew.as_secs(), 7, "the main file's [defaults] hold");
    assert_eq!(of("a").clock_skew.as_secs(), 1);
    assert_eq!((of("corp").file, of("b").file, of("a").file), (0, 1, 2));
    assert_eq!(config.place(of("a").issuer.origin), "oauth-validator.d/a.toml:2");
    assert_eq!(config.place(of("corp").issuer.origin), "oauth-validator.toml:4");
    assert!(config.troubles().is_empty() && config.denied().is_empty());
}

#[test]
fn a_slip_denies_the_profiles_of_its_file_alone() {
    for (slip, code) in SLIPS {
        let b = profile("b", slip) + &profile("also", "");
        let files = [("a.toml", &*profile("a", "")), ("b.toml", &*b)];
        let parsed = parsed(&profile("corp", ""), &files);
        assert!(codes(&parsed, 1).contains(&code), "{slip}: {:?}", parsed.folder);
        let config = parsed.config.unwrap_or_else(|| panic!("{slip}"));
        assert_eq!(names(&config), ["a", "corp"], "{slip}");
        for issuer in ["https://a.example", "https://corp.example"] {
            let (reason, profile, _) = reason(&config, issuer, issuer);
            assert_eq!(reason, Reason::Algorithm, "{slip}");
            assert!(profile.is_some_and(|name| issuer.contains(&name)), "{slip}");
        }
        // Whatever can be read of the file, its own line and any line without a profile name it.
        for line in ["https://b.example", "https://also.example", "https://nobody.example"] {
            let (reason, _, detail) = reason(&config, line, line);
            assert_eq!(reason, Reason::ConfigInvalid, "{slip} {line}");
            assert!(detail.starts_with("/etc/pg/oauth-validator.d/b.toml:"), "{slip}: {detail}");
        }
    }
}

#[test]
fn an_error_of_the_main_file_denies_everybody() {
    for slip in ["x = 1", "[defaults]\nclock_skew = 1", "[profiles.c]"] {
        let parsed = parsed(&format!("{slip}\n{}", profile("corp", "")), &[("a.toml", &profile("a", ""))]);
        assert!(parsed.config.is_none(), "{slip}");
        assert!(parsed.folder[0].is_empty(), "{slip}: the other file is judged, and fine");
    }
    assert!(Config::parse_all(b"\xff", MAIN, ConfigFolder::default()).config.is_none());
}

#[test]
fn only_profiles_stand_in_the_folder() {
    for (text, hint) in [
        ("[defaults]\nclock_skew = \"1s\"", "write it into the main file"),
        ("reserved_prefixes = [\"a:\"]", "write it into the main file"),
        ("[profile.x]", "did you mean \"profiles\"?"),
    ] {
        let parsed = parsed("", &[("a.toml", text)]);
        assert_eq!(codes(&parsed, 0), [FindingCode::UnknownKey], "{text}");
        assert!(parsed.folder[0][0].hint.as_deref().is_some_and(|said| said.contains(hint)), "{text}");
        assert!(!parsed.config.unwrap().troubles().is_empty(), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_said_by_lines_without_a_profile() {
    for text in ["unread: \"b.toml\" is owned by mallory.", "\u{0}", "[profiles", "profiles = 5"] {
        let config = config(&profile("corp", ""), &[("b.toml", text)]);
        assert_eq!(names(&config), ["corp"], "{text}");
        assert_eq!(reason(&config, "https://corp.example", "https://corp.example").0, Reason::Algorithm, "{text}");
        let (reason, _, detail) = reason(&config, "https://b.example", "https://b.example");
        assert_eq!(reason, Reason::ConfigInvalid, "{text}");
        assert!(detail.contains("b.toml"), "{detail}");
    }
    let not_text = FolderFile { name: "/f/b.toml", text: Ok(b"a = \"\xff\"") };
    let parsed = Config::parse_all(b"", MAIN, ConfigFolder { name: "/f", files: &[not_text] });
    assert_eq!(codes(&parsed, 0), [FindingCode::NotUtf8]);
    let detail = parsed.config.unwrap().troubles()[0].detail.clone();
    assert!(detail.starts_with("/f/b.toml:1:6: not_utf8: "), "{detail}");
}

#[test]
fn one_name_in_two_files() {
    let twice = profile("x", "").replace("https://x", "https://other");
    let found = parsed(&profile("x", ""), &[("a.toml", &(twice.clone() + &profile("a", "")))]);
    assert_eq!(codes(&found, 0), [FindingCode::ProfileTwice]);
    let message = &found.folder[0][0].message;
    assert_eq!(message, "profile \"x\" is in oauth-validator.toml:1 as well: this one is denied");
    let config = found.config.unwrap();
    assert_eq!((names(&config), denied(&config)), (vec!["a", "x"], vec!["x"]), "the main file's stays");
    assert_eq!(config.profiles()[1].file, 0);
    assert_eq!(reason(&config, "https://x.example", "https://x.example").0, Reason::Algorithm);
    let (reason, profile_, detail) = reason(&config, "https://other.example", "https://other.example");
    assert_eq!((reason, profile_.as_deref()), (Reason::ConfigInvalid, Some("x")));
    assert!(detail.starts_with("/etc/pg/oauth-validator.d/a.toml:1:"), "{detail}");

    let both = config_of_two(&profile("x", ""), &twice);
    assert_eq!((names(&both), denied(&both)), (vec![], vec!["x", "x"]), "of two in the folder none stays");
    let broken = config_of_two(&profile("x", "nonsense = 1"), &twice);
    assert_eq!(denied(&broken), ["x", "x"], "the name of a file with errors counts as well");
}

fn config_of_two(a: &str, b: &str) -> Config {
    config("", &[("a.toml", a), ("b.toml", b)])
}

#[test]
fn identities_that_can_be_equal_on_one_line() {
    let shared = |name: &str, prefix: &str, more: &str| {
        let more = format!("hba_issuers = [\"https://line.example\"]\nidentity = {{ prefix = \"{prefix}\" }}\n{more}");
        profile(name, &more)
    };
    let line = "https://line.example";
    for (of_a, of_b, more, apart) in [
        ("a:", "b:", "", true),
        ("a:", "", "", false),
        ("", "", "", false),
        ("a:", "a:b", "", false),
        // An error besides opens nothing.
        ("a:", "", "nonsense = 1", false),
        ("a:", "b:", "nonsense = 1", true),
    ] {
        let (a, b) = (shared("a", of_a, ""), shared("b", of_b, more));
        let config = config_of_two(&a, &b);
        let b_stays = apart && more.is_empty();
        assert_eq!(names(&config).contains(&"a"), apart, "{of_a} {of_b} {more}");
        assert_eq!(names(&config).contains(&"b"), b_stays, "{of_a} {of_b} {more}");
        let wanted = if apart { Reason::Algorithm } else { Reason::ConfigInvalid };
        assert_eq!(reason(&config, line, "https://a.example").0, wanted, "{of_a} {of_b} {more}");

        // Beside the main file, that one's stays in any case.
        let config = self::config(&a, &[("b.toml", &b)]);
        assert_eq!(names(&config)[0], "a", "{of_a} {of_b} {more}");
        assert_eq!(names(&config).contains(&"b"), b_stays, "{of_a} {of_b} {more}");
        assert_eq!(reason(&config, line, "https://a.example").0, Reason::Algorithm, "{of_a} {of_b} {more}");
    }
    // Databases separate them, and what is senseless there separates nobody from anybody.
    let apart = config_of_two(&shared("a", "", "databases = [\"x\"]"), &shared("b", "", "databases = [\"y\"]"));
    assert_eq!(names(&apart), ["a", "b"]);
    let everywhere = config_of_two(&shared("a", "", ""), &shared("b", "", "databases = [\"y\"]"));
    assert_eq!(denied(&everywhere), ["a", "b"], "they meet in y");
    let senseless = config_of_two(&shared("a", "", "databases = [\"x\"]"), &shared("b", "", "databases = 5"));
    assert_eq!(names(&senseless), ["a"]);
}

#[test]
fn an_unseen_prefix_of_a_broken_file_is_no_empty_one() {
    let line = "hba_issuers = [\"https://line.example\"]\n";
    let a = profile("a", &format!("{line}identity = {{ prefix = \"a:\" }}"));
    for (rest, stays) in
        [("x = = 1", true), ("identity = 5", true), ("identity = { prefix = 5 }", true), ("x = 1", false)]
    {
        let config = config_of_two(&a, &profile("b", &format!("{line}{rest}")));
        assert_eq!(names(&config).contains(&"a"), stays, "{rest}");
    }
}

#[test]
fn a_prefix_that_begins_another_files_identities() {
    let prefixed = |name: &str, prefix: &str| profile(name, &format!("identity = {{ prefix = \"{prefix}\" }}"));
    let config_ = config_of_two(&prefixed("a", "team:"), &prefixed("b", "t"));
    assert_eq!(denied(&config_), ["a", "b"], "all of a's identities would belong to b");
    let found = parsed(&prefixed("a", "team:"), &[("b.toml", &prefixed("b", "t"))]);
    assert_eq!(codes(&found, 0), [FindingCode::SharedPrefix, FindingCode::PrefixUnreserved]);
    let main = found.config.unwrap();
    assert_eq!(names(&main), ["a"]);
    assert_eq!(names(&config_of_two(&prefixed("a", "team:"), &prefixed("b", "team:"))), ["a", "b"], "as in one file");
}

#[test]
fn two_that_accept_one_issuer_are_ambiguous_be_one_denied() {
    let line = "hba_issuers = [\"https://line.example\"]\ntoken_issuers = [\"https://t.example\"]\n";
    let of = |name: &str, more: &str| profile(name, &format!("{line}identity = {{ prefix = \"{name}:\" }}\n{more}"));
    for more in ["", "nonsense = 1"] {
        let (a, b) = (of("a", ""), of("b", more));
        for config in [config_of_two(&a, &b), config(&a, &[("b.toml", &b)])] {
            let (reason, _, detail) = reason(&config, "https://line.example", "https://t.example");
            assert_eq!(reason, Reason::ProfileAmbiguous, "{more}: {detail}");
            assert!(detail.contains("\"a\" and \"b\""), "{detail}");
        }
    }
    let other = of("b", "nonsense = 1").replace("https://t.", "https://u.");
    let config = config_of_two(&of("a", ""), &other);
    assert_eq!(reason(&config, "https://line.example", "https://t.example").0, Reason::Algorithm);
    let (reason_, profile, _) = reason(&config, "https://line.example", "https://u.example");
    assert_eq!((reason_, profile.as_deref()), (Reason::ConfigInvalid, Some("b")));
    assert_eq!(reason(&config, "https://line.example", "https://v.example").0, Reason::IssuerMismatch);
}

#[test]
fn a_copy_of_the_main_files_profile_does_not_lock_it_out() {
    let corp = profile("corp", "identity = { prefix = \"corp:\" }");
    for copy in [corp.clone(), corp.replace("profiles.corp", "profiles.copy")] {
        let config = config(&corp, &[("copy.toml", &copy)]);
        assert_eq!(names(&config), ["corp"]);
        assert_eq!(reason(&config, "https://corp.example", "https://corp.example").0, Reason::Algorithm);
    }
}

#[test]
fn lines_that_name_profiles() {
    let config_ = config_of_two(
        &profile("a", "identity = { prefix = \"a:\" }"),
        &profile("b", "nonsense = 1\nidentity = { prefix = \"b:\" }"),
    );
    let of = |names: &str, issuer: &str| {
        let request = Request { hba_profiles: Some(names.to_owned()), ..Request::default() };
        reason_of(&config_, &request, issuer).0
    };
    assert_eq!(of("a", "https://a.example"), Reason::Algorithm);
    assert_eq!(of("a,b", "https://a.example"), Reason::Algorithm, "b's error leaves a alone");
    assert_eq!(of("a,b", "https://b.example"), Reason::ConfigInvalid);
    assert_eq!(of("b", "https://b.example"), Reason::ConfigInvalid);
    assert_eq!(of("a,c", "https://a.example"), Reason::ConfigInvalid, "c may be in the file with errors");
    let bare = config_of_two(&profile("a", ""), &profile("b", "nonsense = 1"));
    let request = Request { hba_profiles: Some("a,b".to_owned()), ..Request::default() };
    assert_eq!(reason_of(&bare, &request, "https://a.example").0, Reason::ProfileAmbiguous, "they are not apart");
}

#[test]
fn opaque_tokens_go_nowhere_while_somebody_else_may_be_meant() {
    let asks = |name: &str, more: &str| {
        format!(
            "[profiles.{name}]\nissuer = \"https://{name}.example\"\nhba_issuers = [\"https://line.example\"]\naudience = [\"pg\"]\n\
             mode = \"introspection\"\nidentity = {{ prefix = \"{name}:\" }}\n\
             introspection = {{ endpoint = \"https://{name}.example/i\", client_id = \"c\", client_secret_file = \"s\" }}\n{more}\n"
        )
    };
    let of = |config: &Config| {
        let request = Request { hba_issuer: "https://line.example".to_owned(), ..Request::default() };
        let answer =
            crate::decide(&request, &BearerToken::new(b"opaque"), config, &Known::default(), UnixSeconds::new(0));
        match answer {
            crate::DecisionState::Needs(_) => None,
            crate::DecisionState::Decided(verdict) => match verdict.decision {
                Decision::Denied(denial) => Some(denial.reason),
                Decision::Granted(_) => panic!("granted"),
            },
        }
    };
    assert_eq!(of(&config_of_two(&asks("a", ""), "")), None, "its provider is asked");
    assert_eq!(of(&config_of_two(&asks("a", ""), &asks("b", "nonsense = 1"))), Some(Reason::ProfileAmbiguous));
    assert_eq!(of(&config_of_two("", &asks("b", "nonsense = 1"))), Some(Reason::ConfigInvalid));
}

#[test]
fn prefixes_are_to_be_reserved() {
    let partner = profile("partner", "identity = { prefix = \"partner:\" }");
    for (main, warned) in [
        ("", true),
        ("reserved_prefixes = [\"partner:\"]", false),
        ("reserved_prefixes = [\"part\"]", false),
        ("reserved_prefixes = [\"partner:x\"]", true),
    ] {
        let parsed = parsed(main, &[("partner.toml", &partner)]);
        let wanted: &[FindingCode] = if warned { &[FindingCode::PrefixUnreserved] } else { &[] };
        assert_eq!(codes(&parsed, 0), wanted, "{main}");
        assert_eq!(names(&parsed.config.unwrap()), ["partner"], "a warning denies nobody");
    }
}

#[test]
fn a_thousand_files() {
    let texts: Vec<(String, String)> = (0..1000)
        .map(|at| {
            (format!("{at:04}.toml"), profile(&format!("p{at}"), &format!("identity = {{ prefix = \"p{at}:\" }}")))
        })
        .collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let config = config("reserved_prefixes = [\"p\"]", &files);
    assert_eq!((config.profiles().len(), config.troubles().len()), (1000, 0));
}

#[test]
fn the_folder_has_the_name_of_the_file_up_to_its_end() {
    for (file, folder) in [
        ("/etc/pg/oauth-validator.toml", "/etc/pg/oauth-validator.d"),
        ("/etc/pg/oauth-validator.toml.new", "/etc/pg/oauth-validator.d"),
        ("/etc/pg/a.toml.d/b.toml", "/etc/pg/a.toml.d/b.d"),
        ("/etc/pg/conf", "/etc/pg/conf.d"),
        ("a.toml", "a.d"),
        ("/etc/.toml", "/etc/.toml.d"),
    ] {
        assert_eq!(folder_of(Path::new(file)), Path::new(folder), "{file}");
    }
}

#[test]
fn the_hint_checks_the_files_that_were_read() {
    let hint = |folder: &str| {
        let file = FolderFile { name: "x.toml", text: Ok(b"x = 1") };
        let parsed = Config::parse_all(b"", MAIN, ConfigFolder { name: folder, files: &[file] });
        parsed.config.unwrap().troubles()[0].hint.clone()
    };
    assert!(hint(FOLDER).contains("\"oauth-validator check /etc/pg/oauth-validator.toml\""));
    assert!(hint("/x").contains("check /etc/pg/oauth-validator.toml --config-directory /x\""));
}
