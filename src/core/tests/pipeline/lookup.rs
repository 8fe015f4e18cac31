//! Claims that the token lacks: for whom somebody is asked, for whom nobody is, and what comes of the answer.

use super::support::{ISSUER, Login, Told, jwks, token};
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeySet, KeysUnavailable, OnlineAnswer, Privileges, Reason, Request,
    RoleAttributes, Source, Step, Tracing, Userinfo, Verdict, decide_with,
};
use oauth_validator_fixtures::{keys, mint};
use serde_json::{Value, json};

const LOOKUP: &str =
    "lookup = { kind = \"userinfo\", claims = [\"groups\", \"email\"], endpoint = \"https://idp.example/userinfo\" }\n";
const DBA: &str = "require = [{ claim = \"$.groups\", contains = \"dba\" }]\n";
const CLIENTS: &str = "clients = { claims = [\"$.client_id\"], allow = [\"psql\"] }\n";

/// What is decided about a token, and how often somebody was asked.
struct CountedDecision {
    verdict: Verdict,
    lookups: usize,
}

impl CountedDecision {
    fn reason(&self) -> Option<Reason> {
        match &self.verdict.decision {
            Decision::Granted(_) => None,
            Decision::Denied(denial) => Some(denial.reason),
        }
    }

    fn denial(&self) -> &Denial {
        match &self.verdict.decision {
            Decision::Denied(denial) => denial,
            granted => panic!("{granted:?}"),
        }
    }
}

type LookupReply = Result<OnlineAnswer, KeysUnavailable>;

fn says(body: Value) -> LookupReply {
    Ok(OnlineAnswer { status: 200, body: body.to_string() })
}

fn decided(
    profile: &str,
    token: &str,
    answer: Option<LookupReply>,
    request: Request,
    privileges: Privileges,
) -> CountedDecision {
    let toml = format!(
        "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"corp.jwks\" }}\n{LOOKUP}{profile}"
    );
    let parsed = Config::parse(toml.as_bytes(), "oauth-validator.toml");
    let config = parsed.config.unwrap_or_else(|| panic!("{toml}: {:#?}", parsed.findings));
    let set = KeySet::from_jwks(jwks(&[keys::corp()]).to_string().as_bytes()).unwrap();
    let mut told = Told { keys: Some(Ok(set)), userinfo: answer, privileges, ..Told::default() };
    let token = BearerToken::new(token.as_bytes());
    let verdict = decide_with(&mut told, Tracing::Values, &request, &token, &config);
    CountedDecision { verdict, lookups: told.lookups.len() }
}

fn login(profile: &str, claims: Value, answer: LookupReply) -> CountedDecision {
    decided(profile, &token(claims), Some(answer), Login::new().request, Privileges::default())
}

/// A login's verdict, where asking anybody fails the test.
fn unasked(profile: &str, token: &str) -> CountedDecision {
    decided(profile, token, None, Login::new().request, Privileges::default())
}

fn dba() -> LookupReply {
    says(json!({"sub": "ana", "groups": ["dba"]}))
}

#[test]
fn a_claim_that_the_token_lacks_is_looked_up_once() {
    let asked = login(DBA, json!({}), dba());
    assert_eq!((asked.reason(), asked.lookups), (None, 1));
    let steps = asked.verdict.trace.steps();
    let step = steps.iter().find(|passage| passage.step == Step::Lookup).unwrap();
    assert_eq!(step.said, "groups from https://idp.example/userinfo");
    assert_eq!((step.facts[0].name.as_str(), step.facts[0].value.as_str()), ("groups", "[\"dba\"]"));
    // Each step is told once, whatever was tried before somebody was asked.
    let steps: Vec<Step> = steps.iter().map(|passage| passage.step).collect();
    assert_eq!(steps[steps.len() - 4..], [Step::Scope, Step::Lookup, Step::Rules, Step::Identity]);
    assert!(!asked.verdict.trace.log_lines().any(|line| line.contains("dba")));
}

