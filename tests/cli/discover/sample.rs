//! `oauth-validator discover --token-file`: the profile for a token at hand, and what it does with others.

use super::discover;
use crate::network::with_keys;
use crate::support::{Folder, Run};
use oauth_validator_core::Config;
use oauth_validator_fixtures::TokenBuilder;
use oauth_validator_fixtures::keys::{self, TestKey};
use oauth_validator_mock_provider::MockProvider;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970; the command has no other clock.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// A claim set of the provider's, as a user's access token has it.
fn claims(provider: &MockProvider, further: Value) -> Value {
    let mut claims = json!({
        "iss": provider.issuer(), "aud": "pg", "sub": "ana", "client_id": "psql", "scope": "openid db.connect",
        "iat": now(), "exp": now() + 3600, "jti": "token-1",
    });
    for (name, value) in further.as_object().expect("an object") {
        match value {
            Value::Null => claims.as_object_mut().expect("an object").remove(name),
            value => claims.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn signed(typ: &str, claims: Value, key: &TestKey) -> String {
    TokenBuilder::new(json!({ "alg": "RS256", "typ": typ, "kid": key.kid() }), claims).sign(key)
}

/// What is said of the first token, with the others as those that must be refused.
fn asked(provider: &MockProvider, tokens: &[&str], args: &[&str]) -> Run {
    let folder = Folder::new("");
    let mut all: Vec<String> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        folder.write(&format!("{at}.txt"), &format!("{token}\n"));
        all.push(if at == 0 { "--token-file" } else { "--not" }.to_owned());
        all.push(folder.path(&format!("{at}.txt")).to_string_lossy().into_owned());
    }
    let all: Vec<&str> = all.iter().map(String::as_str).chain(args.iter().copied()).collect();
    let run = discover(provider, &all);
    for token in tokens {
        let parts = token.split('.').filter(|part| part.len() > 12);
        assert!(
            parts.into_iter().all(|part| !run.stdout.contains(part) && !run.stderr.contains(part)),
            "a token is shown"
        );
    }
    run
}

/// The profile, which the server would accept.
#[track_caller]
fn profile(run: &Run) -> String {
    let report = run.json();
    let text = report["proposal"]["profile"].as_str().expect("a profile").to_owned();
    assert!(Config::parse(text.as_bytes(), "f").config.is_some(), "{text}");
    text
}

#[test]
fn a_token_that_follows_rfc_9068_keeps_its_preset() {
    let provider = with_keys(MockProvider::start());
    let token = signed("at+jwt", claims(&provider, json!({})), keys::corp());
    let run = asked(&provider, &[&token], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let profile = profile(&run);
    for line in ["preset = \"rfc9068\"", "audience = [\"pg\"]", "claims = [\"$.client_id\"], allow = [\"psql\"]"] {
        assert!(profile.contains(line), "{line}: {profile}");
    }
    assert_eq!(run.json()["tokens"]["remarks"][0], "this token: granted, as \"ana\"");
}

/// As better-auth issues them: an endpoint of the provider is in the audience of every token, so it must not be accepted.
#[test]
fn an_endpoint_of_the_provider_is_no_audience() {
    let provider = with_keys(MockProvider::start());
    let userinfo = format!("{}/oauth2/userinfo", provider.issuer());
    let of = |audience: &str| {
        let claims = claims(&provider, json!({ "aud": [audience, userinfo] }));
        signed("at+jwt", claims, keys::corp())
    };
    let run = asked(&provider, &[&of("pg"), &of("reports")], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(profile(&run).contains("audience = [\"pg\"]\n"), "{}", run.stdout);
}

/// As Authelia and ZITADEL publish it: claims about people are not in the token, and an endpoint knows them.
#[test]
fn what_the_token_lacks_is_offered_from_the_userinfo_endpoint() {
    let provider = with_keys(MockProvider::start());
    let publish = |endpoint: Value| {
        let mut metadata = provider.metadata();
        metadata["userinfo_endpoint"] = endpoint;
        provider.set_metadata(metadata);
    };
    let endpoint = format!("{}/userinfo", provider.base_url());
    let of = |further: Value| signed("at+jwt", claims(&provider, further), keys::corp());
    let table = |token: &str| asked(&provider, &[token], &["--json"]).json()["proposal"]["lookup"].clone();
    assert_eq!(table(&of(json!({}))), Value::Null, "nothing is published");
    publish(json!(endpoint));
    for (further, names) in [
        (json!({}), "\"email\", \"groups\""),
        (json!({"email": "ana@corp.example"}), "\"groups\""),
        (json!({"groups": []}), "\"email\""),
    ] {
        let text = table(&of(further)).as_str().expect("a table").to_owned();
        assert!(text.ends_with(&format!("claims = [{names}]\nendpoint = \"{endpoint}\"\n")), "{text}");
        let run = asked(&provider, &[&of(json!({}))], &["--json"]);
        let rules =
            "require = [{ claim = \"$.groups\", contains = \"dba\" }, { claim = \"$.email\", present = true }]\n";
        let head = profile(&run).replacen("]\n", &format!("]\n{rules}"), 1);
        let parsed = Config::parse(format!("{head}\n{text}").as_bytes(), "f");
        assert!(parsed.config.is_some_and(|config| config.profiles()[0].lookup.is_some()), "{head}{text}");
    }
    assert_eq!(table(&of(json!({"groups": ["dba"], "email": "ana@corp.example"}))), Value::Null);
    let text = asked(&provider, &[&of(json!({}))], &[]).stdout;
    assert!(text.contains(&format!("userinfo       {endpoint}")), "{text}");
    assert!(text.contains("# The token has no email or groups.") && text.contains("#   kind = \"userinfo\""), "{text}");
    // Another host, or one without TLS, is nobody to show tokens to.
    for odd in [json!("https://elsewhere.example/userinfo"), json!("http://localhost/userinfo"), json!(7), Value::Null]
    {
        publish(odd.clone());
        let run = asked(&provider, &[&of(json!({}))], &["--json"]);
        assert_eq!(
            (run.code, &run.json()["userinfo_endpoint"], &run.json()["proposal"]["lookup"]),
            (0, &Value::Null, &Value::Null),
            "{odd}"
        );
    }
    assert_eq!(provider.request_count("/userinfo"), 0, "the token is shown to nobody");
}

#[test]
fn a_provider_with_a_preset_of_its_own_keeps_it() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    let further = json!({ "client_id": null, "azp": "psql", "typ": "Bearer", "aud": ["pg", "account"] });
    let access = signed("JWT", claims(&provider, further), keys::corp());
    let id = signed("JWT", claims(&provider, json!({ "typ": "ID" })), keys::corp());
    let run = asked(&provider, &[&access, &id], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let profile = profile(&run);
    assert!(profile.contains("preset = \"keycloak\"") && profile.contains("audience = [\"pg\"]\n"), "{profile}");
}

/// Whoever has no audience of their own there would be let in with tokens for anything else.
#[test]
fn an_audience_that_is_everybodys_is_no_audience_of_the_database() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    for (aud, fine) in [
        (json!("account"), false),
        (json!(["account"]), false),
        (json!(format!("{}/api/v2/", provider.issuer())), false),
        (json!([provider.issuer(), "account"]), false),
        (json!("accounts"), true),
        (json!(["account", "pg"]), true),
    ] {
        let access = signed("JWT", claims(&provider, json!({ "typ": "Bearer", "aud": aud })), keys::corp());
        let run = asked(&provider, &[&access], &["--json"]);
        assert_eq!((run.code == 0, &run.json()["tokens"]["fine"]), (fine, &json!(fine)), "{aud}: {}", run.stdout);
        assert_eq!(run.stdout.contains("tokens for every service have the audience"), !fine, "{aud}: {}", run.stdout);
    }
}

/// Refresh tokens can be of that type too, so nothing is said by it; Keycloak says the kind in `typ`.
#[test]
fn bearer_is_the_kind_of_a_token_in_typ_alone() {
    let provider = with_keys(MockProvider::start());
    for (name, is_kind) in [("typ", true), ("token_type", false), ("type", false)] {
        let access = signed("JWT", claims(&provider, json!({ name: "Bearer" })), keys::corp());
        let profile = profile(&asked(&provider, &[&access], &["--json"]));
        assert_eq!(profile.contains("equals = \"Bearer\""), is_kind, "{name}: {profile}");
    }
}

/// As NanoIDP issues them: all kinds are JWTs of one type, and one claim tells them apart.
#[test]
fn a_claim_that_says_the_kind_becomes_a_rule() {
    let provider = with_keys(MockProvider::start());
    let of = |further: Value| signed("JWT", claims(&provider, further), keys::corp());
    let access = of(json!({ "token_use": "access" }));
    let refresh = of(json!({ "token_use": "refresh", "exp": now() + 7200 }));
    let id = of(json!({ "token_use": "id", "aud": "psql", "at_hash": "x" }));
    let run = asked(&provider, &[&access, &id, &refresh], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let profile = profile(&run);
    assert!(profile.contains("token_types = [\"JWT\"]") && !profile.contains("preset"), "{profile}");
    assert!(profile.contains("claim = \"$.token_use\"\nequals = \"access\""), "{profile}");
}

#[test]
fn what_another_kind_lacks_becomes_a_rule() {
    let provider = with_keys(MockProvider::start());
    let of = |further: Value| signed("JWT", claims(&provider, further), keys::corp());
    let access = of(json!({}));
    let other = of(json!({ "jti": null }));
    let run = asked(&provider, &[&access, &other], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(profile(&run).contains("claim = \"$.jti\"\npresent = true"), "{}", run.stdout);
}

#[test]
fn where_nothing_tells_two_tokens_apart_it_says_so() {
    let provider = with_keys(MockProvider::start());
    let of = |jti: &str| signed("JWT", claims(&provider, json!({ "jti": jti })), keys::corp());
    let run = asked(&provider, &[&of("a"), &of("b")], &["--json"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.json()["tokens"]["remarks"][1].as_str().is_some_and(|said| said.contains("no rule can refuse it")));
}

#[test]
fn scopes_lifetimes_and_clients_are_found_where_they_are() {
    let provider = with_keys(MockProvider::start());
    let further = json!({
        "scope": null, "scp": ["db.connect", "openid"], "client_id": null, "azp": "psql", "exp": now() + 864_000,
        "email": "ana@corp.example",
    });
    let token = signed("JWT", claims(&provider, further), keys::corp());
    let run = asked(&provider, &[&token], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let profile = profile(&run);
    for line in ["max_lifetime = \"10d\"", "claims = [\"$.azp\"]", "scope = { claim = \"$.scp\""] {
        assert!(profile.contains(line), "{line}: {profile}");
    }
    assert!(run.stdout.contains("email can be changed"), "{}", run.stdout);
}

#[test]
fn a_token_that_the_provider_has_not_signed_is_not_read_further() {
    let provider = with_keys(MockProvider::start());
    let stranger = TestKey::rsa("stranger");
    let same_kid = stranger.with_kid(keys::corp().kid());
    for key in [&stranger, &same_kid] {
        let token = signed("at+jwt", claims(&provider, json!({ "sub": "who-else" })), key);
        let run = asked(&provider, &[&token], &[]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains("not one that this provider's keys verify"), "{}", run.stderr);
        assert!(!run.stderr.contains("who-else"), "{}", run.stderr);
    }
    let elsewhere = signed("at+jwt", claims(&provider, json!({ "iss": "https://other.example" })), keys::corp());
    let run = asked(&provider, &[&elsewhere], &[]);
    assert!(run.code == 2 && run.stderr.contains("issuer_mismatch"), "{}", run.stderr);
}

#[test]
fn what_is_no_jwt_is_refused_with_what_to_do() {
    let provider = with_keys(MockProvider::start());
    for token in ["opaque-token-of-a-provider", "a.b.c", "e30.e30", ""] {
        let run = asked(&provider, &[token], &[]);
        assert!(run.code == 2 && run.stderr.contains("use the profile with introspection"), "{token}: {}", run.stderr);
    }
}

/// A service's token of the same client and API: nothing tells its kind, but it is its own subject.
#[test]
fn a_service_that_is_its_own_subject_is_kept_out_by_the_rule_on_both() {
    let provider = with_keys(MockProvider::start());
    let of = |further: Value| signed("at+jwt", claims(&provider, further), keys::corp());
    let run = asked(&provider, &[&of(json!({})), &of(json!({ "sub": "psql" }))], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let profile = profile(&run);
    assert!(profile.contains(".require]]\nclaim = \"$[?$.sub != $.client_id]\"\npresent = true\n"), "{profile}");
    let remarks = run.json()["tokens"]["remarks"].clone();
    assert!(remarks[1].as_str().is_some_and(|said| said.ends_with("denied: rule_failed")), "{remarks}");
}

#[test]
fn two_others_that_no_single_rule_refuses_get_a_rule_each() {
    let provider = with_keys(MockProvider::start());
    let of = |further: Value| signed("JWT", claims(&provider, further), keys::corp());
    let access = of(json!({ "token_class": "access_token" }));
    let refresh = of(json!({ "token_class": "renewal" }));
    let another = of(json!({ "token_class": "access_token", "jti": null }));
    let run = asked(&provider, &[&access, &refresh, &another], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let profile = profile(&run);
    for rule in ["claim = \"$.token_class\"\nequals = \"access_token\"", "claim = \"$.jti\"\npresent = true"] {
        assert!(profile.contains(rule), "{rule}: {profile}");
    }
}

#[test]
fn a_longer_lifetime_is_the_last_thing_that_tells_a_token_apart() {
    let provider = with_keys(MockProvider::start());
    let of = |seconds: u64| signed("JWT", claims(&provider, json!({ "exp": now() + seconds })), keys::corp());
    let run = asked(&provider, &[&of(3600), &of(36_000)], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(profile(&run).contains("max_lifetime = \"60min\"\n"), "{}", run.stdout);
    assert!(run.stdout.contains("denied: lifetime_too_long"), "{}", run.stdout);
    // Lifetimes that differ a little are no mark.
    let run = asked(&provider, &[&of(3600), &of(5000)], &["--json"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
}

/// Claims of a person are in whichever token a client asks for them.
#[test]
fn an_address_is_no_mark_of_a_kind() {
    let provider = with_keys(MockProvider::start());
    let of = |further: Value| signed("JWT", claims(&provider, further), keys::corp());
    for (own, others) in [(json!({ "email": "a@x" }), json!({})), (json!({}), json!({ "email": "a@x" }))] {
        let run = asked(&provider, &[&of(own), &of(others)], &["--json"]);
        assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
        assert!(!profile(&run).contains("email\"\n"), "{}", run.stdout);
    }
}

#[test]
fn a_type_of_its_own_tells_the_kind() {
    let provider = with_keys(MockProvider::start());
    for typ in ["at+jwt", "vnd.backstage.user"] {
        let token = signed(typ, claims(&provider, json!({ "jti": null })), keys::corp());
        let run = asked(&provider, &[&token], &["--json"]);
        assert!(run.code == 0 && run.stdout.contains("the typ of its header tells it"), "{typ}: {}", run.stdout);
        assert!(!run.stdout.contains("nothing in the token says"), "{typ}: {}", run.stdout);
    }
    let plain = signed("JWT", claims(&provider, json!({})), keys::corp());
    let run = asked(&provider, &[&plain], &["--json"]);
    assert!(run.stdout.contains("nothing in the token says that it is an access token"), "{}", run.stdout);
}

#[test]
fn the_identity_is_what_stays_with_a_person_and_is_doubted_otherwise() {
    let provider = with_keys(MockProvider::start());
    let of = |further: Value| {
        let run = asked(&provider, &[&signed("JWT", claims(&provider, further), keys::corp())], &["--json"]);
        (run.code, run.stdout)
    };
    for (further, setting, remark) in [
        (json!({ "sub": 7 }), "identity = { claim = \\\"$.sub\\\", type = \\\"integer\\\" }", "is sub, a number"),
        (json!({ "sub": null, "user_id": 7, "username": "ana" }), "claim = \\\"$.user_id\\\"", "is user_id, a number"),
        (json!({ "sub": null, "uid": "7" }), "claim = \\\"$.uid\\\"", "see at the provider"),
        (json!({ "sub": null, "username": "ana" }), "claim = \\\"$.username\\\"", "is username, which can be changed"),
        (json!({ "username": "ana" }), "", "sub is the same as username"),
        (json!({ "email": "a@x" }), "", "which an issuer gives to nobody else"),
    ] {
        let (code, shown) = of(further.clone());
        assert!(code == 0 && shown.contains(setting) && shown.contains(remark), "{further}: {shown}");
    }
    for further in [json!({ "sub": null }), json!({ "sub": null, "email": "a@x" }), json!({ "sub": ["ana"] })] {
        let (code, shown) = of(further.clone());
        assert!(code == 1 && shown.contains("this token: denied: identity_"), "{further}: {shown}");
    }
}

#[test]
fn scopes_between_commas_have_that_separator() {
    let provider = with_keys(MockProvider::start());
    let token = signed("JWT", claims(&provider, json!({ "scope": "db.connect,db.read" })), keys::corp());
    let run = asked(&provider, &[&token], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(profile(&run).contains("separator = \",\""), "{}", run.stdout);
    assert!(run.json()["proposal"]["hba"].as_str().is_some_and(|hba| hba.contains("\"openid db.connect db.read\"")));
}

#[test]
fn a_providers_preset_is_filled_with_the_tokens_own_scopes() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    let further = json!({ "client_id": null, "azp": "psql", "typ": "Bearer", "scope": "profile pg.read" });
    let access = signed("JWT", claims(&provider, further), keys::corp());
    let run = asked(&provider, &[&access], &["--json"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.json()["proposal"]["hba"].as_str().is_some_and(|hba| hba.contains("pg.read")), "{}", run.stdout);
}

/// Names and values of a token are a provider's, and perhaps a user's: they stay values.
#[test]
fn whatever_a_token_holds_the_profile_stays_one() {
    let provider = with_keys(MockProvider::start());
    let hostile = "x\"]\n[profiles.evil]\u{1b}";
    let further = json!({
        "client_id": hostile, "aud": [hostile, "pg"], "scope": format!("db.connect {hostile}"), "sub": "a\"b",
        (hostile): "x", "it's": 1,
    });
    let access = signed("JWT", claims(&provider, further.clone()), keys::corp());
    let other = signed("JWT", claims(&provider, json!({ "client_id": hostile, "aud": hostile })), keys::corp());
    let run = asked(&provider, &[&access, &other], &["--json"]);
    let text = profile(&run);
    let config = Config::parse(text.as_bytes(), "f").config.expect("a configuration");
    assert_eq!(config.profiles().len(), 1, "{text}");
    assert!(!text.contains('\u{1b}') && !run.stdout.contains("\n[profiles.evil]"), "{text}");
}
