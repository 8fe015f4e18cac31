//! The members of a token's payload or of a provider's answer, as they count: some serializers write every member they
//! know, and null where there is nothing to say.
//!
//! Only registered claims that may be missing anyway are taken for absent when they are null. What decides whom a token is
//! for (`iss`, `aud`, `exp` of a token) and what a profile names by path keeps its null, which is a wrong type there.

use serde_json::{Map, Value};

/// Absent where they are null, in tokens and in answers.
const ABSENT_IF_NULL: [&str; 8] = ["nbf", "iat", "jti", "nonce", "cnf", "act", "may_act", "auth_time"];

/// Members, and where they are written.
#[derive(Clone, Copy)]
pub(crate) struct ClaimMembers<'c> {
    members: &'c Map<String, Value>,
    in_answer: bool,
}

impl<'c> ClaimMembers<'c> {
    /// Those of a token's payload.
    pub(crate) const fn of_token(members: &'c Map<String, Value>) -> Self {
        Self { members, in_answer: false }
    }

    /// Those of an answer about a token (RFC 7662 section 2.2), where `exp` may be missing as well.
    pub(crate) const fn of_answer(members: &'c Map<String, Value>) -> Self {
        Self { members, in_answer: true }
    }

    /// The value of a member, unless it counts as absent.
    pub(crate) fn get(self, name: &str) -> Option<&'c Value> {
        let absent_if_null = ABSENT_IF_NULL.contains(&name) || (self.in_answer && name == "exp");
        self.members.get(name).filter(|value| !(absent_if_null && value.is_null()))
    }

    /// Whether there is a value.
    pub(crate) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values as they are written.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'c String, &'c Value)> {
        self.members.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::ClaimMembers;
    use serde_json::{Value, json};

    #[test]
    fn null_is_absent_for_these_names_and_no_others() {
        let names = [
            "nbf",
            "iat",
            "jti",
            "nonce",
            "cnf",
            "act",
            "may_act",
            "auth_time",
            "exp",
            "iss",
            "aud",
            "sub",
            "events",
            "at_hash",
            "token_use",
            "scope",
        ];
        let document: Value = names.iter().map(|name| ((*name).to_owned(), json!(null))).collect();
        let members = document.as_object().unwrap();
        let absent = |of: ClaimMembers<'_>| names.iter().filter(|name| !of.has(name)).copied().collect::<Vec<_>>();
        assert_eq!(absent(ClaimMembers::of_token(members)), names[..8]);
        assert_eq!(absent(ClaimMembers::of_answer(members)), names[..9]);
        for value in [json!(false), json!(0), json!(""), json!([]), json!({})] {
            let document = json!({"nonce": value, "exp": value});
            let members = document.as_object().unwrap();
            assert!(
                ClaimMembers::of_token(members).has("nonce") && ClaimMembers::of_answer(members).has("exp"),
                "{value}"
            );
        }
    }
}
