//! `check --effective`: the settings that hold for each profile, and where they come from.
//!
//! What is printed is TOML that can be put into a configuration. Must never print a key document: it fills screens,
//! and is written in the file anyway.

use crate::config_file::ConfigFile;
use crate::output::{self, CommandFailure, put, visible, visible_toml};
use oauth_validator_core::config::{Effective, Origin, effective};
use oauth_validator_core::{Config, Profile};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// The setting that the core lists without its value.
const HIDDEN: &str = "keys.jwks";

/// Longer settings do not move the comments of the others away.
const WIDEST: usize = 72;

/// Between a setting and its comment.
const GAP: &str = "    ";

/// The settings of one profile.
pub(crate) struct SettingsTable<'c> {
    profile: &'c str,
    settings: Vec<Effective>,
}

/// The settings of `only`, or of all profiles of a configuration that was read from `file`.
pub(crate) fn tables<'c>(
    config: &'c Config,
    file: &ConfigFile,
    only: Option<&str>,
) -> Result<Vec<SettingsTable<'c>>, CommandFailure> {
    // A configuration is UTF-8, or there would be none.
    let text = |of: usize| String::from_utf8_lossy(file.part(of).1).into_owned();
    let main = text(0);
    let settings = |profile: &Profile| effective(&main, (profile.file, &text(profile.file)), &profile.name);
    let names = || config.profiles().iter().map(|profile| profile.name.as_str());
    if let Some(only) = only
        && !names().any(|name| name == only)
    {
        let hint = match names().collect::<Vec<_>>() {
            profiles if profiles.is_empty() => "the file has no profile at all".to_owned(),
            profiles => format!("the file has {}", profiles.join(", ")),
        };
        return Err(CommandFailure::new(format!("{} has no profile \"{only}\"", config.file_name())).with_hint(hint));
    }
    let wanted = config.profiles().iter().filter(|profile| only.is_none_or(|only| only == profile.name));
    Ok(wanted.map(|profile| SettingsTable { profile: &profile.name, settings: settings(profile) }).collect())
}

/// For a person: TOML, each table behind an empty line.
pub(crate) fn to_text(tables: &[SettingsTable<'_>], file: &ConfigFile) -> String {
    let width = output::width();
    tables.iter().flat_map(|table| table.blocks()).map(|block| block.to_text(file, width)).collect()
}

/// For a program: by profile, the settings in their order.
pub(crate) fn to_json(tables: &[SettingsTable<'_>], file: &ConfigFile) -> Value {
    let profiles = tables.iter().map(|table| {
        let settings = table.settings.iter().map(|setting| setting_to_json(setting, file)).collect();
        (table.profile.to_owned(), Value::Array(settings))
    });
    Value::Object(profiles.collect())
}

/// A table of TOML.
struct Block<'s> {
    head: String,
    /// Keys and what holds for them.
    lines: Vec<(&'s str, &'s Effective)>,
}

impl SettingsTable<'_> {
    /// The profile's own table, and then those of its rules: behind a rule's head, a key would be the rule's.
    fn blocks(&self) -> Vec<Block<'_>> {
        let mut own = Block { head: format!("[profiles.{}]", self.profile), lines: Vec::new() };
        let mut rules: BTreeMap<(&str, usize), Block<'_>> = BTreeMap::new();
        for setting in &self.settings {
            match rule_key(&setting.key) {
                None => own.lines.push((&setting.key, setting)),
                Some((rules_key, at, key)) => {
                    let head = || format!("[[profiles.{}.{rules_key}]]", self.profile);
                    let block = || Block { head: head(), lines: Vec::new() };
                    rules.entry((rules_key, at)).or_insert_with(block).lines.push((key, setting));
                }
            }
        }
        std::iter::once(own).chain(rules.into_values()).collect()
    }
}

/// The parts of a key such as `require[0].claim`.
fn rule_key(key: &str) -> Option<(&str, usize, &str)> {
    let (rules, rest) = key.split_once('[')?;
    let (at, key) = rest.split_once("].")?;
    Some((rules, at.parse().ok()?, key))
}

