//! Tokens about which the provider is asked: who asks whom, and every answer that is not a clear yes.

use super::support::{ISSUER, NOW, Told, token};
use oauth_validator_core::{
    BearerToken, Config, Decision, DecisionState, Denial, KeysUnavailable, Known, Needs, OnlineAnswer, OnlineKind,
    Reason, Request, UnixSeconds, decide,
};
use oauth_validator_fixtures::{mint, samples};
use serde_json::{Value, json};

const INTROSPECTION: &str = "[profiles.corp]\nissuer = \"https://idp.example/corp\"\naudience = [\"postgres\"]\nmode = \"introspection\"\n\
     introspection = { endpoint = \"https://idp.example/introspect\", client_id = \"pg\", client_secret_file = \"s\" }\n";

const TOKENINFO: &str = "[profiles.corp]\npreset = \"google\"\naudience = [\"1234567890-abc.apps.googleusercontent.com\"]\n\
     hba_issuers = [\"https://idp.example/corp\"]\n\
     clients = { claims = [\"$.azp\"], allow = [\"1234567890-abc.apps.googleusercontent.com\"] }\n";

const JWT: &str =
    "[profiles.other]\nissuer = \"https://idp.example/corp\"\naudience = [\"other\"]\nkeys = { jwks_file = \"k\" }\n";

const OPAQUE: &str = "ya29.a0AfB_byC-opaque~token+/==";

fn answer() -> Value {
    json!({"active": true, "iss": ISSUER, "aud": "postgres", "sub": "ana", "scope": "openid db.connect", "iat": NOW - 60,
        "exp": NOW + 3600, "client_id": "psql", "token_type": "Bearer"})
}

fn with(mut document: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(name);
        } else {
            document[name] = value.clone();
        }
    }
    document
}

struct OnlineLogin {
    config: String,
    scope: &'static str,
    answer: Result<OnlineAnswer, KeysUnavailable>,
    /// How often the provider was asked.
    asked: usize,
}

fn login(config: &str, status: u16, body: &Value) -> OnlineLogin {
    let answer = Ok(OnlineAnswer { status, body: body.to_string() });
    OnlineLogin { config: config.into(), scope: "db.connect", answer, asked: 0 }
}

fn introspected(changes: Value) -> OnlineLogin {
    login(INTROSPECTION, 200, &with(answer(), changes))
}

impl OnlineLogin {
    fn decide(&mut self, token: &str) -> Decision {
        let parsed = Config::parse(self.config.as_bytes(), "oauth-validator.toml");
        let config = parsed.config.unwrap_or_else(|| panic!("{}\n{:#?}", self.config, parsed.findings));
        let request = Request {
            hba_issuer: ISSUER.into(),
            hba_scope: self.scope.into(),
            role: "ana".into(),
            database: "app".into(),
            ..Request::default()
        };
        let mut told = Told { answer: Some(self.answer.clone()), ..Told::default() };
        let decision = told.decide(&request, token.as_bytes(), &config);
        assert!(told.endpoints_asked.iter().all(|endpoint| endpoint.starts_with("https://")));
        self.asked += told.endpoints_asked.len();
        decision
    }

    #[track_caller]
    fn grants(mut self, token: &str, authn_id: &str) {
        match self.decide(token) {
            Decision::Granted(grant) => assert_eq!((grant.authn_id(), self.asked), (authn_id, 1)),
            Decision::Denied(denial) => panic!("{denial:?}"),
        }
    }

    #[track_caller]
    fn denies(mut self, token: &str, reason: Reason, asked: usize) -> Denial {
        match self.decide(token) {
            Decision::Granted(grant) => panic!("{grant:?}"),
            Decision::Denied(denial) => {
                assert_eq!((denial.reason, self.asked), (reason, asked), "{denial:?}");
                let said = format!("{} {}", denial.detail, denial.hint);
                assert!((token.is_empty() || !said.contains(token)) && !said.contains("psql"), "{said}");
                denial
            }
        }
    }
}

