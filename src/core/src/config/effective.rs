//! What holds for a profile, and where it was written: for `check --effective`.
//!
//! Values are shown as they are written; what is never shown is an inline key document.

use super::collect::Findings;
use super::keys;
use super::online_check;
use super::presets::own::Presets;
use super::profile::Origin;
use super::rules;
use super::section::{Path, Section};
use super::settings::{self, AppliesTo, Default, Setting, ValueKind, introspection, profile as rows, root};
use super::source::SourceText;
use super::values::json;
use crate::introspection::OnlineKind;
use serde_json::Value;
use toml::de::DeTable;

const KEYS: &str = settings::keys::MIN_TTL.table;
const INTROSPECTION: &str = introspection::ENDPOINT.table;

/// One setting that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Its name under the profile, such as `scope.claim`, or `require[0].claim`.
    pub key: String,
    /// The value, as TOML.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Every setting that holds for profile `name` of a file without errors; empty if there is no such profile. `main` is the
/// text of the main file, and `own` that of the profile's, which is this one of all.
#[must_use]
pub fn effective(main: &str, (file, own): (usize, &str), name: &str) -> Vec<Effective> {
    let (document, _) = DeTable::parse_recoverable(main);
    let (own_document, _) = DeTable::parse_recoverable(own);
    let table = |table: &str| document.get_ref().get(table).and_then(|value| value.get_ref().as_table());
    let profiles = own_document.get_ref().get("profiles").and_then(|value| value.get_ref().as_table());
    let Some(profile) = profiles.and_then(|all| all.get(name)).and_then(|value| value.get_ref().as_table()) else {
        return Vec::new();
    };
    let mut of_main = Findings::new(SourceText::new(main));
    let mut findings = Findings::new(SourceText::of_file(own, file));
    let mut open = |table, schema: &str| Section::open(&mut of_main, Path::File, 0..0, table, schema);
    let mut defaults = Vec::new();
    if let Some(table) = table(root::DEFAULTS.key) {
        defaults.push((root::DEFAULTS.key, open(table, root::DEFAULTS.key)));
        for setting in settings::of_table(root::DEFAULTS.key) {
            let inner = table.get(setting.key).and_then(|value| value.get_ref().as_table());
            if let (ValueKind::Table(_, schema), Some(inner)) = (setting.kind, inner) {
                defaults.push((schema, open(inner, schema)));
            }
        }
    }
    let preset = profile.get("preset").and_then(|value| value.get_ref().as_str());
    let presets = Presets::of(&mut of_main, main, document.get_ref());
    let names = presets.by_name();
    let chosen = names.iter().find(|(name, _)| Some(*name) == preset).map(|(_, choice)| *choice);
    let base = chosen.and_then(|choice| presets.base(choice));
    let schema = rows::PRESET.table;
    let section = Section::open(&mut findings, Path::File, 0..0, profile, schema).over(base);
    let online = online_check::kind(section.get("mode").and_then(|mode| mode.get_ref().as_str()));
    let looks_up = section.is_own("lookup");
    let mut list = EffectiveList { findings, of_main, defaults, online, looks_up, settings: Vec::new() };
    list.table(&section, schema, "");
    list.settings
}

struct EffectiveList<'t> {
    findings: Findings<'t>,
    of_main: Findings<'t>,
    /// The tables of defaults that the file has, by their names.
    defaults: Vec<(&'static str, Section<'t>)>,
    /// What is asked about each token, if anybody is.
    online: Option<OnlineKind>,
    /// Whether claims are looked up.
    looks_up: bool,
    settings: Vec<Effective>,
}

