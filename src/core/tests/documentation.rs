//! The manual pages say what the code says: every reason code, setting, finding and preset has its entry, no entry is
//! about something that does not exist, and the examples are valid.
//!
//! It must never pass because a page could not be read, or because a heading was not recognised: both ends of each
//! comparison have to be there.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

mod docs;
mod log_lines;
mod mdoc;

use docs::settings::heading_of;
use log_lines::decision;
use mdoc::{ManSection, one, read, root, under};
use oauth_validator_core::config::presets;
use oauth_validator_core::config::settings::{SETTINGS, Setting, ValueKind};
use oauth_validator_core::{Config, FindingCode, Reason, Severity, Step};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use toml::de::{DeTable, DeValue};

const CONFIG_PAGE: &str = "oauth-validator.toml.5";
const MODULE_PAGE: &str = "oauth_validator.7";

/// The two lists have the same elements, each once.
#[track_caller]
fn assert_same<'a>(
    what: &str,
    documented: impl IntoIterator<Item = &'a str>,
    existing: impl IntoIterator<Item = &'a str>,
) {
    let mut seen = BTreeSet::new();
    for name in documented {
        assert!(seen.insert(name), "{what}: {name} is there twice");
    }
    let existing: BTreeSet<&str> = existing.into_iter().collect();
    assert!(!existing.is_empty(), "{what}: there are none");
    let missing: Vec<_> = existing.difference(&seen).collect();
    let invented: Vec<_> = seen.difference(&existing).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "{what}: missing {missing:?}, but no such thing as {invented:?}"
    );
}

#[test]
fn what_is_made_of_the_tables_is_as_make_docs_writes_it() {
    for docs::MadeDocument { path, found, made } in docs::documents() {
        let differs = found.lines().zip(made.lines()).find(|(found, made)| found != made);
        assert!(found == made, "{}: run make docs: {differs:?}", path.display());
    }
}

/// Whatever somebody writes in place of a made line, the line of the table comes back.
#[test]
fn a_made_line_that_somebody_changed_is_found() {
    for (document, (name, make)) in docs::documents().iter().zip(docs::MAKERS) {
        let (line, other) = match name {
            "README.md" => ("| `okta` | `$.uid`, ", "| `okta` | `$.sub`, "),
            "man/oauth-validator.toml.5" => (".Pq duration, 1s to 10 years ;", ".Pq duration, 1s to 9 years ;"),
            "man/oauth_validator.7" => ("Whose problem: the client's token.", "Whose problem: nobody's."),
            "docs/codes.md" => ("`oauth_validator: denied: expired`", "`oauth_validator: denied: stale`"),
            _ => ("#max_lifetime = \"24h\"", "#max_lifetime = \"25h\""),
        };
        assert!(document.found.contains(line), "{name}: {line}");
        let changed = document.found.replace(line, other);
        assert!(make(&changed) == document.found && changed != document.found, "{name}");
    }
}

#[test]
fn every_reason_code_is_explained() {
    let page = read(MODULE_PAGE);
    let sections = under(&page, "REASON CODES");
    assert_same(
        "reason codes",
        sections.iter().map(|section| section.heading.as_str()),
        Reason::ALL.iter().map(|reason| reason.code()),
    );
    for reason in Reason::ALL {
        let section = one(&page, "REASON CODES", reason.code());
        let whose = format!("Whose problem: {}.", reason.blame().words());
        assert_eq!(section.lines[..2], [whose.as_str(), ".Pp"], "{reason}");
        let words = section.lines[2..].iter().flat_map(|line| line.split_whitespace()).count();
        assert!(words >= 15, "{reason}: cause and remedy in {words} words");
    }
}

