//! What a sample says of the profile for its kind: where it has its audience, client, scopes and kind, and for how long it
//! is good.
//!
//! Nothing here is believed: the profile goes to the core, which verifies the token. Must never choose an identity that its
//! owner can change where there is a `sub`.

use super::{Provider, Sample};
use crate::draft::quoted;
use serde_json::{Map, Value};

/// What a profile for tokens like this one says.
pub(super) struct Traits {
    /// RFC 9068, if the token has all that it wants.
    pub(super) preset: Option<&'static str>,
    token_type: String,
    algorithm: String,
    audience: Vec<String>,
    client: Option<(&'static str, String)>,
    /// The claim, and what it has.
    scope: Option<(&'static str, Vec<String>)>,
    /// In seconds.
    lifetime: Option<i64>,
    /// A test that access tokens pass, and others do not: the claim, and the rest of the rule.
    mark: Option<(String, String)>,
    remarks: Vec<String>,
}

/// In the order of preference.
const CLIENTS: [&str; 4] = ["client_id", "azp", "cid", "appid"];
const SCOPES: [&str; 3] = ["scope", "scp", "permissions"];
/// Where providers say what kind a token is, and what they call an access token there.
const KINDS: [&str; 5] = ["token_use", "token_class", "typ", "type", "token_type"];
const ACCESS: [&str; 6] = ["access", "access_token", "access-token", "accesstoken", "at", "bearer"];
/// What people can change, or hand on.
const MUTABLE: [&str; 6] = ["preferred_username", "email", "upn", "unique_name", "username", "name"];
/// What is another value in each token, or another person's.
const OF_ONE_TOKEN: [&str; 9] = ["iat", "exp", "nbf", "auth_time", "jti", "sub", "sid", "nonce", "at_hash"];
/// What a client may ask for besides, and a token need not repeat.
const STANDARD: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// The default of `max_lifetime`, in seconds.
const DAY: i64 = 86_400;

impl Traits {
    pub(super) fn of(sample: &Sample, provider: &Provider<'_>) -> Self {
        let (header, claims) = (&sample.untrusted_header, &sample.untrusted_claims);
        let token_type = text(header, "typ").unwrap_or_default();
        let has = |name: &&str| claims.get(*name).is_some_and(|value| !value.is_null());
        let follows = token_type.eq_ignore_ascii_case("at+jwt") && ["sub", "client_id", "iat", "jti"].iter().all(has);
        let client = CLIENTS.into_iter().find_map(|name| Some((name, text(claims, name)?)));
        // An endpoint of the provider's own is in the audience of tokens for every service, and so is Keycloak's account page.
        let all = strings(claims.get("aud"));
        let own = |audience: &&String| !audience.starts_with(provider.issuer) && audience.as_str() != "account";
        let audience: Vec<String> = all.iter().filter(own).cloned().collect();
        let audience = if audience.is_empty() { all } else { audience };
        let start = ["iat", "nbf"].iter().find_map(|name| claims.get(*name)?.as_i64());
        let lifetime =
            claims.get("exp").and_then(Value::as_i64).zip(start).map(|(exp, start)| exp.saturating_sub(start));
        let mut traits = Self {
            preset: provider.proposal.preset.filter(|preset| *preset != "rfc9068" || follows),
            token_type,
            algorithm: text(header, "alg").unwrap_or_default(),
            client,
            scope: SCOPES.into_iter().find_map(|name| Some((name, scopes(claims.get(name)?)))),
            lifetime,
            mark: None,
            audience,
            remarks: Vec::new(),
        };
        // A preset tells the kinds apart by itself.
        if traits.preset.is_none() {
            traits.mark = KINDS.into_iter().find_map(|name| kind(claims, name));
        }
        traits.remark(claims);
        traits
    }

    /// A test that `sample` passes and none of `others` does, if there is one: a kind, then a claim that only it has, then one
    /// that only they have.
    pub(super) fn find_mark(&mut self, sample: &Sample, others: &[&Sample]) {
        let own = &sample.untrusted_claims;
        let equal = |name: &str| others.iter().any(|other| other.untrusted_claims.get(name) == own.get(name));
        let telling = |name: &&String| !OF_ONE_TOKEN.contains(&name.as_str());
        let said = own.iter().filter(|(name, value)| telling(name) && value.is_string() && !equal(name));
        let kinds = said.filter(|(name, _)| KINDS.contains(&name.as_str()));
        let kind =
            kinds.map(|(name, value)| (path(name), format!("equals = {}", quoted(value.as_str().unwrap_or_default()))));
        let nobody_has = |name: &str| others.iter().all(|other| !other.untrusted_claims.contains_key(name));
        let only_own = own.keys().filter(|name| nobody_has(name)).map(|name| (path(name), "present = true".to_owned()));
        let theirs = others.first().map(|other| &other.untrusted_claims).into_iter().flat_map(Map::keys);
        let all_have = |name: &str| others.iter().all(|other| other.untrusted_claims.contains_key(name));
        let only_theirs = theirs.filter(|name| !own.contains_key(*name) && all_have(name));
        let only_theirs = only_theirs.map(|name| (path(name), "absent = true".to_owned()));
        self.mark = kind.chain(only_own).chain(only_theirs).next().or_else(|| self.mark.take());
    }

    /// Lines of TOML, beginning with the table's head.
    pub(super) fn profile(&self, provider: &Provider<'_>) -> String {
        if self.has_own_layout() {
            return self.of_layout(provider);
        }
        let name = &provider.proposal.name;
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
        let days =
            self.lifetime.filter(|lifetime| *lifetime > DAY).map(|lifetime| lifetime.saturating_add(DAY - 1) / DAY);
        lines.extend(days.map(|days| format!("max_lifetime = \"{days}d\"")));
        lines.extend(self.client.iter().map(|(claim, client)| {
            format!("clients = {{ claims = [{}], allow = [{}] }}", quoted(&path(claim)), quoted(client))
        }));
        lines.push(self.scope_setting());
        lines.extend(of_proposal("keys = ").map(str::to_owned));
        lines.extend(self.mark_table(name).map(|table| table.trim_end().to_owned()));
        if self.scope.is_none() {
            let (claim, test) = match &self.client {
                Some((claim, client)) => (path(claim), format!("equals = {}", quoted(client))),
                None => ("$.sub".to_owned(), "present = true".to_owned()),
            };
            lines.push(format!("\n[[profiles.{name}.require]]\nclaim = {}\n{test}", quoted(&claim)));
        }
        lines.join("\n") + "\n"
    }

    /// Whether the provider has a preset of its own, which knows better where everything is.
    fn has_own_layout(&self) -> bool {
        self.preset.is_some_and(|preset| preset != "rfc9068")
    }

    /// The proposal with that preset, with the token's audience and client in place of the words in capitals.
    fn of_layout(&self, provider: &Provider<'_>) -> String {
        let filled = provider.proposal.profile.lines().map(|line| match &self.client {
            _ if line.starts_with("audience = ") && !self.audience.is_empty() => {
                format!("audience = {}\n", list(&self.audience))
            }
            Some((_, client)) if line.starts_with("clients = ") => {
                format!("{}\n", line.replace("\"CLIENT-ID\"", &quoted(client)))
            }
            _ => format!("{line}\n"),
        });
        let profile: String = filled.collect();
        profile + &self.mark_table(&provider.proposal.name).unwrap_or_default()
    }

    fn mark_table(&self, name: &str) -> Option<String> {
        let (claim, test) = self.mark.as_ref()?;
        Some(format!("\n[[profiles.{name}.access_token]]\nclaim = {}\n{test}\n", quoted(claim)))
    }

    /// The line of pg_hba.conf.
    pub(super) fn hba(&self, provider: &Provider<'_>) -> String {
        let line = &provider.proposal.hba;
        if self.has_own_layout() {
            return line.clone();
        }
        let parts = line.split_once(" scope=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?.1)));
        parts.map_or_else(
            || line.clone(),
            |(before, after)| format!("{before} scope=\"{}\"{after}", self.line_scope(provider)),
        )
    }

    /// What the line requests: the token's own scopes, and `openid` in front.
    pub(super) fn line_scope(&self, provider: &Provider<'_>) -> String {
        if self.has_own_layout() {
            let scope = provider.proposal.hba.split_once(" scope=\"").and_then(|(_, rest)| rest.split_once('"'));
            return scope.map(|(scope, _)| scope.to_owned()).unwrap_or_default();
        }
        match self.own_scopes().as_slice() {
            [] => "openid".to_owned(),
            scopes => format!("openid {}", scopes.join(" ")),
        }
    }

    /// What a person should know.
    pub(super) fn remarks(&self, without_others: bool) -> Vec<String> {
        let mut remarks = self.remarks.clone();
        match &self.mark {
            Some((claim, _)) => remarks.push(format!("the kind of the token: {claim} tells it")),
            None if without_others && self.preset.is_none() => remarks.push(
                "nothing in the token says that it is an access token: give an ID token and a refresh token with --not"
                    .to_owned(),
            ),
            None => {}
        }
        remarks
    }

    fn own_scopes(&self) -> Vec<&str> {
        let all = self.scope.iter().flat_map(|(_, scopes)| scopes).map(String::as_str);
        all.filter(|scope| !STANDARD.contains(scope)).collect()
    }

    fn scope_setting(&self) -> String {
        let standard: Vec<String> = STANDARD.map(str::to_owned).into();
        match &self.scope {
            None => "scope = { claim = \"none\", hba = \"ignore\" }".to_owned(),
            Some((claim, _)) if self.own_scopes().is_empty() => {
                format!("scope = {{ claim = {} }}", quoted(&path(claim)))
            }
            Some((claim, _)) => format!("scope = {{ claim = {}, ignore = {} }}", quoted(&path(claim)), list(&standard)),
        }
    }

    fn remark(&mut self, claims: &Map<String, Value>) {
        let subject = text(claims, "sub");
        let mut remarks = Vec::new();
        match (&subject, &self.client) {
            (None, _) => remarks.push("the token has no sub: set identity to a claim that never changes hands".to_owned()),
            (Some(subject), Some((claim, client))) if subject == client => remarks.push(format!(
                "sub is the client: a service got this token for itself. Where users' tokens come from the same issuer, \
                 keep the two apart by a rule on $[?$.sub != $.{claim}]"
            )),
            _ => {}
        }
        let mutable: Vec<&str> = MUTABLE.into_iter().filter(|name| claims.contains_key(*name)).collect();
        if !mutable.is_empty() {
            remarks
                .push(format!("the identity is sub; {} can be changed, or given to somebody else", mutable.join(", ")));
        }
        let of_client = |audience: &String| self.client.as_ref().is_some_and(|(_, client)| client == audience);
        if self.audience.iter().any(of_client) {
            remarks
                .push("the audience is the client, as in its ID tokens: better have one for the database".to_owned());
        }
        if self.audience.len() > 1 {
            remarks.push("of these audiences, keep those alone that stand for the database".to_owned());
        }
        if self.audience.iter().any(|audience| audience.contains(' ')) {
            remarks.push("the audience is a list of scopes: ask for the token of a resource, and use that".to_owned());
        }
        if let Some(days) = self.lifetime.filter(|lifetime| *lifetime > DAY).map(|lifetime| lifetime / DAY) {
            remarks
                .push(format!("it is good for {days} days, in which nobody can take it back: shorten that if you can"));
        }
        self.remarks = remarks;
    }
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

/// The scopes of a string or of a list.
fn scopes(value: &Value) -> Vec<String> {
    strings(Some(value)).iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect()
}

/// What says that this is an access token.
fn kind(claims: &Map<String, Value>, name: &str) -> Option<(String, String)> {
    let value = text(claims, name)?;
    ACCESS.contains(&value.to_ascii_lowercase().as_str()).then(|| (path(name), format!("equals = {}", quoted(&value))))
}

/// The JSONPath of a member.
fn path(name: &str) -> String {
    let plain =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!("$.{name}") } else { format!("$['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
}
