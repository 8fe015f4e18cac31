//! What is warned of in one profile, and what is not: a warning that comes too often is read by nobody.

use crate::config::Config;
use crate::finding::{Finding, FindingCode};

const KEYCLOAK: &str = "[profiles.corp]\nissuer = \"https://kc.example/realms/corp\"\naudience = [\"postgres\"]\nkeys = { jwks_file = \"k\" }\n";

fn findings(text: &str) -> Vec<Finding> {
    let parsed = Config::parse(text.as_bytes(), "f");
    assert!(parsed.config.is_some(), "{text}\n{:#?}", parsed.findings);
    parsed.findings
}

fn codes(text: &str) -> Vec<FindingCode> {
    findings(text).iter().map(|finding| finding.code).collect()
}

fn hint(text: &str) -> String {
    let findings = findings(text);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings[0].hint.clone().unwrap_or_default()
}

fn with_audience(audience: &str) -> String {
    KEYCLOAK.replace("[\"postgres\"]", audience)
}

#[test]
fn audiences_that_all_services_share() {
    for audience in [
        "[\"account\"]",
        "[\"postgres\", \"account\"]",
        "[\"broker\"]",
        "[\"realm-management\"]",
        "[\"authenticated\"]",
        "[\"https://kc.example/realms/corp\"]",
        "[\"https://kc.example/realms/corp/\"]",
        "[\"https://kc.example/realms/corp/protocol/openid-connect/userinfo\"]",
        "[\"00000003-0000-0000-c000-000000000000\"]",
        "[\"https://graph.microsoft.com/\"]",
        "[\"openid db.connect\"]",
    ] {
        assert_eq!(codes(&with_audience(audience)), [FindingCode::CommonAudience], "{audience}");
    }
    let both = codes(&with_audience("[\"account\", \"authenticated\"]"));
    assert_eq!(both, [FindingCode::CommonAudience, FindingCode::CommonAudience]);
    for audience in [
        "[\"accounts\"]",
        "[\"Account\"]",
        "[\"https://kc.example\"]",
        "[\"userinfo\"]",
        "['Ana \"the\" service']",
        "[\"a\\\\b c\"]",
        "[\"db.connect\"]",
        "[\"https://pg.example/userinfo\"]",
        "[\"https://kc.example/realms/corp/postgres\"]",
    ] {
        assert_eq!(codes(&with_audience(audience)), [], "{audience}");
    }
    let clients = "clients = { claims = [\"$.azp\"], allow = [\"psql\"] }\n";
    assert_eq!(codes(&format!("{}{clients}", with_audience("[\"account\"]"))), [], "the client says whose it is");
    let spelled = "token_issuers = [\"https://kc.cluster.local/realms/corp\"]\n";
    let audience = with_audience("[\"https://kc.cluster.local/realms/corp\"]");
    assert_eq!(codes(&format!("{audience}{spelled}")), [FindingCode::CommonAudience]);
}

#[test]
fn claims_that_name_no_client() {
    let with = |claims: &str| format!("{KEYCLOAK}clients = {{ claims = [{claims}], allow = [\"psql\"] }}\n");
    for claims in [
        "\"$.iss\"",
        "\"$['iss']\"",
        "\"$.sub\"",
        "\"$.aud\"",
        "\"$.audience\"",
        "\"$.aud[0]\"",
        "\"$.aud[*]\"",
        "\"$.tid\"",
        "\"$.scope\"",
        "\"$.azp\", \"$.iss\"",
        "\"$['azp', 'iss']\"",
    ] {
        assert_eq!(codes(&with(claims)), [FindingCode::NoClientClaim], "{claims}");
    }
    for claims in
        ["\"$.azp\"", "\"$.appid\", \"$.azp\"", "\"$.client_id\"", "\"$.cid\"", "\"$.ext.iss\"", "\"$[*].iss\""]
    {
        assert_eq!(codes(&with(claims)), [], "{claims}");
    }
}