#[test]
fn every_setting_has_its_entry_with_type_range_and_default() {
    let page = read(CONFIG_PAGE);
    let tables: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.table).collect();
    let headings: Vec<String> = tables.iter().map(|table| heading_of(table)).collect();
    assert_same(
        "tables",
        under(&page, "SETTINGS").iter().map(|section| section.heading.as_str()),
        headings.iter().map(String::as_str),
    );
    for table in tables {
        let section = one(&page, "SETTINGS", &heading_of(table));
        let settings: Vec<&Setting> = SETTINGS.iter().filter(|setting| setting.table == table).collect();
        assert_same(&section.heading, section.entries(), settings.iter().map(|setting| setting.key));
        for setting in settings {
            let entry = format!(".It Cm {}", setting.key);
            let at = section.lines.iter().position(|line| *line == entry).expect("it was found above");
            let where_it_is = format!("{} in {}", setting.key, section.heading);
            assert!(section.lines[at + 1].starts_with(".Pq "), "no type: {where_it_is}");
            assert!(
                !section.lines[at + 2].starts_with(".It") && !section.lines[at + 2].starts_with(".El"),
                "no text: {where_it_is}"
            );
        }
    }
}

/// The settings that a piece of a file sets, as table and key.
fn settings_in(block: &str) -> BTreeSet<(String, String)> {
    fn walk(schema: &str, table: &DeTable<'_>, found: &mut BTreeSet<(String, String)>) {
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            found.insert((schema.to_owned(), key.to_owned()));
            let below = match schema {
                "" => key.to_owned(),
                "profiles" => "profiles.*".to_owned(),
                "profiles.*.roles.map" => "profiles.*.roles.map.*".to_owned(),
                _ => format!("{schema}.{key}"),
            };
            let tables = match value.get_ref() {
                DeValue::Table(table) => vec![table],
                DeValue::Array(array) => array.iter().filter_map(|value| value.get_ref().as_table()).collect(),
                _ => Vec::new(),
            };
            for table in tables {
                walk(&below, table, found);
            }
        }
    }
    let parsed = DeTable::parse(block).unwrap_or_else(|why| panic!("{block}\n{why}"));
    let mut found = BTreeSet::new();
    walk("", parsed.get_ref(), &mut found);
    found
}

#[test]
fn every_setting_has_an_example() {
    let page = read(CONFIG_PAGE);
    let examples_in = |section: &ManSection| -> BTreeSet<(String, String)> {
        section.literal_blocks().iter().flat_map(|block| settings_in(block)).collect()
    };
    let all: BTreeSet<_> = under(&page, "SETTINGS").iter().flat_map(|section| examples_in(section)).collect();
    for setting in SETTINGS {
        // What is in a table has its example there; the tables themselves have theirs wherever that is.
        let examples = match setting.kind {
            ValueKind::Table(..) | ValueKind::Profiles | ValueKind::Presets | ValueKind::Rules(_) => all.clone(),
            _ => examples_in(one(&page, "SETTINGS", &heading_of(setting.table))),
        };
        let name = (setting.table.to_owned(), setting.key.to_owned());
        assert!(examples.contains(&name), "no example of {name:?} under {}", heading_of(setting.table));
    }
}

#[test]
fn settings_are_found_in_examples_and_nowhere_else() {
    let block =
        "[profiles.a]\nkeys = { timeout = \"1s\" }\n[[profiles.a.require]]\nclaim = \"$.a\"\n# max_ttl = \"1h\"\n";
    let found = settings_in(block);
    for name in
        [("", "profiles"), ("profiles.*", "keys"), ("profiles.*.keys", "timeout"), ("profiles.*.require", "claim")]
    {
        assert!(found.contains(&(name.0.to_owned(), name.1.to_owned())), "{name:?} in {found:?}");
    }
    assert!(!found.iter().any(|(_, key)| key == "max_ttl"), "a comment is no example: {found:?}");
}

#[test]
fn every_finding_is_listed_by_its_severity() {
    let page = read(CONFIG_PAGE);
    for (heading, of_server, severity) in [
        ("Errors", "Errors in the server's files", Severity::Error),
        ("Warnings", "Warnings about the server's files", Severity::Warning),
    ] {
        let codes = FindingCode::ALL.iter().filter(|code| code.severity() == severity).map(|code| code.code());
        let sections = [heading, of_server].map(|heading| one(&page, "FINDINGS", heading));
        assert_same(heading, sections.iter().flat_map(|section| section.entries()), codes);
    }
}

