//! What holds for a profile, and where it was written: for `check --effective`.
//!
//! Values are shown as they are written; what is never shown is an inline key document.

use super::collect::Findings;
use super::keys;
use super::online;
use super::presets;
use super::profile::Origin;
use super::rules;
use super::section::{Base, Path, Section};
use super::settings::{SETTINGS, Setting};
use super::source::Source;
use super::values::json;
use crate::introspection::OnlineKind;
use serde_json::Value;
use toml::de::DeTable;

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

/// Every setting that holds for profile `name` of a file without errors; empty if there is no such profile.
#[must_use]
pub fn effective(text: &str, name: &str) -> Vec<Effective> {
    let (document, _) = DeTable::parse_recoverable(text);
    let presets = presets::Parsed::default();
    let table = |table: &str| document.get_ref().get(table).and_then(|value| value.get_ref().as_table());
    let Some(profile) = table("profiles").and_then(|all| all.get(name)).and_then(|value| value.get_ref().as_table())
    else {
        return Vec::new();
    };
    let mut findings = Findings::new(Source::new(text));
    let mut open = |table, schema: &str| Section::open(&mut findings, Path::File, 0..0, table, schema);
    let defaults = table("defaults").map(|table| open(table, "defaults"));
    let default_keys = table("defaults").and_then(|table| table.get("keys")?.get_ref().as_table());
    let default_keys = default_keys.map(|table| open(table, "defaults.keys"));
    let default_session = table("defaults").and_then(|table| table.get("session")?.get_ref().as_table());
    let default_session = default_session.map(|table| open(table, "defaults.session"));
    let preset = profile.get("preset").and_then(|value| value.get_ref().as_str());
    let base = presets::ALL
        .iter()
        .find(|known| Some(known.name) == preset)
        .map(|preset| Base::new(preset.name, presets.table(preset)));
    let section = open(profile, "profiles.*").over(base);
    let online = online::kind(section.get("mode").and_then(|mode| mode.get_ref().as_str()));
    let mut list = List { findings, defaults, default_keys, default_session, online, settings: Vec::new() };
    list.table(&section, "profiles.*", "");
    list.settings
}

struct List<'t> {
    findings: Findings<'t>,
    defaults: Option<Section<'t>>,
    default_keys: Option<Section<'t>>,
    default_session: Option<Section<'t>>,
    /// What is asked about each token, if anybody is.
    online: Option<OnlineKind>,
    settings: Vec<Effective>,
}

impl List<'_> {
    /// Lists the keys of a table of `schema`, which is called `path` under the profile.
    fn table(&mut self, section: &Section<'_>, schema: &str, path: &str) {
        let online = self.online.is_some();
        let holds = |key| match schema {
            "profiles.*.keys" if online => keys::matters_online(key),
            "profiles.*.keys" => keys::matters(section, key),
            "profiles.*" => !online || !online::FOR_JWTS.contains(&key),
            _ => true,
        };
        for setting in SETTINGS.iter().filter(|setting| setting.table == schema && holds(setting.key)) {
            let (key, name) = (setting.key, format!("{path}{}", setting.key));
            let inner = format!("{schema}.{key}");
            match key {
                "scope" | "keys" | "session" => match section.merged_section(&mut self.findings, key, &inner) {
                    Some(table) => self.table(&table, &inner, &format!("{name}.")),
                    None => self.built_in(&inner, &format!("{name}.")),
                },
                "introspection" if !online => {}
                "introspection" => {
                    if let Some(table) = section.merged_section(&mut self.findings, key, &inner) {
                        self.table(&table, &inner, &format!("{name}."));
                    }
                }
                "identity" | "clients" | "roles" | "fallback" => {
                    match section.section(&mut self.findings, key, &inner) {
                        Some(table) => self.table(&table, &inner, &format!("{name}.")),
                        None if key == "identity" => self.built_in(&inner, &format!("{name}.")),
                        None => {}
                    }
                }
                "require" | "access_token" => {
                    for (at, rule) in rules::sections(&mut self.findings, section, key).iter().enumerate() {
                        self.table(rule, &inner, &format!("{name}[{at}]."));
                    }
                }
                _ => self.setting(section, setting, name),
            }
        }
    }

    fn setting(&mut self, section: &Section<'_>, setting: &Setting, key: String) {
        let defaults = match setting.table {
            "profiles.*" => self.defaults.as_ref(),
            "profiles.*.keys" => self.default_keys.as_ref(),
            "profiles.*.session" => self.default_session.as_ref(),
            _ => None,
        };
        let from_defaults = defaults.filter(|_| section.get(setting.key).is_none());
        let section = from_defaults.filter(|defaults| defaults.get(setting.key).is_some()).unwrap_or(section);
        let issuer_stands_in = setting.default == "[issuer]" && section.get(setting.key).is_none();
        let (written, origin) = if issuer_stands_in {
            (section.get("issuer"), section.origin(&self.findings, "issuer"))
        } else {
            (section.get(setting.key), section.origin(&self.findings, setting.key))
        };
        // Several claims take the place of the one that is built in.
        let replaced = setting.key == "claim" && section.get("claims").is_some();
        let value = match written.and_then(|value| json(value.get_ref())) {
            Some(_) if setting.key == "jwks" => "'...'".to_owned(),
            Some(value) if issuer_stands_in => toml(&Value::Array(vec![value])),
            Some(value) => toml(&value),
            None if replaced || matches!(setting.default, "none" | "required" | "all") => return,
            None => self.default_of(setting),
        };
        self.settings.push(Effective { key, value, origin });
    }

    /// What is built in, as TOML.
    fn default_of(&self, setting: &Setting) -> String {
        let of_introspection = setting.table == "profiles.*.introspection";
        let kind = self.online.filter(|_| of_introspection);
        match (kind, setting.key) {
            (Some(kind), "auth") => format!("\"{}\"", kind.default_auth()),
            (Some(kind), "token_param") => format!("\"{}\"", kind.default_param()),
            _ => setting.default.to_owned(),
        }
    }

    /// Lists what holds where a table is not written at all.
    fn built_in(&mut self, schema: &str, path: &str) {
        let defaults = match schema {
            "profiles.*.keys" => self.default_keys.as_ref(),
            "profiles.*.session" => self.default_session.as_ref(),
            _ => None,
        };
        let for_keys = self.online.is_some() && schema == "profiles.*.keys";
        let holds = |setting: &&Setting| setting.table == schema && (!for_keys || keys::matters_online(setting.key));
        for setting in SETTINGS.iter().filter(holds) {
            let written = defaults.and_then(|table| Some((table, json(table.get(setting.key)?.get_ref())?)));
            let (value, origin) = match written {
                Some((table, value)) => (toml(&value), table.origin(&self.findings, setting.key)),
                None if matches!(setting.default, "none" | "required") => continue,
                None => (setting.default.to_owned(), Origin::BuiltIn),
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
