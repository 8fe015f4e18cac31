//! What a person should know of the profile that was made for a token: why this claim, and what is doubtful.
//!
//! Names claims and what follows from them. Must never show a value that the report does not have already.

use super::SampleToken;
use super::marks::{RemarkAbout, users_alone};
use super::traits::{DAY, Shape, Traits};
use jiff::SignedDuration;
use oauth_validator_core::Reason;
use serde_json::{Map, Value};

/// What people can change, or hand on.
const MUTABLE: [&str; 6] = ["preferred_username", "email", "upn", "unique_name", "username", "name"];

/// All of them. With `alone`, no other token was given.
pub(super) fn of(traits: &Traits, sample: &SampleToken, alone: bool) -> Vec<String> {
    let claims = &sample.untrusted_claims;
    let mut remarks = Vec::new();
    identity(traits, claims, &mut remarks);
    audience(traits, &mut remarks);
    if let Some(scope) = traits.scope.as_ref().filter(|_| !traits.is_own_layout) {
        let shape = match scope.shape {
            Shape::Spaces => "a text with spaces between the names",
            Shape::Commas => "a text with commas between the names",
            Shape::List => "a list of names",
        };
        remarks.push(format!("the scopes are in {}: {shape}", scope.claim));
    }
    differences(traits, &mut remarks);
    remarks.extend(kind(traits, alone));
    lifetime(traits, &mut remarks);
    remarks
}

fn identity(traits: &Traits, claims: &Map<String, Value>, remarks: &mut Vec<String>) {
    let there: Vec<&str> = MUTABLE.into_iter().filter(|name| claims.contains_key(*name)).collect();
    let others = |but: &str| -> Vec<&str> { there.iter().copied().filter(|name| *name != but).collect() };
    let handed_on = |names: &[&str]| match names {
        [] => String::new(),
        names => format!("; {} can be changed, or given to somebody else", names.join(", ")),
    };
    let subject = claims.get("sub").filter(|subject| !subject.is_null());
    match (traits.identity, subject) {
        _ if traits.is_own_layout => {}
        (None, Some(subject)) => {
            let why = "the identity is sub, which an issuer gives to nobody else (OpenID Connect Core section 2)";
            remarks.push(format!("{why}{}", handed_on(&others("sub"))));
            if let Some(same) = there.iter().find(|name| claims.get(**name) == Some(subject)) {
                remarks.push(format!("sub is the same as {same}: see at the provider whether it changes with it"));
            }
        }
        (Some((claim, true)), _) => remarks.push(format!("the identity is {claim}, a number{}", handed_on(&there))),
        (Some((claim, _)), _) if MUTABLE.contains(&claim) => remarks.push(format!(
            "the token has no sub: the identity is {claim}, which can be changed, or given to somebody else; have the \
             provider add a claim that never changes hands"
        )),
        (Some((claim, _)), _) => remarks.push(format!(
            "the token has no sub: the identity is {claim}; see at the provider that it never changes hands{}",
            handed_on(&there)
        )),
        (None, None) => {
            remarks.push("the token has no sub: set identity to a claim that never changes hands".to_owned());
        }
    }
    let client = traits.client.as_ref().filter(|(_, client)| subject.and_then(Value::as_str) == Some(client));
    if let Some((claim, _)) = client {
        remarks.push(format!(
            "sub is the client: a service got this token for itself. Where users' tokens come from the same issuer, keep \
             the two apart by a rule on {}",
            users_alone(claim)
        ));
    }
}

fn audience(traits: &Traits, remarks: &mut Vec<String>) {
    if traits.is_everybodys {
        remarks.push(format!(
            "tokens for every service have the audience {}: have the provider issue tokens for the database (a resource, an \
             audience or an audience mapper), and show one of these",
            traits.audience.join(", ")
        ));
    }
    let of_client = |audience: &String| traits.client.as_ref().is_some_and(|(_, client)| client == audience);
    if traits.audience.iter().any(of_client) {
        remarks.push("the audience is the client, as in its ID tokens: better have one for the database".to_owned());
    }
    if traits.audience.len() > 1 {
        remarks.push("of these audiences, keep those alone that stand for the database".to_owned());
    }
    if traits.audience.iter().any(|audience| audience.contains(' ')) {
        remarks.push("the audience is a list of scopes: ask for the token of a resource, and use that".to_owned());
    }
}

/// What is otherwise than the provider's preset has it.
fn differences(traits: &Traits, remarks: &mut Vec<String>) {
    let preset = traits.preset.unwrap_or_default();
    for reason in &traits.differs {
        let what = match reason {
            Reason::TokenType => "typ",
            Reason::Algorithm => "alg",
            Reason::LifetimeTooLong => "lifetime",
            _ => continue,
        };
        remarks.push(format!(
            "its {what} is another than preset {preset} knows of this provider: is the token one of an emulator, or is the \
             provider set up otherwise?"
        ));
    }
}

/// What says that this is an access token.
fn kind(traits: &Traits, alone: bool) -> Vec<String> {
    let said = traits.marks.iter().map(|mark| {
        let claim = &mark.claim;
        match mark.about {
            RemarkAbout::Kind | RemarkAbout::Own => format!("the kind of the token: {claim} tells it"),
            RemarkAbout::Theirs => format!(
                "the kind of the token: only the others have {claim}. That proves little: they may come without it, if a \
                 client asks otherwise"
            ),
            RemarkAbout::Service => format!("users and services: {claim} tells them apart"),
        }
    });
    let said: Vec<String> = said.collect();
    let typ = traits.token_type.as_str();
    let typ_says = !["", "jwt"].contains(&typ.to_ascii_lowercase().as_str());
    if traits.is_own_layout
        || traits.marks.iter().any(|mark| matches!(mark.about, RemarkAbout::Kind | RemarkAbout::Own))
    {
        return said;
    }
    let more = match (typ_says, alone) {
        (true, _) => vec!["the kind of the token: the typ of its header tells it".to_owned()],
        (false, true) => vec![
            "nothing in the token says that it is an access token: give an ID token and a refresh token with --not"
                .to_owned(),
        ],
        (false, false) => Vec::new(),
    };
    said.into_iter().chain(more).collect()
}

fn lifetime(traits: &Traits, remarks: &mut Vec<String>) {
    let words = |seconds: i64| format!("{:#}", SignedDuration::from_secs(seconds));
    match (traits.lifetime, traits.limit) {
        (None, _) => {
            remarks.push("it does not say when it was issued, so max_lifetime counts from the login".to_owned());
        }
        (Some(lifetime), _) if lifetime > DAY => remarks.push(format!(
            "it is good for {} days, in which nobody can take it back: shorten that if you can",
            lifetime / DAY
        )),
        (Some(lifetime), Some(_)) if !traits.is_own_layout || traits.differs.is_empty() => remarks.push(format!(
            "it is good for {}, and the others for longer: max_lifetime alone tells them apart",
            words(lifetime)
        )),
        (Some(lifetime), _) => remarks.push(format!("it is good for {}", words(lifetime))),
    }
}
