//! `keys list`: which keys a server has from its providers, and what they are worth now.
//!
//! Judged as a login would judge them. Reads only: neither the files nor their locks are touched, and nobody is asked.

use crate::args::ListOptions;
use crate::config_file::ConfigFile;
use crate::key_place::KeyPlace;
use crate::output::{CommandFailure, CommandReport, prose, put, visible};
use crate::words;
use oauth_validator_core::config::KeySource;
use oauth_validator_core::{
    Config, KeyFile, KeyRecord, KeySet, KeyStatus, KeysUnavailable, Location, OnlineCheck, Profile, ProviderKeys,
    UnixSeconds,
};
use oauth_validator_store::load_keys;
use serde_json::{Value, json};

/// Runs the command.
pub(crate) fn run(options: &ListOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let (place, file) = super::server_of(&options.folder, options.config.as_deref(), false)?;
    let config = file.usable()?;
    let list = KeyList::of(&config, &place, &file);
    let text = match as_json {
        true => format!("{:#}\n", list.to_json(&place)),
        false => prose(&(list.to_text(&place) + &super::denied(&config))),
    };
    Ok(CommandReport { text, fine: list.without_keys().is_empty() && config.troubles().is_empty() })
}

struct KeyList<'c> {
    entries: Vec<KeyListEntry<'c>>,
    /// Names of key files that no profile has its keys from.
    unclaimed: Vec<String>,
    now: UnixSeconds,
}

/// A profile, and what is known of its keys.
struct KeyListEntry<'c> {
    profile: &'c Profile,
    from: From<'c>,
}

enum From<'c> {
    File(&'c KeyFile, Result<KeySet, KeysUnavailable>),
    Inline(&'c KeySet),
    Provider(Box<Provided<'c>>),
    /// There are none: the provider is asked about each token.
    Online(&'c OnlineCheck),
}

/// Keys of a provider, as the key file has them.
struct Provided<'c> {
    source: &'c ProviderKeys,
    at_hand: Result<(Option<KeyRecord>, KeyStatus), KeysUnavailable>,
    /// Whether there is a key file, be it one that cannot be read.
    has_file: bool,
}

impl<'c> KeyList<'c> {
    fn of(config: &'c Config, place: &KeyPlace, file: &ConfigFile) -> Self {
        let mut unclaimed = place.profiles();
        let mut entries = Vec::new();
        for profile in config.profiles() {
            let from = match &profile.keys {
                KeySource::File(source) => From::File(source, load_keys(source, &file.path, file.user)),
                KeySource::Inline(keys) => From::Inline(keys),
                KeySource::Online(check) => From::Online(check),
                KeySource::Provider(source) => {
                    let at_hand = place.at_hand(&place.order(&profile.name, source, file));
                    let has_file = unclaimed.contains(&profile.name);
                    unclaimed.retain(|name| *name != profile.name);
                    From::Provider(Box::new(Provided { source, at_hand, has_file }))
                }
            };
            entries.push(KeyListEntry { profile, from });
        }
        Self { entries, unclaimed, now: words::now() }
    }

    /// The profiles whose logins would have to wait for a provider, or would be denied.
    fn without_keys(&self) -> Vec<&str> {
        let lacking = |entry: &&KeyListEntry<'_>| match &entry.from {
            From::Provider(keys) => !keys.is_usable(),
            From::File(_, keys) => keys.is_err(),
            From::Inline(_) | From::Online(_) => false,
        };
        self.entries.iter().filter(lacking).map(|entry| entry.profile.name.as_str()).collect()
    }

    /// Whether it has its keys from a provider, so that they can be fetched.
    fn is_provided(&self, profile: &str) -> bool {
        let is_it = |entry: &&KeyListEntry<'_>| entry.profile.name == profile;
        self.entries.iter().find(is_it).is_some_and(|entry| matches!(entry.from, From::Provider(_)))
    }

    fn to_text(&self, place: &KeyPlace) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let (head, rows) = entry.words(self.now);
            text.push_str(&format!("{}: {}\n", entry.profile.name, visible(&head, false)));
            for (what, value) in rows {
                text.push_str(&format!("  {what:<11} {}\n", visible(&value, false)));
            }
        }
        for name in &self.unclaimed {
            let path = place.file_of(name);
            text.push_str(&visible(&format!("{path:?}: no profile has its keys from this file"), false));
            text.push('\n');
        }
        let lacking = self.without_keys();
        let provided = lacking.iter().find(|profile| self.is_provided(profile));
        let help = provided.map(|profile| format!("\n  help: {}", place.refresh_command(profile)));
        let summary = match lacking.first() {
            _ if self.entries.is_empty() => "no profile is configured".to_owned(),
            None if self.entries.iter().any(|entry| matches!(entry.from, From::Online(_))) => {
                "every profile has keys, or needs none".to_owned()
            }
            None => "every profile has keys".to_owned(),
            Some(_) => format!("no keys that can be used: {}{}", lacking.join(", "), help.unwrap_or_default()),
        };
        summary.lines().fold(text, |text, line| format!("{text}{}\n", visible(line, false)))
    }

    fn to_json(&self, place: &KeyPlace) -> Value {
        json!({
            "folder": place.folder.to_string_lossy(),
            "usable": self.without_keys().is_empty(),
            "profiles": self.entries.iter().map(|entry| entry.to_json(self.now)).collect::<Vec<_>>(),
            "unclaimed": self.unclaimed,
        })
    }
}

