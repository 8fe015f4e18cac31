//! A token as a compact JWS (RFC 7515 section 3.1), before and after its signature was checked.
//!
//! `Unverified` may be looked at to choose a profile, a key and a hint, and for nothing else: what it holds is called
//! `untrusted_`. `Verified` can only be made by checking a signature, or of a provider's clear yes, so code that needs it
//! cannot run without.

use crate::algorithm::Algorithm;
use crate::bounds::{MAX_HEADER_BYTES, MAX_TOKEN_BYTES};
use crate::claims::ClaimMembers;
use crate::introspection::{self, OnlineAnswer, OnlineKind};
use crate::json::{self, NotStrictJson};
use crate::keys::PublicKey;
use crate::malformed::Malformed;
use crate::media_type::normal_type;
use crate::reason::Reason;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{Engine, decoded_len_estimate};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Step 1: looks at size, characters and dots, and decodes nothing. `Ok` holds the positions of the two dots.
pub(crate) fn check_bounds(token: &[u8]) -> Result<(usize, usize), Malformed> {
    if token.is_empty() {
        return Err(Malformed::Empty);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Malformed::TooLong);
    }
    let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
    match (dots.next(), dots.next(), dots.next(), dots.count()) {
        (Some(first), Some(second), None, 0) => {
            let mut odd = token.iter().filter(|byte| !byte.is_ascii_alphanumeric() && !b"-_.".contains(byte));
            match odd.next() {
                None => Ok((first, second)),
                Some(b'=') if odd.all(|byte| *byte == b'=') => Err(Malformed::Padded),
                Some(_) => Err(Malformed::Characters),
            }
        }
        (Some(_), Some(_), Some(_), 1) => Err(Malformed::Encrypted),
        _ => Err(Malformed::NoJwt),
    }
}

/// Whether a token with dots in these two places is meant to be a JWT, well-formed or not: its first part is the beginning
/// of a JSON object. Opaque tokens have two dots as well, such as those of Google's service accounts; and what the library
/// itsdangerous signs begins with an object that is its content. That one has no `alg`, which a JWT must have (RFC 7515
/// section 4.1.1).
pub(crate) fn is_meant_as_jwt(token: &[u8], dots: (usize, usize)) -> bool {
    let Some(head) = token.get(..dots.0.min(MAX_HEADER_BYTES)) else { return true };
    let text = decode(head);
    if let Ok(text) = &text
        && let Ok(object) = json::object(text)
    {
        return object.contains_key("alg");
    }
    // An opening brace, whatever is wrong with the rest: the first six bits, and two of the second six.
    let brace = matches!(head, [b'e', b'w'..=b'z' | b'0'..=b'9' | b'-' | b'_', ..]);
    // An object can also begin behind white space.
    brace || text.is_ok_and(|text| text.trim_ascii_start().first() == Some(&b'{'))
}

/// The characters of a bearer token (RFC 6750 section 2.1), for one that is no JWT.
pub(crate) fn check_opaque(token: &[u8]) -> Result<(), Malformed> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    if token.iter().all(allowed) { Ok(()) } else { Err(Malformed::Characters) }
}

/// A part of a token as the bytes that it stands for, wiped when they are dropped, also if only half of it can be decoded.
fn decode(part: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    // One piece of memory from the start: what outgrows it would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(decoded_len_estimate(part.len())));
    URL_SAFE_NO_PAD.decode_vec(part, &mut bytes).map_err(|_| Malformed::Base64)?;
    Ok(bytes)
}

/// A token whose signature nobody has checked yet. What it was parsed from is wiped; the values of single claims are not.
pub(crate) struct Unverified<'t> {
    signing_input: &'t [u8],
    untrusted_header: Map<String, Value>,
    untrusted_claims: Map<String, Value>,
    signature: Zeroizing<Vec<u8>>,
}