impl EffectiveList<'_> {
    /// Lists the keys of a table of `schema`, which is called `path` under the profile.
    fn table(&mut self, section: &Section<'_>, schema: &str, path: &str) {
        let asks_nobody = schema == KEYS && keys::asks_nobody(section);
        for setting in settings::of_table(schema) {
            if !self.counts(setting.counts, asks_nobody) {
                continue;
            }
            let name = format!("{path}{}", setting.key);
            match setting.kind {
                ValueKind::Table(_, inner) => match section.table(&mut self.findings, setting) {
                    Some(table) => self.table(&table, inner, &format!("{name}.")),
                    None if setting.default == Default::Table => self.built_in(inner, &format!("{name}.")),
                    None => {}
                },
                ValueKind::Rules(inner) => {
                    for (at, rule) in rules::sections(&mut self.findings, section, setting.key).iter().enumerate() {
                        self.table(rule, inner, &format!("{name}[{at}]."));
                    }
                }
                _ => self.setting(section, setting, name),
            }
        }
    }

    /// Whether a key that takes so much to mean anything does so in this profile.
    fn counts(&self, counts: AppliesTo, asks_nobody: bool) -> bool {
        let online = self.online.is_some();
        match counts {
            AppliesTo::Always => true,
            AppliesTo::Keys | AppliesTo::Source => !online,
            AppliesTo::Fetched => !online && !asks_nobody,
            AppliesTo::Asked => online || self.looks_up || !asks_nobody,
            AppliesTo::Online => online,
        }
    }

    /// The table of the file in which a key stands for profiles that do not have it.
    fn defaults_of(&self, setting: &Setting) -> Option<&Section<'_>> {
        let wanted = setting.defaults_table()?;
        self.defaults.iter().find(|(name, _)| *name == wanted).map(|(_, section)| section)
    }

    fn setting(&mut self, section: &Section<'_>, setting: &Setting, key: String) {
        let from_defaults = self.defaults_of(setting).filter(|_| section.get(setting.key).is_none());
        let from_defaults = from_defaults.filter(|defaults| defaults.get(setting.key).is_some());
        let findings = if from_defaults.is_some() { &self.of_main } else { &self.findings };
        let section = from_defaults.unwrap_or(section);
        let issuer_stands_in = setting.default == Default::Issuer && section.get(setting.key).is_none();
        let (written, origin) = if issuer_stands_in {
            (section.get("issuer"), section.origin(findings, "issuer"))
        } else {
            (section.get(setting.key), section.origin(findings, setting.key))
        };
        // Several claims take the place of the one that is built in.
        let replaced = setting.key == "claim" && section.get("claims").is_some();
        let value = match written.and_then(|value| json(value.get_ref())) {
            Some(_) if setting.key == "jwks" => "'...'".to_owned(),
            Some(value) if issuer_stands_in => toml(&Value::Array(vec![value])),
            Some(value) => toml(&value),
            None if replaced => return,
            None => match self.default_of(setting) {
                Some(default) => default,
                None => return,
            },
        };
        self.settings.push(Effective { key, value, origin });
    }

    /// What is built in, as TOML, if anything is.
    fn default_of(&self, setting: &Setting) -> Option<String> {
        let of_introspection = setting.table == INTROSPECTION;
        match (self.online.filter(|_| of_introspection), setting.key) {
            (Some(kind), "auth") => Some(format!("\"{}\"", kind.default_auth())),
            (Some(kind), "token_param") => Some(format!("\"{}\"", kind.default_param())),
            _ => setting.default.toml(),
        }
    }

    /// Lists what holds where a table is not written at all.
    fn built_in(&mut self, schema: &str, path: &str) {
        for setting in settings::of_table(schema) {
            if !self.counts(setting.counts, false) {
                continue;
            }
            let written = self.defaults_of(setting).and_then(|table| {
                Some((json(table.get(setting.key)?.get_ref())?, table.origin(&self.of_main, setting.key)))
            });
            let (value, origin) = match (written, setting.default.toml()) {
                (Some((value, origin)), _) => (toml(&value), origin),
                (None, Some(default)) => (default, Origin::BuiltIn),
                (None, None) => continue,
            };
            self.settings.push(Effective { key: format!("{path}{}", setting.key), value, origin });
        }
    }
}

/// A value as TOML writes it on one line. JSON's strings are TOML's basic strings.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(array) => format!("[{}]", array.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{} = {}", Value::from(name.as_str()), toml(value));
            format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
