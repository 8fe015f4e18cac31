//! Step 7: genuine claims that are not for this server, not for now, or not of this kind.

use super::support::{ISSUER, Login, NOW, claims_with, token};
use oauth_validator_core::Reason::{
    ActorNotAllowed, AudienceMismatch, ClaimType, ClientNotAllowed, Expired, IdToken, IssuerMismatch, LifetimeTooLong,
    NotYetValid, SenderConstrained, TokenMalformed, TokenRevoked,
};
use serde_json::{Value, json};

#[test]
fn issuers_are_compared_byte_for_byte() {
    for iss in [
        json!("https://idp.example/corp/"),
        json!("https://idp.example/Corp"),
        json!("https://IDP.example/corp"),
        json!("https://idp.example:443/corp"),
        json!("http://idp.example/corp"),
        json!("https://idp.example/corp%2f"),
        json!("https://idp.example.evil.test/corp"),
        json!("https://idp.ex\u{430}mple/corp"),
        json!(" https://idp.example/corp"),
        json!(""),
        json!([ISSUER]),
        json!({"iss": ISSUER}),
        json!(7),
        json!(null),
    ] {
        Login::new().denies(token(json!({"iss": iss})), IssuerMismatch);
    }
}

#[test]
fn audiences_are_compared_whole() {
    Login::new().grants(&token(json!({"aud": ["account", "postgres"]})), "ana");
    let huge: Vec<String> = (0..500).map(|n| format!("service-{n}")).collect();
    for aud in [
        json!("postgre"),
        json!("postgresx"),
        json!("Postgres"),
        json!("api://postgres"),
        json!("postgres "),
        json!(""),
        json!([]),
        json!(["account"]),
        json!(huge),
        json!(null),
    ] {
        Login::new().denies(token(json!({"aud": aud})), AudienceMismatch);
    }
    for aud in [json!({"aud": "postgres"}), json!(7), json!(true), json!(["postgres", 7]), json!([["postgres"]])] {
        Login::new().denies(token(json!({"aud": aud})), ClaimType);
    }
}

#[test]
fn a_null_claim_that_decides_is_there() {
    let login = Login::new();
    let raw = |name: &str| {
        let mut claims = super::support::claims();
        claims[name] = Value::Null;
        oauth_validator_fixtures::mint::mint(oauth_validator_fixtures::keys::corp(), &super::support::header(), &claims)
    };
    login.denies(raw("aud"), ClaimType);
    login.denies(raw("exp"), ClaimType);
    login.denies(raw("iss"), IssuerMismatch);
    login.denies(raw("scope"), ClaimType);
    login.denies(raw("sub"), oauth_validator_core::Reason::IdentityInvalid);
}

#[test]
fn without_audience_the_client_must_be_listed() {
    let clients = "clients = { claims = [\"$.client_id\"], allow = [\"psql\"] }\n";
    let login = Login::with_file(&format!(
        "[profiles.cognito]\nissuer = \"{ISSUER}\"\naudience = \"none\"\n{clients}keys = {{ jwks_file = \"k\" }}\n"
    ));
    login.grants(&token(json!({"aud": null, "client_id": "psql"})), "ana");
    login.denies(token(json!({"aud": null, "client_id": "other"})), ClientNotAllowed);
    login.denies(token(json!({"aud": null})), ClientNotAllowed);
    login.denies(token(json!({"aud": 7, "client_id": "psql"})), ClaimType);
}

#[test]
fn exactly_one_listed_client() {
    let login =
        Login::with_profile("clients = { claims = [\"$.azp\", \"$.appid\"], allow = [\"psql\", \"dbeaver\"] }\n");
    login.grants(&token(json!({"azp": "psql"})), "ana");
    login.grants(&token(json!({"appid": "dbeaver"})), "ana");
    for claims in [
        json!({}),
        json!({"azp": "other"}),
        json!({"azp": "PSQL"}),
        json!({"azp": "psql", "appid": "psql"}),
        json!({"azp": "psql", "appid": "other"}),
        json!({"azp": ""}),
    ] {
        login.denies(token(claims), ClientNotAllowed);
    }
    for claims in [
        json!({"azp": ["psql"]}),
        json!({"azp": 7}),
        json!({"azp": {"id": "psql"}}),
        json!({"azp": "psql", "appid": 1}),
    ] {
        login.denies(token(claims), ClaimType);
    }
}

