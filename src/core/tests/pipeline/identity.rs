//! Step 10: one string, as it is, or nobody.

use super::support::{ISSUER, Login, Told, jwks, token};
use oauth_validator_core::Reason::{
    IdentityAmbiguous, IdentityDenied, IdentityInvalid, IdentityMissing, IdentityUnverified,
};
use oauth_validator_core::{Config, ConfigFolder, Decision, FolderFile, KeySet};
use oauth_validator_fixtures::keys;
use serde_json::json;

#[test]
fn identities_are_taken_as_they_are() {
    for sub in [
        "ana",
        "Ana@Corp.Example",
        "auth0|6553da60",
        "a b",
        "\u{e4}\u{f6}",
        "a\u{308}",
        "\u{ff41}",
        "+group",
        "/^x",
        "\"quoted\"",
        "0",
    ] {
        Login::new().grants(&token(json!({"sub": sub})), sub);
    }
    Login::new().grants(&token(json!({"sub": "x".repeat(1024)})), &"x".repeat(1024));
}

#[test]
fn what_cannot_be_an_identity() {
    Login::new().denies(token(json!({"sub": null})), IdentityMissing);
    for sub in [
        json!(""),
        json!(" "),
        json!(" ana"),
        json!("ana "),
        json!("ana\n"),
        json!("\tana"),
        json!("postgres\u{0}x"),
        json!("a\u{7f}b"),
        json!("a\u{85}b"),
        json!("ana\u{a0}"),
        json!("x".repeat(1025)),
        json!(7),
        json!(true),
        json!(["ana"]),
        json!({"sub": "ana"}),
    ] {
        Login::new().denies(token(json!({"sub": sub})), IdentityInvalid);
    }
}

#[test]
fn other_claims_by_jsonpath() {
    let login = |path: &str| Login::with_profile(&format!("identity = {{ claim = \"{path}\" }}\n"));
    login("$['https://corp.example/login']").grants(&token(json!({"https://corp.example/login": "ana.l"})), "ana.l");
    login("$['kubernetes.io'].serviceaccount.uid")
        .grants(&token(json!({"kubernetes.io": {"serviceaccount": {"uid": "14ee"}}})), "14ee");
    login("$.list[*]").grants(&token(json!({"list": ["one"]})), "one");
    login("$.list[*]").denies(token(json!({"list": ["one", "two"]})), IdentityAmbiguous);
    login("$.list[*]").denies(token(json!({"list": ["one", "one"]})), IdentityAmbiguous);
    login("$.list[*]").denies(token(json!({"list": []})), IdentityMissing);
    login("$.list").denies(token(json!({"list": ["one"]})), IdentityInvalid);
    login("$.oid").denies(token(json!({})), IdentityMissing);
}

#[test]
fn an_email_must_be_verified() {
    let login = Login::with_profile("identity = { claim = \"$.email\", verified_by = \"$.email_verified\" }\n");
    login.grants(&token(json!({"email": "ana@corp.example", "email_verified": true})), "ana@corp.example");
    for verified in
        [json!(false), json!("true"), json!("false"), json!(1), json!(0), json!([true]), json!({}), json!(null)]
    {
        login.denies(token(json!({"email": "ana@corp.example", "email_verified": verified})), IdentityUnverified);
    }
    let entra = Login::with_profile(
        "identity = { claim = \"$.email\", verified_by = \"$.xms_edov\", verified_values = [true, \"1\", 1] }\n",
    );
    for verified in [json!(true), json!("1"), json!(1)] {
        entra.grants(&token(json!({"email": "ana@corp.example", "xms_edov": verified})), "ana@corp.example");
    }
    for verified in [json!(false), json!("0"), json!(0), json!("true"), json!(null)] {
        entra.denies(token(json!({"email": "ana@corp.example", "xms_edov": verified})), IdentityUnverified);
    }
}

#[test]
fn the_emergency_brake_for_people() {
    let login = Login::with_profile("deny_identities = [\"ana\"]\n");
    login.denies(token(json!({})), IdentityDenied);
    login.grants(&token(json!({"sub": "Ana"})), "Ana");
}

