//! What a profile is once it has been checked: the decision reads these fields and nothing else.
//!
//! There are no public constructors: a half-checked profile cannot exist. What serde makes of bytes is for `kept` alone, which
//! has written them itself.

pub use super::origin::{At, Origin};
pub use super::scope::{HbaScopes, Scope, ScopeClaim};
pub use super::session::{SessionEnd, SessionSettings};

use super::origin::pattern_if_any;
use super::written::{self, PresetName};

use crate::algorithm::Algorithm;
use crate::claim_path::ClaimPath;
use crate::introspection::OnlineCheck;
use crate::keys::source::ProviderKeys;
use crate::keys::{KeyFile, KeySet};
use crate::lookup::Lookup;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

/// Which `aud` values are accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Audience {
    /// One of these must be in the token.
    OneOf(Vec<String>),
    /// Tokens need no `aud`; the client list stands in for it.
    None,
}

/// Which `iss` values are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenIssuers {
    /// These, letter for letter.
    OneOf(Vec<String>),
    /// That of the profile, and tokens without any: their provider is asked about each.
    None,
}

/// Which clients a token may have been issued to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clients {
    /// Claims that name the client; exactly one of them must be in the token.
    pub claims: Vec<ClaimPath>,
    /// Accepted values.
    pub allow: Vec<String>,
}

/// Whether ID tokens are refused. Tokens of other kinds always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// Access tokens only.
    Access,
    /// ID tokens as well.
    Any,
}

/// What the values of identity claims must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityType {
    /// Strings.
    String,
    /// Integers, written as plain decimals.
    Integer,
}

/// One part of an identity that is put together from several claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FormatPart {
    /// Text of the format.
    Literal(String),
    /// The value of this claim.
    Claim(ClaimPath),
}

/// Which claims make the identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum IdentityClaims {
    /// One claim, as it is.
    One(ClaimPath),
    /// Several, joined so that no two tuples of values give the same text.
    Format(Vec<FormatPart>),
}

/// Another claim for tokens that have no primary identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    /// Must select exactly one value.
    pub claim: ClaimPath,
    /// Keeps these identities apart from the primary ones; never empty.
    pub prefix: String,
    /// Whether it takes the place of a primary claim that is absent.
    pub if_absent: bool,
    /// Whether it takes the place of a primary claim that is an empty string.
    pub if_empty: bool,
}

/// Where the identity comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The claims.
    pub claims: At<IdentityClaims>,
    /// What type they have.
    pub kind: IdentityType,
    /// A claim that must say the identity is verified.
    pub verified_by: Option<At<ClaimPath>>,
    /// What it must say.
    #[serde(with = "written::values")]
    pub verified_values: Vec<Value>,
    /// What the identity must match in full; its named group, if it has one, becomes the identity.
    #[serde(with = "pattern_if_any")]
    pub pattern: Option<At<Regex>>,
    /// Whether ASCII capitals become small letters.
    pub lower: bool,
    /// Put in front of the identity.
    pub prefix: String,
    /// What is taken where the primary claim is absent.
    pub fallback: Option<Fallback>,
}

impl Identity {
    /// Whether both make the same identity of the same claims.
    pub(crate) fn is_made_as(&self, other: &Self) -> bool {
        let pattern = |identity: &'_ Self| identity.pattern.as_ref().map(|pattern| pattern.value.as_str().to_owned());
        self.claims.value == other.claims.value
            && self.kind == other.kind
            && self.verified_by.as_ref().map(|path| &path.value) == other.verified_by.as_ref().map(|path| &path.value)
            && self.verified_values == other.verified_values
            && pattern(self) == pattern(other)
            && self.lower == other.lower
            && self.prefix == other.prefix
            && self.fallback == other.fallback
    }
}

/// How values of the roles claim become roles of the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum RoleMapping {
    /// Each value grants these roles.
    Map(BTreeMap<String, MappedRoles>),
    /// A value that begins with this grants the role that follows it.
    Prefix(String),
    /// A value grants the role of its own name.
    Exact,
}

