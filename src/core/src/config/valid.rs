//! A configuration without errors, as decisions read it.

use super::profile::{At, KeySource, Origin, Profile};
use crate::keys::KeyFile;

/// A configuration without errors: the profiles, in the order of their names.
#[derive(Debug, Clone)]
pub struct Config {
    file_name: String,
    profiles: Vec<Profile>,
    reserved_prefixes: At<Vec<String>>,
}

impl Config {
    /// Only of profiles whose file has no errors.
    pub(super) fn new(file_name: &str, profiles: Vec<Profile>, reserved_prefixes: At<Vec<String>>) -> Self {
        Self { file_name: file_name.to_owned(), profiles, reserved_prefixes }
    }

    /// The profiles, in the order of their names.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The same, but that keys written into it are asked for like those of a file: for whoever tests a configuration with
    /// tokens of his own making. A signature is verified as before, by what he hands over.
    #[must_use]
    pub fn with_keys_asked_for(mut self) -> Self {
        for profile in &mut self.profiles {
            if let KeySource::Inline(_) = profile.keys {
                profile.keys = KeySource::File(KeyFile::Jwks("keys.jwks".to_owned()));
            }
        }
        self
    }

    /// Prefixes of identities that only profiles may give whose own prefix begins with one of them.
    #[must_use]
    pub fn reserved_prefixes(&self) -> &At<Vec<String>> {
        &self.reserved_prefixes
    }

    /// The file's name as given.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Where something was written, for a person: `oauth-validator.toml:12`, a preset, or that it is built in.
    #[must_use]
    pub fn place(&self, origin: Origin) -> String {
        match origin {
            Origin::BuiltIn => "the built-in default".to_owned(),
            Origin::Preset(name) => format!("preset \"{name}\""),
            Origin::Line(line) => format!("{}:{line}", self.file_name.rsplit('/').next().unwrap_or_default()),
        }
    }
}
