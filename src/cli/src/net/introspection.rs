//! Asks an endpoint about a token: RFC 7662 section 2.1, and Google's tokeninfo by the same means.
//!
//! The token goes into the body of a POST and nowhere else: not into a URL, which proxies and servers log. What the
//! answer is worth is decided elsewhere; here only a status that says nothing about the token becomes an error. Must
//! never put token, secret or answer into an error, nor ask twice.

use super::client::Client;
use super::error::{Code, NetError};
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
    client: &Client,
    endpoint: &SafeUrl,
    authorization: &Authorization,
    token_param: &str,
    token: &Secret,
) -> Result<OnlineAnswer, NetError> {
    let form = form(token_param, token, authorization);
    let (status, untrusted_body) = client.post_form(endpoint, header(authorization)?, &form).map_err(in_place)?;
    let body = String::from_utf8(untrusted_body).map_err(|_| NetError::not_strict_json(endpoint.as_str()))?;
    Ok(OnlineAnswer { status, body })
}

/// The hint of a status in terms of this endpoint: it is configured, and no document of the issuer's.
fn in_place(error: NetError) -> NetError {
    match (error.code, error.status) {
        (Code::HttpStatus, Some(..429)) => {
            error.with_hint("compare introspection.endpoint and token_param with the provider's documentation")
        }
        _ => error,
    }
}

/// The body of the request. Names and values are encoded, so that no character of a token can add a field.
fn form(token_param: &str, token: &Secret, authorization: &Authorization) -> Zeroizing<String> {
    let (client, secret) = match authorization {
        Authorization::Post { client_id, secret } => (client_id.as_str(), secret.expose()),
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
    if matches!(authorization, Authorization::Post { .. }) {
        field("client_id", client);
        field("client_secret", secret);
    }
    form
}

/// The header `Authorization`, if there is one.
fn header(authorization: &Authorization) -> Result<Option<HeaderValue>, NetError> {
    let text = match authorization {
        Authorization::Basic { client_id, secret } => {
            // RFC 6749 section 2.3.1: each part is encoded as in a form first, so that no colon is ambiguous.
            let encoded = |part: &str| byte_serialize(part.as_bytes()).collect::<String>();
            let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(secret.expose())));
            Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
        }
        Authorization::Bearer { secret } => Zeroizing::new(format!("Bearer {}", secret.expose())),
        Authorization::Post { .. } | Authorization::None => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        NetError::new(
            Code::Credentials,
            "the bearer token in introspection.client_secret_file has characters that no header takes",
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::{Authorization, Code, Secret, form, header};

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
    fn a_bearer_token_is_sent_as_it_is_or_not_at_all() {
        let bearer = |text: &str| header(&Authorization::Bearer { secret: secret(text) });
        assert_eq!(bearer("abc").unwrap().unwrap().to_str().unwrap(), "Bearer abc");
        let error = bearer("a\nb").unwrap_err();
        assert_eq!(error.code, Code::Credentials);
        assert!(header(&Authorization::None).unwrap().is_none());
    }
}