#[test]
fn identities_that_change_hands() {
    let with = |claim: &str, more: &str| format!("{KEYCLOAK}identity = {{ claim = \"{claim}\"{more} }}\n");
    let verified = ", verified_by = \"$.email_verified\"";
    for claim in [
        "$.email",
        "$.mail",
        "$.emails[0]",
        "$.emails[*]",
        "$.username",
        "$.user_name",
        "$.preferred_username",
        "$.login",
        "$.nickname",
        "$.upn",
        "$.name",
        "$['cognito:username']",
        "$['https://corp.example/email']",
        "$['https://corp.example/claims#mail']",
        "$['urn:corp:E-Mail']",
        "$.user.email",
        "$.ext['email']",
        "$['user']['preferred_username']",
        "$.userPrincipalName",
    ] {
        for more in ["", verified] {
            assert_eq!(codes(&with(claim, more)), [FindingCode::MutableIdentity], "{claim}{more}");
        }
    }
    for claim in
        ["$.sub", "$.oid", "$.uid", "$.user.id", "$.username.id", "$.email_verified", "$.mailbox", "$.client_id"]
    {
        assert_eq!(codes(&with(claim, "")), [], "{claim}");
    }
    let several = "identity = { claims = { tid = \"$.tid\", name = \"$.email\" }, format = \"{tid}:{name}\" }\n";
    assert_eq!(codes(&format!("{KEYCLOAK}{several}")), [], "one of them stays");
    assert!(hint(&with("$.email", "")).contains("verified_by"));
    assert!(!hint(&with("$.email", verified)).contains("verified_by"), "it is there");
}

#[test]
fn sub_at_entra() {
    let with = |issuer: &str| KEYCLOAK.replace("https://kc.example/realms/corp", issuer);
    for issuer in [
        "https://login.microsoftonline.com/T/v2.0",
        "https://login.microsoftonline.us/T/v2.0",
        "https://login.partner.microsoftonline.cn/T/v2.0",
        "https://sts.windows.net/T/",
        "https://corp.b2clogin.com/T/v2.0/",
        "https://CORP.B2CLOGIN.COM/T/v2.0/",
        "https://corp.ciamlogin.com/T/v2.0",
        "https://windows.net",
        "https://sts.windows.net:443/T/",
    ] {
        let text = with(issuer);
        assert_eq!(codes(&text), [FindingCode::MutableIdentity], "{issuer}");
        assert!(hint(&text).contains("$.oid"));
        assert_eq!(codes(&format!("{text}identity = {{ claim = \"$.oid\" }}\n")), [], "{issuer}");
    }
    for issuer in [
        "https://notb2clogin.com",
        "https://corp.b2clogin.com.example",
        "https://idp.example/corp.b2clogin.com",
        "https://windows.net.example",
        "https://a",
    ] {
        assert_eq!(codes(&with(issuer)), [], "{issuer}");
    }
    let spelled = format!("{KEYCLOAK}token_issuers = [\"https://sts.windows.net/T/\"]\n");
    assert_eq!(codes(&spelled), [FindingCode::MutableIdentity]);
}

#[test]
fn id_tokens_and_the_rules_of_a_preset() {
    let plain = format!("{KEYCLOAK}token_kind = \"any\"\n");
    let preset = plain.replace("[profiles.corp]\n", "[profiles.corp]\npreset = \"keycloak\"\n");
    let own = format!("{preset}access_token = [{{ claim = \"$.typ\", one_of = [\"Bearer\", \"ID\"] }}]\n");
    for text in [&plain, &preset, &own] {
        assert_eq!(codes(text), [FindingCode::AnyTokenKind]);
    }
    let rules = |text: &str| Config::parse(text.as_bytes(), "f").config.unwrap().profiles()[0].access_token.len();
    assert_eq!((rules(&plain), rules(&preset), rules(&own)), (0, 1, 1));
    assert_eq!(rules(&own.replace("any", "access")), 2, "added to the preset's");
    let of_preset = |text: &str| findings(text)[0].message.contains("preset \"keycloak\"");
    assert!(of_preset(&preset) && hint(&preset).contains("[[profiles.corp.access_token]]"));
    assert!(!of_preset(&plain) && !of_preset(&own));
    let shown = |text: &str| {
        let settings = crate::config::effective(text, (0, text), "corp");
        settings
            .iter()
            .filter(|setting| setting.key.starts_with("access_token[") && setting.key.ends_with("claim"))
            .count()
    };
    assert_eq!((shown(&plain), shown(&preset), shown(&own)), (0, 1, 1));
}

#[test]
fn a_long_life_is_another_matter_where_the_provider_is_asked() {
    let long = format!("{KEYCLOAK}max_lifetime = \"30d\"\n");
    assert!(hint(&long).contains("recalled"));
    let asked = long.replace(
        "keys = { jwks_file = \"k\" }",
        "mode = \"introspection\"\nintrospection = { endpoint = \"https://kc.example/i\", auth = \"none\" }",
    );
    assert!(hint(&asked).contains("refresh tokens") && !hint(&asked).contains("recalled"));
    assert_eq!(codes(&long.replace("30d", "29h")), []);
}
