//! The driver of a decision: it asks for each thing once, and reads the clock anew after each wait.

use super::support::{ISSUER, Login, NOW, Told, jwks, token};
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys,
    OnlineAnswer, OnlineCheck, Privileges, ProviderKeys, Reason, Resolver, Tracing, UnixSeconds, decide_with,
};
use oauth_validator_fixtures::keys;
use serde_json::json;

/// Looking up keys takes `wait` seconds here, and whoever asks for a role learns why it cannot be looked up.
struct Slow {
    told: Told,
    wait: i64,
    clock_read: usize,
}

impl Resolver for Slow {
    fn now(&mut self) -> UnixSeconds {
        self.clock_read += 1;
        self.told.now()
    }

    fn keys(&mut self, profile: &str, file: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        self.told.now += self.wait;
        self.told.keys(profile, file)
    }

    fn provider_keys(&mut self, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        self.told.provider_keys(profile, source)
    }

    fn newer_keys(&mut self, profile: &str, source: &ProviderKeys) -> NewerKeys {
        self.told.newer_keys(profile, source)
    }

    fn online_answer(
        &mut self,
        profile: &str,
        check: &OnlineCheck,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.told.online_answer(profile, check, token)
    }

    fn looked_up(
        &mut self,
        profile: &str,
        lookup: &Lookup,
        about: &LookupSubject,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.told.looked_up(profile, lookup, about, token)
    }

    fn privileges(&mut self, _role: &str) -> Result<Privileges, Denial> {
        Err(Denial::new(Reason::Internal, "The catalogs cannot be read."))
    }
}

fn decided(wait: i64, roles: &str) -> (Decision, usize) {
    let toml = format!(
        "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"corp.jwks\" }}\n{roles}"
    );
    let config = Config::parse(toml.as_bytes(), "oauth-validator.toml").config.expect("a valid file");
    let set = KeySet::from_jwks(jwks(&[keys::corp()]).to_string().as_bytes()).expect("keys");
    let mut slow = Slow { told: Told { keys: Some(Ok(set)), ..Told::default() }, wait, clock_read: 0 };
    let mut request = Login::new().request;
    request.delegate_ident_mapping = !roles.is_empty();
    let token = BearerToken::new(token(json!({"iat": NOW - 100, "exp": NOW + 10})).as_bytes());
    let verdict = decide_with(&mut slow, Tracing::Off, &request, &token, &config);
    (verdict.decision, slow.clock_read)
}

#[test]
fn a_token_that_expires_during_a_wait_is_judged_by_the_time_after_it() {
    let (decision, read) = decided(39, "");
    assert!(matches!(decision, Decision::Granted(_)), "{decision:?}");
    assert_eq!(read, 2, "before the keys, and after them");
    match decided(40, "").0 {
        Decision::Denied(denial) => assert_eq!(denial.reason, Reason::Expired),
        granted => panic!("{granted:?}"),
    }
}

#[test]
fn a_role_that_cannot_be_looked_up_is_denied_as_the_resolver_says() {
    let roles = "roles = { claim = \"$.sub\", exact = true }\n";
    match decided(0, roles).0 {
        Decision::Denied(denial) => {
            assert_eq!((denial.reason, denial.detail.as_str()), (Reason::Internal, "The catalogs cannot be read."));
        }
        granted => panic!("{granted:?}"),
    }
}

#[test]
fn what_a_role_can_become_is_only_asked_for_where_it_decides() {
    for (lists, asked) in [("", false), (", deny = [\"postgres\"]", true)] {
        let roles = format!("roles = {{ claim = \"$.sub\", exact = true, privileged = \"allow\"{lists} }}\n");
        match decided(0, &roles).0 {
            Decision::Granted(grant) => assert_eq!((grant.authn_id(), asked), ("ana", false)),
            Decision::Denied(denial) => assert_eq!((denial.reason, asked), (Reason::Internal, true)),
        }
    }
}