/// What a value of `roles.map` grants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MappedRoles {
    /// The roles.
    pub roles: Vec<String>,
    /// What must hold of the token besides; none of them only reports.
    pub require: Vec<Rule>,
}

/// Where the values are that grant roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RoleSource {
    /// The elements of this list, each of them a string.
    Values(ClaimPath),
    /// The names of this object's members.
    Names(ClaimPath),
}

/// Which roles a token grants where pg_hba.conf says `delegate_ident_mapping=1`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Roles {
    /// Where they are.
    pub source: RoleSource,
    /// What separates them in a text; texts are whole without it.
    pub separator: Option<String>,
    /// What each of them must match in full to grant anything; its named group, if it has one, is what is mapped.
    #[serde(with = "pattern_if_any")]
    pub pattern: Option<At<Regex>>,
    /// What the strings grant.
    pub mapping: RoleMapping,
    /// Whether a privileged role may be granted.
    pub privileged_allowed: bool,
    /// The only roles that may be granted, if there are such.
    pub allow: Option<At<Vec<String>>>,
    /// Roles that are never granted, nor any role that can become one of them.
    pub deny: At<Vec<String>>,
    /// Where the table begins.
    pub origin: Origin,
}

/// What a rule asks of the nodes that its claim selects.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Test {
    /// Exactly one, equal to this.
    Equals(#[serde(with = "written::value")] Value),
    /// Exactly one, equal to one of these.
    OneOf(#[serde(with = "written::values")] Vec<Value>),
    /// Exactly one, of a type found among these and equal to none of them.
    NoneOf(#[serde(with = "written::values")] Vec<Value>),
    /// Exactly one, a string that the expression matches in full.
    Matches(#[serde(with = "written::pattern")] Regex),
    /// Exactly one, an array that holds this; a string is the array of it alone.
    Contains(#[serde(with = "written::value")] Value),
    /// Exactly one, an array of strings that holds none of these; a string is the array of it alone.
    ContainsNone(Vec<String>),
    /// The claim has at least one value that is not null.
    Present,
    /// None.
    Absent,
    /// Exactly one, equal to the one that this path selects, neither of them null.
    EqualsClaim(ClaimPath),
}

impl Test {
    /// The key that it is written with.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::OneOf(_) => "one_of",
            Self::NoneOf(_) => "none_of",
            Self::Matches(_) => "matches",
            Self::Contains(_) => "contains",
            Self::ContainsNone(_) => "contains_none",
            Self::Present => "present",
            Self::Absent => "absent",
            Self::EqualsClaim(_) => "equals_claim",
        }
    }
}

/// A claim, and what must hold of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Clause {
    /// What it looks at.
    pub claim: ClaimPath,
    /// What must hold.
    pub test: Test,
    /// Whether it must hold of each node by itself, of which there must be one.
    pub all: bool,
}

impl Clause {
    /// What it looks at, and how: `$.tid equals`.
    #[must_use]
    pub fn words(&self) -> String {
        let all = if self.all { " all" } else { "" };
        format!("{}{all} {}", self.claim, self.test.key())
    }
}

/// One `[[require]]` rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    /// One, or with `any` several, of which one must hold; never none.
    pub clauses: Vec<Clause>,
    /// Where it is written.
    pub origin: Origin,
    /// Whether it denies nobody: that it fails is logged.
    pub report_only: bool,
}

impl Rule {
    /// What it looks at, and how: `$.tid equals`, or `any of $.tid equals; $.groups contains`.
    #[must_use]
    pub fn words(&self) -> String {
        match self.clauses.as_slice() {
            [clause] => clause.words(),
            several => format!("any of {}", several.iter().map(Clause::words).collect::<Vec<_>>().join("; ")),
        }
    }

    /// The clause of a rule that is one alone.
    #[must_use]
    pub fn only_clause(&self) -> Option<&Clause> {
        match self.clauses.as_slice() {
            [clause] => Some(clause),
            _ => None,
        }
    }
}