impl<'t> Unverified<'t> {
    /// Decodes a token; `dots` comes from [`check_bounds`] on the same bytes.
    pub(crate) fn decode(token: &'t [u8], dots: (usize, usize)) -> Result<Self, Malformed> {
        let parts = (token.get(..dots.0), token.get(dots.0 + 1..dots.1), token.get(dots.1 + 1..));
        let ((Some(header), Some(payload), Some(signature)), Some(signing_input)) = (parts, token.get(..dots.1)) else {
            return Err(Malformed::NoJwt);
        };
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(Malformed::EmptyPart);
        }
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        if header.len() > MAX_HEADER_BYTES {
            return Err(Malformed::HeaderTooLong);
        }
        Ok(Self {
            signing_input,
            untrusted_header: json::object(&header).map_err(|why| not_an_object(why, "header"))?,
            untrusted_claims: json::object(&payload).map_err(|why| match check_bounds(&payload) {
                Ok(_) | Err(Malformed::Encrypted) => Malformed::Nested,
                Err(_) => not_an_object(why, "payload"),
            })?,
            signature,
        })
    }

    /// The JOSE header, to choose a key with.
    pub(crate) fn untrusted_header(&self) -> &Map<String, Value> {
        &self.untrusted_header
    }

    /// Whether the signature is this key's. It makes nothing of the token any better; [`Verified::check`] does.
    pub(crate) fn is_signed_by(&self, algorithm: Algorithm, key: &PublicKey) -> bool {
        algorithm.verifies(&key.material, self.signing_input, &self.signature)
    }

    /// The payload's `iss`, to choose a profile with, and for nothing else.
    pub(crate) fn untrusted_issuer(&self) -> Option<&Value> {
        self.untrusted_claims.get("iss")
    }

    /// The payload's `aud`, to choose a hint with about a signature that does not hold.
    pub(crate) fn untrusted_audience(&self) -> Option<&Value> {
        self.untrusted_claims.get("aud")
    }
}

fn not_an_object(why: NotStrictJson, part: &'static str) -> Malformed {
    match why.duplicate {
        Some(untrusted_name) => Malformed::Twice { part, untrusted_name },
        None if part == "header" => Malformed::HeaderJson,
        None => Malformed::PayloadJson,
    }
}

/// Claims that the issuer's key has signed, or that the provider vouches for.
pub(crate) struct Verified {
    claims: Value,
    by: TokenProof,
    key: Option<SigningKey>,
    access_token_type: bool,
    untrusted_jwt: Option<UntrustedJwt>,
}

/// The `typ` of access tokens (RFC 9068 section 2.1), as types are compared.
const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The key that signed a token, by the names under which it can be denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SigningKey {
    /// What the token's header calls it, or else its own `kid`.
    pub(crate) kid: Option<String>,
    /// Its thumbprint (RFC 7638).
    pub(crate) thumbprint: String,
}

/// What a JWT says of itself where the provider's answer is what counts: it can speak against the login, and never for it.
pub(crate) struct UntrustedJwt {
    /// The header's `typ`, as types are compared; empty where it is absent or no string.
    pub(crate) untrusted_type: String,
    /// The payload.
    pub(crate) untrusted_claims: Map<String, Value>,
}

/// What stands behind claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenProof {
    /// The issuer's signature.
    Signature,
    /// The provider's answer, given a moment ago.
    Answer(OnlineKind),
}

impl Verified {
    /// The way from unverified to verified claims: `None` unless the signature is that of one of the keys, which is the
    /// other part of the answer. The claims are taken out of the token then.
    pub(crate) fn check<'k>(
        token: &mut Unverified<'_>,
        algorithm: Algorithm,
        keys: &[&'k PublicKey],
    ) -> Option<(Self, &'k PublicKey)> {
        let key = keys.iter().find(|key| token.is_signed_by(algorithm, key))?;
        let claims = std::mem::take(&mut token.untrusted_claims);
        // What the header says is genuine now, as the signature covers it.
        let kid = token.untrusted_header.get("kid").and_then(Value::as_str).or(key.kid());
        let signing_key = SigningKey { kid: kid.map(str::to_owned), thumbprint: key.thumbprint() };
        let typ = token.untrusted_header.get("typ").and_then(Value::as_str).map(normal_type);
        let verified = Self {
            claims: Value::Object(claims),
            by: TokenProof::Signature,
            key: Some(signing_key),
            access_token_type: typ.as_deref() == Some(ACCESS_TOKEN_TYPE),
            untrusted_jwt: None,
        };
        Some((verified, key))
    }

