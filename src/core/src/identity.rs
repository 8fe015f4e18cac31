//! Step 10: the identity that the server is told as `authn_id`.
//!
//! Taken as it is, or put together so that no two tuples of values give the same text: nothing is trimmed, folded
//! (unless `case` says so) or cut, since two tokens of two people must never give the same identity.

use crate::bounds::MAX_IDENTITY_BYTES;
use crate::claim_path::{ClaimPath, Unsearchable};
use crate::claims::Accepted;
use crate::compare::equal;
use crate::config::{At, Config, Fallback, FormatPart, Identity, IdentityClaims, IdentityType, Outline, Profile};
use crate::decision::Denial;
use crate::identity_overlap::{IdentityOrigin, belongs_elsewhere, reserved};
use crate::jws::TokenProof;
use crate::overage;
use crate::reason::Reason;
use crate::trace::Trace;
use regex::Regex;
use serde_json::Value;

/// What to do where the provider was asked.
const NOT_ANSWERED: &str = "The identity is taken from the provider's answer, whatever the token says. Choose another \
    identity.claim, such as $.username; tokens of clients without a user may have $.client_id alone, for a fallback.";

/// The identity of accepted claims: select, verified_by, pattern, case, prefix, final checks, in this order.
/// `rivals` are the profiles that may serve the login, with or without `profile` itself.
pub(crate) fn of(
    accepted: &Accepted,
    config: &Config,
    profile: &Profile,
    rivals: &[Outline<'_>],
    trace: &mut Trace,
) -> Result<String, Denial> {
    let place = config.place(profile.identity.claims.origin);
    let selector =
        ClaimSelector { claims: accepted.claims(), proof: accepted.proof(), kind: profile.identity.kind, place };
    let (source, identity) = match primary(&selector, &profile.identity, trace)? {
        Some(selected) => {
            verified(&selector, config, &profile.identity, trace)?;
            (IdentityOrigin::Primary, spelled(selected, config, &profile.identity)?)
        }
        None => (IdentityOrigin::Fallback, fallback(&selector, &profile.identity, trace)?),
    };
    if belongs_elsewhere(&identity, source, profile, config, rivals) {
        return Err(invalid(
            "The identity begins with a prefix that belongs to identities of another source.".to_owned(),
        ));
    }
    if let Some(prefix) = reserved(&identity, source, profile, config) {
        let place = config.place(config.reserved_prefixes().origin);
        return Err(invalid(format!(
            "The identity begins with \"{prefix}\", which {place} reserves for profiles with such a prefix."
        )));
    }
    if let Some(why) = unusable(&identity) {
        return Err(invalid(format!("The identity {why}.")));
    }
    if profile.deny_identities.contains(&identity) {
        let detail = format!("The identity is in profiles.{}.deny_identities.", profile.name);
        return Err(Denial::new(Reason::IdentityDenied, detail));
    }
    Ok(identity)
}

fn invalid(detail: String) -> Denial {
    Denial::new(Reason::IdentityInvalid, detail)
}

/// What a claim lacks that is to be an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// It is not there.
    Absent,
    /// It is an empty string.
    Empty,
}

/// Selects single values of the right type.
struct ClaimSelector<'a> {
    claims: &'a Value,
    proof: TokenProof,
    kind: IdentityType,
    place: String,
}

