//! The configuration: from the text of the TOML file to profiles that the decision can trust.
//!
//! Two shapes: the raw tables with their positions (`section`), and [`Profile`], which only `Config::parse` can
//! build and only without errors. Nothing is read here but the text that was given. All findings are reported at
//! once; one error is enough to let nobody in.

mod accepted;
mod build;
mod check;
mod collect;
mod defaults;
mod document;
mod doubts;
#[cfg(test)]
mod doubts_tests;
mod effective;
mod identity;
mod keys;
#[cfg(test)]
mod keys_tests;
mod layout;
mod online;
#[cfg(test)]
mod online_tests;
mod origin;
#[cfg(test)]
mod preset_tests;
pub mod presets;
mod profile;
mod roles;
mod rules;
mod scope;
mod section;
mod session;
#[cfg(test)]
mod session_tests;
pub mod settings;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod together;
mod typed;
#[cfg(test)]
mod value_tests;
mod values;

pub use effective::{Effective, effective};
pub use profile::{
    At, Audience, Clients, Fallback, FormatPart, HbaScopes, Identity, IdentityClaims, IdentityType, KeySource, Origin,
    Profile, RoleMapping, RoleSource, Roles, Rule, Scope, ScopeClaim, Session, SessionEnd, Test, TokenIssuers,
    TokenKind,
};

#[cfg(test)]
pub(crate) use keys::Times;

pub(crate) use doubts::{common_audience, is_microsoft_graph};
pub use values::{json as json_of_toml, suggest};

use crate::finding::Finding;
use crate::keys::KeyFile;
use collect::Findings;
use source::Source;

/// A configuration without errors: the profiles, in the order of their names.
#[derive(Debug, Clone)]
pub struct Config {
    file_name: String,
    profiles: Vec<Profile>,
}

/// What became of a file's text.
#[derive(Debug)]
pub struct Parsed {
    /// The configuration, unless there is an error among the findings.
    pub config: Option<Config>,
    /// Errors and warnings, in the order of the file.
    pub findings: Vec<Finding>,
}

impl Config {
    /// Reads the text of a file. `file_name` is how messages call it.
    ///
    /// An empty file is valid and trusts nobody.
    #[must_use]
    pub fn parse(text: &[u8], file_name: &str) -> Parsed {
        let text = match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => return Parsed { config: None, findings: vec![source::not_utf8(text, error.valid_up_to())] },
        };
        let mut findings = Findings::new(Source::new(text));
        let profiles = document::profiles(&mut findings);
        let findings = findings.into_sorted();
        let usable = !findings.iter().any(Finding::is_error);
        let config = usable.then(|| Self { file_name: file_name.to_owned(), profiles });
        Parsed { config, findings }
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