    /// The other way: what the provider says of the token. If that is a JWT, the two must not contradict each other.
    pub(crate) fn by_provider(
        kind: OnlineKind,
        answer: &OnlineAnswer,
        jwt: Option<Unverified<'_>>,
    ) -> Result<Self, introspection::AnswerRefusal> {
        let claims = introspection::claims(kind, answer)?;
        if let Some(token) = &jwt {
            let (of_answer, of_token) =
                (ClaimMembers::of_answer(&claims), ClaimMembers::of_token(&token.untrusted_claims));
            for name in ["iss", "sub", "jti"] {
                let (said, untrusted) = (of_answer.get(name), of_token.get(name));
                if said.is_some() && untrusted.is_some() && said != untrusted {
                    let why = "The provider's answer is about another token: its iss, sub or jti differs.";
                    return Err(introspection::AnswerRefusal { reason: Reason::IntrospectionInactive, why });
                }
            }
        }
        let untrusted_jwt = jwt.map(|token| UntrustedJwt {
            untrusted_type: token
                .untrusted_header
                .get("typ")
                .and_then(Value::as_str)
                .map(normal_type)
                .unwrap_or_default(),
            untrusted_claims: token.untrusted_claims,
        });
        Ok(Self {
            claims: Value::Object(claims),
            by: TokenProof::Answer(kind),
            key: None,
            access_token_type: false,
            untrusted_jwt,
        })
    }

    /// What stands behind them.
    pub(crate) fn proof(&self) -> TokenProof {
        self.by
    }

    /// The JWT that the provider was asked about, if it was one.
    pub(crate) fn untrusted_jwt(&self) -> Option<&UntrustedJwt> {
        self.untrusted_jwt.as_ref()
    }

    /// The claims. Genuine, but not yet known to be meant for this server.
    pub(crate) fn claims(&self) -> &Value {
        &self.claims
    }

    /// Whether the header, which the signature covers, says that it is an access token: `at+jwt` (RFC 9068 section 2.1).
    pub(crate) fn is_typed_access_token(&self) -> bool {
        self.access_token_type
    }

