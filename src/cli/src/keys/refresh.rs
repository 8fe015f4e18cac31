//! `keys refresh`: asks providers for their keys now, in the server's place.
//!
//! Under the lock that logins take, and with what they would do with the answer. Must never write as root, nor anything
//! where one of the named profiles has nothing to fetch.

use crate::args::RefreshOptions;
use crate::fetch::Foreground;
use crate::output::{CommandFailure, CommandReport, prose, visible};
use crate::words;
use oauth_validator_core::config::{KeySource, suggest};
use oauth_validator_core::{Config, KeyRecord, KeysUnavailable, Profile, ProviderKeys, Reason};
use oauth_validator_store::KeyRefresh;
use serde_json::{Value, json};

/// Runs the command.
pub(crate) fn run(options: &RefreshOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let (place, file) = super::server_of(&options.folder, options.config.as_deref(), true)?;
    let config = file.usable()?;
    let chosen = if options.all { all(&config) } else { named(&config, &options.profiles)? };
    let mut outcomes = Vec::new();
    for (profile, source) in chosen {
        let order = place.order(profile, source, &file);
        let refreshed = order.refresh(&mut Foreground::default());
        let code = refreshed.as_ref().err().map(|_| code_of_failure(&order));
        outcomes.push(RefreshOutcome { profile, refreshed, code });
    }
    let text = if as_json {
        format!("{:#}\n", json!({ "profiles": outcomes.iter().map(RefreshOutcome::to_json).collect::<Vec<_>>() }))
    } else if outcomes.is_empty() {
        format!("{}: no profile has its keys from a provider; there is nothing to fetch\n", visible(&file.name, false))
    } else {
        outcomes.iter().map(RefreshOutcome::to_text).collect()
    };
    let text = if as_json { text } else { prose(&(text + &super::denied(&config))) };
    let fetched = outcomes.iter().all(|outcome| outcome.refreshed.is_ok());
    Ok(CommandReport { text, fine: fetched && config.troubles().is_empty() })
}

/// What came of one profile.
struct RefreshOutcome<'c> {
    profile: &'c str,
    refreshed: Result<KeyRecord, KeysUnavailable>,
    /// Why not, for programs.
    code: Option<String>,
}

/// The code that the key file has of the failed attempt; that of the logins if it never came to a request.
fn code_of_failure(order: &KeyRefresh<'_>) -> String {
    let record = order.at_hand().ok().and_then(|(record, _)| record);
    let failure = record.as_ref().and_then(KeyRecord::failure).map(|(_, _, failure)| failure.code.clone());
    failure.unwrap_or_else(|| Reason::KeysUnavailable.code().to_owned())
}

fn all(config: &Config) -> Vec<(&str, &ProviderKeys)> {
    config.profiles().iter().filter_map(|profile| Some((profile.name.as_str(), asked(profile)?))).collect()
}

fn asked(profile: &Profile) -> Option<&ProviderKeys> {
    match &profile.keys {
        KeySource::Provider(source) => Some(source),
        KeySource::File(_) | KeySource::Inline(_) | KeySource::Online(_) => None,
    }
}

/// The profiles of these names, each once. One that cannot be asked for is an error before anybody is asked.
fn named<'c>(config: &'c Config, names: &[String]) -> Result<Vec<(&'c str, &'c ProviderKeys)>, CommandFailure> {
    if names.is_empty() {
        let known = all(config).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let hint = match known.as_slice() {
            [] => format!("{} has no profile with keys from a provider", config.file_name()),
            known => format!("name one or several of {}, or give --all", known.join(", ")),
        };
        return Err(CommandFailure::new("whose keys are to be fetched?").with_hint(hint));
    }
    let mut chosen: Vec<(&str, &ProviderKeys)> = Vec::new();
    for name in names {
        let found = find(config, name)?;
        if !chosen.contains(&found) {
            chosen.push(found);
        }
    }
    Ok(chosen)
}

fn find<'c>(config: &'c Config, name: &str) -> Result<(&'c str, &'c ProviderKeys), CommandFailure> {
    let Some(profile) = config.profiles().iter().find(|profile| profile.name == name) else {
        let known: Vec<&str> = config.profiles().iter().map(|profile| profile.name.as_str()).collect();
        let hint = if known.is_empty() { "the file has no profile at all".to_owned() } else { suggest(name, &known) };
        return Err(CommandFailure::new(format!("{} has no profile \"{name}\"", config.file_name())).with_hint(hint));
    };
    let nothing = |whence: String| {
        CommandFailure::new(format!("profile \"{name}\" has its keys from {whence}: there is nothing to fetch"))
            .with_hint("to have them from the provider, take the file out of the profile's keys")
    };
    match &profile.keys {
        KeySource::Provider(source) => Ok((&profile.name, source)),
        KeySource::File(file) => Err(nothing(format!("the file \"{}\"", file.path()))),
        KeySource::Inline(_) => Err(nothing(config.file_name().to_owned())),
        KeySource::Online(_) => {
            Err(CommandFailure::new(format!("profile \"{name}\" has no keys: there is nothing to fetch"))
                .with_hint("its provider is asked about each token; see mode in oauth-validator.toml(5)"))
        }
    }
}

impl RefreshOutcome<'_> {
    fn to_text(&self) -> String {
        let profile = self.profile;
        let text = match &self.refreshed {
            Ok(record) => {
                let (_, fresh_until) = record.times().unwrap_or_default();
                let keys = record.keys().map_or(0, |keys| keys.keys().len());
                let source = record.source().unwrap_or_default();
                let s = if keys == 1 { "" } else { "s" };
                format!("{profile}: {keys} key{s} from {source}, fresh until {}", fresh_until)
            }
            Err(why) => format!("{profile}: failed: {}", why.detail),
        };
        let help = self.refreshed.as_ref().err().map(|why| &why.hint).filter(|hint| !hint.is_empty());
        let help = help.map(|hint| format!("  help: {}\n", visible(hint, false))).unwrap_or_default();
        format!("{}\n{help}", visible(&text, false))
    }

    fn to_json(&self) -> Value {
        let (record, why) = (self.refreshed.as_ref().ok(), self.refreshed.as_ref().err());
        let times = record.and_then(KeyRecord::times);
        let left_out = record.and_then(KeyRecord::keys).map(words::all_left_out);
        json!({
            "profile": self.profile,
            "refreshed": record.is_some(),
            "code": self.code,
            "source": record.and_then(KeyRecord::source),
            "fetched_at": times.map(|(at, _)| at.to_string()),
            "fresh_until": times.map(|(_, until)| until.to_string()),
            "keys": record.and_then(KeyRecord::keys).map(words::keys_to_json),
            "left_out": left_out,
            "detail": why.map(|why| &why.detail),
            "hint": why.map(|why| &why.hint),
        })
    }
}
