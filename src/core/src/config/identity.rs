//! Reads `[identity]`: which claims, of which type, verified by what, and how they are spelled.

use super::collect::Findings;
use super::profile::{At, Fallback, FormatPart, Identity, IdentityClaims, IdentityType};
use super::section::Section;
use super::settings::{self, fallback as of_fallback, identity as rows};
use super::values::suggest;
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;
use serde_json::Value;
use std::collections::BTreeMap;

/// The identity of a profile; `$.sub` if it says nothing.
pub(super) fn identity(findings: &mut Findings<'_>, section: &Section<'_>) -> Identity {
    let mut identity = Identity {
        claims: At::built_in(IdentityClaims::One(rows::CLAIM.default_claim())),
        kind: IdentityType::String,
        verified_by: None,
        verified_values: rows::VERIFIED_VALUES.default_booleans().iter().map(|value| Value::Bool(*value)).collect(),
        pattern: None,
        lower: false,
        prefix: rows::PREFIX.default_text().to_owned(),
        fallback: None,
    };
    let replaced = section.replaced("identity");
    let Some(section) = section.table(findings, &settings::profile::IDENTITY) else {
        return identity;
    };
    if let Some(preset) = replaced
        && ["claim", "claims", "format"].iter().all(|key| section.get(key).is_none())
    {
        // Falling back to $.sub would silently give everybody another identity than the preset promises.
        let hint =
            format!("the table takes the place of that of preset \"{}\" as a whole; {}", preset.name(), preset.look());
        section.missing(findings, "claim", &hint);
    }
    if let Some(claims) = claims(findings, &section) {
        identity.claims = claims;
    }
    let (string, integer) = (("string", IdentityType::String), ("integer", IdentityType::Integer));
    identity.kind = section.choice(findings, &rows::TYPE, string, &[integer]);
    identity.verified_by = section.path(findings, "verified_by");
    if let Some(values) = section.jsons(findings, "verified_values") {
        identity.verified_values = values;
    }
    identity.pattern = section.pattern_with_group(findings, "pattern", "the identity");
    identity.lower = section.choice(findings, &rows::CASE, ("keep", false), &[("lower", true)]);
    if let Some(prefix) = section.string(findings, "prefix") {
        check_prefix(findings, &section, &prefix.value);
        identity.prefix = prefix.value;
    }
    identity.fallback = fallback(findings, &section, &identity.prefix);
    identity
}

impl Identity {
    /// Every path that it looks at: its claims, the one that says that they are verified, and that of the fallback.
    pub(super) fn claim_paths(&self) -> impl Iterator<Item = &ClaimPath> {
        let own: Vec<&ClaimPath> = match &self.claims.value {
            IdentityClaims::One(path) => vec![path],
            IdentityClaims::Format(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    FormatPart::Claim(path) => Some(path),
                    FormatPart::Literal(_) => None,
                })
                .collect(),
        };
        let verified_by = self.verified_by.iter().map(|path| &path.value);
        let fallback = self.fallback.iter().map(|fallback| &fallback.claim);
        own.into_iter().chain(verified_by).chain(fallback)
    }
}

