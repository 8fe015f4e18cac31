//! What tells a token of the right kind from others: a rule that it passes, and that they do not.
//!
//! Rules that rest on what a token has come before those that rest on what it lacks, which proves little. Must never make a
//! rule of what differs from one token to the next, such as its number.

use super::claim_name::path;
use crate::draft::quoted;
use serde_json::{Map, Value};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) claim: String,
    /// The rest of the rule.
    pub(super) test: String,
    /// What it is about.
    pub(super) about: RemarkAbout,
}

/// What a rule tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemarkAbout {
    /// A claim that says the kind.
    Kind,
    /// A claim that only the right kind has.
    Own,
    /// A claim that only the others have.
    Theirs,
    /// Users from services, which are their own subject.
    Service,
}

/// Where providers say what kind a token is, and what they call an access token there.
const KINDS: [&str; 6] = ["token_use", "token_class", "typ", "tokenName", "type", "token_type"];
const ACCESS: [&str; 5] = ["access", "access_token", "access-token", "accesstoken", "at"];
/// What is another value in each token, or another person's.
const OF_ONE_TOKEN: [&str; 9] = ["iat", "exp", "nbf", "auth_time", "jti", "sub", "sid", "nonce", "at_hash"];
/// What an access token is for: the best of what only it has.
const OF_ACCESS: [&str; 7] = ["scope", "scp", "client_id", "cid", "appid", "permissions", "jti"];
/// What is said of a person, in whichever token a client asks for it (OpenID Connect Core section 5.1): no mark of a kind.
const OF_PEOPLE: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "phone_number",
    "groups",
    "locale",
];

/// The rule on a claim in which the token itself says that it is an access token.
pub(super) fn said(claims: &Map<String, Value>) -> Option<Mark> {
    KINDS.into_iter().find_map(|name| {
        let value = claims.get(name)?.as_str()?;
        let value_is = value.to_ascii_lowercase();
        // A refresh token may be of the type `Bearer` too (RFC 6750); Keycloak has `typ` for the kind.
        let says = ACCESS.contains(&value_is.as_str()) || (name == "typ" && value_is == "bearer");
        says.then(|| Mark { claim: path(name), test: format!("equals = {}", quoted(value)), about: RemarkAbout::Kind })
    })
}

/// A rule that `own` passes and none of `others` does. `client` is the claim that names the client.
pub(super) fn telling(own: &Map<String, Value>, others: &[&Map<String, Value>], client: Option<&str>) -> Option<Mark> {
    services(own, others, client)
        .or_else(|| kind(own, others))
        .or_else(|| only_own(own, others))
        .or_else(|| only_theirs(own, others))
}

/// Users from services that got a token for themselves.
fn services(own: &Map<String, Value>, others: &[&Map<String, Value>], client: Option<&str>) -> Option<Mark> {
    let client = client?;
    let is_service =
        |claims: &Map<String, Value>| claims.contains_key("sub") && claims.get("sub") == claims.get(client);
    (!is_service(own) && own.contains_key("sub") && others.iter().all(|other| is_service(other)))
        .then(|| Mark { about: RemarkAbout::Service, ..present(users_alone(client)) })
}

/// The path that selects something where the subject is not the client.
pub(super) fn users_alone(client: &str) -> String {
    format!("$[?$.sub != {}]", path(client))
}

fn kind(own: &Map<String, Value>, others: &[&Map<String, Value>]) -> Option<Mark> {
    KINDS.into_iter().find_map(|name| {
        let value = own.get(name)?.as_str()?;
        let differs = others.iter().all(|other| other.get(name) != own.get(name));
        differs.then(|| Mark {
            claim: path(name),
            test: format!("equals = {}", quoted(value)),
            about: RemarkAbout::Kind,
        })
    })
}

fn only_own(own: &Map<String, Value>, others: &[&Map<String, Value>]) -> Option<Mark> {
    let nobody_has = |name: &str| others.iter().all(|other| !other.contains_key(name));
    let is_there = |name: &str| own.get(name).is_some_and(|value| !value.is_null());
    let named = own.keys().map(String::as_str).filter(|name| !OF_PEOPLE.contains(name) && is_plain(name));
    let name = OF_ACCESS.into_iter().chain(named).find(|name| is_there(name) && nobody_has(name))?;
    Some(present(path(name)))
}

fn only_theirs(own: &Map<String, Value>, others: &[&Map<String, Value>]) -> Option<Mark> {
    let all_have = |name: &str| others.iter().all(|other| other.contains_key(name));
    let mut names = others.first().into_iter().flat_map(|other| other.keys()).map(String::as_str);
    let fits = |name: &&str| !own.contains_key(*name) && all_have(name) && is_plain(name) && !OF_PEOPLE.contains(name);
    let name = names.find(fits)?;
    Some(Mark { claim: path(name), test: "absent = true".to_owned(), about: RemarkAbout::Theirs })
}

fn present(claim: String) -> Mark {
    Mark { claim, test: "present = true".to_owned(), about: RemarkAbout::Own }
}

/// What a JSONPath can have in a name as it is, and no part of a single token.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic()) && (!OF_ONE_TOKEN.contains(&name) || name == "jti")
}