#[test]
fn expiry_at_its_edges() {
    let at = |now: i64| Login::new().now(now);
    let good = token(json!({"iat": NOW - 100, "exp": NOW}));
    at(NOW - 1).grants(&good, "ana");
    at(NOW).grants(&good, "ana");
    at(NOW + 29).grants(&good, "ana");
    at(NOW + 30).denies(&good, Expired);
    at(NOW + 100_000).denies(&good, Expired);
    let strict = Login::with_profile("clock_skew = \"0s\"\n");
    strict.denies(&good, Expired);
    strict.now(NOW - 1).grants(&good, "ana");
}

#[test]
fn numeric_dates_are_numbers_of_seconds() {
    let soon = NOW + 60;
    Login::new().grants(&token(json!({"exp": soon as f64 + 0.5})), "ana");
    for exp in [
        json!(soon.to_string()),
        json!([soon]),
        json!({"exp": soon}),
        json!(true),
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(soon * 1000),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(""),
        json!(253_402_300_800_i64),
    ] {
        Login::new().denies(token(json!({"exp": exp})), ClaimType);
    }
    Login::new().denies(token(json!({"exp": null})), Expired);
    Login::new().denies(token(json!({"exp": 0})), Expired);
    Login::new().denies(token(json!({"exp": 4_294_967_296_i64})), LifetimeTooLong);
    Login::new().denies(token(json!({"exp": 1e10})), LifetimeTooLong);
    for name in ["nbf", "iat"] {
        for wrong in [json!(NOW.to_string()), json!([NOW]), json!(true), json!(NOW * 1000), json!(-5)] {
            Login::new().denies(token(json!({name: wrong})), ClaimType);
        }
    }
}

#[test]
fn not_before_at_its_edges() {
    for name in ["nbf", "iat"] {
        Login::new().grants(&token(json!({name: NOW + 30})), "ana");
        Login::new().denies(token(json!({name: NOW + 31})), NotYetValid);
        Login::new().denies(token(json!({name: NOW + 3000})), NotYetValid);
    }
    Login::new().grants(&token(json!({"nbf": NOW - 5})), "ana");
    Login::new().denies(token(json!({"iat": NOW + 20, "exp": NOW + 10})), ClaimType);
}

#[test]
fn lifetime_is_limited_with_and_without_iat() {
    let day = 24 * 3600;
    Login::new().grants(&token(json!({"exp": NOW + day})), "ana");
    Login::new().denies(token(json!({"exp": NOW + day + 1})), LifetimeTooLong);
    Login::new().grants(&token(json!({"iat": null, "exp": NOW + day})), "ana");
    Login::new().denies(token(json!({"iat": null, "exp": NOW + day + 1})), LifetimeTooLong);
    // An old token does not become acceptable because little of its life is left.
    Login::new().denies(token(json!({"iat": NOW - 2 * day, "exp": NOW + 60})), LifetimeTooLong);
    Login::with_profile("max_lifetime = \"5min\"\n").denies(token(json!({})), LifetimeTooLong);
    Login::with_profile("max_lifetime = \"1h\"\n").grants(&token(json!({})), "ana");
}

#[test]
fn the_clock_is_an_argument() {
    let good = token(json!({}));
    for (now, reason) in
        [(0, NotYetValid), (-1, NotYetValid), (i64::from(i32::MAX), Expired), (NOW - 86_400, NotYetValid)]
    {
        Login::new().now(now).denies(&good, reason);
    }
}

#[test]
fn bound_tokens_are_refused() {
    for cnf in [json!({"jkt": "abc"}), json!({"x5t#S256": "abc"}), json!({}), json!("x")] {
        Login::new().denies(token(json!({"cnf": cnf})), SenderConstrained);
    }
}

