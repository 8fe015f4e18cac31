//! Why a token is not a signed JWT, and what to do about it.
//!
//! Nothing of the token is quoted: what is said of it follows from its shape, and from names that a registry has.

use std::borrow::Cow;

/// Why a token is not a compact JWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Malformed {
    Empty,
    TooLong,
    Characters,
    /// What is odd about its characters are equals signs alone.
    Padded,
    NoJwt,
    Encrypted,
    EmptyPart,
    Base64,
    HeaderTooLong,
    HeaderJson,
    PayloadJson,
    /// The payload is a token itself.
    Nested,
    /// An object has this member twice.
    Twice {
        part: &'static str,
        untrusted_name: String,
    },
}

/// Names of members that may be said before a signature holds: those of the registries of RFC 7515 section 9.1 and RFC 7519
/// section 10.1 that tokens have.
const REGISTERED: [&str; 46] = [
    "acr",
    "act",
    "alg",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "crit",
    "cty",
    "email",
    "email_verified",
    "enc",
    "entitlements",
    "events",
    "exp",
    "groups",
    "iat",
    "iss",
    "jku",
    "jti",
    "jwk",
    "kid",
    "may_act",
    "name",
    "nbf",
    "nonce",
    "preferred_username",
    "roles",
    "scope",
    "sid",
    "sub",
    "sub_id",
    "txn",
    "typ",
    "vot",
    "x5c",
    "x5t",
    "x5t#S256",
    "x5u",
    "zip",
    "auth_req_id",
    "b64",
];

const AS_GIVEN: &str =
    "Send the token as the provider gave it: whole, and without quotes, white space or line ends in it.";

impl Malformed {
    /// The end of a sentence about "the token".
    pub(crate) fn phrase(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Empty => "is empty",
            Self::TooLong => "is longer than PostgreSQL reads",
            Self::Characters => "has characters that no JWT has",
            Self::Padded => "is padded with =, as no JWT is",
            Self::NoJwt => "is not a JWT (three parts with two dots between them); opaque tokens are of this kind",
            Self::Encrypted => "is an encrypted JWT (five parts), which nobody but its recipient can read",
            Self::EmptyPart => "has an empty part; unsigned tokens are of this kind",
            Self::Base64 => "has a part that is not base64url without padding",
            Self::HeaderTooLong => "has a header longer than 8 kB",
            Self::HeaderJson => "has a header that is not one JSON object",
            Self::PayloadJson => "has a payload that is not one JSON object",
            Self::Nested => "has another token as its payload (a nested JWT), and no claims of its own",
            Self::Twice { part, untrusted_name } if REGISTERED.contains(&untrusted_name.as_str()) => {
                return Cow::Owned(format!("has {untrusted_name} twice in its {part}"));
            }
            Self::Twice { part, .. } => return Cow::Owned(format!("has a member twice in its {part}")),
        })
    }

    /// What to do about it, where the remedy of the reason is not the one.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooLong => Some(
                "Ask the provider for fewer claims; groups are the usual cause. max_token_size cannot exceed this.",
            ),
            Self::Empty | Self::Characters | Self::Base64 | Self::HeaderJson | Self::PayloadJson => Some(AS_GIVEN),
            Self::Padded => Some(
                "An AWS load balancer pads what it sends as x-amzn-oidc-data, which is no access token: send the \
                 provider's own, which is in x-amzn-oidc-accesstoken.",
            ),
            Self::EmptyPart => {
                Some("Have the provider sign its access tokens: without a signature they prove nothing.")
            }
            Self::Nested => Some(
                "Have the provider issue plain signed access tokens: what stands in the inner token is not looked at.",
            ),
            Self::Twice { .. } => Some(
                "Have the provider write it once (two mappers for one claim are the usual cause): nobody can say which \
                 of the two is meant. \"oauth-validator explain\" shows its name.",
            ),
            Self::NoJwt | Self::Encrypted | Self::HeaderTooLong => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, REGISTERED};

    #[test]
    fn no_name_of_a_strangers_own_is_said() {
        let twice = |name: &str| Malformed::Twice { part: "payload", untrusted_name: name.to_owned() }.phrase();
        for name in REGISTERED {
            assert_eq!(twice(name), format!("has {name} twice in its payload"));
        }
        for name in ["", "Sub", "sub ", "sub\nLOG:  granted", "password-of-ana", "https://evil.example"] {
            assert_eq!(twice(name), "has a member twice in its payload", "{name:?}");
        }
    }
}
