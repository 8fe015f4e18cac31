//! Tokens that only their provider can judge: where it is asked, and what its answer is worth.
//!
//! RFC 7662 for introspection; Google's tokeninfo differs in that it has no `active`, says so by a status, and writes
//! numbers and booleans as strings. An answer is taken for what it certainly says: anything else than a clear yes is a
//! no. What is asked comes from the configuration alone; a token never chooses an endpoint.

mod answer;
mod check;

use crate::json;
use crate::reason::Reason;
use crate::token_kind::{WordKind, kind_of_value};
use serde_json::{Map, Value};

pub use answer::OnlineAnswer;
pub use check::{ClientAuth, ClientCertificate, ClientSecret, OnlineCheck, OnlineKind};

/// What an answer says against the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerRefusal {
    pub(crate) reason: Reason,
    /// A sentence.
    pub(crate) why: &'static str,
}

const fn inactive(why: &'static str) -> AnswerRefusal {
    AnswerRefusal { reason: Reason::IntrospectionInactive, why }
}

const fn no_answer(why: &'static str) -> AnswerRefusal {
    AnswerRefusal { reason: Reason::IntrospectionUnavailable, why }
}

/// The claims that the answer vouches for.
pub(crate) fn claims(kind: OnlineKind, answer: &OnlineAnswer) -> Result<Map<String, Value>, AnswerRefusal> {
    let members = json::object(answer.body.as_bytes())
        .map_err(|_| no_answer("The provider's answer is not one JSON object without duplicate members."))?;
    match kind {
        OnlineKind::Introspection => introspected(answer.status, members),
        OnlineKind::Tokeninfo => token_info(answer.status, members),
    }
}

/// RFC 7662 section 2.2.
fn introspected(status: u16, members: Map<String, Value>) -> Result<Map<String, Value>, AnswerRefusal> {
    if status != 200 {
        return Err(no_answer("The provider refused the request itself, with status 400."));
    }
    match members.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(inactive("The provider says that the token is not active.")),
        Some(_) => return Err(inactive("The answer's active is neither true nor false.")),
        None => return Err(inactive("The answer does not say whether the token is active.")),
    }
    kind_of_token(&members)?;
    Ok(members)
}

/// Refresh tokens can be introspected as well, and tokens that are bound to a key are active too.
fn kind_of_token(members: &Map<String, Value>) -> Result<(), AnswerRefusal> {
    match members.get("token_type") {
        None => {}
        Some(value) if value.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) => {}
        Some(value) if kind_of_value(value) == Some(WordKind::Access) => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("dpop") || kind.eq_ignore_ascii_case("pop") => {
            let why = "The provider says that the token is bound to a key, which PostgreSQL cannot ask for.";
            return Err(AnswerRefusal { reason: Reason::SenderConstrained, why });
        }
        Some(Value::String(_)) => {
            let why = "The provider says that the token is of another kind than Bearer.";
            return Err(AnswerRefusal { reason: Reason::IdToken, why });
        }
        Some(_) => {
            return Err(AnswerRefusal { reason: Reason::ClaimType, why: "The answer's token_type is not a string." });
        }
    }
    match members.get("token_use") {
        None => Ok(()),
        Some(value) if kind_of_value(value) == Some(WordKind::Access) => Ok(()),
        Some(_) => {
            let why = "The provider says that the token is for another use than access.";
            Err(AnswerRefusal { reason: Reason::IdToken, why })
        }
    }
}

/// Google's tokeninfo: a yes is a 200 with claims, a no is a 400.
fn token_info(status: u16, mut members: Map<String, Value>) -> Result<Map<String, Value>, AnswerRefusal> {
    if status != 200 || members.contains_key("error") || members.contains_key("error_description") {
        return Err(inactive("The provider does not know the token, or it has expired."));
    }
    for name in ["exp", "iat", "nbf", "expires_in"] {
        decimal(&mut members, name)?;
    }
    for name in ["email_verified", "verified_email"] {
        if let Some(Value::String(text)) = members.get(name) {
            let truth = match text.as_str() {
                "true" => true,
                "false" => false,
                _ => return Err(claim_type()),
            };
            members.insert(name.to_owned(), Value::Bool(truth));
        }
    }
    if members.get("expires_in").is_some_and(|left| left.as_i64().is_none_or(|left| left <= 0)) {
        return Err(AnswerRefusal {
            reason: Reason::Expired,
            why: "The answer's expires_in says that the token has expired.",
        });
    }
    Ok(members)
}