#[test]
fn actors_are_refused_unless_allowed() {
    for claims in [
        json!({"act": {"sub": "admin"}}),
        json!({"act": "admin"}),
        json!({"may_act": {"sub": "admin"}}),
        json!({"act": {"sub": "a", "act": {"sub": "b"}}}),
    ] {
        Login::new().denies(token(claims.clone()), ActorNotAllowed);
        // Even then it is the token's own subject that counts.
        Login::with_profile("actor = \"allow\"\n").grants(&token(claims), "ana");
    }
}

#[test]
fn tokens_of_other_kinds_are_refused() {
    let with_nonce = |typ: Value| {
        let (header, claims) = (super::support::header_with(json!({"typ": typ})), claims_with(json!({"nonce": "n"})));
        oauth_validator_fixtures::mint::mint(oauth_validator_fixtures::keys::corp(), &header, &claims)
    };
    let types = "token_types = [\"at+jwt\", \"JWT\", \"\"]\n";
    for typ in [json!("JWT"), Value::Null] {
        Login::with_profile(types).denies(with_nonce(typ.clone()), IdToken);
        Login::with_profile(&format!("{types}token_kind = \"any\"\n")).grants(&with_nonce(typ), "ana");
    }
    // A type that is for access tokens alone outweighs what the client has chosen.
    Login::new().grants(&with_nonce(json!("at+jwt")), "ana");
    for claims in [
        json!({"at_hash": "h"}),
        json!({"nonce": "n", "at_hash": "h"}),
        json!({"c_hash": "h"}),
        json!({"s_hash": "h"}),
        json!({"typ": "ID"}),
        json!({"token_use": "id"}),
    ] {
        Login::new().denies(token(claims.clone()), IdToken);
        Login::with_profile("token_kind = \"any\"\n").grants(&token(claims), "ana");
    }
    for claims in [
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        json!({"typ": "Refresh"}),
        json!({"typ": "Offline"}),
        json!({"token_class": "refresh_token"}),
    ] {
        Login::new().denies(token(claims.clone()), IdToken);
        Login::with_profile("token_kind = \"any\"\n").denies(token(claims), IdToken);
    }
    Login::new().grants(&token(json!({"typ": "Bearer", "token_use": "access"})), "ana");
}

#[test]
fn no_hint_about_the_kind_of_a_token_proposes_to_accept_id_tokens() {
    let keycloak = format!(
        "[profiles.corp]\npreset = \"keycloak\"\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n"
    );
    for denial in [
        Login::new().denies(token(json!({"at_hash": "h"})), IdToken),
        Login::new().denies(token(json!({"typ": "ID"})), IdToken),
        Login::new().denies(token(json!({"token_use": "refresh"})), IdToken),
        Login::with_file(&keycloak).denies(token(json!({"typ": "Other"})), IdToken),
        Login::with_file(&keycloak.replace("keycloak", "entra")).denies(
            oauth_validator_fixtures::mint::mint(
                oauth_validator_fixtures::keys::corp(),
                &json!({"typ": "JWT", "alg": "RS256"}),
                &super::support::claims(),
            ),
            IdToken,
        ),
    ] {
        assert!(!denial.hint.contains("token_kind") && !denial.hint.contains("any\""), "{}", denial.hint);
        assert!(denial.hint.contains("Send the access token"), "{}", denial.hint);
        let entra = denial.detail.contains("preset \"entra\"");
        assert_eq!(denial.hint.contains("optional claim idtyp"), entra, "{}", denial.hint);
    }
}

#[test]
fn a_kind_is_judged_before_a_lifetime() {
    let long = json!({"token_use": "refresh", "exp": NOW + 900_000});
    Login::new().denies(token(long), IdToken);
    Login::new().denies(token(json!({"exp": NOW + 900_000})), LifetimeTooLong);
}

