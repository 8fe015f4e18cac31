//! What a profile has to say besides its preset, for each preset: what `discover` and `init` know of providers.
//!
//! All of it is data of the presets' files. It must never hold a value that accepts somebody: words in capitals stand for
//! what only a person knows.

use oauth_validator_core::config::presets::{self, Preset, PresetInfo};
use std::sync::LazyLock;

/// What profiles with one preset look like.
#[derive(Debug)]
pub(crate) struct PresetLayout {
    pub(crate) preset: &'static Preset,
    pub(crate) about: PresetInfo,
}

/// One for each preset, in the order of their names; a test reads all of them.
pub(crate) static LAYOUTS: LazyLock<Vec<PresetLayout>> = LazyLock::new(|| {
    let layout = |preset: &'static Preset| preset.about().ok().map(|about| PresetLayout { preset, about });
    presets::ALL.iter().filter_map(layout).collect()
});

impl PresetLayout {
    /// That of a preset.
    pub(crate) fn of(preset: &str) -> Option<&'static Self> {
        LAYOUTS.iter().find(|layout| layout.preset.name == preset)
    }

    /// What scopes have in front when clients request them, for an API with this audience; none if nothing.
    pub(crate) fn scope_prefix(&self, audience: &str) -> Option<String> {
        let uri = if audience.starts_with("api://") { audience.to_owned() } else { format!("api://{audience}") };
        self.about.scope_has_audience.then(|| uri + "/")
    }

    /// That of the preset which is proposed for an issuer at this host, in small letters, with this path: the one that
    /// fits every issuer, if no other does.
    pub(crate) fn for_issuer(host: &str, path: &str) -> Option<&'static Self> {
        let fits = |layout: &&Self| !layout.about.is_for_any() && layout.about.recognises(host, path);
        LAYOUTS.iter().find(fits).or_else(|| LAYOUTS.iter().find(|layout| layout.about.is_for_any()))
    }
}

#[cfg(test)]
mod tests {
    use super::{LAYOUTS, PresetLayout};
    use crate::net::{Plain, SafeUrl};
    use oauth_validator_core::config::presets;

    #[test]
    fn there_is_one_for_each_preset() {
        let names: Vec<&str> = LAYOUTS.iter().map(|layout| layout.preset.name).collect();
        assert_eq!(names, presets::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>());
        assert!(PresetLayout::of("no such preset").is_none());
    }

    #[test]
    fn every_known_issuer_is_recognised_by_its_preset_and_by_no_other() {
        let mut tried = 0;
        for layout in LAYOUTS.iter() {
            assert_eq!(layout.about.recognised.is_some(), !layout.about.known.is_empty(), "{}", layout.preset.name);
            for issuer in &layout.about.known {
                let url = SafeUrl::parse(issuer, Plain::Never).expect("an issuer");
                let fitting = LAYOUTS.iter().filter(|other| other.about.recognises(url.host(), url.path()));
                let fitting: Vec<&str> =
                    fitting.filter(|other| !other.about.is_for_any()).map(|other| other.preset.name).collect();
                let wanted = if layout.about.is_for_any() { vec![] } else { vec![layout.preset.name] };
                assert_eq!(fitting, wanted, "{issuer}");
                let found = PresetLayout::for_issuer(url.host(), url.path()).map(|found| found.preset.name);
                assert_eq!(found, Some(layout.preset.name), "{issuer}");
                tried += 1;
            }
        }
        assert!(tried >= 10, "{tried}");
        assert_eq!(LAYOUTS.iter().filter(|layout| layout.about.is_for_any()).count(), 1);
    }
}
