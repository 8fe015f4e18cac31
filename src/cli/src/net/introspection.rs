//! Asks an endpoint about a token: RFC 7662 section 2.1, and Google's tokeninfo by the same means.
//!
//! The token goes into the body of a POST and nowhere else: not into a URL, which proxies and servers log. What the
//! answer is worth is decided elsewhere; here only a status that says nothing about the token becomes an error. Must
//! never put token, secret or answer into an error, nor ask twice.

use super::authorization;
use super::client::HttpsClient;
use super::error::{NetError, NetErrorCode};
use super::url::SafeUrl;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use oauth_validator_core::OnlineAnswer;
use oauth_validator_core::protocol::{Authorization, Secret};
use ureq::http::HeaderValue;
use zeroize::Zeroizing;

/// What the endpoint says about `token`, which goes into the form field `token_param`.
///
/// # Errors
/// `credentials` if it does not believe this server, `url` and the errors of every request else.
pub(crate) fn introspect(
    client: &HttpsClient,
    endpoint: &SafeUrl,
    authorization: &Authorization,
    token_param: &str,
    token: &Secret,
) -> Result<OnlineAnswer, NetError> {
    let form = form(token_param, token, authorization);
    let (status, untrusted_body) =
        client.post_form(endpoint, header(authorization)?, &form).map_err(|error| in_place(error, authorization))?;
    let body = String::from_utf8(untrusted_body).map_err(|_| NetError::not_strict_json(endpoint.as_str()))?;
    Ok(OnlineAnswer { status, body })
}

/// The hint of a status in terms of this endpoint: it is configured, and no document of the issuer's.
fn in_place(error: NetError, authorization: &Authorization) -> NetError {
    match (error.code, error.status) {
        (NetErrorCode::Credentials, _) => match other_spelling(authorization) {
            Some(hint) => error.with_hint(hint),
            None => error,
        },
        (NetErrorCode::HttpStatus, Some(..429)) => {
            error.with_hint("compare introspection.endpoint and token_param with the provider's documentation")
        }
        _ => error,
    }
}

/// What to try where the two readings of HTTP Basic differ. That they do is all that is said of the secret.
fn other_spelling(authorization: &Authorization) -> Option<&'static str> {
    let (client_id, secret, hint) = match authorization {
        Authorization::Basic { client_id, secret } => (
            client_id,
            secret,
            "the client_id or the secret has characters that auth = \"basic\" sends percent-encoded (RFC 6749 section 2.3.1), \
             and many providers do not decode them: try introspection.auth = \"basic-raw\", or \"post\"; else compare \
             client_id and client_secret_file with the provider's settings",
        ),
        Authorization::BasicRaw { client_id, secret } => (
            client_id,
            secret,
            "the client_id or the secret has characters that auth = \"basic-raw\" sends as they are, and some providers want \
             them percent-encoded (RFC 6749 section 2.3.1): try introspection.auth = \"basic\", or \"post\"; else compare \
             client_id and client_secret_file with the provider's settings",
        ),
        _ => return None,
    };
    let is_encoded = |part: &str| encoded(part).as_str() != part;
    (is_encoded(client_id) || is_encoded(secret.expose())).then_some(hint)
}

/// The parameters as a body of `application/x-www-form-urlencoded`.
fn encoded(part: &str) -> Zeroizing<String> {
    // Large enough from the start: a text that grows leaves copies of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(3 * part.len()));
    text.extend(byte_serialize(part.as_bytes()));
    text
}

/// The body of the request. Names and values are encoded, so that no character of a token can add a field.
fn form(token_param: &str, token: &Secret, authorization: &Authorization) -> Zeroizing<String> {
    let (client, secret) = match authorization {
        Authorization::Post { client_id, secret } => (client_id.as_str(), secret.expose()),
        Authorization::Public { client_id } => (client_id.as_str(), ""),
        _ => ("", ""),
    };
    // Large enough from the start: a text that grows leaves copies of itself behind.
    let bytes = 3 * (token_param.len() + token.expose().len() + client.len() + secret.len()) + 64;
    let mut form = Zeroizing::new(String::with_capacity(bytes));
    let mut field = |name: &str, value: &str| {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(byte_serialize(name.as_bytes()));
        form.push('=');
        form.extend(byte_serialize(value.as_bytes()));
    };
    field(token_param, token.expose());
    if matches!(authorization, Authorization::Post { .. } | Authorization::Public { .. }) {
        field("client_id", client);
    }
    if matches!(authorization, Authorization::Post { .. }) {
        field("client_secret", secret);
    }
    form
}