/// `claim`, or `claims` with `format`.
fn claims(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<At<IdentityClaims>> {
    let several = section.get("claims").is_some() || section.get("format").is_some();
    if !several {
        let claim = section.path(findings, "claim")?;
        return Some(At { value: IdentityClaims::One(claim.value), origin: claim.origin });
    }
    if section.get("claim").is_some() {
        let message = format!("{} and claims exclude each other", section.name("claim"));
        findings
            .add(FindingCode::Conflict, section.span_of("claim"), message)
            .hint("write claim, or claims with format");
        return None;
    }
    for (key, hint) in [
        ("claims", "write claims = { tid = \"$.tid\", oid = \"$.oid\" }"),
        ("format", "write format = \"{tid}:{oid}\", with the names of claims"),
    ] {
        if section.get(key).is_none() {
            section.missing(findings, key, hint);
        }
    }
    let named = named_claims(findings, section);
    let format = section.text(findings, "format");
    let (named, format) = (named?, format?);
    match parts(&format.value, &named) {
        Ok(parts) => Some(At { value: IdentityClaims::Format(parts), origin: format.origin }),
        Err(why) => {
            let message = format!("{} {why}", section.name("format"));
            findings
                .add(FindingCode::BadValue, section.span_of("format"), message)
                .hint("name each claim once in braces, with text between them, such as \"{tid}:{oid}\"");
            None
        }
    }
}

fn named_claims(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<BTreeMap<String, ClaimPath>> {
    let claims = section.free_keys(findings, "claims")?;
    let mut named = BTreeMap::new();
    for name in claims.keys() {
        named.insert(name.to_owned(), claims.path(findings, name)?.value);
    }
    Some(named)
}

/// Splits a format. Something must stand between two claims, or different values would give the same identity.
fn parts(format: &str, named: &BTreeMap<String, ClaimPath>) -> Result<Vec<FormatPart>, String> {
    let mut parts = Vec::new();
    let mut unused: Vec<&str> = named.keys().map(String::as_str).collect();
    let mut rest = format;
    while !rest.is_empty() {
        let (literal, after) = rest.split_once('{').unwrap_or((rest, ""));
        if literal.contains('}') {
            return Err("has a } without a {".to_owned());
        }
        if !literal.is_empty() {
            parts.push(FormatPart::Literal(literal.to_owned()));
        }
        if literal.len() == rest.len() {
            break;
        }
        let (name, after) = after.split_once('}').ok_or("has a { without a }")?;
        let claim = named.get(name).ok_or_else(|| format!("names \"{name}\", which is not among claims"))?;
        let at = unused.iter().position(|unused| *unused == name).ok_or_else(|| format!("names \"{name}\" twice"))?;
        unused.remove(at);
        if matches!(parts.last(), Some(FormatPart::Claim(_))) {
            return Err("has two claims with nothing between them".to_owned());
        }
        parts.push(FormatPart::Claim(claim.clone()));
        rest = after;
    }
    match unused.first() {
        Some(name) => Err(format!("does not use the claim \"{name}\"")),
        None => Ok(parts),
    }
}

fn fallback(findings: &mut Findings<'_>, section: &Section<'_>, own_prefix: &str) -> Option<Fallback> {
    let section = section.table(findings, &rows::FALLBACK)?;
    for key in ["claim", "prefix"] {
        if section.get(key).is_none() {
            section.missing(findings, key, "write fallback = { claim = \"$.azp\", prefix = \"app:\" }");
        }
    }
    let claim = section.path(findings, "claim");
    let prefix = section.text(findings, "prefix");
    let (if_absent, if_empty) = when(findings, &section);
    let (claim, prefix) = (claim?.value, prefix?.value);
    check_prefix(findings, &section, &prefix);
    if prefix == own_prefix {
        let message = format!("{} is the identity's own prefix", section.name("prefix"));
        findings
            .add(FindingCode::Conflict, section.span_of("prefix"), message)
            .hint("with another one, no fallback identity equals a primary one");
    } else if own_prefix.starts_with(&prefix) {
        let message = format!("{} begins the identity's own prefix, \"{own_prefix}\"", section.name("prefix"));
        findings.add(FindingCode::Conflict, section.span_of("prefix"), message).hint(
            "no primary identity may begin with the fallback's prefix, so that all of them would be refused: write another one",
        );
    }
    Some(Fallback { claim, prefix, if_absent, if_empty })
}

/// Whether a fallback takes the place of an absent claim, and of an empty one.
fn when(findings: &mut Findings<'_>, section: &Section<'_>) -> (bool, bool) {
    const WORDS: [&str; 2] = ["absent", "empty"];
    let written = section.strings(findings, &of_fallback::WHEN).map(|words| words.value);
    let default = || of_fallback::WHEN.default_texts().iter().map(|word| (*word).to_owned()).collect();
    let words: Vec<String> = written.unwrap_or_else(default);
    for word in words.iter().filter(|word| !WORDS.contains(&word.as_str())) {
        let message = format!("{} cannot hold \"{word}\"", section.name("when"));
        findings.add(FindingCode::BadValue, section.span_of("when"), message).hint(suggest(word, &WORDS));
    }
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    (has("absent"), has("empty"))
}

fn check_prefix(findings: &mut Findings<'_>, section: &Section<'_>, prefix: &str) {
    if prefix.chars().any(char::is_control) || prefix.starts_with(char::is_whitespace) {
        let message = format!("{} has control characters or begins with white space", section.name("prefix"));
        findings.add(FindingCode::BadValue, section.span_of("prefix"), message);
    }
}
