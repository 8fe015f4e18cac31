//! `oauth-validator check`: everything that is wrong or doubtful in a configuration file.
//!
//! Judges the file as the server would, but for the whole of it: its permissions, its contents, and the key files it
//! names. Must never stop at the first finding, and must never write anything but its report.

use crate::args::CheckOptions;
use crate::config_file::{self, ConfigFile};
use crate::effective;
use crate::findings::{self, Shown};
use crate::net::{self, Wording};
use crate::output::{self, Failure, Report};
use crate::provider_keys;
use oauth_validator_core::config::KeySource;
use oauth_validator_core::{Config, KeyFile, KeysUnavailable, Profile, ProviderKeys};
use oauth_validator_store::load_keys;
use serde_json::{Value, json};
use std::ops::Range;
use toml::de::DeTable;

/// Runs the command.
pub(crate) fn run(options: &CheckOptions, as_json: bool) -> Result<Report, Failure> {
    let file = ConfigFile::open(&options.file, config_file::server_user(&options.server)?)?;
    let (config, found) = judge(&file);
    let fine = !found.iter().any(Shown::is_error);
    let profiles: Vec<&str> = config.iter().flat_map(Config::profiles).map(|profile| profile.name.as_str()).collect();
    let tables = match &config {
        Some(config) if options.effective => Some(effective::tables(config, &file.text, options.profile.as_deref())?),
        _ => None,
    };
    let text = if as_json {
        let mut document = json!({
            "file": file.name,
            "valid": fine,
            "profiles": profiles,
            "findings": findings::to_json(&found, &file.text),
        });
        if options.effective {
            document["effective"] = tables.as_deref().map_or(Value::Null, effective::to_json);
        }
        format!("{document:#}\n")
    } else {
        let rendered = findings::render(&found, &file.name, &file.text, output::colour());
        let mut text = format!("{rendered}{}\n", output::visible(&summary(&file.name, &found, &profiles), false));
        match &tables {
            Some(tables) => text.push_str(&effective::to_text(tables, &file.name)),
            None if options.effective => text.push_str("no setting holds while the file has errors\n"),
            None => {}
        }
        text
    };
    Ok(Report { text, fine })
}

/// The configuration, if its text has no errors, and all that was found.
fn judge(file: &ConfigFile) -> (Option<Config>, Vec<Shown>) {
    let mut found: Vec<Shown> = file.refusal.iter().map(Shown::refused).collect();
    let parsed = Config::parse(&file.text, &file.name);
    found.extend(parsed.findings.iter().map(Shown::from));
    if let Some(config) = &parsed.config {
        found.extend(key_files(config, file));
    }
    (parsed.config, found)
}

/// The files that say who signs, and cannot be used.
fn key_files(config: &Config, file: &ConfigFile) -> Vec<Shown> {
    config.profiles().iter().filter_map(|profile| key_file(profile, file)).collect()
}

fn key_file(profile: &Profile, file: &ConfigFile) -> Option<Shown> {
    let (setting, why) = match &profile.keys {
        KeySource::File(source @ KeyFile::Jwks(_)) => ("jwks_file", load_keys(source, &file.path, file.user).err()?),
        KeySource::File(source @ KeyFile::Pem(_)) => ("pem_file", load_keys(source, &file.path, file.user).err()?),
        KeySource::Provider(source) => ("ca_file", authorities(&profile.name, source, file).err()?),
        KeySource::Inline(_) => return None,
    };
    Some(Shown::keys_unavailable(&profile.name, key_setting(&file.text, &profile.name, setting), &why))
}

/// Whether those that a provider's certificate has to lead to can be had; the system's are not looked at.
fn authorities(profile: &str, source: &ProviderKeys, file: &ConfigFile) -> Result<(), KeysUnavailable> {
    let (ca_pem, _) = provider_keys::authorities(profile, source, file)?;
    ca_pem
        .map_or(Ok(()), |text| net::judge_authorities(&text))
        .map_err(|error| KeysUnavailable::new(error.to_string(), error.hint(Wording::Configuration)))
}

/// Where a profile names a file in its table of keys.
fn key_setting(text: &[u8], profile: &str, key: &str) -> Option<Range<usize>> {
    let document = DeTable::parse(std::str::from_utf8(text).ok()?).ok()?;
    let profiles = document.get_ref().get("profiles")?.get_ref().as_table()?;
    let keys = profiles.get(profile)?.get_ref().as_table()?.get("keys")?.get_ref().as_table()?;
    Some(keys.get(key)?.span())
}

/// The last line: what all of it amounts to.
fn summary(file: &str, found: &[Shown], profiles: &[&str]) -> String {
    let errors = found.iter().filter(|shown| shown.is_error()).count();
    let warnings = found.len() - errors;
    let warned = match warnings {
        0 => String::new(),
        _ => format!(", {}", count(warnings, "warning")),
    };
    if errors > 0 {
        return format!("{file}: {}{warned}", count(errors, "error"));
    }
    match profiles.len() {
        0 => format!("{file}: valid{warned}, but trusts nobody"),
        several => format!("{file}: valid{warned}; {}: {}", count(several, "profile"), profiles.join(", ")),
    }
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}