/// Makes a number of a string of digits. Other strings are an error: a date that cannot be read must not count as none.
fn decimal(members: &mut Map<String, Value>, name: &str) -> Result<(), AnswerRefusal> {
    let Some(Value::String(text)) = members.get(name) else {
        return Ok(());
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>().ok().filter(|_| plain) {
        Some(number) => {
            members.insert(name.to_owned(), Value::from(number));
            Ok(())
        }
        None => Err(claim_type()),
    }
}

const fn claim_type() -> AnswerRefusal {
    AnswerRefusal { reason: Reason::ClaimType, why: "A number or boolean of the answer cannot be read." }
}

#[cfg(test)]
mod tests {
    use super::{OnlineAnswer, OnlineKind, claims};
    use crate::reason::Reason;
    use serde_json::{Value, json};

    fn outcome(kind: OnlineKind, status: u16, body: &str) -> Result<Value, Reason> {
        let answer = OnlineAnswer { status, body: body.to_owned() };
        claims(kind, &answer).map(Value::Object).map_err(|refused| refused.reason)
    }

    fn introspected(body: &Value) -> Result<Value, Reason> {
        outcome(OnlineKind::Introspection, 200, &body.to_string())
    }

    fn token_info(body: &Value) -> Result<Value, Reason> {
        outcome(OnlineKind::Tokeninfo, 200, &body.to_string())
    }

    #[test]
    fn only_true_is_active() {
        assert!(introspected(&json!({"active": true, "sub": "ana"})).is_ok());
        for body in [
            json!({}),
            json!({"active": false}),
            json!({"active": "true"}),
            json!({"active": 1}),
            json!({"active": null}),
            json!({"active": [true]}),
            json!({"Active": true}),
        ] {
            assert_eq!(introspected(&body), Err(Reason::IntrospectionInactive), "{body}");
        }
    }

    #[test]
    fn what_is_no_clear_answer_is_none() {
        for body in ["", "null", "[]", "true", "{\"active\":true", "{\"active\":true}{}", "<html>", "eyJ.e30.AA"] {
            for kind in [OnlineKind::Introspection, OnlineKind::Tokeninfo] {
                assert_eq!(outcome(kind, 200, body), Err(Reason::IntrospectionUnavailable), "{body}");
            }
        }
        let twice = "{\"active\":false,\"active\":true}";
        assert_eq!(outcome(OnlineKind::Introspection, 200, twice), Err(Reason::IntrospectionUnavailable));
        let refused = outcome(OnlineKind::Introspection, 400, "{\"active\":true}");
        assert_eq!(refused, Err(Reason::IntrospectionUnavailable), "a 400 is about the request");
    }

    #[test]
    fn other_kinds_of_tokens_are_active_too() {
        for (name, value) in [
            ("token_type", "Bearer"),
            ("token_type", "bearer"),
            ("token_type", "access_token"),
            ("token_type", "Access_Token"),
            ("token_use", "access_token"),
            ("token_use", "access"),
        ] {
            assert!(introspected(&json!({"active": true, name: value})).is_ok(), "{name} {value}");
        }
        for (name, value, reason) in [
            ("token_type", json!("refresh_token"), Reason::IdToken),
            ("token_type", json!("Refresh"), Reason::IdToken),
            ("token_type", json!("id_token"), Reason::IdToken),
            ("token_type", json!("N_A"), Reason::IdToken),
            ("token_type", json!(""), Reason::IdToken),
            ("token_type", json!("DPoP"), Reason::SenderConstrained),
            ("token_type", json!(["Bearer"]), Reason::ClaimType),
            ("token_use", json!("refresh_token"), Reason::IdToken),
            ("token_use", json!("id"), Reason::IdToken),
            ("token_use", json!("bearer"), Reason::IdToken),
            ("token_use", json!(null), Reason::IdToken),
        ] {
            assert_eq!(introspected(&json!({"active": true, name: value})), Err(reason), "{name} {value}");
        }
    }

    #[test]
    fn tokeninfo_writes_numbers_and_booleans_as_strings() {
        let body = json!({"aud": "a", "exp": "1800003568", "expires_in": "3568", "email_verified": "false"});
        let read = json!({"aud": "a", "exp": 1_800_003_568, "expires_in": 3568, "email_verified": false});
        assert_eq!(token_info(&body), Ok(read));
        let introspected = introspected(&json!({"active": true, "exp": "1800003568"})).unwrap();
        assert_eq!(introspected["exp"], json!("1800003568"), "there and only there");
    }

    #[test]
    fn tokeninfo_refuses_what_it_cannot_read() {
        for (name, value, reason) in [
            ("exp", json!("soon"), Reason::ClaimType),
            ("exp", json!(""), Reason::ClaimType),
            ("exp", json!("1.8e9"), Reason::ClaimType),
            ("exp", json!("+1800000000"), Reason::ClaimType),
            ("exp", json!("99999999999999999999"), Reason::ClaimType),
            ("email_verified", json!("yes"), Reason::ClaimType),
            ("email_verified", json!("True"), Reason::ClaimType),
            ("expires_in", json!("0"), Reason::Expired),
            ("expires_in", json!(-5), Reason::Expired),
            ("expires_in", json!("-5"), Reason::Expired),
            ("expires_in", json!(null), Reason::Expired),
            ("error", json!("invalid_token"), Reason::IntrospectionInactive),
            ("error_description", json!("Invalid Value"), Reason::IntrospectionInactive),
        ] {
            assert_eq!(token_info(&json!({"aud": "a", name: value})), Err(reason), "{name} {value}");
        }
        let refused = outcome(OnlineKind::Tokeninfo, 400, "{\"aud\":\"a\",\"exp\":\"1800003568\"}");
        assert_eq!(refused, Err(Reason::IntrospectionInactive));
    }
}