    /// Gives away the claims, and the key that signed them.
    pub(crate) fn into_parts(self) -> (Value, Option<SigningKey>) {
        (self.claims, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_TOKEN_BYTES, Malformed, Unverified, check_bounds, is_meant_as_jwt};

    #[test]
    fn two_dots_are_found() {
        assert_eq!(check_bounds(b"aa.bb.cc"), Ok((2, 5)));
        assert_eq!(check_bounds(b".."), Ok((0, 1)));
    }

    #[test]
    fn what_begins_as_an_object_is_meant_as_a_jwt() {
        let meant = |token: &str| is_meant_as_jwt(token.as_bytes(), check_bounds(token.as_bytes()).unwrap());
        // The last one says "alg" twice, which is for the parser to refuse.
        let jwts = ["eyJhbGciOiJub25lIn0.e30.AA", "ey.x.y", "ICB7ICJhbGciOjB9.x.y", "eyJhbGciO.x.y", "ewoifQ.x.y"];
        for token in jwts.into_iter().chain(["eyJhbGciOiJub25lIiwiYWxnIjowfQ.x.y"]) {
            assert!(meant(token), "{token}");
        }
        let no_alg = ["e30.x.y", "ICB7fSAg.x.y", "eyJzdWIiOiJhbmEifQ.ahF0AQ.x", "eyJhIjp7ImFsZyI6IlJTMjU2In19.x.y"];
        for token in ["ya29.c.b0Aaekm1K", "a.b.c", "..", "W10.e30.AA", "bnVsbA.x.y"].into_iter().chain(no_alg) {
            assert!(!meant(token), "{token}");
        }
    }

    #[test]
    fn other_shapes_are_refused_before_decoding() {
        assert_eq!(check_bounds(b""), Err(Malformed::Empty));
        assert_eq!(check_bounds(b"ya29.opaque"), Err(Malformed::NoJwt));
        assert_eq!(check_bounds(b"opaque"), Err(Malformed::NoJwt));
        assert_eq!(check_bounds(b"a.b.c.d"), Err(Malformed::NoJwt));
        assert_eq!(check_bounds(b"a.b.c.d.e"), Err(Malformed::Encrypted));
        assert_eq!(check_bounds(&[b'.'; 64_000]), Err(Malformed::NoJwt));
        for token in ["a.b.c=", "a=.b==.c", "=.=.=", "eyJ=.b.c"] {
            assert_eq!(check_bounds(token.as_bytes()), Err(Malformed::Padded), "{token:?}");
        }
        for token in [
            "a.b.c= ",
            "a+.b.c=",
            "=a.b+.c",
            "a.b.c+",
            "a.b.c/",
            "a.b~.c",
            "a.b.c\n",
            " a.b.c",
            "a.b.c\0",
            "a.b.\u{e4}",
        ] {
            assert_eq!(check_bounds(token.as_bytes()), Err(Malformed::Characters), "{token:?}");
        }
        assert!(check_bounds(&[b'a'; MAX_TOKEN_BYTES]).is_err_and(|error| error == Malformed::NoJwt));
        assert_eq!(check_bounds(&[b'a'; MAX_TOKEN_BYTES + 1]), Err(Malformed::TooLong));
    }

    #[test]
    fn parts_must_be_whole_and_canonical() {
        let decode = |token: &str| {
            let dots = check_bounds(token.as_bytes()).unwrap();
            Unverified::decode(token.as_bytes(), dots).err()
        };
        assert_eq!(decode("e30.e30.AA"), None);
        assert_eq!(decode("e30.e30."), Some(Malformed::EmptyPart));
        assert_eq!(decode(".e30.AA"), Some(Malformed::EmptyPart));
        assert_eq!(decode("e30..AA"), Some(Malformed::EmptyPart));
        // The last character holds bits that belong to no byte.
        assert_eq!(decode("e30.e30.AB"), Some(Malformed::Base64));
        assert_eq!(decode("e30.e30.A"), Some(Malformed::Base64));
        assert_eq!(decode("W10.e30.AA"), Some(Malformed::HeaderJson));
        assert_eq!(decode("e30.W10.AA"), Some(Malformed::PayloadJson));
        // Tokens of three and of five parts, and what only looks a little like one.
        assert_eq!(decode("e30.YS5iLmM.AA"), Some(Malformed::Nested));
        assert_eq!(decode("e30.YS5iLmMuZC5l.AA"), Some(Malformed::Nested));
        assert_eq!(decode("e30.YS5iLmMuZA.AA"), Some(Malformed::PayloadJson));
        assert_eq!(decode("e30.YS5iLmMg.AA"), Some(Malformed::PayloadJson));
        let twice = |part| Some(Malformed::Twice { part, untrusted_name: "a".to_owned() });
        assert_eq!(decode("eyJhIjoxLCJhIjoyfQ.e30.AA"), twice("header"));
        assert_eq!(decode("e30.eyJhIjoxLCJhIjoyfQ.AA"), twice("payload"));
        assert_eq!(decode("e30.eyJiIjpbeyJhIjoxLCJhIjoyfV19.AA"), twice("payload"));
    }
}