impl Block<'_> {
    /// What is wider than `width` has its comment above it, and elements in lines of their own.
    fn to_text(&self, file: &ConfigFile, width: Option<usize>) -> String {
        let key_width = self.lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        let line = |(key, setting): &(&str, &Effective)| {
            (format!("{key:key_width$} = {}", visible_toml(&setting.value)), origin_words(setting, file))
        };
        let written: Vec<(String, String)> = self.lines.iter().map(line).collect();
        let columns = |text: &str| text.chars().count();
        let fits = |line: &str, origin: &str| {
            columns(line) <= WIDEST && width.is_none_or(|width| columns(line) + GAP.len() + columns(origin) <= width)
        };
        let widest = written
            .iter()
            .filter(|(line, origin)| fits(line, origin))
            .map(|(line, _)| columns(line))
            .max()
            .unwrap_or(0);
        let mut text = format!("\n{}\n", self.head);
        for ((line, origin), (key, setting)) in written.iter().zip(&self.lines) {
            match width {
                Some(width) if columns(line).max(widest) + GAP.len() + columns(origin) > width => {
                    let spread = spread(&setting.value).filter(|_| columns(line) > width);
                    let line = spread.map_or_else(|| line.clone(), |array| format!("{key:key_width$} = {array}"));
                    text.push_str(&format!("{origin}\n{line}\n"));
                }
                _ => text.push_str(&format!("{line:widest$}{GAP}{origin}\n")),
            }
        }
        text
    }
}

/// An array of TOML with each element in a line of its own; nothing of what is none.
fn spread(toml: &str) -> Option<String> {
    let document = format!("value = {}", visible_toml(toml));
    let parsed = DeTable::parse(&document).ok()?;
    let elements = parsed.get_ref().get("value")?.get_ref().as_array()?;
    let lines: String =
        elements.iter().map(|element| format!("    {},\n", document.get(element.span()).unwrap_or_default())).collect();
    Some(format!("[\n{lines}]"))
}

/// Where a setting comes from, as a comment.
fn origin_words(setting: &Effective, file: &ConfigFile) -> String {
    let hidden = if setting.key == HIDDEN { ", not shown" } else { "" };
    match setting.origin {
        Origin::BuiltIn => format!("# built-in{hidden}"),
        Origin::Preset(name) => format!("# preset {name}{hidden}"),
        Origin::Line { file: of, line } => format!("# {}:{line}{hidden}", visible(&file.part(of).0, false)),
    }
}

fn setting_to_json(setting: &Effective, file: &ConfigFile) -> Value {
    let (origin, preset, line) = match setting.origin {
        Origin::BuiltIn => ("built-in", None, None),
        Origin::Preset(name) => ("preset", Some(name), None),
        Origin::Line { line, .. } => ("file", None, Some(line)),
    };

    let value = if setting.key == HIDDEN { Value::Null } else { value(&setting.value) };
    let mut document = json!({ "key": setting.key, "value": value, "origin": origin, "preset": preset, "line": line });
    if let Origin::Line { file: of, .. } = setting.origin
        && of != 0
    {
        put(&mut document, "file", file.part(of).0.into());
    }
    document
}

/// What a value means; the core made it from JSON.
fn value(toml: &str) -> Value {
    let document = format!("value = {}", visible_toml(toml));
    DeTable::parse(&document)
        .ok()
        .and_then(|document| document.get_ref().get("value").map(|value| from_toml(value.get_ref())))
        .unwrap_or_default()
}

fn from_toml(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(boolean) => Value::from(*boolean),
        DeValue::Integer(integer) => integer.as_str().parse::<i64>().map_or(Value::Null, Value::from),
        DeValue::Float(float) => float.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(array) => array.iter().map(|element| from_toml(element.get_ref())).collect(),
        DeValue::Table(table) => {
            let members = table.iter().map(|(key, value)| (key.get_ref().to_string(), from_toml(value.get_ref())));
            Value::Object(members.collect::<Map<String, Value>>())
        }
    }
}
