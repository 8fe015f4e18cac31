//! Answers as real endpoints lay them out, through the presets that are made for them.
//!
//! Layouts that are no line of samples.jsonl are those of the vendors' documentation (Okta) or code (Dex, ZITADEL).

use super::support::{NOW, Told};
use oauth_validator_core::{Config, Decision, OnlineAnswer, OnlineKind, Reason, Request};
use oauth_validator_fixtures::samples;
use serde_json::{Value, json};

/// A profile of a provider, and what its endpoint answers about a good token.
struct Endpoint {
    config: String,
    issuer: &'static str,
    scope: &'static str,
    answer: Value,
}

fn sample(name: &str) -> Value {
    samples::sample(name).shifted_to(NOW).payload
}

fn endpoint(preset: &str, lines: &str, issuer: &'static str, scope: &'static str, answer: Value) -> Endpoint {
    let config = format!("[profiles.corp]\npreset = \"{preset}\"\nissuer = \"{issuer}\"\n{lines}");
    Endpoint { config, issuer, scope, answer }
}

fn google() -> Endpoint {
    let lines = "audience = [\"1234567890-abc.apps.googleusercontent.com\", \"108108108108108108108\"]\n\
         clients = { claims = [\"$.azp\"], allow = [\"1234567890-abc.apps.googleusercontent.com\", \"108108108108108108108\"] }\n";
    endpoint("google", lines, "https://accounts.google.com", "openid", sample("google_tokeninfo_user"))
}

fn hydra() -> Endpoint {
    let lines = "audience = [\"https://pg.example\"]\n\
         introspection = { endpoint = \"https://hydra.example/admin/oauth2/introspect\", auth = \"none\" }\n";
    endpoint("hydra", lines, "https://hydra.example", "openid db.connect", sample("hydra_introspection"))
}

fn okta_org() -> Endpoint {
    let lines = "audience = [\"https://acme.okta.example\"]\n\
         clients = { claims = [\"$.client_id\"], allow = [\"0oa000client00000h7\"] }\n\
         introspection = { endpoint = \"https://acme.okta.example/oauth2/v1/introspect\", client_id = \"0oapg\", client_secret_file = \"s\" }\n";
    let answer = json!({
        "active": true, "token_type": "Bearer", "scope": "openid profile", "client_id": "0oa000client00000h7",
        "username": "ana@corp.example", "exp": NOW + 3600, "iat": NOW, "sub": "ana@corp.example",
        "aud": "https://acme.okta.example", "iss": "https://acme.okta.example", "jti": "AT.7P4KlczBYVcWLkxduEuKeZ",
        "uid": "00u000user0000000h7"
    });
    endpoint("okta-org", lines, "https://acme.okta.example", "openid", answer)
}

fn dex() -> Endpoint {
    let lines = "audience = [\"psql\"]\nintrospection = { endpoint = \"https://dex.example/token/introspect\" }\n\
         [[profiles.corp.require]]\nclaim = \"$.client_id\"\nequals = \"psql\"\n";
    let answer = json!({
        "active": true, "client_id": "psql", "sub": "Cg0wLTM4NS0yODA4OS0wEgRtb2Nr", "exp": NOW + 86_400, "iat": NOW,
        "nbf": NOW, "username": "ana", "aud": "psql", "iss": "https://dex.example", "token_type": "Bearer",
        "token_use": "access_token", "ext": { "email": "ana@corp.example", "email_verified": true, "groups": ["readers"] }
    });
    endpoint("dex", lines, "https://dex.example", "openid", answer)
}

fn zitadel() -> Endpoint {
    let lines = "audience = [\"69234237810729019\"]\n\
         introspection = { endpoint = \"https://corp.zitadel.example/oauth/v2/introspect\", client_id = \"pg\", client_secret_file = \"s\" }\n\
         [[profiles.corp.require]]\nclaim = \"$['urn:zitadel:iam:org:project:roles'].pg_reader\"\npresent = true\n";
    let answer = json!({
        "active": true, "scope": "openid profile urn:zitadel:iam:org:project:id:69234237810729019:aud",
        "client_id": "69234237810729234", "token_type": "Bearer", "exp": NOW + 43_200, "iat": NOW, "nbf": NOW,
        "sub": "77776025198584418", "aud": ["69234237810729234", "69234237810729019"],
        "iss": "https://corp.zitadel.example", "jti": "V2_69234237813329048-at_69234237813329049",
        "username": "ana@corp.example", "name": "Ana",
        "urn:zitadel:iam:org:project:roles": { "pg_reader": { "69234237810720000": "corp.zitadel.example" } }
    });
    endpoint("zitadel-opaque", lines, "https://corp.zitadel.example", "openid", answer)
}

impl Endpoint {
    /// The answer with other members; null takes one out.
    fn with(&self, changes: Value) -> Value {
        let mut answer = self.answer.clone();
        for (name, value) in changes.as_object().expect("an object") {
            answer[name] = value.clone();
        }
        answer.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        answer
    }