impl ClaimSelector<'_> {
    /// The one value of `path`, or what there is in place of one.
    fn one(&self, path: &ClaimPath, trace: &mut Trace) -> Result<Result<String, Lack>, Denial> {
        let nodes = path.select(self.claims).map_err(|why| {
            invalid(format!("No identity is taken from {path}: {why}.")).with_hint(Unsearchable::HINT)
        })?;
        match nodes.as_slice() {
            [] => Ok(Err(Lack::Absent)),
            [node] => {
                trace.fact(path, node);
                let text = self.text(path, node)?;
                Ok(if text.is_empty() { Err(Lack::Empty) } else { Ok(text) })
            }
            several => {
                let detail = format!("{path} of {} selects {} values in the token.", self.place, several.len());
                Err(Denial::new(Reason::IdentityAmbiguous, detail))
            }
        }
    }

    /// An answer about a token says less than the token does, or under other names.
    fn missing(&self, what: &str) -> Denial {
        match self.proof {
            TokenProof::Signature => Denial::new(Reason::IdentityMissing, format!("The token has {what}.")),
            TokenProof::Answer(_) => {
                let detail = format!("The provider's answer has {what}.");
                Denial::new(Reason::IdentityMissing, detail).with_hint(NOT_ANSWERED)
            }
        }
    }

    fn text(&self, path: &ClaimPath, node: &Value) -> Result<String, Denial> {
        let (text, wanted) = match (self.kind, node) {
            (IdentityType::String, Value::String(text)) => (Some(text.clone()), "a string"),
            (IdentityType::Integer, Value::Number(number)) if !number.is_f64() => (Some(number.to_string()), ""),
            (IdentityType::String, _) => (None, "a string"),
            (IdentityType::Integer, _) => (None, "an integer"),
        };
        match text {
            Some(text) => Ok(text),
            None => {
                let denial = invalid(format!("The token's {path} is not {wanted}."));
                if node.is_array() {
                    return Err(
                        denial.with_hint(format!("It is an array: if it always has one element, write {path}[0]."))
                    );
                }
                let integer = self.kind == IdentityType::String && node.is_i64() | node.is_u64();
                Err(if integer {
                    denial.with_hint("If the claim is the right one, write identity.type = \"integer\".")
                } else {
                    denial
                })
            }
        }
    }
}

/// The primary identity before it is spelled; `None` only if there is a fallback to take its place.
fn primary(selector: &ClaimSelector<'_>, identity: &Identity, trace: &mut Trace) -> Result<Option<String>, Denial> {
    let selected = match &identity.claims.value {
        IdentityClaims::One(path) => selector.one(path, trace)?.map_err(|lack| (path, lack)),
        IdentityClaims::Format(parts) => formatted(selector, parts, trace)?,
    };
    match selected {
        Ok(selected) => Ok(Some(selected)),
        Err((path, _)) if overage::leaves_out(selector.claims, path) => {
            let detail =
                format!("The token has no {path}, and says that this claim is elsewhere; no fallback takes its place.");
            Err(Denial::new(Reason::IdentityMissing, detail))
        }
        Err((_, lack)) if follows(identity.fallback.as_ref(), lack) => Ok(None),
        Err((path, Lack::Empty)) => Err(empty(path)),
        Err((path, Lack::Absent)) => {
            let plainly = format!("the token has no {path}");
            let miss = path
                .miss(selector.claims)
                .filter(|miss| selector.proof == TokenProof::Signature && miss.said != plainly);
            let why = miss.as_ref().map(|miss| format!(": {}", miss.said)).unwrap_or_default();
            let denial = selector.missing(&format!("no {path}, which {} takes as identity{why}", selector.place));
            Err(match miss.and_then(|miss| miss.hint) {
                Some(hint) => denial.with_hint(hint),
                None => denial,
            })
        }
    }
}

/// Whether the fallback takes the place of a claim that lacks this.
fn follows(fallback: Option<&Fallback>, lack: Lack) -> bool {
    fallback.is_some_and(|fallback| match lack {
        Lack::Absent => fallback.if_absent,
        Lack::Empty => fallback.if_empty,
    })
}

fn empty(path: &ClaimPath) -> Denial {
    invalid(format!("The token's {path} is empty.")).with_hint(
        "Choose another identity.claim. Where tokens of services have it empty, name their claim in identity.fallback, with \
         when = [\"absent\", \"empty\"].",
    )
}

/// Joins several values; the inner `Err` is a claim that is absent or empty. A value in which the text that follows it
/// begins earlier could be read in two ways, and is refused.
fn formatted<'p>(
    selector: &ClaimSelector<'_>,
    parts: &'p [FormatPart],
    trace: &mut Trace,
) -> Result<Result<String, (&'p ClaimPath, Lack)>, Denial> {
    let mut joined = String::new();
    for (at, part) in parts.iter().enumerate() {
        let path = match part {
            FormatPart::Literal(text) => {
                joined.push_str(text);
                continue;
            }
            FormatPart::Claim(path) => path,
        };
        let value = match selector.one(path, trace)? {
            Ok(value) => value,
            Err(lack) => return Ok(Err((path, lack))),
        };
        if let Some(FormatPart::Literal(separator)) = parts.get(at + 1)
            && format!("{value}{separator}").find(separator.as_str()) != Some(value.len())
        {
            return Err(invalid(format!("The token's {path} holds the text that identity.format puts behind it.")));
        }
        joined.push_str(&value);
    }
    Ok(Ok(joined))
}

