//! The words by which tokens and answers say what kind of token it is, in all spellings of providers.

use serde_json::Value;

/// What a word says about the kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    /// An access token.
    Access,
    /// An ID token.
    Id,
    /// Neither: a refresh or logout token, or another that is no proof for a service. It is refused whatever the profile
    /// says.
    Other,
}

/// The kind that a value of a kind claim says.
pub(crate) fn kind_of_value(value: &Value) -> Option<WordKind> {
    value.as_str().and_then(kind_of)
}

/// The kind that a word says.
pub(crate) fn kind_of(word: &str) -> Option<WordKind> {
    match normal(word).as_str() {
        "access" | "at" => Some(WordKind::Access),
        "id" => Some(WordKind::Id),
        // `rt` is short for refresh, as `at` is for access; a serialized ID is the session cookie of Keycloak; answers
        // about tokens (RFC 9701) are signed by the issuer and for this server as well.
        "refresh" | "rt" | "offline" | "logout" | "backchannellogout" | "secevent" | "serializedid"
        | "authorizationcode" | "tokenintrospection" => Some(WordKind::Other),
        _ => None,
    }
}

/// A word without case, punctuation, and what says that it is a token: `Refresh`, `refresh_token`, `refresh+jwt`,
/// `RefreshToken` and the URN of RFC 8693 section 3 are one.
pub(crate) fn normal(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let short = lower.strip_prefix("urn:ietf:params:oauth:token-type:").unwrap_or(&lower);
    let short = short.strip_prefix("application/").unwrap_or(short);
    let mut letters: String = short.chars().filter(char::is_ascii_alphanumeric).collect();
    for suffix in ["jwt", "token"] {
        if letters.ends_with(suffix) {
            letters.truncate(letters.len() - suffix.len());
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::{WordKind, kind_of};

    #[test]
    fn words_of_real_providers_are_understood_in_all_spellings() {
        for (kind, words) in [
            (
                Some(WordKind::Access),
                &["access", "access_token", "Access", "ACCESS-TOKEN", "accessToken", "at+jwt"][..],
            ),
            (Some(WordKind::Id), &["ID", "id", "id_token", "IDToken", "urn:ietf:params:oauth:token-type:id_token"]),
            (
                Some(WordKind::Other),
                &[
                    "Refresh",
                    "refresh",
                    "refresh_token",
                    "refresh-token",
                    "RefreshToken",
                    "REFRESH",
                    " refresh ",
                    "urn:ietf:params:oauth:token-type:refresh_token",
                    "rt+jwt",
                    "Offline",
                    "OFFLINE_TOKEN",
                    "Logout",
                    "logout+jwt",
                    "application/logout+jwt",
                    "logout_token",
                    "secevent+jwt",
                    "Serialized-ID",
                    "authorization_code",
                    "token-introspection+jwt",
                ],
            ),
            (None, &["", "Bearer", "JWT", "jwt", "user", "N_A", "refreshed", "offline_access", "identity", "\u{130}d"]),
        ] {
            for word in words {
                assert_eq!(kind_of(word), kind, "{word}");
            }
        }
    }
}
