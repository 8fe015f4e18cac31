//! The JSON Schema of the configuration: as shipped, with every setting, and of one mind with the parser.
//!
//! What the parser accepts, the schema must accept, or editors would mark what is right. The other way round it is less
//! strict, but each setting is refused by both where its type or its value is plainly wrong.

use crate::support::run;
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use jsonschema::Validator;
use oauth_validator_core::Config;
use oauth_validator_core::config::settings::{SETTINGS, Setting, ValueKind};
use oauth_validator_fixtures::cases;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn config_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

fn printed() -> String {
    let run = run(Command::new(cargo_bin!("oauth-validator")).env_clear().arg("schema"));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&printed()).expect("JSON");
    jsonschema::draft7::meta::validate(&schema).expect("a schema of draft 7");
    jsonschema::validator_for(&schema).expect("a usable schema")
}

/// Whether the schema and the parser accept a file, in this order.
fn verdicts(validator: &Validator, text: &str) -> (bool, bool) {
    let document: Option<Value> = toml::from_str(text).ok();
    let by_schema = document.is_some_and(|document| validator.is_valid(&document));
    (by_schema, Config::parse(text.as_bytes(), "f").config.is_some())
}

#[test]
fn the_shipped_file_is_what_the_command_prints() {
    let shipped =
        fs::read_to_string(config_folder().join("oauth-validator.schema.json")).expect("the schema is shipped");
    assert!(shipped == printed(), "write it anew: oauth-validator schema > config/oauth-validator.schema.json");
}

#[test]
fn a_file_of_the_folder_has_profiles_alone() {
    let printed = run(Command::new(cargo_bin!("oauth-validator")).env_clear().args(["schema", "--folder"]));
    let shipped =
        fs::read_to_string(config_folder().join("oauth-validator-folder.schema.json")).expect("it is shipped");
    assert!(shipped == printed.stdout, "write it anew: make docs");
    let validator = jsonschema::validator_for(&printed.json()).expect("a usable schema");
    let takes = |text: &str| validator.is_valid(&toml::from_str::<Value>(text).expect("TOML"));
    let profile = "[profiles.a]\nissuer = \"https://a.example\"\naudience = [\"pg\"]\n";
    assert!(takes(profile) && takes(""));
    for wrong in ["reserved_prefixes = []\n", "[defaults]\n", "[profile.a]\n"] {
        assert!(!takes(&format!("{wrong}{profile}")), "{wrong}");
    }
    assert!(!takes("[profiles.a]\nissuer = 1\n"));
}

/// The names of all keys below a schema, as `profiles.*.scope.claim`.
fn keys_of(schema: &Value, table: &str, found: &mut BTreeSet<String>) {
    let below = |name: &str| if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(below(key));
        keys_of(property, &below(key), found);
    }
    // What an alternative has, and a rule of a role, is in the table of rules.
    if table.ends_with(".any") || table.ends_with("roles.map.*.require") {
        found.retain(|key| !key.starts_with(&format!("{table}.")));
        return;
    }
    for inner in schema["additionalProperties"]["anyOf"].as_array().into_iter().flatten() {
        keys_of(inner, &below("*"), found);
    }
    for (place, name) in [("additionalProperties", below("*")), ("items", table.to_owned())] {
        if schema[place].is_object() {
            keys_of(&schema[place], &name, found);
        }
    }
}

#[test]
fn every_setting_is_in_the_schema_with_its_meaning_and_nothing_else_is() {
    let text = printed();
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let mut found = BTreeSet::new();
    keys_of(&schema, "", &mut found);
    let name = |one: &Setting| if one.table.is_empty() { one.key.into() } else { format!("{}.{}", one.table, one.key) };
    let mut wanted: BTreeSet<String> = SETTINGS.iter().map(name).collect();
    let of_presets = SETTINGS.iter().filter(|setting| setting.may_be_own_preset).map(name);
    wanted.extend(of_presets.filter_map(|name| Some(format!("presets.{}", name.strip_prefix("profiles.")?))));
    assert_eq!(found, wanted);
    for setting in SETTINGS {
        let meaning = Value::from(format!("{} ({};", setting.meaning(), setting.kind.words())).to_string();
        assert!(text.contains(meaning.trim_matches('"')), "{}: {meaning}", name(setting));
    }
}