#[test]
fn an_active_token_goes_through_the_same_steps_as_a_jwt() {
    introspected(json!({})).grants(OPAQUE, "ana");
    for (changes, reason) in [
        (json!({"aud": "other"}), Reason::AudienceMismatch),
        (json!({"aud": null}), Reason::AudienceMismatch),
        (json!({"aud": 7}), Reason::ClaimType),
        (json!({"iss": "https://evil.example"}), Reason::IssuerMismatch),
        (json!({"iss": 7}), Reason::IssuerMismatch),
        (json!({"exp": NOW - 31}), Reason::Expired),
        (json!({"exp": (NOW + 60).to_string()}), Reason::ClaimType),
        (json!({"nbf": NOW + 31}), Reason::NotYetValid),
        (json!({"iat": NOW + 31}), Reason::NotYetValid),
        (json!({"exp": NOW + 90_000}), Reason::LifetimeTooLong),
        (json!({"cnf": {"jkt": "x"}}), Reason::SenderConstrained),
        (json!({"act": {"sub": "eve"}}), Reason::ActorNotAllowed),
        (json!({"scope": "openid"}), Reason::ScopeMissing),
        (json!({"scope": null}), Reason::ScopeMissing),
        (json!({"scope": 7}), Reason::ClaimType),
        (json!({"sub": null}), Reason::IdentityMissing),
        (json!({"sub": ""}), Reason::IdentityInvalid),
        (json!({"active": false}), Reason::IntrospectionInactive),
        (json!({"active": "true"}), Reason::IntrospectionInactive),
        (json!({"token_type": "refresh_token"}), Reason::IdToken),
        (json!({"token_class": "refresh_token"}), Reason::IdToken),
        (json!({"typ": "Refresh", "exp": NOW + 900_000}), Reason::IdToken),
        (json!({"token_use": "refresh_token"}), Reason::IdToken),
        (json!({"token_type": "DPoP"}), Reason::SenderConstrained),
    ] {
        introspected(changes).denies(OPAQUE, reason, 1);
    }
}

#[test]
fn an_answer_need_not_repeat_what_the_endpoint_is_asked_for() {
    introspected(json!({"iss": null})).grants(OPAQUE, "ana");
    introspected(json!({"exp": null})).grants(OPAQUE, "ana");
    introspected(json!({"exp": null, "iat": null, "token_type": null, "client_id": null})).grants(OPAQUE, "ana");
}

#[test]
fn a_provider_that_cannot_be_asked_lets_nobody_in() {
    let why = KeysUnavailable::new("https://idp.example/introspect cannot be asked: connect.", "See whether it is up.");
    let denial =
        OnlineLogin { answer: Err(why), ..introspected(json!({})) }.denies(OPAQUE, Reason::IntrospectionUnavailable, 1);
    assert_eq!(denial.hint, "See whether it is up.");
    for body in ["", "[]", "active", "{\"active\":false,\"active\":true}"] {
        let answer = Ok(OnlineAnswer { status: 200, body: body.to_owned() });
        OnlineLogin { answer, ..introspected(json!({})) }.denies(OPAQUE, Reason::IntrospectionUnavailable, 1);
    }
    login(INTROSPECTION, 400, &answer()).denies(OPAQUE, Reason::IntrospectionUnavailable, 1);
}

#[test]
fn a_jwt_goes_to_the_endpoint_of_its_own_issuer_and_nowhere_else() {
    introspected(json!({})).grants(&token(json!({})), "ana");
    introspected(json!({})).denies(&token(json!({"iss": "https://evil.example"})), Reason::IssuerMismatch, 0);
    let [head, payload, _] = mint::split(&token(json!({})));
    let broken = [mint::assemble(&head, b"no object", b"x"), mint::assemble(b"{\"alg\":", &payload, b"x")];
    for token in broken.iter().map(String::as_str).chain(["eyJ.b.c", "eyJhbGciOjB9.b.c"]) {
        introspected(json!({})).denies(token, Reason::TokenMalformed, 0);
    }
    introspected(json!({})).denies("a.b.c.d.e", Reason::TokenMalformed, 0);
}

#[test]
fn an_opaque_token_may_have_two_dots() {
    introspected(json!({})).grants("ya29.c.b0Aaekm1K", "ana");
    introspected(json!({"active": false})).denies("a.b.c", Reason::IntrospectionInactive, 1);
    // An object without alg is no header of a JWT.
    introspected(json!({"active": false})).denies("e30.b.c", Reason::IntrospectionInactive, 1);
    OnlineLogin { config: JWT.into(), ..introspected(json!({})) }.denies("ya29.c.b0Aaekm1K", Reason::TokenMalformed, 0);
}