/// Whether the provider vouches for the identity, if the profile asks for that.
fn verified(
    selector: &ClaimSelector<'_>,
    config: &Config,
    identity: &Identity,
    trace: &mut Trace,
) -> Result<(), Denial> {
    let Some(path) = &identity.verified_by else {
        return Ok(());
    };
    let place = config.place(path.origin);
    let nodes = path.value.select(selector.claims).map_err(|why| {
        let detail = format!("{} of {place} is not looked at: {why}.", path.value);
        Denial::new(Reason::IdentityUnverified, detail).with_hint(Unsearchable::HINT)
    })?;
    match nodes.as_slice() {
        [node] => {
            trace.fact(&path.value, node);
            if identity.verified_values.iter().any(|value| equal(value, node)) {
                return Ok(());
            }
            let detail = format!("The token's {} is none of the values that {place} accepts.", path.value);
            Err(Denial::new(Reason::IdentityUnverified, detail))
        }
        nodes => {
            let detail = format!("{} of {place} selects {} values in the token, not one.", path.value, nodes.len());
            Err(Denial::new(Reason::IdentityUnverified, detail))
        }
    }
}

/// Pattern, case and prefix.
fn spelled(selected: String, config: &Config, identity: &Identity) -> Result<String, Denial> {
    let mut spelled = match &identity.pattern {
        Some(pattern) => captured(&selected, pattern, config)?,
        None => selected,
    };
    if identity.lower {
        spelled.make_ascii_lowercase();
    }
    if spelled.is_empty() {
        return Err(invalid("The identity is empty.".to_owned()));
    }
    spelled.insert_str(0, &identity.prefix);
    Ok(spelled)
}

fn captured(selected: &str, pattern: &At<Regex>, config: &Config) -> Result<String, Denial> {
    let place = config.place(pattern.origin);
    let Some(captures) = pattern.value.captures(selected) else {
        return Err(invalid(format!("The identity does not match the pattern of {place}.")));
    };
    match pattern.value.capture_names().flatten().next() {
        None => Ok(selected.to_owned()),
        Some(name) => captures
            .name(name)
            .map(|group| group.as_str().to_owned())
            .ok_or_else(|| invalid(format!("The group \"{name}\" of the pattern of {place} matches nothing."))),
    }
}

/// The identity of a token that has no primary one. Pattern, case and verified_by are about the primary claim.
fn fallback(selector: &ClaimSelector<'_>, identity: &Identity, trace: &mut Trace) -> Result<String, Denial> {
    let missing =
        |path: &str| selector.missing(&format!("neither the identity of {} nor its fallback{path}", selector.place));
    let Some(fallback) = &identity.fallback else {
        return Err(missing(""));
    };
    match selector.one(&fallback.claim, trace)? {
        Ok(value) => Ok(format!("{}{value}", fallback.prefix)),
        Err(Lack::Empty) => Err(invalid(format!("The token's {} is empty.", fallback.claim))),
        Err(Lack::Absent) => Err(missing(&format!(", {}", fallback.claim))),
    }
}

/// Why a string must not become an identity.
fn unusable(identity: &str) -> Option<&'static str> {
    if identity.is_empty() {
        Some("is empty")
    } else if identity.len() > MAX_IDENTITY_BYTES {
        Some("is longer than 1024 bytes")
    } else if identity.chars().any(|c| c.is_control() || is_bidi_control(c)) {
        Some("has control characters")
    } else if identity.trim() != identity {
        Some("begins or ends with white space")
    } else {
        None
    }
}

/// Characters that make a log show other text than it holds (Unicode's `Bidi_Control`), and its line separators.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