#[test]
fn every_preset_is_described_with_its_identity_and_delegation() {
    let names = || presets::ALL.iter().map(|preset| preset.name);
    let page = read(CONFIG_PAGE);
    assert_same("presets of (5)", one(&page, "PRESETS", "").entries(), names());
    let page = read(MODULE_PAGE);
    assert_same("presets of (7)", under(&page, "PRESETS").iter().map(|section| section.heading.as_str()), names());
    for preset in presets::ALL {
        let text = one(&page, "PRESETS", preset.name).text();
        let claim = preset.identity_claim().expect("a claim");
        assert!(text.starts_with(&format!(".Ql {claim}")), "{}: not {claim}: {text}", preset.name);
        assert!(text.contains("Delegation: "), "{}", preset.name);
    }
}

/// The columns of a map in pg_ident.conf.
fn map_lines(section: &ManSection) -> Vec<[String; 3]> {
    let blocks = section.literal_blocks();
    let lines = blocks.iter().filter(|block| !block.starts_with('[')).flat_map(|block| block.lines());
    let lines = lines.filter(|line| !line.starts_with('#'));
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    lines.map(|line| columns(line).try_into().unwrap_or_else(|_| panic!("not three columns: {line}"))).collect()
}

/// The expression matches the identity as a whole, and nothing that only holds it.
fn assert_anchored(expression: &str, identity: &str) {
    assert!(expression.starts_with('^') && expression.ends_with('$'), "{expression} is not anchored");
    let regex = regex::Regex::new(expression).unwrap_or_else(|why| panic!("{why}"));
    assert!(regex.is_match(identity), "{expression} does not match {identity}");
    for other in [format!("|{identity}"), format!("{identity}|"), format!("a {identity} b"), String::new()] {
        assert!(!regex.is_match(&other), "{expression} matches {other:?}");
    }
}

#[test]
fn every_preset_has_a_worked_map_for_pg_ident_conf() {
    let page = read(MODULE_PAGE);
    let mut expressions = 0;
    for section in under(&page, "PRESETS") {
        let preset = presets::ALL.iter().find(|preset| preset.name == section.heading).expect("a preset");
        let lines = map_lines(section);
        let [[map, identity, role], others @ ..] = lines.as_slice() else { panic!("{} has no map", section.heading) };
        let about = preset.about().unwrap_or_else(|why| panic!("{}: {why}", preset.name));
        assert_eq!(*identity, about.identity, "{}: oauth-validator init shows another", preset.name);
        // What hba.c takes for an expression, a file to include, a comment, a list, or a quoted word.
        let plain = |word: &str| !word.starts_with(['/', '@', '+']) && !word.contains([',', '#', '"']);
        assert!(plain(identity) && plain(role), "{}: the first line is for one person", section.heading);
        for [other_map, expression, role] in others {
            let expression = expression.strip_prefix('/').expect("the other lines have expressions");
            assert_anchored(expression, identity);
            assert!(other_map == map && plain(role) && !expression.contains(','), "{}", section.heading);
            expressions += 1;
        }
    }
    assert!(expressions >= 10, "{expressions}");
}

#[test]
fn the_maps_of_the_general_part_are_anchored() {
    let lines = map_lines(one(&read(MODULE_PAGE), "PG_IDENT.CONF", ""));
    let identities = ["5d5d5d5d-3333-4444-8555-666666666666", "ana@corp.example"];
    let expressions: Vec<&str> = lines.iter().filter_map(|[_, identity, _]| identity.strip_prefix('/')).collect();
    assert_eq!(expressions.len(), identities.len());
    for (expression, identity) in expressions.iter().zip(identities) {
        assert_anchored(expression, identity);
    }
}

#[test]
#[should_panic(expected = "is not anchored")]
fn an_expression_without_an_anchor_is_noticed() {
    assert_anchored("^[a-z]+@corp", "ana@corp.example");
}