#[test]
fn an_answer_about_another_token_is_none() {
    for claims in [json!({"sub": "bob"}), json!({"jti": "1"})] {
        let said = if claims.get("jti").is_some() { json!({"jti": "2"}) } else { json!({}) };
        introspected(said).denies(&token(claims), Reason::IntrospectionInactive, 1);
    }
}

#[test]
fn a_denied_jwt_says_nothing_of_itself_in_the_log() {
    for (claims, reason, says) in [
        (json!({"aud": "secret-audience"}), Reason::AudienceMismatch, "So says the JWT itself"),
        (json!({"exp": NOW - 12_345}), Reason::Expired, "own exp is past"),
        (json!({"nbf": NOW + 12_345}), Reason::NotYetValid, "in the future"),
        (json!({"exp": NOW + 1_234_567}), Reason::LifetimeTooLong, "further away"),
        (json!({"token_use": "refresh", "aud": "postgres"}), Reason::IdToken, "So says the JWT itself"),
    ] {
        let denial = introspected(json!({})).denies(&token(claims), reason, 1);
        assert!(denial.detail.contains(says), "{}", denial.detail);
        for value in ["secret-audience", "12345", "1234567", "1234627"] {
            assert!(!denial.detail.contains(value) && !denial.hint.contains(value), "{denial:?}");
        }
    }
}

#[test]
fn what_a_jwt_says_of_itself_is_shown_to_whoever_has_it() {
    let config = Config::parse(INTROSPECTION.as_bytes(), "f").config.unwrap();
    let request = Request { hba_issuer: ISSUER.into(), database: "app".into(), ..Request::default() };
    let jwt = token(json!({"token_use": "refresh", "aud": "postgres"}));
    let mut known = Known::default();
    known.insert_online_answer("corp".to_owned(), Ok(OnlineAnswer { status: 200, body: answer().to_string() }));
    let DecisionState::Decided(verdict) =
        decide(&request, &BearerToken::new(jwt.as_bytes()), &config, &known, UnixSeconds::new(NOW))
    else {
        panic!("more is needed");
    };
    let facts = &verdict.trace.steps().last().unwrap().facts;
    let of = |name: &str| facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
    assert_eq!(of("the JWT's own token_use"), Some("\"refresh\""));
    assert_eq!((of("the JWT's own aud"), of("aud")), (Some("\"postgres\""), Some("\"postgres\"")));
    assert_eq!(of("token_use"), None);
}

#[test]
fn nobody_is_told_to_allow_for_what_may_be_a_refresh_token() {
    let denial = introspected(json!({"exp": NOW + 900_000})).denies(OPAQUE, Reason::LifetimeTooLong, 1);
    assert!(denial.hint.contains("refresh token"), "{}", denial.hint);
    for wrong in ["raise", "max_lifetime", "recall"] {
        assert!(!denial.hint.contains(wrong), "{}", denial.hint);
    }
    let denial = introspected(json!({})).denies(&token(json!({"exp": NOW + 900_000})), Reason::LifetimeTooLong, 1);
    assert!(denial.hint.contains("refresh token") && !denial.hint.contains("raise"), "{}", denial.hint);
}

#[test]
fn an_answer_without_an_end_may_be_dated_by_a_clock_ahead_of_ours() {
    introspected(json!({"exp": null, "iat": NOW + 20})).grants(OPAQUE, "ana");
    introspected(json!({"exp": null, "iat": NOW + 31})).denies(OPAQUE, Reason::NotYetValid, 1);
    introspected(json!({"exp": null, "iat": NOW - 86_400})).grants(OPAQUE, "ana");
    introspected(json!({"exp": null, "iat": NOW - 86_401})).denies(OPAQUE, Reason::LifetimeTooLong, 1);
}

#[test]
fn what_an_answer_lacks_is_said_of_the_answer() {
    let denial = introspected(json!({"sub": null})).denies(OPAQUE, Reason::IdentityMissing, 1);
    assert!(denial.detail.starts_with("The provider's answer has no $.sub"), "{}", denial.detail);
    assert!(denial.hint.contains("$.username"), "{}", denial.hint);
    let denial = introspected(json!({"aud": null})).denies(OPAQUE, Reason::AudienceMismatch, 1);
    assert!(
        denial.detail.contains("the provider's answer names none") && denial.hint.contains("clients"),
        "{denial:?}"
    );
}