#[test]
fn every_shipped_file_names_the_schema_and_passes() {
    let validator = validator();
    let folder = config_folder();
    let mut examples = 0;
    for entry in fs::read_dir(folder.join("examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        let line = text.lines().next().unwrap_or_default();
        let named = line.strip_prefix("#:schema ").unwrap_or_else(|| panic!("{}: {line}", path.display()));
        assert!(folder.join("examples").join(named).is_file(), "{line}");
        assert_eq!(verdicts(&validator, &text), (true, true), "{}", path.display());
        examples += 1;
    }
    assert!(examples >= 5, "{examples} examples");
    let packaged = fs::read_to_string(folder.join("oauth-validator.toml")).expect("the packaged file");
    let path = "file:///usr/share/doc/oauth-validator/oauth-validator.schema.json";
    assert_eq!(packaged.lines().next(), Some(format!("#:schema {path}").as_str()));
    assert_eq!(verdicts(&validator, &packaged), (true, true));
}

#[test]
fn every_valid_configuration_of_the_cases_passes() {
    let validator = validator();
    let configs: BTreeSet<String> = cases::all().iter().map(cases::Case::config).collect();
    let valid: Vec<&String> =
        configs.iter().filter(|text| Config::parse(text.as_bytes(), "f").config.is_some()).collect();
    assert!(valid.len() >= 50, "{} of {}", valid.len(), configs.len());
    for text in valid {
        let document: Value = toml::from_str(text).expect("valid TOML");
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
    }
}

/// A valid file with this table, and in it `key = value` in place of what the key has there.
fn file_with(table: &str, key: &str, value: &str) -> String {
    let of_table = || SETTINGS.iter().filter(|setting| setting.table == table);
    let row = of_table().find(|setting| setting.key == key).or_else(|| of_table().next()).expect("a table");
    row.file_with(key, value)
}

/// Values of the wrong type, or plainly out of the question, for one setting.
fn wrong(setting: &Setting) -> Vec<&'static str> {
    let mut values = match setting.kind {
        ValueKind::Table(..) | ValueKind::Profiles | ValueKind::Presets | ValueKind::Rules(_) => vec!["7", "\"x\""],
        ValueKind::NamedJsonPaths => vec!["7", "{}", "{ a = \"sub\" }", "{ a = 7 }"],
        ValueKind::NamedStrings => vec!["7", "{}", "{ a = \"b\" }", "{ a = [] }", "{ a = [7] }", "{ a = [\"\"] }"],
        ValueKind::Boolean => vec!["\"yes\"", "1"],
        ValueKind::True => vec!["false", "\"true\""],
        ValueKind::Duration(..) => vec!["30", "\"30\"", "\"soon\"", "\"\""],
        ValueKind::Size(..) => vec!["16384", "\"16384\"", "\"16KB\"", "\"-1B\""],
        ValueKind::Word(_) => vec!["7", "\"surprise\"", "\"\""],
        // An editor cannot know the file's own ones.
        ValueKind::Preset => vec!["7", "\"Entra ID\"", "\"\""],
        ValueKind::Words(_) => vec!["\"RS256\"", "[\"HS256\"]", "[\"RS256\", \"RS256\"]"],
        ValueKind::Text | ValueKind::Path | ValueKind::Regex => vec!["7", "[\"x\"]"],
        ValueKind::Strings => vec!["\"x\"", "[7]", "[\"a\", \"a\"]"],
        ValueKind::StringsOrNone => vec!["\"x\"", "[7]", "[]", "7"],
        ValueKind::Url => vec!["7", "\"idp.example\"", "\"http://idp.example\"", "\"https://idp.example/#x\""],
        ValueKind::Urls => vec!["\"https://idp.example\"", "[\"http://idp.example\"]", "[7]"],
        ValueKind::Proxy => {
            vec!["7", "\"proxy:3128\"", "\"https://proxy:3128\"", "\"http://user:password@proxy:3128\""]
        }
        ValueKind::Hosts => vec!["\"h\"", "[\"https://h\"]", "[\"*.h\"]", "[7]"],
        ValueKind::JsonPath | ValueKind::JsonPathOrNone => vec!["7", "\"sub\"", "\"\"", "[\"$.a\"]"],
        ValueKind::JsonPaths => vec!["\"$.a\"", "[\"sub\"]", "[7]"],
        // No value is wrong; a second test in the rule is.
        ValueKind::Json => vec!["1\npresent = true"],
        ValueKind::Jsons => vec!["7", "\"x\""],
        ValueKind::Alternatives => vec!["7", "[]", "[7]", "[{ claim = \"$.a\" }]", "[{ equals = 1 }]"],
        ValueKind::RoleMap(_) => vec!["7", "{}", "{ a = \"b\" }", "{ a = [] }", "{ a = { roles = [] } }", "{ a = {} }"],
    };
    let (is_list, is_text) = (wrong_if_empty_list(setting), wrong_if_empty_text(setting));
    values.extend(is_list.then_some("[]"));
    values.extend(is_text.then_some("\"\""));
    let holds_strings =
        matches!(setting.kind, ValueKind::Strings | ValueKind::StringsOrNone | ValueKind::Urls | ValueKind::Hosts);
    values.extend((holds_strings && !setting.may_hold_empty_string).then_some("[\"\"]"));
    values
}

