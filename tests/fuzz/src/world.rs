//! What surrounds a decision here: profiles that differ in what they look at, keys, a clock, and the judgement that holds
//! of every decision whatever the input.

use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys,
    OnlineAnswer, OnlineCheck, Privileges, ProviderKeys, Request, Resolver, RoleAttributes, Tracing, UnixSeconds,
    decide_with,
};
use oauth_validator_fixtures::keys;

/// The time of every decision.
pub const NOW: i64 = 1_800_000_000;
/// By how much clocks may differ, as every profile here has it by default.
pub const SKEW: i64 = 30;
/// The issuer of every line.
pub const ISSUER: &str = "https://idp.example/corp";
/// The audience of every profile.
pub const AUDIENCE: &str = "postgres";
/// A text of a token, an answer or a key that nothing may repeat.
pub const CANARY: &str = "canary-4711";

/// What a configuration is tried with.
#[derive(Debug)]
pub struct FuzzedConfig {
    /// The configuration.
    pub config: Config,
    /// The login.
    pub request: Request,
}

impl FuzzedConfig {
    /// A profile with further text, by a line of its issuer.
    pub fn of(further: &str) -> Self {
        let text = format!("[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\n{further}");
        let parsed = Config::parse(text.as_bytes(), "oauth-validator.toml");
        let config = parsed.config.unwrap_or_else(|| panic!("{text}\n{:?}", parsed.findings));
        Self { config, request: request(further.starts_with("roles")) }
    }
}

/// A login to role `reader` of database `app`.
pub fn request(delegated: bool) -> Request {
    Request {
        hba_issuer: ISSUER.to_owned(),
        hba_scope: "openid db.connect".to_owned(),
        delegate_ident_mapping: delegated,
        role: "reader".to_owned(),
        database: "app".to_owned(),
        ..Request::default()
    }
}

/// Who looks things up: the keys of the issuer, and an answer if there is one.
#[derive(Debug, Clone)]
pub struct FuzzResolver {
    /// The keys of every profile.
    pub keys: KeySet,
    /// What the provider says of every token.
    pub answer: Option<OnlineAnswer>,
}

impl FuzzResolver {
    /// The key that signs genuine tokens, and one of another kind beside it; nobody can be asked.
    pub fn of_the_issuer() -> Self {
        let jwks = keys::jwks(&[keys::ed25519(), keys::p256()]).to_string();
        Self { keys: KeySet::from_jwks(jwks.as_bytes()).expect("two keys"), answer: None }
    }
}

impl Resolver for FuzzResolver {
    fn now(&mut self) -> UnixSeconds {
        UnixSeconds::new(NOW)
    }

    fn keys(&mut self, _profile: &str, _file: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        Ok(self.keys.clone())
    }

    fn provider_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        Ok(self.keys.clone())
    }

    fn newer_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> NewerKeys {
        NewerKeys::NotYet { newest: self.keys.clone(), why: "The provider was asked a moment ago.".to_owned() }
    }

    fn online_answer(
        &mut self,
        _profile: &str,
        _check: &OnlineCheck,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.answer.clone().ok_or_else(|| KeysUnavailable::new("Nobody answers.", "See whether it is up."))
    }

    fn looked_up(
        &mut self,
        _profile: &str,
        _lookup: &Lookup,
        _about: &LookupSubject,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.answer.clone().ok_or_else(|| KeysUnavailable::new("Nobody answers.", "See whether it is up."))
    }

    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial> {
        Ok(Privileges { reached: vec![RoleAttributes { name: role.to_owned(), ..RoleAttributes::default() }] })
    }
}

/// The decision about a token, and what holds of each: it is the same twice and whoever reads its trace, an identity that
/// is granted is one that the server can hold, and a denial repeats neither the token nor what is in it.
pub fn decided(world: &FuzzResolver, setting: &FuzzedConfig, token: &[u8]) -> Decision {
    let bearer = BearerToken::new(token);
    let verdict = |tracing| decide_with(&mut world.clone(), tracing, &setting.request, &bearer, &setting.config);
    let (first, again, unseen) = (verdict(Tracing::Values), verdict(Tracing::Values), verdict(Tracing::Off));
    let text = format!("{:?}", first.decision);
    assert_eq!(text, format!("{:?}", again.decision), "one input, two decisions");
    assert_eq!(text, format!("{:?}", unseen.decision), "the decision depends on who reads its trace");
    for line in first.trace.log_lines() {
        assert!(!line.contains(CANARY), "the log has a value of the token: {line}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    match &first.decision {
        Decision::Granted(grant) => {
            let identity = grant.authn_id();
            assert!(!identity.is_empty() && identity.len() <= 1024, "{identity:?}");
            assert!(!identity.contains(char::is_control) && identity.trim() == identity, "{identity:?}");
        }
        Decision::Denied(denial) => is_discreet(denial, token),
    }
    first.decision
}

/// What the server logs of a denial is one line each, without a value of the token or a long part of it.
fn is_discreet(denial: &Denial, token: &[u8]) {
    let said = format!("{} {} {}", denial.message(), denial.detail, denial.hint);
    assert!(!said.contains(char::is_control), "{said:?}");
    assert!(!said.contains(CANARY), "{said}");
    // A token can be made of our own sentences; but no word of ours is as long as that.
    let is_word = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    for part in token.split(|byte| *byte == b'.').filter(|part| part.len() >= 40 && is_word(part)) {
        assert!(!said.as_bytes().windows(part.len()).any(|window| window == part), "{said}");
    }
}

/// Whether claims are those of this issuer, for this server and for now: read by a reader of JSON that is not the
/// product's.
pub fn fits_here(claims: &serde_json::Value, may_lack: bool) -> bool {
    let number = |name: &str| claims.get(name).and_then(serde_json::Value::as_f64);
    let lacks = |name: &str| may_lack && claims.get(name).is_none_or(serde_json::Value::is_null);
    let audience = claims.get("aud").is_some_and(|aud| {
        aud == AUDIENCE || aud.as_array().is_some_and(|several| several.iter().any(|one| one == AUDIENCE))
    });
    let (oldest, latest) = ((NOW - SKEW) as f64, (NOW + SKEW) as f64);
    audience
        && (lacks("iss") || claims.get("iss").is_some_and(|issuer| issuer == ISSUER))
        && (lacks("exp") || number("exp").is_some_and(|expires| expires > oldest))
        && ["iat", "nbf"].iter().all(|name| number(name).is_none_or(|time| time < latest + 1.0))
        && claims.get("cnf").is_none_or(serde_json::Value::is_null)
}