/// The header `Authorization`, if there is one.
fn header(authorization: &Authorization) -> Result<Option<HeaderValue>, NetError> {
    let text = match authorization {
        Authorization::Basic { client_id, secret } => {
            // RFC 6749 section 2.3.1: each part is encoded as in a form first, so that no colon is ambiguous.
            basic(&encoded(client_id), &encoded(secret.expose()))
        }
        Authorization::BasicRaw { client_id, .. } if client_id.contains(':') => {
            return Err(NetError::new(
                NetErrorCode::Credentials,
                "client_id has a colon, where HTTP Basic takes the name to end",
            )
            .with_hint("write introspection.auth = \"post\""));
        }
        Authorization::BasicRaw { client_id, secret } => basic(client_id, secret.expose()),
        Authorization::Bearer { secret } => Zeroizing::new(format!("Bearer {}", secret.expose())),
        Authorization::Post { .. } | Authorization::Public { .. } | Authorization::None => return Ok(None),
    };
    let value = authorization::sensitive(&text).map_err(|_| {
        NetError::new(
            NetErrorCode::Credentials,
            "the bearer token in introspection.client_secret_file has characters that no header takes",
        )
    })?;
    Ok(Some(value))
}

/// RFC 7617 section 2, in UTF-8.
fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{client_id}:{secret}"));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{Authorization, NetErrorCode, Secret, form, header, other_spelling};

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn no_character_of_a_token_adds_a_field() {
        for (token, encoded) in [
            ("a.b-c~d+e/f=", "a.b-c%7Ed%2Be%2Ff%3D"),
            ("a&active=true", "a%26active%3Dtrue"),
            ("a%00b", "a%2500b"),
            ("a\r\nHost: x", "a%0D%0AHost%3A+x"),
        ] {
            let form = form("token", &secret(token), &Authorization::None);
            assert_eq!(form.as_str(), format!("token={encoded}"));
        }
        let post = Authorization::Post { client_id: "a&b".into(), secret: secret("s:+%\u{e4}") };
        let form = form("token", &secret("t"), &post);
        assert_eq!(form.as_str(), "token=t&client_id=a%26b&client_secret=s%3A%2B%25%C3%A4");
        assert!(form.capacity() > form.len(), "it never had to grow");
    }

    #[test]
    fn both_parts_of_basic_are_encoded_before_they_are_joined() {
        let basic = Authorization::Basic { client_id: "a:b".into(), secret: secret("s:+%\u{e4} ") };
        let value = header(&basic).unwrap().unwrap();
        // a%3Ab:s%3A%2B%25%C3%A4+
        assert_eq!(value.to_str().unwrap(), "Basic YSUzQWI6cyUzQSUyQiUyNSVDMyVBNCs=");
        assert!(value.is_sensitive());
    }

    #[test]
    fn basic_as_it_is_encodes_nothing_and_has_one_colon() {
        let raw = |id: &str| Authorization::BasicRaw { client_id: id.into(), secret: secret("s:+%\u{e4} ") };
        // rs+1:s:+%ä, and a space
        assert_eq!(header(&raw("rs+1")).unwrap().unwrap().to_str().unwrap(), "Basic cnMrMTpzOislw6Qg");
        for id in ["a:b", ":", "a:"] {
            assert_eq!(header(&raw(id)).unwrap_err().code, NetErrorCode::Credentials, "{id}");
        }
        assert_eq!(form("token", &secret("t"), &raw("rs+1")).as_str(), "token=t");
    }

    #[test]
    fn a_client_without_a_secret_is_named_in_the_form() {
        let public = Authorization::Public { client_id: "a&b".into() };
        assert!(header(&public).unwrap().is_none());
        assert_eq!(form("token", &secret("t"), &public).as_str(), "token=t&client_id=a%26b");
    }

    /// RFC 3986's unreserved characters without the tilde, and the asterisk, are all that a form leaves as they are.
    #[test]
    fn the_other_spelling_is_proposed_where_there_is_one() {
        let hints = |id: &str, text: &str| {
            let (client_id, secret) = (id.to_owned(), secret(text));
            let basic = Authorization::Basic { client_id: client_id.clone(), secret: secret.clone() };
            let raw = Authorization::BasicRaw { client_id: client_id.clone(), secret: secret.clone() };
            let post = Authorization::Post { client_id, secret };
            assert_eq!(other_spelling(&post), None);
            [other_spelling(&basic), other_spelling(&raw)]
        };
        assert_eq!(hints("psql", "AZaz09-._*"), [None, None]);
        for (id, text) in
            [("psql", "Ab+c/dEFgh=="), ("psql", "a b"), ("psql", "\u{e4}"), ("psql", "a~b"), ("rs+1", "s")]
        {
            let [of_basic, of_raw] = hints(id, text);
            assert!(
                of_basic.is_some_and(|hint| hint.contains("try introspection.auth = \"basic-raw\"")),
                "{id} {text}"
            );
            assert!(of_raw.is_some_and(|hint| hint.contains("try introspection.auth = \"basic\"")), "{id} {text}");
            assert!(!of_basic.is_some_and(|hint| hint.contains(text) && text.len() > 2), "{text}");
        }
    }

    #[test]
    fn a_bearer_token_is_sent_as_it_is_or_not_at_all() {
        let bearer = |text: &str| header(&Authorization::Bearer { secret: secret(text) });
        assert_eq!(bearer("abc").unwrap().unwrap().to_str().unwrap(), "Bearer abc");
        let error = bearer("a\nb").unwrap_err();
        assert_eq!(error.code, NetErrorCode::Credentials);
        assert!(header(&Authorization::None).unwrap().is_none());
    }
}