#[test]
fn within_the_skew_a_token_without_iat_is_as_good_as_one_with_it() {
    Login::new().grants(&token(json!({"iat": null, "exp": NOW - 10})), "ana");
    Login::new().denies(token(json!({"iat": null, "exp": NOW - 31})), Expired);
    Login::new().denies(token(json!({"iat": NOW + 20, "exp": NOW + 10})), ClaimType);
    Login::new().denies(token(json!({"iat": NOW + 20, "exp": NOW + 20})), ClaimType);
    Login::new().grants(&token(json!({"iat": NOW + 20, "exp": NOW + 21})), "ana");
}

#[test]
fn a_shared_audience_is_never_proposed() {
    let proposes = |aud: Value| {
        let denial = Login::new().denies(token(json!({"aud": aud})), AudienceMismatch);
        let proposed = denial.hint.contains("add it to profiles.corp.audience");
        assert_eq!(denial.hint.contains("do not accept it"), !proposed, "{}", denial.hint);
        proposed
    };
    for aud in [
        json!("account"),
        json!(["account"]),
        json!(["account", "broker", "realm-management"]),
        json!("authenticated"),
        json!(ISSUER),
        json!(format!("{ISSUER}/")),
        json!(["account", format!("{ISSUER}/protocol/openid-connect/userinfo")]),
        json!("00000003-0000-0000-c000-000000000000"),
        json!("https://graph.microsoft.com/"),
    ] {
        assert!(!proposes(aud.clone()), "{aud}");
    }
    for aud in [json!("reports"), json!(["account", "reports"]), json!("accounts"), json!("https://idp.example")] {
        assert!(proposes(aud.clone()), "{aud}");
    }
}

#[test]
fn a_token_can_be_revoked_by_its_jti() {
    let login = Login::with_profile("deny_jti = [\"stolen\"]\n");
    login.grants(&token(json!({"jti": "other"})), "ana");
    login.grants(&token(json!({})), "ana");
    login.denies(token(json!({"jti": "stolen"})), TokenRevoked);
    login.denies(token(json!({"jti": ["stolen"]})), ClaimType);
}

#[test]
fn nested_look_alikes_are_not_the_claims() {
    let nested = json!({"sub": null, "xms_st": {"sub": "postgres"}});
    Login::new().denies(token(nested), oauth_validator_core::Reason::IdentityMissing);
    let nested = json!({"aud": null, "inner": {"aud": "postgres"}});
    Login::new().denies(token(nested), AudienceMismatch);
    Login::new().denies(
        oauth_validator_fixtures::mint::mint_bytes(
            oauth_validator_fixtures::keys::corp(),
            "RS256",
            super::support::header().to_string().as_bytes(),
            b"[]",
        ),
        TokenMalformed,
    );
}

#[test]
fn each_hint_fits_what_is_missing() {
    let denial = Login::new().denies(token(json!({"aud": null})), AudienceMismatch);
    assert!(denial.hint.starts_with("Have the provider name it in the token."), "{}", denial.hint);
    let denial = Login::new().denies(token(json!({"aud": "reports"})), AudienceMismatch);
    assert!(denial.hint.starts_with("If the token's audience is this server"), "{}", denial.hint);
    let clients = Login::with_profile("clients = { claims = [\"$.client_id\"], allow = [\"other\"] }\n");
    let denial = clients.denies(token(json!({"client_id": null})), ClientNotAllowed);
    assert!(denial.hint.contains("write an aud for this server"), "{}", denial.hint);
    let denial = clients.denies(token(json!({"client_id": "psql"})), ClientNotAllowed);
    assert!(denial.hint.contains("clients.allow"), "{}", denial.hint);
    let denial = Login::new().denies(token(json!({"iss": null})), IssuerMismatch);
    assert!(denial.detail.contains("has no iss") && denial.hint.contains("write iss"), "{denial:?}");
    let denial = Login::new().denies(token(json!({"iss": 7})), IssuerMismatch);
    assert!(denial.detail.contains("is not a string") && denial.hint.contains("byte for byte"), "{denial:?}");
    let denial = Login::new().denies(token(json!({"iss": "https://evil.example"})), IssuerMismatch);
    assert!(denial.detail.contains("is another") && denial.hint.contains("byte for byte"), "{denial:?}");
}