    fn decide(&self, answer: &Value) -> Decision {
        let parsed = Config::parse(self.config.as_bytes(), "f");
        assert_eq!(parsed.findings, [], "{}", self.config);
        let config = parsed.config.expect("no findings");
        let request = Request {
            hba_issuer: self.issuer.into(),
            hba_scope: self.scope.into(),
            role: "ana".into(),
            database: "app".into(),
            ..Request::default()
        };
        let answer = Ok(OnlineAnswer { status: 200, body: answer.to_string() });
        let mut told = Told { answer: Some(answer), ..Told::default() };
        let decision = told.decide(&request, b"opaque", &config);
        assert_eq!(told.endpoints_asked.len(), 1, "{}", self.config);
        decision
    }

    #[track_caller]
    fn grants(&self, authn_id: &str) {
        match self.decide(&self.answer) {
            Decision::Granted(grant) => assert_eq!(grant.authn_id(), authn_id),
            Decision::Denied(denial) => panic!("{denial:?}"),
        }
    }

    #[track_caller]
    fn denies(&self, changes: Value, reason: Reason) {
        match self.decide(&self.with(changes.clone())) {
            Decision::Granted(_) => panic!("granted: {changes}"),
            Decision::Denied(denial) => assert_eq!(denial.reason, reason, "{changes}: {denial:?}"),
        }
    }
}

#[test]
fn good_answers_are_granted_with_the_presets_identity() {
    google().grants("112010400000000710080");
    hydra().grants("ana");
    okta_org().grants("00u000user0000000h7");
    dex().grants("Cg0wLTM4NS0yODA4OS0wEgRtb2Nr");
    zitadel().grants("77776025198584418");
}

#[test]
fn every_sample_of_an_answer_has_its_preset() {
    let answers = samples::all().iter().filter(|sample| ["introspection", "tokeninfo"].contains(&sample.kind.as_str()));
    let names: Vec<&str> = answers.map(|sample| sample.name.as_str()).collect();
    assert_eq!(names, ["google_tokeninfo_user", "google_tokeninfo_service_account", "hydra_introspection"]);
    // A service account has no sub, and with the fallback that the preset's head names, an identity of its own.
    let service = Endpoint { answer: sample("google_tokeninfo_service_account"), scope: EMAIL, ..google() };
    service.denies(json!({}), Reason::IdentityMissing);
    let fallback = "identity = { claim = \"$.sub\", fallback = { claim = \"$.azp\", prefix = \"sa:\" } }\n";
    let config = format!("{}{fallback}", service.config);
    Endpoint { config, ..service }.grants("sa:108108108108108108108");
}

const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";

#[test]
fn each_provider_is_asked_in_its_own_way() {
    for (endpoint, kind, param) in [
        (google(), OnlineKind::Tokeninfo, "access_token"),
        (hydra(), OnlineKind::Introspection, "token"),
        (okta_org(), OnlineKind::Introspection, "token"),
        (dex(), OnlineKind::Introspection, "token"),
        (zitadel(), OnlineKind::Introspection, "token"),
    ] {
        let config = Config::parse(endpoint.config.as_bytes(), "f").config.expect("valid");
        let oauth_validator_core::config::KeySource::Online(check) = &config.profiles()[0].keys else { panic!("keys") };
        assert_eq!((check.kind, check.token_param.as_str()), (kind, param), "{}", endpoint.config);
    }
}

#[test]
fn other_tokens_of_the_same_providers_are_refused() {
    for endpoint in [hydra(), okta_org(), dex(), zitadel()] {
        endpoint.denies(json!({ "active": false }), Reason::IntrospectionInactive);
        endpoint.denies(json!({ "active": null }), Reason::IntrospectionInactive);
        endpoint.denies(json!({ "aud": "other" }), Reason::AudienceMismatch);
        endpoint.denies(json!({ "iss": "https://other.example" }), Reason::IssuerMismatch);
        endpoint.denies(json!({ "token_type": "refresh_token" }), Reason::IdToken);
        endpoint.denies(json!({ "exp": NOW - 60 }), Reason::Expired);
    }
    for endpoint in [hydra(), dex()] {
        endpoint.denies(json!({ "token_use": "refresh_token" }), Reason::IdToken);
        endpoint.denies(json!({ "token_use": null }), Reason::IdToken);
        endpoint.denies(json!({ "sub": null }), Reason::IdentityMissing);
    }
    okta_org().denies(json!({ "token_type": null }), Reason::IdToken);
    okta_org().denies(json!({ "client_id": "0oa000stranger" }), Reason::ClientNotAllowed);
    okta_org().denies(json!({ "scope": "profile" }), Reason::ScopeMissing);
    // Its refresh tokens are active and of type Bearer as well.
    okta_org().denies(json!({ "aud": null, "iss": null, "jti": null, "uid": null }), Reason::AudienceMismatch);
    okta_org().denies(json!({ "uid": null }), Reason::IdentityMissing);
    dex().denies(json!({ "client_id": "other" }), Reason::RuleFailed);
    zitadel().denies(json!({ "urn:zitadel:iam:org:project:roles": { "other": {} } }), Reason::RuleFailed);
    zitadel().denies(json!({ "token_type": null }), Reason::IdToken);
    hydra().denies(json!({ "scope": "openid" }), Reason::ScopeMissing);
}
