//! The status for people, and as one document of JSON (`config/json/status.schema.json`).

use super::{ProfileState, Status};
use crate::library::Build;
use crate::output::visible;
use crate::words;
use oauth_validator_core::{UnixSeconds, build};
use serde_json::{Value, json};
use std::fmt::Write;

/// This tool's own version.
pub(super) const TOOL: &str = build::VERSION;

impl Status {
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("oauth-validator {TOOL}\n");
        if let Some(library) = &self.library {
            let build = library.build.as_ref().map_or_else(|| "of an unknown version".to_owned(), Build::in_short);
            let _ = writeln!(text, "library {build}: {}", visible(&library.path.to_string_lossy(), false));
        }
        let path = self.config.path.to_string_lossy();
        match &self.config.trouble {
            None => {
                let _ = writeln!(text, "{}: valid", visible(&path, false));
            }
            Some(trouble) => {
                let whom = if self.profiles.is_empty() { "nobody is" } else { "not every profile's people are" };
                let _ = writeln!(text, "{}: {}: {whom} let in", visible(&path, false), trouble.reason);
                let _ =
                    writeln!(text, "  {}\n  help: {}", visible(&trouble.detail, false), visible(&trouble.hint, false));
            }
        }
        if let Some(sha256) = &self.config.sha256 {
            let _ = writeln!(text, "  SHA-256 {sha256}");
        }
        for profile in &self.profiles {
            self.add_profile(&mut text, profile);
        }
        text
    }

    fn add_profile(&self, text: &mut String, profile: &ProfileState) {
        let keys = &profile.keys;
        let concern = self.concern(profile).map(|concern| format!(": {concern}")).unwrap_or_default();
        let _ = writeln!(text, "{}: {}{concern}", profile.name, words_of(keys.standing));
        let time = |at: Option<UnixSeconds>| at.map(|at| words::since(at, self.now));
        let rows = [
            ("keys", keys.keys.map(|keys| keys.to_string())),
            ("fetched", time(keys.fetched_at)),
            ("fresh until", time(keys.fresh_until)),
            ("used until", time(keys.usable_until)),
            ("last attempt", time(keys.last_attempt_at)),
            ("its outcome", keys.last_outcome.clone()),
        ];
        for (what, value) in rows {
            if let Some(value) = value {
                let _ = writeln!(text, "  {what:<12} {}", visible(&value, false));
            }
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let trouble = self.config.trouble.as_ref();
        json!({
            "fine": self.is_fine(),
            "at": self.now.to_string(),
            "tool": TOOL,
            "library": self.library.as_ref().map(|library| json!({
                "path": library.path.to_string_lossy(),
                "version": library.build.as_ref().map(|build| &build.version),
                "commit": library.build.as_ref().and_then(|build| build.commit.as_ref()),
                "rustc": library.build.as_ref().and_then(|build| build.rustc.as_ref()),
                "postgresql": library.build.as_ref().and_then(|build| build.postgresql.as_ref()),
            })),
            "config": {
                "path": self.config.path.to_string_lossy(),
                "valid": trouble.is_none(),
                "sha256": self.config.sha256,
                "code": trouble.map(|trouble| trouble.reason.code()),
                "detail": trouble.map(|trouble| &trouble.detail),
                "hint": trouble.map(|trouble| &trouble.hint),
            },
            "folder": self.folder.as_ref().map(|folder| folder.to_string_lossy()),
            "profiles": self.profiles.iter().map(|profile| self.profile_to_json(profile)).collect::<Vec<_>>(),
        })
    }

    fn profile_to_json(&self, profile: &ProfileState) -> Value {
        let keys = &profile.keys;
        let time = |at: Option<UnixSeconds>| at.map(|at| at.to_string());
        json!({
            "profile": profile.name,
            "fine": self.concern(profile).is_none(),
            "source": keys.source,
            "standing": keys.standing,
            "usable": keys.usable,
            "keys": keys.keys,
            "fetched_at": time(keys.fetched_at),
            "age": keys.fetched_at.map(|at| self.now.get().saturating_sub(at.get())),
            "fresh_until": time(keys.fresh_until),
            "usable_until": time(keys.usable_until),
            "seconds_left": keys.usable_until.map(|until| until.get().saturating_sub(self.now.get())),
            "last_attempt_at": time(keys.last_attempt_at),
            "last_outcome": keys.last_outcome,
        })
    }
}

/// What a standing means, for people.
fn words_of(standing: &str) -> &str {
    match standing {
        "local" => "keys of its own",
        "not_needed" => "needs no keys: its provider is asked about each token",
        super::NOT_LOOKED_AT => "keys of its provider, not looked at: give --pgdata",
        "fresh" => "fresh keys",
        "due" => "keys that are to be refreshed",
        "absent" | "never_fetched" => "never fetched",
        "other_settings" => "keys of other settings",
        "from_the_future" => "keys from the future",
        other => other,
    }
}
