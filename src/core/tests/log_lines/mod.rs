//! The lines of a log that the manual shows, against those that the code writes.

use crate::MODULE_PAGE;
use crate::mdoc::{one, read};
use oauth_validator_core::{
    BearerToken, Config, Decision, DecisionState, Known, Request, UnixSeconds, Verdict, decide,
};
use oauth_validator_fixtures::{keys, mint};
use serde_json::{Value, json};

/// Decides about a token with these claims besides those that every token has. The audience stands in line 12.
pub fn decision(claims: Value) -> Verdict {
    let keys = keys::jwks(&[keys::corp()]);
    let config = format!(
        "#\n#\n#\n#\n#\n#\n#\n#\n#\n[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"api://postgres\"]\n\
         keys = {{ jwks = '{keys}' }}\n"
    );
    let config = Config::parse(config.as_bytes(), "/etc/postgresql/oauth-validator.toml").config.expect("a valid one");
    let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": keys::corp().kid()});
    let mut payload = json!({"iss": "https://idp.example", "sub": "ana", "scope": "db.connect", "iat": 1, "exp": 61});
    payload.as_object_mut().expect("an object").extend(claims.as_object().expect("an object").clone());
    let token = BearerToken::new(mint::mint(keys::corp(), &header, &payload).as_bytes());
    let request = Request {
        hba_issuer: "https://idp.example".into(),
        hba_scope: "db.connect".into(),
        role: "ana".into(),
        ..Request::default()
    };
    match decide(&request, &token, &config, &Known::default(), UnixSeconds::new(2)) {
        DecisionState::Decided(verdict) => *verdict,
        DecisionState::Needs(needs) => panic!("the keys are in the file: {needs:?}"),
    }
}

#[test]
fn the_lines_of_the_log_are_those_of_the_code() {
    let log = one(&read(MODULE_PAGE), "LOG", "").text();
    let Decision::Denied(denial) = decision(json!({"aud": "another"})).decision else { panic!("it is for another") };
    let denied =
        format!("LOG:  oauth_validator: {}\nDETAIL:  {}\nHINT:  {}\n", denial.message(), denial.detail, denial.hint);
    assert!(log.contains(&denied), "{denied}");
    let report = one(&read(MODULE_PAGE), "POSTGRESQL 19", "Denials in the server's own report").text();
    let handed_over = [
        "DETAIL:  oauth_validator: ",
        &denial.message(),
        "\n        ",
        &denial.detail,
        "\n        Hint: ",
        &denial.hint,
    ]
    .concat();
    assert!(report.contains(&handed_over), "{handed_over}\n{report}");
    let granted = decision(json!({"aud": "api://postgres"}));
    assert!(matches!(granted.decision, Decision::Granted(_)), "{granted:?}");
    let step = granted.trace.log_lines().find(|line| line.starts_with("scope: ")).expect("a step");
    assert!(log.contains(&format!("oauth_validator: {step}")), "{step}");
}
