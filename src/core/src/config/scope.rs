//! Reads `[profiles.NAME.scope]`: where a token's scopes are, and which of them are required.
//!
//! What is not written is as OAuth has it: a string of names with spaces between them, in `scope` (RFC 8693 section 4.2).
//! That `claim = "none"` needs a rule is for `check`.

use super::collect::Findings;
use super::profile::{At, HbaScopes, Scope, ScopeClaim};
use super::section::Section;
use super::settings;
use super::settings::scope::{CLAIM, HBA, IGNORE, PREFIX, REQUIRED, SEPARATOR};

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