fn wrong_if_empty_list(setting: &Setting) -> bool {
    let list = matches!(
        setting.kind,
        ValueKind::Words(_) | ValueKind::Strings | ValueKind::Urls | ValueKind::JsonPaths | ValueKind::Jsons
    );
    list && !setting.may_be_empty()
}

fn wrong_if_empty_text(setting: &Setting) -> bool {
    matches!(setting.kind, ValueKind::Text | ValueKind::Path | ValueKind::Regex) && !setting.may_be_empty()
}

/// Values that are right: the example of the setting, and others of its kind.
fn right(setting: &Setting) -> Vec<String> {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>();
    let others = match setting.kind {
        ValueKind::Boolean => vec!["true".into(), "false".into()],
        ValueKind::Duration(_, to) if to.seconds >= 3600 => quoted(&["1h", "60 minutes", "PT1H", "1 hour"]),
        ValueKind::Duration(..) => quoted(&["1s", "60 s", "PT1M", "1 minute"]),
        ValueKind::Size(from, to) => quoted(&[from.text, "16 kB", to.text]),
        // The other words demand another table, or other keys.
        ValueKind::Word(_) if ["mode", "kind"].contains(&setting.key) => vec![],
        ValueKind::Word(words) => quoted(words),
        ValueKind::Words(words) => vec![format!("[{}]", quoted(words).join(", "))],
        ValueKind::StringsOrNone => vec!["[\"a\", \"b\"]".into()],
        ValueKind::JsonPathOrNone => vec!["\"$['https://corp.example/scope']\"".into()],
        ValueKind::JsonPath => vec!["\"$['a.b'][0]\"".into()],
        ValueKind::Proxy => vec!["\"\"".into()],
        ValueKind::Strings | ValueKind::Hosts if setting.may_be_empty() => vec!["[]".into()],
        ValueKind::Json => ["1", "\"x\"", "[1]", "{ a = 1 }", "true"].map(Into::into).into(),
        ValueKind::Jsons => vec!["[1, \"1\", true]".into()],
        ValueKind::RoleMap(_) => {
            vec!["{ a = { roles = [\"b\"], require = [{ claim = \"$.a\", equals = 1 }] } }".into()]
        }
        ValueKind::Alternatives => vec!["[{ claim = \"$.b[*]\", one_of = [1], all = true }]".into()],
        _ => vec![],
    };
    std::iter::once(setting.example.to_owned()).chain(others).collect()
}

#[test]
fn a_wrong_value_of_any_setting_is_refused_by_both() {
    let validator = validator();
    for setting in SETTINGS {
        let values = wrong(setting);
        assert!(!values.is_empty(), "{}.{}", setting.table, setting.key);
        for value in values {
            let text = file_with(setting.table, setting.key, value);
            assert_eq!(verdicts(&validator, &text), (false, false), "{text}");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_by_both_in_every_table() {
    let validator = validator();
    let tables: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.table).collect();
    for table in tables {
        let text = file_with(table, "surprise", "1");
        assert_eq!(verdicts(&validator, &text), (false, false), "{text}");
    }
}

#[test]
fn a_missing_or_misplaced_key_is_refused_by_both() {
    let validator = validator();
    for text in [
        "[profiles.corp]\naudience = [\"pg\"]\n",
        "[profiles.corp]\nissuer = \"https://idp.example\"\n",
        "[profiles.Corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n",
        "[[profiles]]\nissuer = \"https://idp.example\"\n",
        &file_with("profiles.*.clients", "allow", "[\"a\"]\nclaims = []"),
        &file_with("profiles.*.identity", "claim", "\"$.a\"\nclaims = { a = \"$.a\" }\nformat = \"{a}\""),
        &file_with("profiles.*.roles", "map", "{ a = [\"b\"] }\nexact = true"),
        &file_with("profiles.*", "roles", "{ claim = \"$.a\" }"),
        &file_with("profiles.*", "roles", "{ exact = true }"),
        &file_with("profiles.*.roles", "names_of", "\"$.a\"\nclaim = \"$.a\""),
        &file_with("profiles.*.roles", "names_of", "\"$.a\"\nseparator = \",\""),
        &file_with("profiles.*", "require", "[{ claim = \"$.a\" }]"),
        &file_with("profiles.*", "identity", "{ fallback = { claim = \"$.a\" } }"),
    ] {
        assert_eq!(verdicts(&validator, text), (false, false), "{text}");
    }
}

#[test]
fn a_right_value_of_any_setting_is_accepted_by_both() {
    let validator = validator();
    let mut tried = 0;
    for setting in SETTINGS {
        for value in right(setting) {
            let text = setting.file_with(setting.key, &value);
            let findings = Config::parse(text.as_bytes(), "f").findings;
            assert_eq!(verdicts(&validator, &text), (true, true), "{text}\n{findings:#?}");
            tried += 1;
        }
    }
    assert!(tried > SETTINGS.len(), "{tried}");
}
