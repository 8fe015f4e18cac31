//! `oauth-validator schema`: the configuration file as JSON Schema, so that editors complete and check it.
//!
//! Made from the core's table of settings. Must never refuse what the parser accepts: it says less, namely which keys
//! there are and of which shape, and `check` says the rest. Draft 7 without references is what editors of TOML
//! understand best.

use oauth_validator_core::config::presets;
use oauth_validator_core::config::settings::{Default, SETTINGS, Setting, ValueKind};
use serde_json::{Map, Value, json};

use crate::args::SchemaOptions;
use crate::cases;
use crate::output::{CommandFailure, CommandReport, put};

/// Runs the command. The document is JSON either way.
pub(crate) fn run(options: &SchemaOptions) -> Result<CommandReport, CommandFailure> {
    let document = match (options.cases, options.folder) {
        (true, _) => cases::table_keys::schema(),
        (false, true) => of_folder(),
        (false, false) => document(),
    };
    Ok(CommandReport { text: format!("{document:#}\n"), fine: true })
}

fn document() -> Value {
    let mut document = table("", SchemaOf::Profile);
    put(&mut document, "$schema", json!("http://json-schema.org/draft-07/schema#"));
    let title = "Configuration of oauth_validator, the OAuth token validator of PostgreSQL";
    put(&mut document, "title", json!(title));
    document
}

/// That of a file in the folder, where nothing but profiles can stand.
fn of_folder() -> Value {
    let mut document = document();
    if let Some(properties) = document.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|key, _| key == "profiles");
    }
    put(&mut document, "title", json!("Profiles of oauth_validator, in a file of their own beside its configuration"));
    document
}

/// Whose keys are described.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SchemaOf {
    /// All there are.
    Profile,
    /// Those that a preset of the file's own can have. Nothing is required of it: the profile may say the rest.
    Preset,
}

impl SchemaOf {
    fn has(self, setting: &Setting) -> bool {
        self == Self::Profile || setting.may_be_own_preset
    }
}

/// The table of [`SETTINGS`] with this name.
fn table(name: &str, of: SchemaOf) -> Value {
    let settings = || SETTINGS.iter().filter(|setting| setting.table == name && of.has(setting));
    let properties: Map<String, Value> = settings().map(|one| (one.key.to_owned(), property(one, of))).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let required: Vec<&str> = settings().filter(|one| one.default == Default::Required).map(|one| one.key).collect();
    match name {
        // A preset may say what the profile does not.
        "profiles.*" if of == SchemaOf::Preset => {}
        "profiles.*" => {
            put(&mut schema, "if", json!({ "not": { "required": ["preset"] } }));
            put(&mut schema, "then", json!({ "required": required }));
        }
        "profiles.*.introspection" | RULES => {}
        _ if required.is_empty() => {}
        _ => put(&mut schema, "required", json!(required)),
    }
    for (key, rule) in together(name).as_object().into_iter().flatten() {
        put(&mut schema, key, rule.clone());
    }
    schema
}

/// How the keys of one table go together, as far as that is simple to say.
fn together(name: &str) -> Value {
    match name {
        // The claim, and exactly one test.
        "profiles.*.access_token" => json!({ "minProperties": 2, "maxProperties": 2 }),
        // The claim and exactly one test, or alternatives; report_only may stand beside either.
        "profiles.*.require" => json!({ "minProperties": 1, "maxProperties": 4, "oneOf": [
            { "required": ["claim"], "oneOf": one_test() },
            { "required": ["any"], "maxProperties": 2 },
        ]}),
        "profiles.*.roles" => json!({ "allOf": [
            { "oneOf": [{ "required": ["claim"] }, { "required": ["names_of"] }] },
            { "oneOf": [{ "required": ["map"] }, { "required": ["prefix"] }, { "required": ["exact"] }] },
            { "not": { "required": ["names_of", "separator"] } },
        ]}),
        "profiles.*.identity" => json!({
            "dependencies": { "claims": ["format"], "format": ["claims"] },
            "not": { "required": ["claim", "claims"] },
        }),
        _ => json!({}),
    }
}

/// One key, with its meaning.
fn property(setting: &Setting, of: SchemaOf) -> Value {
    let mut schema = of_kind(setting, of);
    let default = match setting.default {
        Default::Required => "required".to_owned(),
        value => format!("default: {}", value.words()),
    };
    let description = format!("{} ({}; {default})", setting.meaning(), setting.kind.words());
    put(&mut schema, "description", json!(description));
    // TOML and JSON write every default alike.
    if let Some(value) = setting.default.toml().and_then(|toml| serde_json::from_str(&toml).ok()) {
        put(&mut schema, "default", value);
    }
    schema
}