/// Where the issuer's keys are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum KeySource {
    /// In a file, to be read by somebody who may.
    File(KeyFile),
    /// In the configuration itself.
    Inline(#[serde(with = "written::keys")] KeySet),
    /// Where the provider publishes them, to be fetched by somebody who may.
    Provider(ProviderKeys),
    /// Nowhere: the provider is asked about each token.
    Online(Box<OnlineCheck>),
}

/// The rules for one issuer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Profile {
    /// Its name: `[a-z0-9][a-z0-9_-]{0,62}`.
    pub name: String,
    /// Which of the configuration's files it is written in; 0 is the main one.
    pub file: usize,
    /// The preset it builds on.
    #[serde(with = "written::preset_if_any")]
    pub preset: Option<PresetName>,
    /// The issuer as its discovery document spells it.
    pub issuer: At<String>,
    /// Nothing where none are written, so that the issuer need not be copied: see [`Profile::hba_issuers`].
    pub(super) hba_issuers: Option<Vec<String>>,
    /// In the same way: see [`Profile::token_issuers`].
    pub(super) token_issuers: Option<Box<At<TokenIssuers>>>,
    /// Accepted audiences.
    pub audience: At<Audience>,
    /// Accepted clients, if they are limited.
    pub clients: Option<Box<At<Clients>>>,
    /// Accepted algorithms.
    pub algorithms: At<Arc<[Algorithm]>>,
    /// Accepted header types, in lower case and without `application/`; empty for "absent".
    pub token_types: At<Arc<[String]>>,
    /// Whether ID tokens are refused.
    pub token_kind: TokenKind,
    /// What every token that is accepted meets, and tokens of other kinds do not.
    pub access_token: Arc<[Rule]>,
    /// Zero to five minutes.
    pub clock_skew: Duration,
    /// From one second.
    pub max_lifetime: At<Duration>,
    /// In bytes, 1 to 65535.
    pub max_token_size: At<usize>,
    /// Databases it serves; all if absent.
    pub databases: Option<Vec<String>>,
    /// Whether it serves replication connections.
    pub replication: bool,
    /// Whether tokens with an actor are accepted.
    pub actor_allowed: bool,
    /// Refused tokens.
    pub deny_jti: Vec<String>,
    /// Refused identities.
    pub deny_identities: Vec<String>,
    /// Where the identity comes from.
    pub identity: Arc<Identity>,
    /// Scopes.
    pub scope: Arc<Scope>,
    /// Rules besides.
    pub require: Arc<[Rule]>,
    /// Which roles a token grants, for delegation.
    pub roles: Option<Box<Roles>>,
    /// What sessions keep, and when they end.
    pub session: Arc<SessionSettings>,
    /// Where claims are looked up that a token lacks.
    pub lookup: Option<Box<At<Lookup>>>,
    /// Where the keys are.
    pub keys: KeySource,
    /// Refused keys.
    pub deny_kids: Vec<String>,
}

impl Profile {
    /// Issuers of pg_hba.conf lines that it serves; its own where nothing else is written.
    #[must_use]
    pub fn hba_issuers(&self) -> &[String] {
        self.issuer_or(self.hba_issuers.as_ref())
    }

    /// Exact `iss` values; its own issuer where nothing else is written.
    #[must_use]
    pub fn token_issuers(&self) -> &[String] {
        self.issuer_or(self.token_issuers.as_ref().and_then(|issuers| match &issuers.value {
            TokenIssuers::OneOf(issuers) => Some(issuers),
            TokenIssuers::None => None,
        }))
    }

    /// Whether it takes JWTs that have no `iss`.
    #[must_use]
    pub fn takes_no_issuer(&self) -> bool {
        self.token_issuers.as_ref().is_some_and(|issuers| issuers.value == TokenIssuers::None)
    }

    /// Where the `iss` values are written.
    #[must_use]
    pub fn token_issuers_origin(&self) -> Origin {
        self.token_issuers.as_ref().map_or(self.issuer.origin, |issuers| issuers.origin)
    }

    fn issuer_or<'a>(&'a self, written: Option<&'a Vec<String>>) -> &'a [String] {
        written.map_or(slice::from_ref(&self.issuer.value), Vec::as_slice)
    }
}
