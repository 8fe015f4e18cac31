//! What a sample says of the profile for its kind: where it has its audience, client, scopes and kind, and for how long it
//! is good.
//!
//! Nothing here is believed: the profile goes to the core, which verifies the token. Must never choose an identity that its
//! owner can change where there is another.

use super::claim_name::path;
use super::marks::{self, Mark};
use super::{SampleProvider, SampleToken};
use crate::draft::quoted;
use crate::layouts::PresetLayout;
use oauth_validator_core::{ClaimPath, Reason};
use serde_json::{Map, Value};

/// What a profile for tokens like this one says.
pub(super) struct Traits {
    /// That of the provider, or RFC 9068 if the token has all that it wants.
    pub(super) preset: Option<&'static str>,
    /// Whether that preset is one of this provider, which knows better where everything is.
    pub(super) is_own_layout: bool,
    pub(super) token_type: String,
    algorithm: String,
    pub(super) audience: Vec<String>,
    /// Whether tokens for every service have that audience.
    pub(super) is_everybodys: bool,
    pub(super) client: Option<(&'static str, String)>,
    pub(super) scope: Option<SampleScope>,
    /// In seconds.
    pub(super) lifetime: Option<i64>,
    /// The claim of the identity, where that is not `sub`, or no string.
    pub(super) identity: Option<(&'static str, bool)>,
    /// Tests that access tokens pass, and others do not.
    pub(super) marks: Vec<Mark>,
    /// What the token has otherwise than its provider's preset says.
    pub(super) differs: Vec<Reason>,
    /// The longest lifetime that is accepted, if the usual one does not fit; in seconds.
    pub(super) limit: Option<i64>,
    claims: Value,
}

/// Where the scopes are.
pub(super) struct SampleScope {
    pub(super) claim: &'static str,
    names: Vec<String>,
    pub(super) shape: Shape,
}

/// How they are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Spaces,
    Commas,
    List,
}

/// In the order of preference.
const CLIENTS: [&str; 4] = ["client_id", "azp", "cid", "appid"];
const SCOPES: [&str; 3] = ["scope", "scp", "permissions"];
/// Identities in the order of preference: those that stay with a person first.
const IDENTITIES: [&str; 6] = ["sub", "oid", "uid", "user_id", "username", "preferred_username"];
/// What a client may ask for besides, and a token need not repeat.
const STANDARD: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// The default of `max_lifetime`, in seconds.
pub(super) const DAY: i64 = 86_400;

impl Traits {
    pub(super) fn of(sample: &SampleToken, provider: &SampleProvider<'_>) -> Self {
        let (header, claims) = (&sample.untrusted_header, &sample.untrusted_claims);
        let token_type = text(header, "typ").unwrap_or_default();
        let has = |name: &&str| claims.get(*name).is_some_and(|value| !value.is_null());
        let follows = token_type.eq_ignore_ascii_case("at+jwt") && ["sub", "client_id", "iat", "jti"].iter().all(has);
        let preset = provider.proposal.preset.filter(|preset| *preset != "rfc9068" || follows);
        let is_own_layout = preset.is_some_and(|preset| preset != "rfc9068");
        // An endpoint of the provider's own is in the audience of tokens for every service, and so is Keycloak's account page.
        let all = strings(claims.get("aud"));
        let own = |audience: &&String| !audience.starts_with(provider.issuer) && audience.as_str() != "account";
        let audience: Vec<String> = all.iter().filter(own).cloned().collect();
        let is_everybodys = audience.is_empty() && !all.is_empty();
        let audience = if is_everybodys { all } else { audience };
        let lifetime = sample.lifetime();
        Self {
            preset,
            is_own_layout,
            token_type,
            algorithm: text(header, "alg").unwrap_or_default(),
            client: CLIENTS.into_iter().find_map(|name| Some((name, text(claims, name)?))),
            scope: SCOPES.into_iter().find_map(|name| SampleScope::of(name, claims.get(name)?)),
            lifetime,
            identity: identity(claims),
            // A preset tells the kinds apart by itself.
            marks: if preset.is_none() { marks::said(claims).into_iter().collect() } else { Vec::new() },
            audience,
            is_everybodys,
            differs: Vec::new(),
            limit: lifetime.filter(|lifetime| !is_own_layout && *lifetime > DAY),
            claims: Value::Object(claims.clone()),
        }
    }

    /// Has the profile say what the token has otherwise than its provider's preset, if that is why it was denied.
    pub(super) fn give_way(&mut self, reason: Reason) -> bool {
        if !self.is_own_layout || self.differs.contains(&reason) {
            return false;
        }
        match reason {
            Reason::TokenType | Reason::Algorithm | Reason::ScopeMissing => {}
            Reason::LifetimeTooLong => self.limit = self.lifetime,
            _ => return false,
        }
        self.differs.push(reason);
        true
    }

