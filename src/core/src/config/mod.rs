//! The configuration: from the texts of its TOML files to profiles that the decision can trust.
//!
//! Two shapes: the raw tables with their positions (`section`), and [`Profile`], which only `Config::parse` can
//! build and only without errors. Nothing is read here but the texts that were given. All findings are reported at
//! once; one error is enough to let nobody in, but that one of a file in the folder is about that file's profiles.

mod accepted;
mod across;
mod build;
mod check;
mod collect;
mod defaults;
mod document;
mod doubts;
mod effective;
mod entry;
mod files;
mod folder;
mod identity;
mod kept;
mod keys;
mod layer;
mod layout;
mod lookup;
mod online_check;
mod origin;
mod outline;
mod part;
mod preset_check;
pub mod presets;
mod profile;
mod reports;
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
mod written;

pub use effective::{Effective, effective};
pub use files::ParsedFiles;
pub use folder::{ConfigFolder, FolderFile, Unread, folder_of};
pub use kept::{FormInMemory, KeptChoice, Pieces, choose, kept_form};
pub use outline::DeniedProfile;
pub use profile::{
    At, Audience, Clause, Clients, Fallback, FormatPart, HbaScopes, Identity, IdentityClaims, IdentityType, KeySource,
    MappedRoles, Origin, Profile, RoleMapping, RoleSource, Roles, Rule, Scope, ScopeClaim, SessionEnd, SessionSettings,
    Test, TokenIssuers, TokenKind,
};

#[cfg(test)]
pub(crate) use keys::Times;

pub(crate) use doubts::{common_audience, is_microsoft_graph};
pub(crate) use outline::Outline;
pub use valid::{Config, FolderTrouble};
pub use values::{json as json_of_toml, suggest};

impl Config {
    /// Reads the text of a file that stands alone. `file_name` is how messages call it.
    ///
    /// An empty file is valid and trusts nobody. There is a configuration only if no finding is an error.
    ///
    /// ```
    /// use oauth_validator_core::{Config, FindingCode};
    ///
    /// let text = r#"
    /// [profiles.corp]
    /// issuer = "https://idp.example/corp"
    /// audience = ["postgres"]
    /// identity = { claim = "$.sub" }
    /// scope = { claim = "$.scope" }
    /// "#;
    /// let parsed = Config::parse(text.as_bytes(), "oauth-validator.toml");
    /// let config = parsed.config.expect("it is valid");
    /// assert_eq!(config.profiles()[0].name, "corp");
    ///
    /// let misspelt = text.replace("audience", "audeince");
    /// let parsed = Config::parse(misspelt.as_bytes(), "oauth-validator.toml");
    /// assert!(parsed.config.is_none());
    /// let mut errors = parsed.findings.iter().filter(|found| found.is_error());
    /// assert!(errors.any(|found| found.code == FindingCode::UnknownKey && found.position.line == 4));
    /// ```
    #[must_use]
    pub fn parse(text: &[u8], file_name: &str) -> ParsedFiles {
        files::parse(text, file_name, ConfigFolder::default())
    }

    /// Reads a main file and those of its folder.
    ///
    /// An error in a file of the folder denies the profiles of that file alone.
    #[must_use]
    pub fn parse_all(text: &[u8], file_name: &str, folder: ConfigFolder<'_>) -> ParsedFiles {
        files::parse(text, file_name, folder)
    }
}