/// What may be written.
fn of_kind(setting: &Setting, of: SchemaOf) -> Value {
    let least = usize::from(!setting.may_be_empty());
    let list = |items: Value| json!({ "type": "array", "items": items, "uniqueItems": true, "minItems": least });
    let string = json!({ "type": "string", "minLength": usize::from(!setting.may_hold_empty_string) });
    match setting.kind {
        ValueKind::Table(_, below) => table(below, of),
        ValueKind::Profiles => tables(SchemaOf::Profile),
        ValueKind::Presets => tables(SchemaOf::Preset),
        ValueKind::Rules(below) => json!({ "type": "array", "items": table(below, of) }),
        // What an alternative has is what a rule has, without alternatives of its own.
        ValueKind::Alternatives => json!({ "type": "array", "minItems": least, "items": alternative() }),
        ValueKind::RoleMap(below) => named(json!({ "anyOf": [list(string), table(below, of)] })),
        ValueKind::NamedJsonPaths => named(json_path()),
        ValueKind::NamedStrings => named(list(string)),
        ValueKind::Boolean => json!({ "type": "boolean" }),
        ValueKind::True => json!({ "enum": [true] }),
        // Which durations there are is more than a pattern can say.
        ValueKind::Duration(..) => json!({ "type": "string", "pattern": "^P|[0-9]\\s*[A-Za-z]" }),
        ValueKind::Size(..) => json!({ "type": "string", "pattern": "^[0-9]+\\s*(B|kB|MB)$" }),
        ValueKind::Word(words) => json!({ "enum": words }),
        ValueKind::Words(words) => list(json!({ "enum": words })),
        ValueKind::Preset => preset(of),
        ValueKind::Text | ValueKind::Path | ValueKind::Regex => json!({ "type": "string", "minLength": least }),
        ValueKind::Strings => list(string),
        ValueKind::StringsOrNone => json!({ "anyOf": [list(string), { "enum": ["none"] }] }),
        ValueKind::Url => url(),
        ValueKind::Urls => list(url()),
        ValueKind::Proxy => json!({ "type": "string", "pattern": "^(http://[^@]*)?$" }),
        ValueKind::Hosts => list(json!({ "type": "string", "pattern": "^([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\])$" })),
        ValueKind::JsonPath => json_path(),
        ValueKind::JsonPathOrNone => json!({ "anyOf": [json_path(), { "enum": ["none"] }] }),
        ValueKind::JsonPaths => list(json_path()),
        ValueKind::Json => json!({}),
        ValueKind::Jsons => json!({ "type": "array", "minItems": least }),
    }
}

/// What names of profiles and presets look like.
const NAME: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";

/// A table for each name.
fn tables(of: SchemaOf) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": NAME },
        "additionalProperties": table("profiles.*", of),
    })
}

/// The name of a preset. That of a profile may be one of the file's own, which editors cannot know.
fn preset(of: SchemaOf) -> Value {
    let built_in = json!({ "enum": presets::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>() });
    match of {
        SchemaOf::Preset => built_in,
        SchemaOf::Profile => json!({ "anyOf": [built_in, { "type": "string", "pattern": NAME }] }),
    }
}

/// The table of a rule's keys, wherever it stands.
const RULES: &str = "profiles.*.require";

/// A claim and its test.
fn alternative() -> Value {
    let own = |setting: &&Setting| setting.table == RULES && !["any", "report_only"].contains(&setting.key);
    let properties: Map<String, Value> =
        SETTINGS.iter().filter(own).map(|one| (one.key.to_owned(), property(one, SchemaOf::Profile))).collect();
    json!({
        "type": "object", "additionalProperties": false, "properties": properties, "required": ["claim"],
        "oneOf": one_test(),
    })
}

/// That exactly one of the tests of a rule is there.
fn one_test() -> Vec<Value> {
    let tests = SETTINGS.iter().filter(|one| one.table == RULES).map(|one| one.key);
    let tests = tests.filter(|key| !["claim", "all", "any", "report_only"].contains(key));
    tests.map(|key| json!({ "required": [key] })).collect()
}

/// A table with names of the user's own.
fn named(values: Value) -> Value {
    json!({ "type": "object", "minProperties": 1, "additionalProperties": values })
}

fn json_path() -> Value {
    json!({ "type": "string", "pattern": "^\\$" })
}

/// https; http at this machine only, for keys.insecure_http.
fn url() -> Value {
    json!({ "type": "string", "pattern": "^(https://|http://(localhost|127\\.|\\[::1\\]))[^\\s#]*$" })
}