#[test]
fn nobody_is_asked_about_a_token_that_fails_by_itself() {
    let refused = |profile: &str, claims: Value, reason: Reason| {
        let asked = unasked(&format!("{CLIENTS}{profile}"), &token(claims.clone()));
        assert_eq!((asked.reason(), asked.lookups), (Some(reason), 0), "{profile} {claims}");
    };
    let psql = |changes: Value| {
        let mut claims = json!({"client_id": "psql"});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    refused(DBA, json!({"client_id": "stolen"}), Reason::ClientNotAllowed);
    refused(DBA, json!({}), Reason::ClientNotAllowed);
    refused(DBA, psql(json!({"aud": "reports"})), Reason::AudienceMismatch);
    refused(DBA, psql(json!({"exp": 1})), Reason::Expired);
    refused(DBA, psql(json!({"scope": "openid"})), Reason::ScopeMissing);
    refused(DBA, psql(json!({"sub": null})), Reason::IdentityMissing);
    refused(&format!("{DBA}deny_identities = [\"ana\"]\n"), psql(json!({})), Reason::IdentityDenied);
    // The rule behind the one that waits for an answer is looked at before.
    let rules = "require = [{ claim = \"$.groups\", contains = \"dba\" }, { claim = \"$.tid\", equals = \"T\" }]\n";
    refused(rules, psql(json!({})), Reason::RuleFailed);
    let session = format!("{DBA}session = {{ claims = {{ aud = \"$.aud\" }} }}\n");
    refused(&session, psql(json!({"aud": ["postgres"]})), Reason::SessionClaimInvalid);
    let foreign = mint::mint(keys::partner(), &json!({"alg": "RS256", "typ": "at+jwt", "kid": "corp-rsa"}), &json!({}));
    let asked = unasked(DBA, &foreign);
    assert!(asked.reason().is_some() && asked.lookups == 0);
}

#[test]
fn nobody_is_asked_for_what_the_login_does_not_need() {
    for claims in [json!({"groups": ["dba"]}), json!({"groups": "dba"})] {
        let asked = unasked(DBA, &token(claims));
        assert_eq!((asked.reason(), asked.lookups), (None, 0));
    }
    // A claim that is there is never replaced, whatever it is.
    for own in [json!(["staff"]), json!([]), json!(""), json!(7), json!({"dba": true})] {
        let asked = unasked(DBA, &token(json!({"groups": own})));
        assert_eq!((asked.reason(), asked.lookups), (Some(Reason::RuleFailed), 0), "{own}");
    }
    // Roles are looked at only where pg_hba.conf delegates.
    let roles = "roles = { claim = \"$.groups[*]\", exact = true }\n";
    assert_eq!(unasked(roles, &token(json!({}))).lookups, 0);
    let delegated = |answer: Option<LookupReply>, privileges: Privileges| {
        let request = Login::new().request(|request| request.delegate_ident_mapping = true).request;
        decided(roles, &token(json!({})), answer, request, privileges)
    };
    let ana = says(json!({"sub": "ana", "groups": ["ana"]}));
    let asked = delegated(Some(ana), Privileges::default());
    assert_eq!((asked.reason(), asked.lookups), (None, 1));
    // A privileged role would not be granted whatever the answer is.
    let own = RoleAttributes { name: "ana".to_owned(), superuser: true, ..RoleAttributes::default() };
    let asked = delegated(None, Privileges { reached: vec![own] });
    assert_eq!((asked.reason(), asked.lookups), (Some(Reason::RolePrivileged), 0));
}

#[test]
fn an_answer_that_is_none_denies_and_says_why() {
    let gone = Err(KeysUnavailable::new("The provider cannot be asked for claims: connect: no.", "Look at it."));
    for (answer, reason, words) in [
        (gone, Reason::LookupUnavailable, "connect: no. The token lacks groups."),
        (says(json!({"sub": "eve", "groups": ["dba"]})), Reason::LookupMismatch, "about another sub."),
        (says(json!({"groups": ["dba"]})), Reason::LookupMismatch, "has no sub."),
        (Ok(OnlineAnswer { status: 401, body: String::new() }), Reason::LookupRefused, "does not take the token."),
        (Ok(OnlineAnswer { status: 200, body: "<p>".to_owned() }), Reason::LookupUnavailable, "not one JSON object"),
    ] {
        let asked = login(DBA, json!({}), answer);
        let denial = asked.denial();
        assert_eq!((denial.reason, asked.lookups), (reason, 1), "{denial:?}");
        assert!(denial.detail.contains(words), "{denial:?}");
        assert_eq!(denial.authn_id.as_deref(), Some("ana"), "the token is genuine, and says who it is");
        assert!(!denial.hint.is_empty());
    }
    let asked = login(DBA, json!({}), says(json!({"sub": "ana"})));
    let detail = &asked.denial().detail;
    assert_eq!(asked.reason(), Some(Reason::RuleFailed));
    assert!(detail.ends_with("What the token lacks was looked up at https://idp.example/userinfo."), "{detail}");
}

#[test]
fn a_token_without_subject_has_nobody_asked() {
    let asked =
        unasked(&format!("{DBA}identity = {{ claim = \"$.uid\" }}\n"), &token(json!({"sub": null, "uid": "u"})));
    assert_eq!((asked.reason(), asked.lookups), (Some(Reason::LookupMismatch), 0));
}

#[test]
fn an_identity_is_looked_up_and_no_fallback_takes_its_place_before() {
    let identity = "identity = { claim = \"$.email\", fallback = { claim = \"$.sub\", prefix = \"app:\" } }\n";
    let asked = |answer: LookupReply| login(identity, json!({}), answer);
    let name = |asked: &CountedDecision| match &asked.verdict.decision {
        Decision::Granted(grant) => grant.authn_id().to_owned(),
        Decision::Denied(denial) => panic!("{denial:?}"),
    };
    assert_eq!(name(&asked(says(json!({"sub": "ana", "email": "a@corp.example"})))), "a@corp.example");
    assert_eq!(name(&asked(says(json!({"sub": "ana"})))), "app:ana");
    let failed = asked(says(json!({"sub": "eve", "email": "e@corp.example"})));
    assert_eq!((failed.reason(), failed.denial().authn_id.as_deref()), (Some(Reason::LookupMismatch), None));
    let wrong = asked(says(json!({"sub": "ana", "email": ["a@corp.example"]})));
    assert_eq!(wrong.reason(), Some(Reason::IdentityInvalid));
}

/// A rule with `report_only` denies nobody, not even by the lookup that it needs.
#[test]
fn rules_that_only_report_deny_nobody() {
    let rule = "[[profiles.corp.require]]\nclaim = \"$.groups\"\ncontains = \"dba\"\nreport_only = true\n";
    let asked = login(rule, json!({}), dba());
    assert_eq!((asked.reason(), asked.lookups, asked.verdict.reported.len()), (None, 1, 0));
    let asked = login(rule, json!({}), Ok(OnlineAnswer { status: 401, body: String::new() }));
    assert_eq!((asked.reason(), asked.lookups), (None, 1));
    let reported: Vec<Reason> = asked.verdict.reported.iter().map(|denial| denial.reason).collect();
    assert_eq!(reported, [Reason::LookupRefused, Reason::RuleFailed]);
}

#[test]
fn what_is_asked_is_what_the_profile_says() {
    let toml = format!(
        "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nlookup = {{ kind = \"userinfo\", claims = [\"groups\"] }}\n\
         keys = {{ allowed_hosts = [\"api.example\"], timeout = \"3s\" }}\n{DBA}"
    );
    let config = Config::parse(toml.as_bytes(), "f").config.unwrap();
    let set = KeySet::from_jwks(jwks(&[keys::corp()]).to_string().as_bytes()).unwrap();
    let mut told = Told { keys: Some(Ok(set)), userinfo: Some(dba()), ..Told::default() };
    let decision = told.decide(&Login::new().request, token(json!({})).as_bytes(), &config);
    assert!(matches!(decision, Decision::Granted(_)), "{decision:?}");
    let lookup = &told.lookups[0];
    assert_eq!((lookup.claims.as_slice(), lookup.reach.timeout.as_secs()), (&["groups".to_owned()][..], 3));
    let metadata = Userinfo::Metadata {
        issuer: ISSUER.to_owned(),
        discovery_url: None,
        allowed_hosts: vec!["api.example".to_owned()],
    };
    assert_eq!(lookup.source, Source::Userinfo(metadata));
}
