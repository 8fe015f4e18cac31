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
mod effective;
mod identity;
mod keys;
mod layout;
mod online;
mod origin;
pub mod presets;
mod profile;
mod roles;
mod rules;
mod scope;
mod section;
mod session;
pub mod settings;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod together;
mod typed;
mod valid;
mod values;

pub use effective::{Effective, effective};
pub use profile::{
    At, Audience, Clause, Clients, Fallback, FormatPart, HbaScopes, Identity, IdentityClaims, IdentityType, KeySource,
    MappedRoles, Origin, Profile, RoleMapping, RoleSource, Roles, Rule, Scope, ScopeClaim, Session, SessionEnd, Test,
    TokenIssuers, TokenKind,
};

#[cfg(test)]
pub(crate) use keys::Times;

pub(crate) use doubts::{common_audience, is_microsoft_graph};
pub use valid::Config;
pub use values::{json as json_of_toml, suggest};

use crate::finding::Finding;
use collect::Findings;
use source::Source;

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
        let document::Content { profiles, reserved_prefixes } = document::content(&mut findings);
        let findings = findings.into_sorted();
        let usable = !findings.iter().any(Finding::is_error);
        let config = usable.then(|| Self::new(file_name, profiles, reserved_prefixes));
        Parsed { config, findings }
    }
}