#[test]
fn an_inactive_token_may_be_a_matter_of_credentials() {
    let denial = introspected(json!({"active": false})).denies(OPAQUE, Reason::IntrospectionInactive, 1);
    assert!(denial.hint.contains("introspection.client_id") && denial.hint.contains("secret"), "{}", denial.hint);
}

#[test]
fn an_opaque_token_needs_exactly_one_profile_that_asks() {
    let apart =
        |config: &str, prefix: &str| format!("{config}identity = {{ claim = \"$.sub\", prefix = \"{prefix}\" }}\n");
    let both = format!("{}{}", apart(INTROSPECTION, "a:"), apart(JWT, "b:"));
    OnlineLogin { config: both, ..introspected(json!({})) }.grants(OPAQUE, "a:ana");
    let twins = format!(
        "{}{}",
        apart(INTROSPECTION, "a:"),
        apart(&INTROSPECTION.replace("[profiles.corp]", "[profiles.twin]"), "b:")
    );
    OnlineLogin { config: twins, ..introspected(json!({})) }.denies(OPAQUE, Reason::ProfileAmbiguous, 0);
    OnlineLogin { config: JWT.into(), ..introspected(json!({})) }.denies(OPAQUE, Reason::TokenMalformed, 0);
    let elsewhere = format!("{JWT}{}", INTROSPECTION.replace("idp.example/corp", "elsewhere.example"));
    let denial = OnlineLogin { config: elsewhere, ..introspected(json!({})) }.denies(OPAQUE, Reason::TokenMalformed, 0);
    assert_eq!(denial.profile.as_deref(), Some("other"));
}

#[test]
fn what_no_bearer_token_is_is_sent_nowhere() {
    for bad in ["", "a b", "a\n", "a&token_type_hint=x", "a%00", "\u{e4}", "a\"", "a,b"] {
        introspected(json!({})).denies(bad, Reason::TokenMalformed, 0);
    }
    let long = "a".repeat(16_385);
    introspected(json!({})).denies(&long, Reason::TokenTooLarge, 0);
    introspected(json!({})).grants(&"a".repeat(16_384), "ana");
}

#[test]
fn another_separator_is_for_answers_alone() {
    let config = INTROSPECTION.replace("client_id", "scope_separator = \",\", client_id");
    let comma = with(answer(), json!({"scope": "openid,db.connect"}));
    login(&config, 200, &comma).grants(OPAQUE, "ana");
    login(&config, 200, &answer()).denies(OPAQUE, Reason::ScopeMissing, 1);
}

fn token_info(changes: Value) -> OnlineLogin {
    let sample = samples::sample("google_tokeninfo_user").shifted_to(NOW).payload;
    OnlineLogin { scope: "openid", ..login(TOKENINFO, 200, &with(sample, changes)) }
}

#[test]
fn google_says_who_holds_an_opaque_token() {
    token_info(json!({})).grants(OPAQUE, "112010400000000710080");
    let client = "1234567890-abc.apps.googleusercontent.com";
    for (changes, reason) in [
        (json!({"aud": "other.apps.googleusercontent.com"}), Reason::AudienceMismatch),
        (json!({"aud": "other.apps.googleusercontent.com", "azp": client}), Reason::AudienceMismatch),
        (json!({"azp": "other.apps.googleusercontent.com"}), Reason::ClientNotAllowed),
        (json!({"azp": null}), Reason::ClientNotAllowed),
        (json!({"aud": null, "audience": client, "issued_to": client}), Reason::AudienceMismatch),
        (json!({"exp": null}), Reason::Expired),
        (json!({"exp": (NOW - 60).to_string()}), Reason::Expired),
        (json!({"exp": "soon"}), Reason::ClaimType),
        (json!({"expires_in": "0"}), Reason::Expired),
        (json!({"expires_in": "-1"}), Reason::Expired),
        (json!({"error": "invalid_token"}), Reason::IntrospectionInactive),
        (json!({"sub": null}), Reason::IdentityMissing),
        (json!({"scope": "https://www.googleapis.com/auth/userinfo.email"}), Reason::ScopeMissing),
    ] {
        token_info(changes).denies(OPAQUE, reason, 1);
    }
    let invalid = json!({"error": "invalid_token", "error_description": "Invalid Value"});
    login(TOKENINFO, 400, &invalid).denies(OPAQUE, Reason::IntrospectionInactive, 1);
    let service = samples::sample("google_tokeninfo_service_account").shifted_to(NOW).payload;
    login(TOKENINFO, 200, &service).denies(OPAQUE, Reason::AudienceMismatch, 1);
}

