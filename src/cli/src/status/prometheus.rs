//! The status in the text format of Prometheus, for the textfile collector of its node exporter.
//!
//! Names have the unit at their end, as <https://prometheus.io/docs/practices/naming/> wants it.

use super::report::TOOL;
use super::{ProfileState, Status};
use oauth_validator_core::UnixSeconds;
use std::fmt::Write;

/// What one metric is, and its value for one profile.
type Metric = (&'static str, &'static str, fn(&ProfileState) -> Option<i64>);

const OF_PROFILES: [Metric; 7] = [
    ("oauth_validator_keys", "Keys of the profile.", |profile| {
        profile.keys.keys.and_then(|keys| i64::try_from(keys).ok())
    }),
    (
        "oauth_validator_keys_usable",
        "Whether the profile has keys that can verify a token, or needs none.",
        |profile| Some(i64::from(profile.keys.usable)).filter(|_| profile.keys.standing != super::NOT_LOOKED_AT),
    ),
    ("oauth_validator_keys_fetched_timestamp_seconds", "When the keys were fetched or last confirmed.", |profile| {
        profile.keys.fetched_at.map(UnixSeconds::get)
    }),
    ("oauth_validator_keys_fresh_until_timestamp_seconds", "Until when the provider is not asked.", |profile| {
        profile.keys.fresh_until.map(UnixSeconds::get)
    }),
    (
        "oauth_validator_keys_usable_until_timestamp_seconds",
        "Until when the keys verify tokens if the provider does not answer.",
        |profile| profile.keys.usable_until.map(UnixSeconds::get),
    ),
    ("oauth_validator_keys_last_attempt_timestamp_seconds", "When the last attempt to fetch keys ended.", |profile| {
        profile.keys.last_attempt_at.map(UnixSeconds::get)
    }),
    ("oauth_validator_keys_last_attempt_success", "Whether the last attempt to fetch keys succeeded.", |profile| {
        profile.keys.last_outcome.as_ref().map(|outcome| i64::from(outcome == "ok"))
    }),
];

/// All metrics.
pub(super) fn text(status: &Status) -> String {
    let mut text = String::new();
    let valid = i64::from(status.config.trouble.is_none());
    gauge(&mut text, "oauth_validator_config_valid", "Whether the server can use the configuration.");
    let _ = writeln!(text, "oauth_validator_config_valid {valid}");
    gauge(&mut text, "oauth_validator_config_info", "The SHA-256 of the configuration.");
    let sha256 = status.config.sha256.as_deref().unwrap_or_default();
    let _ = writeln!(text, "oauth_validator_config_info{{sha256=\"{sha256}\"}} 1");
    gauge(&mut text, "oauth_validator_build_info", "Versions of tool and library.");
    let library = status.library.as_ref().and_then(|library| library.build.as_ref()).map_or("", |build| &build.version);
    let library = escaped(library);
    let _ = writeln!(text, "oauth_validator_build_info{{tool=\"{TOOL}\",library=\"{library}\"}} 1");
    gauge(&mut text, "oauth_validator_status_timestamp_seconds", "When all of this was looked at.");
    let _ = writeln!(text, "oauth_validator_status_timestamp_seconds {}", status.now.get());
    for (name, help, value) in OF_PROFILES {
        gauge(&mut text, name, help);
        for profile in &status.profiles {
            if let Some(value) = value(profile) {
                // The name of a profile has nothing to escape: [a-z0-9_-].
                let _ = writeln!(text, "{name}{{profile=\"{}\"}} {value}", profile.name);
            }
        }
    }
    text
}

fn gauge(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