impl KeyListEntry<'_> {
    /// The first line, and what stands below it.
    fn words(&self, now: UnixSeconds) -> (String, Vec<(&'static str, String)>) {
        match &self.from {
            From::File(file, Ok(keys)) => (format!("from the file \"{}\"", file.path()), key_rows(keys)),
            From::File(_, Err(why)) => (why.detail.trim_end_matches('.').to_owned(), vec![("help", why.hint.clone())]),
            From::Inline(keys) => ("from the configuration itself".to_owned(), key_rows(keys)),
            From::Provider(keys) => keys.words(now),
            From::Online(check) => (format!("none: {} is asked about each token", check.endpoint), Vec::new()),
        }
    }

    fn to_json(&self, now: UnixSeconds) -> Value {
        let (kind, file) = match &self.from {
            From::File(file, _) => ("file", Some(file.path())),
            From::Inline(_) => ("inline", None),
            From::Provider(_) => ("provider", None),
            From::Online(_) => ("none", None),
        };
        let mut entry = json!({ "profile": self.profile.name, "from": kind, "file": file });
        let listed = |keys: &KeySet| {
            vec![("keys", words::keys_to_json(keys).into()), ("left_out", words::all_left_out(keys).into())]
        };
        let members: Vec<(&str, Value)> = match &self.from {
            From::Online(check) => vec![("endpoint", check.endpoint.as_str().into())],
            From::File(_, Ok(keys)) => listed(keys),
            From::Inline(keys) => listed(keys),
            From::File(_, Err(why)) => {
                vec![("detail", why.detail.as_str().into()), ("hint", why.hint.as_str().into())]
            }
            From::Provider(keys) => vec![("provider", keys.to_json(now))],
        };
        for (key, value) in members {
            put(&mut entry, key, value);
        }
        entry
    }
}