#[test]
fn several_claims_are_joined_so_that_they_can_be_told_apart() {
    let login =
        Login::with_profile("identity = { claims = { tid = \"$.tid\", oid = \"$.oid\" }, format = \"{tid}:{oid}\" }\n");
    login.grants(&token(json!({"tid": "t", "oid": "o"})), "t:o");
    login.grants(&token(json!({"tid": "t", "oid": "o:p"})), "t:o:p");
    login.denies(token(json!({"tid": "t:o", "oid": "p"})), IdentityInvalid);
    login.denies(token(json!({"tid": "t"})), IdentityMissing);
    login.denies(token(json!({"oid": "o"})), IdentityMissing);
    login.denies(token(json!({"tid": "", "oid": "o"})), IdentityInvalid);
    login.denies(token(json!({"tid": "t", "oid": 7})), IdentityInvalid);
    login.denies(token(json!({"tid": ["t"], "oid": "o"})), IdentityInvalid);
    let overlapping =
        Login::with_profile("identity = { claims = { a = \"$.a\", b = \"$.b\" }, format = \"{a}--{b}\" }\n");
    overlapping.grants(&token(json!({"a": "x", "b": "-y"})), "x---y");
    overlapping.denies(token(json!({"a": "x-", "b": "y"})), IdentityInvalid);
}

#[test]
fn integers_become_plain_decimals() {
    let login = Login::with_profile("identity = { claim = \"$.id\", type = \"integer\" }\n");
    login.grants(&token(json!({"id": 42})), "42");
    login.grants(&token(json!({"id": -1})), "-1");
    login.grants(&token(json!({"id": u64::MAX})), "18446744073709551615");
    for id in [json!("42"), json!(42.0), json!(1e3), json!(true), json!([42]), json!({})] {
        login.denies(token(json!({"id": id})), IdentityInvalid);
    }
    login.denies(token(json!({})), IdentityMissing);
    Login::with_profile("identity = { claim = \"$.id\" }\n").denies(token(json!({"id": 42})), IdentityInvalid);
}

#[test]
fn a_pattern_matches_in_full() {
    let login = Login::with_profile("identity = { pattern = '(?<id>[^@]+)@corp\\.example' }\n");
    login.grants(&token(json!({"sub": "ana@corp.example"})), "ana");
    for sub in [
        "ana@corp.example.evil",
        "x ana@corp.example@corp.example",
        "ana@corpxexample",
        "ana@corp.example\n",
        "@corp.example",
        "ana",
    ] {
        login.denies(token(json!({"sub": sub})), IdentityInvalid);
    }
    let whole = Login::with_profile("identity = { pattern = '[a-z]+' }\n");
    whole.grants(&token(json!({"sub": "ana"})), "ana");
    whole.denies(token(json!({"sub": "Ana"})), IdentityInvalid);
    let empty = Login::with_profile("identity = { pattern = '(?<id>[0-9]*)[a-z]*' }\n");
    empty.grants(&token(json!({"sub": "7a"})), "7");
    empty.denies(token(json!({"sub": "ana"})), IdentityInvalid);
    let optional = Login::with_profile("identity = { pattern = '(?<id>[0-9]+)?[a-z]*' }\n");
    optional.denies(token(json!({"sub": "ana"})), IdentityInvalid);
}

#[test]
fn case_is_folded_for_ascii_only_after_the_pattern() {
    let login = Login::with_profile("identity = { case = \"lower\", prefix = \"Corp:\" }\n");
    login.grants(&token(json!({"sub": "ANA@Corp"})), "Corp:ana@corp");
    login.grants(&token(json!({"sub": "\u{c4}\u{130}\u{212a}"})), "Corp:\u{c4}\u{130}\u{212a}");
    let pattern = Login::with_profile("identity = { case = \"lower\", pattern = '[a-z]+' }\n");
    pattern.denies(token(json!({"sub": "ANA"})), IdentityInvalid);
}