    /// Adds a rule that `sample` passes and none of `others` does; whether there is one.
    pub(super) fn tell(&mut self, sample: &SampleToken, others: &[&SampleToken]) -> bool {
        let theirs: Vec<&Map<String, Value>> = others.iter().map(|other| &other.untrusted_claims).collect();
        let client = self.client.as_ref().map(|(claim, _)| *claim);
        let found = marks::telling(&sample.untrusted_claims, &theirs, client);
        let new = found.filter(|mark| !self.marks.contains(mark));
        let any = new.is_some();
        self.marks.extend(new);
        any
    }

    /// Accepts no longer lifetime than the token's own, if all of `others` live longer; whether that is so.
    pub(super) fn shorten(&mut self, others: &[&SampleToken]) -> bool {
        let Some(own) = self.lifetime.filter(|own| *own > 0) else { return false };
        // Lifetimes vary a little, and what is rounded up must still be shorter than theirs.
        let longer = others.iter().all(|other| other.lifetime().is_some_and(|lifetime| lifetime / 2 >= own));
        if longer {
            self.limit = Some(own);
        }
        longer
    }

    /// Lines of TOML, beginning with the table's head.
    pub(super) fn profile(&self, provider: &SampleProvider<'_>) -> String {
        let name = &provider.proposal.name;
        if self.is_own_layout {
            return self.of_layout(provider) + &self.rules(name);
        }
        let mut lines = vec![format!("[profiles.{name}]")];
        lines.extend(self.preset.map(|preset| format!("preset = {}", quoted(preset))));
        lines.push(format!("issuer = {}", quoted(provider.issuer)));
        let of_proposal =
            |key: &'static str| provider.proposal.profile.lines().filter(move |line| line.starts_with(key));
        lines.extend(of_proposal("token_issuers = ").map(str::to_owned));
        lines.push(match self.audience.as_slice() {
            [] => "audience = \"none\"".to_owned(),
            audience => format!("audience = {}", list(audience)),
        });
        lines.push(format!("algorithms = [{}]", quoted(&self.algorithm)));
        if self.preset.is_none() {
            lines.push(format!("token_types = [{}]", quoted(&self.token_type)));
        }
        lines.extend(self.limit.map(max_lifetime));
        lines.extend(self.client.iter().map(|(claim, client)| {
            format!("clients = {{ claims = [{}], allow = [{}] }}", quoted(&path(claim)), quoted(client))
        }));
        lines.extend(self.identity.map(|(claim, is_integer)| {
            let kind = if is_integer { ", type = \"integer\"" } else { "" };
            format!("identity = {{ claim = {}{kind} }}", quoted(&path(claim)))
        }));
        lines.push(self.scope_setting());
        lines.extend(of_proposal("keys = ").map(str::to_owned));
        let mut profile = lines.join("\n") + "\n" + &self.rules(name);
        if self.scope.is_none() {
            let (claim, test) = match &self.client {
                Some((claim, client)) => (path(claim), format!("equals = {}", quoted(client))),
                None => (path(self.identity.map_or("sub", |(claim, _)| claim)), "present = true".to_owned()),
            };
            profile.push_str(&format!("\n[[profiles.{name}.require]]\nclaim = {}\n{test}\n", quoted(&claim)));
        }
        profile
    }

    /// The proposal with the provider's preset, with the token's audience, client and rule in place of the words in capitals.
    fn of_layout(&self, provider: &SampleProvider<'_>) -> String {
        let mut profile = String::new();
        let mut ruled = None;
        for line in provider.proposal.profile.lines() {
            let (key, value) = line.split_once(" = ").unwrap_or((line, ""));
            if (key == "algorithms" && self.differs.contains(&Reason::Algorithm)) || key == "max_lifetime" {
                continue;
            }
            let filled = match (key, &self.client) {
                ("audience", _) if !self.audience.is_empty() => format!("audience = {}", list(&self.audience)),
                ("clients", Some((_, client))) => line.replace("\"CLIENT-ID\"", &quoted(client)),
                ("scope", _) => {
                    self.prefix().map_or_else(|| line.to_owned(), |own| line.replace(PLACE_OF_PREFIX, &own))
                }
                ("claim", _) => {
                    ruled = serde_json::from_str::<String>(value).ok().and_then(|path| ClaimPath::parse(&path).ok());
                    line.to_owned()
                }
                ("equals", _) => match ruled.as_ref().and_then(|path| path.select(&self.claims).ok()).as_deref() {
                    Some([Value::String(text)]) => format!("equals = {}", quoted(text)),
                    _ => line.to_owned(),
                },
                _ => line.to_owned(),
            };
            profile.push_str(&(filled + "\n"));
            if key == "preset" {
                self.otherwise().iter().for_each(|line| profile.push_str(&format!("{line}\n")));
            }
        }
        profile
    }