#[test]
fn a_verified_email_is_so_by_its_value() {
    let config = format!("{TOKENINFO}identity = {{ claim = \"$.email\", verified_by = \"$.email_verified\" }}\n");
    let asked =
        |verified: Value| OnlineLogin { config: config.clone(), ..token_info(json!({"email_verified": verified})) };
    asked(json!("true")).grants(OPAQUE, "ana@corp.example");
    asked(json!("false")).denies(OPAQUE, Reason::IdentityUnverified, 1);
    asked(json!("TRUE")).denies(OPAQUE, Reason::ClaimType, 1);
    let old = json!({"email_verified": null, "verified_email": true});
    OnlineLogin { config: config.clone(), ..token_info(old) }.denies(OPAQUE, Reason::IdentityUnverified, 1);
}

#[test]
fn hydra_is_understood() {
    let config = "[profiles.corp]\nissuer = \"https://hydra.example\"\nhba_issuers = [\"https://idp.example/corp\"]\naudience = [\"https://pg.example\"]\n\
         mode = \"introspection\"\nintrospection = { endpoint = \"https://hydra.example/i\", auth = \"none\" }\n\
         [profiles.corp.roles]\nclaim = \"$.ext.pg_role\"\nexact = true\n";
    let sample = samples::sample("hydra_introspection").shifted_to(NOW).payload;
    login(config, 200, &sample).grants("ory_at_x.y", "ana");
    login(config, 200, &with(sample, json!({"token_use": "refresh_token"}))).denies("ory_at_x.y", Reason::IdToken, 1);
}

#[test]
fn what_is_needed_says_how_to_ask() {
    let config = Config::parse(INTROSPECTION.as_bytes(), "f").config.unwrap();
    let request = Request { hba_issuer: ISSUER.into(), database: "app".into(), ..Request::default() };
    let token = BearerToken::new(OPAQUE.as_bytes());
    match decide(&request, &token, &config, &Known::default(), UnixSeconds::new(NOW)) {
        DecisionState::Needs(Needs::OnlineAnswer { profile, check }) => {
            assert_eq!((profile.as_str(), check.kind), ("corp", OnlineKind::Introspection));
            assert_eq!(check.auth.secret_file(), Some("s"));
            assert_eq!((check.kind.mode(), OnlineKind::Tokeninfo.mode()), ("introspection", "tokeninfo"));
        }
        _ => panic!("nothing is needed"),
    }
}

#[test]
fn an_answer_is_shown_to_whoever_has_the_token_and_without_it() {
    let config = Config::parse(INTROSPECTION.as_bytes(), "f").config.unwrap();
    let request = Request { hba_issuer: ISSUER.into(), database: "app".into(), ..Request::default() };
    let facts = |token: &str| {
        let repeated = json!({"whole": token, "within": format!("a {token} b"), token: 1});
        let mut known = Known::default();
        let body = with(answer(), repeated).to_string();
        known.insert_online_answer("corp".to_owned(), Ok(OnlineAnswer { status: 200, body }));
        match decide(&request, &BearerToken::new(token.as_bytes()), &config, &known, UnixSeconds::new(NOW)) {
            DecisionState::Decided(verdict) => {
                verdict.trace.steps().iter().flat_map(|step| step.facts.clone()).collect()
            }
            DecisionState::Needs(needs) => panic!("{needs:?}"),
        }
    };
    let of = |facts: &[oauth_validator_core::Fact], name: &str| {
        facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.clone())
    };
    let shown: Vec<oauth_validator_core::Fact> = facts(OPAQUE);
    assert_eq!(of(&shown, "client_id").as_deref(), Some("\"psql\""));
    for name in ["whole", "within"] {
        assert_eq!(of(&shown, name).as_deref(), Some("\"(the token)\""), "{name}");
    }
    assert!(shown.iter().all(|fact| !fact.name.contains("a0AfB") && !fact.value.contains("a0AfB")), "{shown:?}");
    // Of one that is too short to tell, the whole is left out.
    assert_eq!(of(&facts("short"), "whole").as_deref(), Some("\"(the token)\""));
}