#[test]
fn the_steps_are_those_of_a_decision_in_their_order() {
    let page = read(MODULE_PAGE);
    let chapter = one(&page, "HOW A LOGIN IS DECIDED", "");
    let documented: Vec<&str> = chapter.lines.iter().filter_map(|line| line.strip_prefix(".It Ic ")).collect();
    assert_eq!(documented, Step::ALL.map(Step::name));
    let granted = decision(json!({"aud": "api://postgres"}));
    let taken: Vec<&str> = granted.trace.steps().iter().map(|passage| passage.step.name()).collect();
    let order: Vec<usize> = taken.iter().map(|step| documented.iter().position(|name| name == step).unwrap()).collect();
    assert!(order.is_sorted() && order.len() >= 9, "{taken:?}");
}

#[test]
fn every_setting_of_postgresql_conf_has_its_entry() {
    let path = root().join("src/module/src/guc.rs");
    let source = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let names = source.split("c\"oauth_validator.").skip(1).filter_map(|rest| rest.split('"').next());
    // Compiled in for the tests alone.
    let defined: Vec<&str> = names.filter(|name| *name != "test_fault").collect();
    assert!(defined.len() >= 4, "{defined:?}");
    let page = read(MODULE_PAGE);
    let entries = one(&page, "INSTALLATION", "").lines.iter().filter_map(|line| line.strip_prefix(".It Va "));
    let documented = entries.filter_map(|entry| entry.strip_prefix("oauth_validator.")?.split(' ').next());
    assert_same("settings of postgresql.conf", documented, defined);
}

#[test]
fn every_example_file_is_mentioned() {
    let text = one(&read(CONFIG_PAGE), "FILES", "").text();
    let folder = root().join("config/examples");
    let examples: Vec<String> = fs::read_dir(&folder)
        .unwrap_or_else(|why| panic!("{}: {why}", folder.display()))
        .map(|entry| format!("config/examples/{}", entry.expect("an entry").file_name().display()))
        .collect();
    let mentioned =
        text.lines().filter_map(|line| line.strip_prefix(".It Pa ")).filter(|path| path.contains("/examples/"));
    assert_same("examples", mentioned, examples.iter().map(String::as_str));
}

/// A block as a whole file: pieces of the profile `corp` get what each profile needs.
fn completed(block: &str) -> String {
    if !block.contains("profiles.corp.") || block.contains("[profiles.corp]\n") {
        return block.to_owned();
    }
    let keys = if block.contains("[profiles.corp.keys]") { "" } else { "keys = { jwks_file = \"corp.jwks.json\" }\n" };
    format!("[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"postgres\"]\n{keys}{block}")
}

/// A text with one space where there are several.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_toml_example_is_a_valid_configuration() {
    let mut examined = 0;
    for name in [CONFIG_PAGE, MODULE_PAGE] {
        let page = read(name);
        for block in page.iter().flat_map(ManSection::literal_blocks).filter(|block| block.starts_with('[')) {
            let parsed = Config::parse(completed(&block).as_bytes(), name);
            assert!(parsed.config.is_some(), "{name}: {block}\n{:#?}", parsed.findings);
            let mut findings = parsed.findings;
            // The examples that cannot be without the warning they are about.
            for (code, setting) in [
                (FindingCode::InsecureHttp, "insecure_http"),
                (FindingCode::MutableIdentity, "verified_by"),
                (FindingCode::AnyTokenKind, "token_kind = \"any\""),
                (FindingCode::ReportOnly, "report_only = true"),
            ] {
                let about_it = spaced(&block).contains(setting);
                findings.retain(|finding| finding.code != code || !about_it);
            }
            assert_eq!(findings, [], "{name}: {block}");
            examined += 1;
        }
    }
    assert!(examined >= 30, "{examined} examples were recognised");
}

#[test]
fn examples_are_not_valid_by_accident() {
    let fragment = "[profiles.corp.scope]\nprefix = \"a\"\n";
    assert!(Config::parse(fragment.as_bytes(), "f").config.is_none(), "a piece alone is none");
    for wrong in
        ["[profiles.corp.scope]\nprefixx = \"a\"\n", "[profiles.corp.keys]\ndeny_kids = [1]\n", "[profile.corp]\n"]
    {
        assert!(Config::parse(completed(wrong).as_bytes(), "f").config.is_none(), "{wrong}");
    }
}
