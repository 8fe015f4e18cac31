//! Presets of the file's own: what profiles get from them, and what they cannot hold.

use crate::config::{
    Config, ConfigFolder, FolderFile, Identity, IdentityClaims, Origin, ParsedFiles, Profile, effective,
};
use crate::finding::{Finding, FindingCode};

const MAIN: &str = "/etc/pg/oauth-validator.toml";

fn parsed(main: &str) -> ParsedFiles {
    Config::parse(main.as_bytes(), MAIN)
}

fn profiles(main: &str) -> Vec<Profile> {
    let parsed = parsed(main);
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings)).profiles().to_vec()
}

/// The errors of a file that must have some: code, line and message.
fn errors(main: &str) -> Vec<(FindingCode, usize, String)> {
    let parsed = parsed(main);
    assert!(parsed.config.is_none(), "it is accepted:\n{main}");
    let errors = parsed.findings.into_iter().filter(Finding::is_error);
    errors.map(|finding| (finding.code, finding.position.line, finding.message)).collect()
}

fn one_error(main: &str) -> (FindingCode, usize, String) {
    let mut errors = errors(main);
    assert_eq!(errors.len(), 1, "{errors:?}\n{main}");
    errors.remove(0)
}

const TEAM: &str = "\
[presets.team]
audience = [\"pg\"]
max_lifetime = \"2h\"
keys = { jwks_file = \"k\", connect_timeout = \"1s\" }
identity = { claim = \"$.email\", verified_by = \"$.email_verified\" }
[[presets.team.require]]
claim = \"$.tid\"
equals = \"T\"
";

fn user(name: &str, more: &str) -> String {
    format!("[profiles.{name}]\npreset = \"team\"\nissuer = \"https://{name}.example\"\n{more}\n")
}

fn claim(identity: &Identity) -> String {
    match &identity.claims.value {
        IdentityClaims::One(claim) => claim.to_string(),
        IdentityClaims::Format(_) => panic!("several claims"),
    }
}

#[test]
fn profiles_say_once_what_they_have_in_common() {
    let text = format!("{TEAM}{}{}", user("one", ""), user("two", "audience = [\"two\"]\nmax_lifetime = \"1h\""));
    let both = profiles(&text);
    let [one, two] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!(claim(&one.identity), "$.email");
    assert_eq!(one.require.len(), 1);
    assert_eq!((one.max_lifetime.value.as_secs(), two.max_lifetime.value.as_secs()), (7200, 3600));
    // Each is said to come from where it is written.
    assert_eq!(one.max_lifetime.origin, Origin::Line { file: 0, line: 3 });
    assert_eq!(one.identity.claims.origin, Origin::Line { file: 0, line: 5 });
    assert_eq!(one.require[0].origin, Origin::Line { file: 0, line: 6 });
    assert_eq!(two.max_lifetime.origin, Origin::Line { file: 0, line: 17 });
    assert_eq!((one.preset, two.preset), (None, None));
    let shown = effective(&text, (0, &text), "one");
    let of = |key: &str| shown.iter().find(|one| one.key == key).map(|one| (one.value.as_str(), one.origin));
    assert_eq!(of("keys.jwks_file"), Some(("\"k\"", Origin::Line { file: 0, line: 4 })));
    assert_eq!(of("require[0].equals"), Some(("\"T\"", Origin::Line { file: 0, line: 8 })));
}

#[test]
fn a_profile_adds_its_rules_and_replaces_tables_as_it_does_with_a_built_in_preset() {
    let more = "identity = { claim = \"$.upn\" }\nkeys = { timeout = \"3s\" }\n\
                [[profiles.one.require]]\nclaim = \"$.a\"\npresent = true";
    let all = profiles(&format!("{TEAM}{}", user("one", more)));
    assert_eq!(claim(&all[0].identity), "$.upn");
    assert!(all[0].identity.verified_by.is_none(), "a table takes the place of the other as a whole");
    let lines: Vec<Origin> = all[0].require.iter().map(|rule| rule.origin).collect();
    assert_eq!(lines, [Origin::Line { file: 0, line: 6 }, Origin::Line { file: 0, line: 14 }]);
    // What is missing from the table that took its place is not taken from the preset, and is an error.
    let (code, line, message) = one_error(&format!("{TEAM}{}", user("one", "identity = { prefix = \"p:\" }")));
    assert_eq!((code, line), (FindingCode::MissingKey, 12), "{message}");
}

/// `roles` of a profile takes the place of the preset's as a whole, and would grant again what that never grants.
#[test]
fn roles_that_a_preset_never_grants_stay_so() {
    let head = "[presets.team]\naudience = [\"pg\"]\nkeys = { jwks_file = \"k\" }\n\
                roles = { claim = \"$.r[*]\", prefix = \"pg:\", deny = [\"payroll\", \"audit\"] }\n";
    let with = |roles: &str| format!("{head}{}", user("one", roles));
    let denied = |text: &str| profiles(text)[0].roles.as_ref().map(|roles| roles.deny.value.clone());
    assert_eq!(denied(&with("")), Some(vec!["payroll".to_owned(), "audit".to_owned()]));
    let own = |deny: &str| with(&format!("roles = {{ claim = \"$.g[*]\", prefix = \"pg:\"{deny} }}"));
    let more = vec!["audit".to_owned(), "hr".to_owned(), "payroll".to_owned()];
    assert_eq!(denied(&own(", deny = [\"audit\", \"hr\", \"payroll\"]")), Some(more));
    for (deny, lost) in [
        ("", "payroll"),
        (", deny = []", "payroll"),
        (", deny = [\"hr\"]", "payroll"),
        (", deny = [\"Payroll\", \"audit\"]", "payroll"),
        (", deny = [\"payroll\"]", "audit"),
    ] {
        let (code, line, message) = one_error(&own(deny));
        assert_eq!((code, line), (FindingCode::Conflict, 8), "{deny}");
        assert_eq!(message, format!("profiles.one.roles.deny lacks \"{lost}\", which preset \"team\" never grants"));
    }
    // Nothing is lost where the preset refuses none, or the profile has no preset.
    assert_eq!(denied(&own("").replace(", deny = [\"payroll\", \"audit\"]", "")), Some(Vec::new()));
}

#[test]
fn a_preset_lies_over_a_built_in_one() {
    let over = "[presets.team]\npreset = \"entra\"\naudience = [\"api\"]\nclients = { claims = [\"$.azp\"], allow = [\"C\"] }\n\
                max_lifetime = \"3h\"\n[[presets.team.require]]\nclaim = \"$.dept\"\nequals = 7\n";
    let own = "[profiles.alone]\npreset = \"entra\"\nissuer = \"https://alone.example\"\naudience = [\"api\"]\n";
    let all = profiles(&format!("{over}{}{own}", user("one", "")));
    let [alone, one] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(one.preset, Some("entra"), "hints know the provider");
    let shown = |what: &dyn std::fmt::Debug| format!("{what:?}");
    assert_eq!(shown(&one.identity), shown(&alone.identity));
    assert_eq!(shown(&one.access_token), shown(&alone.access_token));
    assert_eq!(one.require.len(), alone.require.len() + 1, "rules are added");
    assert_eq!(
        shown(&&one.require[..alone.require.len()]),
        shown(&&alone.require[..]),
        "those of the built-in one come first"
    );
    assert_eq!(one.max_lifetime.value.as_secs(), 3 * 3600);
    assert_eq!(one.max_lifetime.origin, Origin::Line { file: 0, line: 5 });
}

#[test]
fn rules_against_id_tokens_are_only_replaced_by_rules_that_are_written_above_them() {
    let of = |preset: &str, profile: &str| {
        let head = "[presets.team]\npreset = \"keycloak\"\naudience = [\"pg\"]\n";
        let all = profiles(&format!("{head}{preset}\n{}", user("one", profile)));
        let origins = all[0].access_token.iter().map(|rule| matches!(rule.origin, Origin::Preset("keycloak")));
        (origins.clone().filter(|built_in| *built_in).count() > 0, origins.filter(|built_in| !built_in).count())
    };
    let rule = |table: &str| format!("[[{table}.access_token]]\nclaim = \"$.kind\"\nequals = \"access\"");
    assert_eq!(of("", ""), (true, 0));
    assert_eq!(of("token_kind = \"any\"", ""), (true, 0), "the built-in ones stay");
    assert_eq!(of(&rule("presets.team"), ""), (true, 1));
    assert_eq!(of(&format!("token_kind = \"any\"\n{}", rule("presets.team")), ""), (false, 1));
    assert_eq!(of(&rule("presets.team"), &format!("token_kind = \"any\"\n{}", rule("profiles.one"))), (false, 1));
    assert_eq!(of(&rule("presets.team"), "token_kind = \"any\""), (true, 1), "the profile has none of its own");
}

#[test]
fn files_of_the_folder_use_the_main_files_presets_and_have_none() {
    let (good, bad) = (user("one", ""), format!("[presets.other]\naudience = [\"x\"]\n{}", user("two", "")));
    let files = [("a.toml", good.as_str()), ("b.toml", bad.as_str())];
    let names: Vec<String> = files.iter().map(|(name, _)| format!("/etc/pg/oauth-validator.d/{name}")).collect();
    let files: Vec<_> =
        files.iter().zip(&names).map(|((_, text), name)| FolderFile { name, text: Ok(text.as_bytes()) }).collect();
    let folder = ConfigFolder { name: "/etc/pg/oauth-validator.d", files: &files };
    let parsed = Config::parse_all(TEAM.as_bytes(), MAIN, folder);
    let config = parsed.config.unwrap();
    let accepted: Vec<(&str, Origin)> =
        config.profiles().iter().map(|profile| (profile.name.as_str(), profile.max_lifetime.origin)).collect();
    assert_eq!(accepted, [("one", Origin::Line { file: 0, line: 3 })]);
    let refused: Vec<_> = parsed.folder[1]
        .iter()
        .filter(|finding| finding.is_error())
        .map(|finding| (finding.code, finding.position.line))
        .collect();
    assert_eq!(refused, [(FindingCode::UnknownKey, 1)]);
}

#[test]
fn what_is_wrong_in_a_preset_is_reported_there_once_and_denies_everybody() {
    let with = |wrong: &str, profile: &str| format!("[presets.team]\naudience = [\"pg\"]\n{wrong}\n{profile}");
    let wrongs = [
        ("max_lifetime = 7", FindingCode::WrongType),
        ("max_lifetime = \"0s\"", FindingCode::OutOfRange),
        ("audiences = [\"pg\"]", FindingCode::UnknownKey),
        ("preset = \"entrra\"", FindingCode::BadValue),
        ("preset = \"team\"", FindingCode::BadValue),
        ("token_types = \"JWT\"", FindingCode::WrongType),
        ("identity = { claim = \"sub\" }", FindingCode::BadJsonPath),
        ("identity = { claims = { a = \"$.a\" } }", FindingCode::MissingKey),
        ("require = [{ claim = \"$.a\" }]", FindingCode::Conflict),
        ("require = [{ claim = \"$.a\", equals = 1, present = true }]", FindingCode::Conflict),
        ("keys = { jwks_file = \"a\", pem_file = \"b\" }", FindingCode::KeySource),
        ("clients = { allow = [\"x\"] }", FindingCode::MissingKey),
        ("deny_jti = []", FindingCode::UnknownKey),
        ("deny_identities = [\"ana\"]", FindingCode::UnknownKey),
        ("keys = { jwks_file = \"a\", deny_kids = [\"k\"] }", FindingCode::UnknownKey),
        ("require = [{ claim = \"$.a\", equals = 1, report_only = true }]", FindingCode::UnknownKey),
    ];
    for (wrong, expected) in wrongs {
        let unused = one_error(&with(wrong, ""));
        assert_eq!((unused.0, unused.1), (expected, 3), "{wrong}: {}", unused.2);
        assert_eq!(one_error(&with(wrong, &user("one", ""))), unused, "a profile with it repeats nothing");
    }
}

#[test]
fn names_of_presets_are_one_thing_each() {
    let of = |name: &str| one_error(&format!("[presets.{name}]\naudience = [\"pg\"]\n"));
    for name in ["entra", "rfc9068", "Team", "\"a b\"", "\"\"", "-a"] {
        assert_eq!(of(name).0, FindingCode::BadName, "{name}");
    }
    assert!(of("entra").2.contains("built-in"), "{}", of("entra").2);
    assert_eq!(one_error("presets = 7\n").0, FindingCode::WrongType);
    assert_eq!(one_error("presets = { team = 7 }\n").0, FindingCode::WrongType);
    // One that is not there is no preset, and the right name is proposed.
    let parsed =
        parsed(&format!("[presets.teams]\naudience = [\"pg\"]\n{}", user("one", "keys = { jwks_file = \"k\" }")));
    let unknown: Vec<_> = parsed.findings.iter().filter(|finding| finding.code == FindingCode::BadValue).collect();
    assert_eq!(unknown.len(), 1, "{:?}", parsed.findings);
    assert!(unknown[0].hint.as_deref().is_some_and(|hint| hint.contains("\"teams\"")), "{:?}", unknown[0].hint);
}

#[test]
fn what_a_profile_lacks_is_missed_in_the_profile() {
    let (code, line, message) = one_error(&format!("[presets.team]\nmax_lifetime = \"1h\"\n{}", user("one", "")));
    assert_eq!((code, line), (FindingCode::MissingKey, 3), "{message}");
    assert!(message.starts_with("profiles.one.audience"), "{message}");
    // How settings of both go together is judged in the profile, by the name of the preset.
    let (code, line, _) = one_error(&format!("[presets.team]\naudience = \"none\"\n{}", user("one", "")));
    assert_eq!((code, line), (FindingCode::Conflict, 4));
}