impl Provided<'_> {
    fn is_usable(&self) -> bool {
        self.at_hand.as_ref().is_ok_and(|(_, standing)| standing.is_usable())
    }

    fn words(&self, now: UnixSeconds) -> (String, Vec<(&'static str, String)>) {
        let mut rows = vec![("asked", asked(self.source))];
        let (record, standing) = match &self.at_hand {
            Ok((record, standing)) => (record.as_ref(), *standing),
            Err(why) => {
                rows.push(("help", why.hint.clone()));
                return (why.detail.trim_end_matches('.').to_owned(), rows);
            }
        };
        rows.extend(record.and_then(KeyRecord::source).map(|url| ("from", url.to_owned())));
        rows.extend(record.and_then(KeyRecord::times).map(|(at, _)| ("fetched", words::since(at, now))));
        rows.extend(record.and_then(KeyRecord::keys).map(key_rows).unwrap_or_default());
        if let Some((at, attempts, failure)) = record.and_then(KeyRecord::failure) {
            let nth = if attempts > 1 { format!(", attempt {attempts} in a row") } else { String::new() };
            rows.push(("last error", format!("{}: {}", failure.code, failure.message)));
            rows.push(("", format!("{}{nth}", words::since(at, now))));
            rows.push(("help", failure.hint.clone()));
        }
        (self.standing_words(record, standing, now), rows)
    }

    fn standing_words(&self, record: Option<&KeyRecord>, standing: KeyStatus, now: UnixSeconds) -> String {
        let timing = &self.source.settings.timing;
        let fresh_until = record.and_then(|record| record.fresh_until(timing)).unwrap_or_default();
        let used_until = record.and_then(|record| record.usable_until(timing)).unwrap_or_default();
        match standing {
            KeyStatus::Fresh => format!("fresh until {}", words::since(fresh_until, now)),
            KeyStatus::Due if now < fresh_until => {
                format!("to be refreshed; fresh until {}", words::since(fresh_until, now))
            }
            KeyStatus::Due => format!("stale, and to be refreshed; used until {}", words::since(used_until, now)),
            KeyStatus::Expired => format!("expired; used until {}", words::since(used_until, now)),
            KeyStatus::NoRecord if self.has_file => "absent: what is there is no key file of this version".to_owned(),
            KeyStatus::NoRecord => "absent: there is no key file".to_owned(),
            KeyStatus::OtherSettings => "not used: fetched under other settings than the profile has now".to_owned(),
            KeyStatus::FromTheFuture => "not used: fetched later than it is now by this machine's clock".to_owned(),
            other => other.to_string(),
        }
    }

    fn to_json(&self, now: UnixSeconds) -> Value {
        let timing = &self.source.settings.timing;
        let (record, standing) = match &self.at_hand {
            Ok((record, standing)) => (record.as_ref(), Some(*standing)),
            Err(_) => (None, None),
        };
        let times = record.and_then(KeyRecord::times);
        let keys = record.and_then(KeyRecord::keys);
        let failure = record.and_then(KeyRecord::failure).map(|(at, attempts, failure)| {
            json!({
                "at": at.to_string(), "attempts": attempts,
                "code": failure.code, "message": failure.message, "hint": failure.hint,
            })
        });
        let why = self.at_hand.as_ref().err();
        json!({
            "issuer": self.source.issuer,
            "asked": asked(self.source),
            "standing": standing.map(KeyStatus::code),
            "usable": self.is_usable(),
            "url": record.and_then(KeyRecord::source),
            "fetched_at": times.map(|(at, _)| at.to_string()),
            "age": times.map(|(at, _)| now.get().saturating_sub(at.get())),
            "fresh_until": record.and_then(|record| record.fresh_until(timing)).map(|until| until.to_string()),
            "usable_until": record.and_then(|record| record.usable_until(timing)).map(|until| until.to_string()),
            "keys": keys.map(words::keys_to_json),
            "left_out": keys.map(words::all_left_out),
            "last_error": failure,
            "detail": why.map(|why| &why.detail),
            "hint": why.map(|why| &why.hint),
        })
    }
}

/// Whom a fetch asks first.
fn asked(source: &ProviderKeys) -> String {
    match &source.settings.location {
        Location::Issuer => format!("the metadata of {}", source.issuer),
        Location::Metadata(url) => format!("the metadata at {url}"),
        Location::Jwks(url) => url.clone(),
    }
}

fn key_rows(keys: &KeySet) -> Vec<(&'static str, String)> {
    let mut rows = vec![("keys", keys.keys().len().to_string())];
    for key in keys.keys() {
        let kid = key.kid().map_or_else(|| "without kid".to_owned(), |kid| format!("{kid:?}"));
        rows.push(("", format!("{kid} for {}", words::usable_for(key))));
        rows.push(("", format!("  thumbprint {}", key.thumbprint())));
    }
    rows.extend(words::all_left_out(keys).into_iter().map(|why| ("left out", why)));
    rows
}
