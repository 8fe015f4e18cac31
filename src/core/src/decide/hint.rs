//! What a denial says to do at the provider, where the profile has its preset: in the provider's own words, behind the
//! reason's own remedy.
//!
//! The text is the preset's, never the token's. Must never change what is decided.

use crate::config::presets::Preset;
use crate::config::{Config, Profile};
use crate::decision::{Denial, Request};
use crate::line;
use crate::reason::Reason;

/// The denial with what to do at the provider of `profile`. Where none was chosen yet, because the token does not say whose
/// it is, the only one that the line permits will do.
pub(super) fn at_provider(denial: Denial, profile: Option<&Profile>, request: &Request, config: &Config) -> Denial {
    let early = matches!(denial.reason, Reason::TokenMalformed | Reason::IssuerMismatch);
    // What is malformed otherwise than an opaque token has a hint of its own.
    if denial.reason == Reason::TokenMalformed && denial.hint != Reason::TokenMalformed.remedy() {
        return denial;
    }
    let profile = profile.or_else(|| if early { only(request, config) } else { None });
    with_words(denial, profile.and_then(|profile| profile.preset))
}

fn with_words(denial: Denial, preset: Option<&str>) -> Denial {
    match preset.and_then(Preset::named).and_then(|preset| preset.hint(denial.reason)) {
        Some(words) => {
            let hint = format!("{} {words}", denial.hint);
            denial.with_hint(hint)
        }
        None => denial,
    }
}

fn only<'a>(request: &Request, config: &'a Config) -> Option<&'a Profile> {
    match line::permitted(config, request).ok()?.profiles.as_slice() {
        [profile] => Some(profile),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::with_words;
    use crate::config::presets::ALL;
    use crate::decision::Denial;
    use crate::reason::Reason;

    /// For every preset and every reason; `tests/cases.rs` has the decisions.
    #[test]
    fn the_words_of_the_provider_follow_the_remedy_for_its_own_reasons_alone() {
        let mut spoken = 0;
        for reason in Reason::ALL {
            assert_eq!(with_words(Denial::new(*reason, "x"), None).hint, reason.remedy());
            for preset in ALL {
                let hint = with_words(Denial::new(*reason, "x").with_hint("Do it."), Some(preset.name)).hint;
                let words = preset.hint(*reason).map_or_else(String::new, |words| format!(" {words}"));
                spoken += usize::from(!words.is_empty());
                assert_eq!(hint, format!("Do it.{words}"), "{}: {reason}", preset.name);
            }
        }
        assert!(spoken >= 60, "{spoken}");
        assert_eq!(
            with_words(Denial::new(Reason::AudienceMismatch, "x"), Some("own")).hint,
            Reason::AudienceMismatch.remedy()
        );
    }
}
