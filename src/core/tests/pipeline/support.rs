//! A login to vary: a profile, its keys, a request, and a token that passes.

use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, KeysWanted, Lookup, LookupSubject,
    NewerKeys, OnlineAnswer, OnlineCheck, Privileges, ProviderKeys, Reason, Request, Resolver, Tracing, UnixSeconds,
    Verdict, decide_with,
};
use oauth_validator_fixtures::keys::{self, TestKey};
use oauth_validator_fixtures::mint;
use serde_json::{Value, json};

pub const NOW: i64 = 1_800_000_000;
pub const ISSUER: &str = "https://idp.example/corp";

/// The claims of an access token that the default profile accepts.
pub fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "postgres", "sub": "ana", "scope": "openid db.connect", "iat": NOW, "exp": NOW + 3600})
}

/// [`claims`] with members replaced; `null` removes one.
pub fn claims_with(changes: Value) -> Value {
    merged(claims(), changes)
}

pub fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "corp-rsa"})
}

pub fn header_with(changes: Value) -> Value {
    merged(header(), changes)
}

fn merged(mut document: Value, changes: Value) -> Value {
    let (Value::Object(members), Value::Object(changes)) = (&mut document, changes) else { panic!("two objects") };
    for (name, value) in changes {
        if value.is_null() {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
    }
    document
}

/// A token of the default header with these claims, signed by the issuer.
pub fn token(changes: Value) -> String {
    mint::mint(keys::corp(), &header(), &claims_with(changes))
}

/// A token with these header members and the default claims, signed by the issuer whatever the header says.
pub fn token_with_header(changes: Value) -> String {
    mint::mint_as(keys::corp(), "RS256", &header_with(changes), &claims())
}

/// The public keys with `kid`, `use` and nothing else said about them.
pub fn jwks(keys: &[&TestKey]) -> Value {
    keys::jwks(keys)
}

/// What a test has at hand for a decision, and what was asked of it.
pub struct Told {
    pub now: i64,
    /// The keys, from wherever the configuration says; without any, asking for them fails the test.
    pub keys: Option<Result<KeySet, KeysUnavailable>>,
    /// What a search for newer keys brings.
    pub newer: NewerKeys,
    /// What the provider says of the token; without it, asking fails the test.
    pub answer: Option<Result<OnlineAnswer, KeysUnavailable>>,
    /// What the userinfo endpoint says; without it, asking fails the test.
    pub userinfo: Option<Result<OnlineAnswer, KeysUnavailable>>,
    /// What was looked up, in order.
    pub lookups: Vec<Lookup>,
    pub privileges: Privileges,
    /// The key sources that a provider was asked for, in order.
    pub keys_asked: Vec<(KeysWanted, ProviderKeys)>,
    /// The endpoints that were asked about the token, in order.
    pub endpoints_asked: Vec<String>,
}

impl Default for Told {
    fn default() -> Self {
        let why = "The provider was asked a moment ago.".to_owned();
        Self {
            now: NOW,
            keys: None,
            newer: NewerKeys::NotYet { newest: KeySet::default(), why },
            answer: None,
            userinfo: None,
            lookups: Vec::new(),
            privileges: Privileges::default(),
            keys_asked: Vec::new(),
            endpoints_asked: Vec::new(),
        }
    }
}

impl Told {
    pub fn decide(&mut self, request: &Request, token: &[u8], config: &Config) -> Decision {
        decide_with(self, Tracing::Values, request, &BearerToken::new(token), config).decision
    }

    fn known_keys(&self) -> Result<KeySet, KeysUnavailable> {
        self.keys.clone().expect("keys to decide with")
    }
}

impl Resolver for Told {
    fn now(&mut self) -> UnixSeconds {
        UnixSeconds::new(self.now)
    }

    fn keys(&mut self, _profile: &str, _file: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        self.known_keys()
    }

    fn provider_keys(&mut self, _profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        self.keys_asked.push((KeysWanted::Usable, source.clone()));
        self.known_keys()
    }

    fn newer_keys(&mut self, _profile: &str, source: &ProviderKeys) -> NewerKeys {
        self.keys_asked.push((KeysWanted::Newer, source.clone()));
        self.newer.clone()
    }

    fn online_answer(
        &mut self,
        _profile: &str,
        check: &OnlineCheck,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.endpoints_asked.push(check.endpoint.clone());
        self.answer.clone().expect("an answer to decide with")
    }

    fn looked_up(
        &mut self,
        _profile: &str,
        lookup: &Lookup,
        _about: &LookupSubject,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.lookups.push(lookup.clone());
        self.userinfo.clone().expect("userinfo to decide with")
    }

    fn privileges(&mut self, _role: &str) -> Result<Privileges, Denial> {
        Ok(self.privileges.clone())
    }
}

pub struct Login {
    toml: String,
    pub request: Request,
    pub keys: Value,
    pub now: i64,
    /// What every role can become.
    pub privileges: Privileges,
}

impl Login {
    /// The default profile, `corp`, with its keys in a file.
    pub fn new() -> Self {
        Self::with_profile("")
    }

    /// The default profile with further text: keys of the profile, then tables.
    pub fn with_profile(further: &str) -> Self {
        Self::with_file(&format!(
            "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"corp.jwks\" }}\n{further}"
        ))
    }

    /// Another file altogether. Every profile of it finds the same keys.
    pub fn with_file(toml: &str) -> Self {
        let request = Request {
            hba_issuer: ISSUER.into(),
            hba_scope: "openid db.connect".into(),
            role: "ana".into(),
            database: "app".into(),
            ..Request::default()
        };
        Self { toml: toml.into(), request, keys: jwks(&[keys::corp()]), now: NOW, privileges: Privileges::default() }
    }

    pub fn keys(mut self, keys: Value) -> Self {
        self.keys = keys;
        self
    }

    pub fn now(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    pub fn request(mut self, change: impl FnOnce(&mut Request)) -> Self {
        change(&mut self.request);
        self
    }

    pub fn decide(&self, token: &[u8]) -> Decision {
        self.verdict(token).decision
    }

    /// The decision with the way to it.
    pub fn verdict(&self, token: &[u8]) -> Verdict {
        let parsed = Config::parse(self.toml.as_bytes(), "oauth-validator.toml");
        let config = parsed.config.unwrap_or_else(|| panic!("{}: {:#?}", self.toml, parsed.findings));
        let keys = KeySet::from_jwks(self.keys.to_string().as_bytes())
            .map_err(|why| KeysUnavailable::new(format!("corp.jwks: {why}"), "Mend the file."));
        let mut told = Told { now: self.now, keys: Some(keys), privileges: self.privileges.clone(), ..Told::default() };
        decide_with(&mut told, Tracing::Values, &self.request, &BearerToken::new(token), &config)
    }

    #[track_caller]
    pub fn grants(&self, token: &str, authn_id: &str) {
        match self.decide(token.as_bytes()) {
            Decision::Granted(grant) => assert_eq!(grant.authn_id(), authn_id),
            Decision::Denied(denial) => panic!("denied: {denial:?}"),
        }
    }

    #[track_caller]
    pub fn denies(&self, token: impl AsRef<[u8]>, reason: Reason) -> Denial {
        match self.decide(token.as_ref()) {
            Decision::Granted(grant) => panic!("granted: {grant:?}, wanted {reason}"),
            Decision::Denied(denial) => {
                assert_eq!(denial.reason, reason, "{denial:?}");
                self.says_nothing_of(token.as_ref(), &denial);
                denial
            }
        }
    }

    /// No part of the token, and no value of it that is not in the configuration as well, is in the denial.
    #[track_caller]
    fn says_nothing_of(&self, token: &[u8], denial: &Denial) {
        let said = format!("{} {} {}", denial.message(), denial.detail, denial.hint);
        assert!(!said.contains(['\n', '\r', '\0']), "one line: {said:?}");
        let token = String::from_utf8_lossy(token);
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!said.contains(part), "a part of the token: {said}");
            let Ok(document) = serde_json::from_slice::<Value>(&mint_unb64(part)) else { continue };
            let mut texts = Vec::new();
            collect(&document, &mut texts);
            for text in texts.into_iter().filter(|text| text.len() > 5) {
                let known = format!("{} {:?} {}", self.toml, self.request, denial.reason.remedy());
                assert!(known.contains(&text) || !said.contains(&text), "{text:?} is in: {said}");
            }
        }
    }
}

fn mint_unb64(part: &str) -> Vec<u8> {
    let clean = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if clean && part.len() % 4 != 1 {
        std::panic::catch_unwind(|| mint::unb64(part)).unwrap_or_default()
    } else {
        Vec::new()
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(array) => array.iter().for_each(|element| collect(element, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

/// The denial's detail holds `words`: several refusals share a code, and an administrator needs to know which.
#[track_caller]
pub fn says(denial: &Denial, words: &str) {
    assert!(denial.detail.contains(words), "{}", denial.detail);
}
