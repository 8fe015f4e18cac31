//! Reads `[profiles.NAME.scope]`: where a token's scopes are, and which of them are required.
//!
//! What is not written is as OAuth has it: a string of names with spaces between them, in `scope` (RFC 8693 section 4.2).
//! That `claim = "none"` needs a rule is for `check`.

use super::collect::Findings;
use super::origin::At;
use super::section::Section;
use super::settings;
use super::settings::scope::{CLAIM, HBA, IGNORE, PREFIX, REQUIRED, SEPARATOR};
use crate::claim_path::ClaimPath;
use serde::{Deserialize, Serialize};

/// Where the scopes are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ScopeClaim {
    /// In this claim.
    Claim(ClaimPath),
    /// Nowhere: rules decide instead.
    None,
}

/// Whether the scope list of pg_hba.conf is required of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HbaScopes {
    /// Every scope of the line's list must be in the token.
    Require,
    /// The line's list only tells clients what to request.
    Ignore,
}

/// Which scopes are required, and where the token's are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// Where the token's scopes are.
    pub claim: At<ScopeClaim>,
    /// What separates them in a string.
    pub separator: String,
    /// Taken off the names of pg_hba.conf before they are compared.
    pub prefix: String,
    /// Names of pg_hba.conf that are not required of the token.
    pub ignore: Vec<String>,
    /// Required besides those of pg_hba.conf.
    pub required: At<Vec<String>>,
    /// What the list of pg_hba.conf means.
    pub hba: HbaScopes,
}

/// The scopes of a profile.
pub(super) fn scope(findings: &mut Findings<'_>, section: &Section<'_>) -> Scope {
    let mut scope = Scope {
        claim: At::built_in(ScopeClaim::Claim(CLAIM.default_claim())),
        separator: SEPARATOR.default_text().to_owned(),
        prefix: PREFIX.default_text().to_owned(),
        ignore: Vec::new(),
        required: At::built_in(Vec::new()),
        hba: HbaScopes::Require,
    };
    let Some(section) = section.table(findings, &settings::profile::SCOPE) else {
        return scope;
    };
    if section.get("claim").and_then(|value| value.get_ref().as_str()) == Some("none") {
        scope.claim = At { value: ScopeClaim::None, origin: section.origin(findings, "claim") };
    } else if let Some(claim) = section.path(findings, "claim") {
        scope.claim = At { value: ScopeClaim::Claim(claim.value), origin: claim.origin };
    }
    if let Some(separator) = section.text(findings, "separator") {
        scope.separator = separator.value;
    }
    if let Some(prefix) = section.string(findings, "prefix") {
        scope.prefix = prefix.value;
    }
    if let Some(ignore) = section.strings(findings, &IGNORE) {
        scope.ignore = ignore.value;
    }
    if let Some(required) = section.strings(findings, &REQUIRED) {
        scope.required = required;
    }
    scope.hba = section.choice(findings, &HBA, ("require", HbaScopes::Require), &[("ignore", HbaScopes::Ignore)]);
    scope
}