#[test]
fn a_fallback_is_for_absent_claims_only() {
    let login =
        Login::with_profile("identity = { claim = \"$.uid\", fallback = { claim = \"$.cid\", prefix = \"app:\" } }\n");
    login.grants(&token(json!({"uid": "ana", "cid": "psql"})), "ana");
    login.grants(&token(json!({"cid": "psql"})), "app:psql");
    login.denies(token(json!({})), IdentityMissing);
    for uid in [json!(""), json!(7), json!(["ana"]), json!({}), json!(false), json!(" ")] {
        login.denies(token(json!({"uid": uid, "cid": "psql"})), IdentityInvalid);
    }
    // A null is there, and is no string.
    let mut claims = super::support::claims_with(json!({"cid": "psql"}));
    claims["uid"] = serde_json::Value::Null;
    let null = oauth_validator_fixtures::mint::mint(
        oauth_validator_fixtures::keys::corp(),
        &super::support::header(),
        &claims,
    );
    login.denies(null, IdentityInvalid);
    // A person cannot be called like a client.
    login.denies(token(json!({"uid": "app:psql"})), IdentityInvalid);
    login.denies(token(json!({"cid": 7})), IdentityInvalid);
    login.denies(token(json!({"cid": ""})), IdentityInvalid);
    let many =
        Login::with_profile("identity = { claim = \"$.u[*]\", fallback = { claim = \"$.cid\", prefix = \"app:\" } }\n");
    many.denies(token(json!({"u": ["a", "b"], "cid": "psql"})), IdentityAmbiguous);
}

#[test]
fn prefixes_of_other_profiles_are_taken() {
    let login = Login::with_profile(
        "[profiles.partner]\nissuer = \"https://partner.example\"\naudience = [\"p\"]\nkeys = { jwks_file = \"k\" }\n\
         identity = { prefix = \"partner:\", fallback = { claim = \"$.azp\", prefix = \"partner-app:\" } }\n",
    );
    login.grants(&token(json!({"sub": "partner"})), "partner");
    login.denies(token(json!({"sub": "partner:ceo"})), IdentityInvalid);
    login.denies(token(json!({"sub": "partner-app:x"})), IdentityInvalid);
}

#[test]
fn invisible_direction_marks_are_refused() {
    for mark in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{61c}', '\u{2028}'] {
        Login::new().denies(token(json!({"sub": format!("ana{mark}x")})), IdentityInvalid);
    }
}

#[test]
fn a_profile_that_is_denied_keeps_its_prefix_from_fallbacks_on_its_line() {
    let profile = |name: &str, further: &str| {
        format!(
            "[profiles.{name}]\nissuer = \"https://{name}.example\"\nhba_issuers = [\"{ISSUER}\"]\n\
             token_issuers = [\"https://{name}.example\"]\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n{further}\n"
        )
    };
    let main = profile(
        "corp",
        "identity = { claim = \"$.uid\", fallback = { claim = \"$.cid\", prefix = \"app:\" }, prefix = \"corp:\" }",
    );
    let fallback = "identity = { prefix = \"bots:\", fallback = { claim = \"$.x\", prefix = \"app:bot:\" } }";
    let decide = |beside: &[FolderFile<'_>], client: &str| {
        let parsed = Config::parse_all(main.as_bytes(), "f.toml", ConfigFolder { name: "f.d", files: beside });
        let config = parsed.config.expect("a sound main file");
        let set = KeySet::from_jwks(jwks(&[keys::corp()]).to_string().as_bytes()).expect("keys");
        let token = token(json!({"iss": "https://corp.example", "cid": client}));
        let mut told = Told { keys: Some(Ok(set)), ..Told::default() };
        match told.decide(&Login::new().request, token.as_bytes(), &config) {
            Decision::Granted(grant) => Ok(grant.authn_id().to_owned()),
            Decision::Denied(denial) => Err(denial.reason),
        }
    };
    for identity in ["identity = { prefix = \"app:bot:\" }", fallback] {
        let bots = profile("bots", identity);
        let beside = [FolderFile { name: "f.d/bots.toml", text: Ok(bots.as_bytes()) }];
        assert_eq!(decide(&beside, "bot:x"), Err(IdentityInvalid), "it may be one of theirs");
        assert_eq!(decide(&beside, "other"), Ok("app:other".to_owned()));
    }
    assert_eq!(decide(&[], "bot:x"), Ok("app:bot:x".to_owned()), "nobody has that prefix");
}