    /// Settings that take the place of the preset's.
    fn otherwise(&self) -> Vec<String> {
        let differs = |reason| self.differs.contains(&reason);
        let typ = differs(Reason::TokenType).then(|| format!("token_types = [{}]", quoted(&self.token_type)));
        let algorithm = differs(Reason::Algorithm).then(|| format!("algorithms = [{}]", quoted(&self.algorithm)));
        typ.into_iter().chain(algorithm).chain(self.limit.map(max_lifetime)).collect()
    }

    /// What the provider's preset has in front of scopes, for this audience.
    fn prefix(&self) -> Option<String> {
        PresetLayout::of(self.preset?)?.scope_prefix(self.audience.first()?)
    }

    fn rules(&self, name: &str) -> String {
        let table = |mark: &Mark| {
            // In place of a preset's own rules on the kind nothing is written: they would be gone.
            let table = if self.preset.is_some() || mark.about == marks::RemarkAbout::Service {
                "require"
            } else {
                "access_token"
            };
            format!("\n[[profiles.{name}.{table}]]\nclaim = {}\n{}\n", quoted(&mark.claim), mark.test)
        };
        self.marks.iter().map(table).collect()
    }

    /// The line of pg_hba.conf.
    pub(super) fn hba(&self, provider: &SampleProvider<'_>) -> String {
        let line = &provider.proposal.hba;
        let parts = line.split_once(" scope=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?.1)));
        parts.map_or_else(
            || line.clone(),
            |(before, after)| format!("{before} scope=\"{}\"{after}", self.line_scope(provider)),
        )
    }

    /// What the line requests: the token's own scopes, and `openid` in front.
    pub(super) fn line_scope(&self, provider: &SampleProvider<'_>) -> String {
        let own = self.own_scopes();
        if !self.is_own_layout {
            return if own.is_empty() { "openid".to_owned() } else { format!("openid {}", own.join(" ")) };
        }
        let usual = provider.proposal.hba.split_once(" scope=\"").and_then(|(_, rest)| rest.split_once('"'));
        let usual = usual.map(|(scope, _)| scope).unwrap_or_default();
        let prefix = self.prefix().unwrap_or_default();
        let usual = if prefix.is_empty() { usual.to_owned() } else { usual.replace(PLACE_OF_PREFIX, &prefix) };
        if !self.differs.contains(&Reason::ScopeMissing) || own.is_empty() {
            return usual;
        }
        let standard = usual.split(' ').filter(|name| STANDARD.contains(name)).map(str::to_owned);
        standard.chain(own.iter().map(|name| format!("{prefix}{name}"))).collect::<Vec<_>>().join(" ")
    }

    fn own_scopes(&self) -> Vec<&str> {
        let all = self.scope.iter().flat_map(|scope| &scope.names).map(String::as_str);
        // What pg_hba.conf can hold (RFC 6749 section 3.3).
        let fits = |name: &&str| name.bytes().all(|c| c.is_ascii_graphic() && c != b'"' && c != b'\\');
        all.filter(|name| !name.is_empty() && !STANDARD.contains(name)).filter(fits).collect()
    }

    fn scope_setting(&self) -> String {
        let Some(scope) = &self.scope else { return "scope = { claim = \"none\", hba = \"ignore\" }".to_owned() };
        let separator = if scope.shape == Shape::Commas { ", separator = \",\"" } else { "" };
        let ignored = list(&STANDARD.map(str::to_owned));
        let ignore = if self.own_scopes().is_empty() { String::new() } else { format!(", ignore = {ignored}") };
        format!("scope = {{ claim = {}{separator}{ignore} }}", quoted(&path(scope.claim)))
    }
}

/// What stands for the prefix in a proposal.
const PLACE_OF_PREFIX: &str = "api://CLIENT-ID/";

impl SampleScope {
    fn of(claim: &'static str, value: &Value) -> Option<Self> {
        let (shape, separator) = match value {
            Value::Array(_) => (Shape::List, ' '),
            Value::String(text) if text.contains(',') && !text.contains(' ') => (Shape::Commas, ','),
            Value::String(_) => (Shape::Spaces, ' '),
            _ => return None,
        };
        let texts = strings(Some(value));
        let names = texts.iter().flat_map(|text| text.split(separator)).map(str::to_owned).collect();
        Some(Self { claim, names, shape })
    }
}

/// What can stand for a person, unless that is `sub` as everywhere; and whether it is a number.
fn identity(claims: &Map<String, Value>) -> Option<(&'static str, bool)> {
    let found = IDENTITIES.into_iter().find_map(|name| match claims.get(name)? {
        Value::String(text) if !text.is_empty() => Some((name, false)),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some((name, true)),
        _ => None,
    });
    found.filter(|found| *found != ("sub", false))
}

/// Rounded up: to days, if it is longer than one, else to minutes.
fn max_lifetime(seconds: i64) -> String {
    let up = |unit: i64| seconds.saturating_add(unit - 1) / unit;
    if seconds > DAY { format!("max_lifetime = \"{}d\"", up(DAY)) } else { format!("max_lifetime = \"{}min\"", up(60)) }
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
}
