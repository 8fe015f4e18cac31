//! A client of the provider: what a service, psql and a person with a browser do, over HTTPS.
//!
//! Speaks RFC 6749 section 4.4 and RFC 8628, and fills in the provider's own pages. It must never take a shortcut: no
//! certificate goes unchecked, no endpoint is known but by discovery, and no page is skipped.

use crate::oidc::OidcProvider;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

const DEVICE_FLOW: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Code, confirmation, name, consent and their redirects are fewer.
const MAX_PAGES: usize = 20;

/// What the provider's token endpoint gave.
pub struct Tokens {
    pub access: String,
    /// Only with the scope `openid`.
    pub id: Option<String>,
    pub refresh: String,
}

/// A client that trusts this provider's certificate alone.
pub struct Client {
    agent: Agent,
    issuer: String,
    metadata: Value,
}

impl Client {
    pub fn of(provider: &OidcProvider) -> Self {
        let ca = Certificate::from_pem(provider.ca_pem().as_bytes()).expect("a CA");
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(vec![ca])))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        let (agent, issuer) = (Agent::new_with_config(config), provider.issuer());
        let metadata = get_json(&agent, &format!("{issuer}/.well-known/openid-configuration"));
        assert_eq!(metadata["issuer"], issuer.as_str());
        Self { agent, issuer, metadata }
    }

    /// The keys that the provider publishes.
    pub fn jwks(&self) -> Value {
        get_json(&self.agent, self.endpoint("jwks_uri"))
    }

    /// A token of the service `app` for itself (RFC 6749 section 4.4), for an API and with scopes of its choice.
    pub fn client_credentials(&self, parameters: &[(&str, &str)]) -> String {
        let form = parameters.iter().copied().chain([("grant_type", "client_credentials")]);
        // "app:the-secret-of-app", as RFC 7617 writes it.
        let request = self.agent.post(self.endpoint("token_endpoint"));
        let request = request.header("Authorization", "Basic YXBwOnRoZS1zZWNyZXQtb2YtYXBw");
        let (status, answer) = json_of(request.send_form(form).expect("an answer"));
        assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &Value::from("Bearer")), "{answer}");
        text(&answer["access_token"])
    }

    /// Tokens for a person with this name, by psql's device flow (RFC 8628), confirmed in a browser.
    pub fn device_flow(&self, name: &str, scope: &str) -> Tokens {
        self.device_flow_with(name, &[("scope", scope)])
    }

    /// Tokens by the device flow with these parameters, such as the API for which the tokens are.
    pub fn device_flow_with(&self, name: &str, parameters: &[(&str, &str)]) -> Tokens {
        let form: Vec<(&str, &str)> = parameters.iter().copied().chain([("client_id", "psql")]).collect();
        let (status, device) = self.post("device_authorization_endpoint", &form);
        assert_eq!(status, StatusCode::OK, "{device}");
        let code = text(&device["device_code"]);
        let poll = || {
            self.post(
                "token_endpoint",
                &[("grant_type", DEVICE_FLOW), ("client_id", "psql"), ("device_code", code.as_str())],
            )
        };
        let (status, early) = poll();
        assert_eq!((status.as_u16(), &early["error"]), (400, &Value::from("authorization_pending")), "{early}");

        let said = self.confirm(&text(&device["verification_uri_complete"]), name);
        assert!(said.contains("Sign-in Success"), "{said}");
        let (status, tokens) = poll();
        assert_eq!(status, StatusCode::OK, "{tokens}");
        Tokens {
            access: text(&tokens["access_token"]),
            id: tokens["id_token"].as_str().map(str::to_owned),
            refresh: text(&tokens["refresh_token"]),
        }
    }

    /// Opens an address in a new browser, agrees to everything under this name, and returns the last page.
    pub fn confirm(&self, url: &str, name: &str) -> String {
        Browser::new(self).confirm(url, name)
    }

    /// Where the provider says what becomes of a token.
    pub fn introspection_endpoint(&self) -> &str {
        self.endpoint("introspection_endpoint")
    }

    /// Takes back a token of psql's (RFC 7009).
    pub fn revoke(&self, token: &str) {
        let request = self.agent.post(self.endpoint("revocation_endpoint"));
        let response = request.send_form([("client_id", "psql"), ("token", token)]).expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
    }

    fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let request = self.agent.post(self.endpoint(endpoint));
        json_of(request.send_form(form.iter().copied()).expect("an answer"))
    }

    fn endpoint(&self, name: &str) -> &str {
        self.metadata[name].as_str().unwrap_or_else(|| panic!("no {name} in the metadata"))
    }
}

/// A person's browser: follows redirects, keeps cookies, fills in forms.
struct Browser<'a> {
    client: &'a Client,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    fn new(client: &'a Client) -> Self {
        Self { client, cookies: BTreeMap::new() }
    }

    /// Opens the address, agrees to everything under this name, and returns the last page: the one without a form.
    fn confirm(mut self, url: &str, name: &str) -> String {
        let mut response = self.get(url);
        for _ in 0..MAX_PAGES {
            if let Some(place) = response.headers().get(header::LOCATION) {
                let place = self.absolute(place.to_str().expect("an address"));
                response = self.get(&place);
                continue;
            }
            let page = response.into_body().read_to_string().expect("a page");
            let Some(form) = Form::on(&page) else { return page };
            response = self.submit(&form, name);
        }
        panic!("the provider asks for ever");
    }

    fn get(&mut self, url: &str) -> Response<Body> {
        let request = self.client.agent.get(url).header("Cookie", self.cookie_header());
        self.received(request.call().expect("a page"))
    }

    fn submit(&mut self, form: &Form, name: &str) -> Response<Body> {
        let fields = form.fields.iter().map(|(field, value)| match field.as_str() {
            "login" => ("login", name),
            "password" => ("password", "any"),
            _ => (field.as_str(), value.as_str()),
        });
        let request = self.client.agent.post(self.absolute(&form.action)).header("Cookie", self.cookie_header());
        let response = request.send_form(fields).expect("a page");
        self.received(response)
    }

    /// Takes the cookies; an empty one is deleted. Their paths are not looked at: the provider has one of a kind at a time.
    fn received(&mut self, response: Response<Body>) -> Response<Body> {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("a cookie").split(';').next().expect("its first part");
            let (name, value) = pair.split_once('=').expect("a name and a value");
            match value {
                "" => self.cookies.remove(name),
                _ => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        response
    }

    fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    /// The address that a page means; it must be the provider's, or cookies would leave it.
    fn absolute(&self, place: &str) -> String {
        let issuer = &self.client.issuer;
        let url = if place.starts_with('/') { format!("{issuer}{place}") } else { place.to_owned() };
        let target: Uri = url.parse().expect("an address");
        let own: Uri = issuer.parse().expect("an address");
        assert_eq!((target.scheme(), target.authority()), (own.scheme(), own.authority()), "{url}");
        url
    }
}

/// The only form of a page, with what is filled in already.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn on(page: &str) -> Option<Self> {
        let (tag, rest) = page.split_once("<form ")?.1.split_once('>')?;
        let inputs = rest.split_once("</form>")?.0.split("<input").skip(1);
        let fields = inputs.filter_map(|input| {
            // A `>` in a value would be written as `&gt;`.
            let input = input.split_once('>')?.0;
            Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
        });
        Some(Self { action: attribute(tag, "action")?, fields: fields.collect() })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split_once('"')?.0;
    assert!(!value.replace("&amp;", "").contains('&'), "an entity that no page of the provider had: {value}");
    Some(value.replace("&amp;", "&"))
}

fn get_json(agent: &Agent, url: &str) -> Value {
    let (status, document) = json_of(agent.get(url).call().expect("an answer"));
    assert_eq!(status, StatusCode::OK, "{url}: {document}");
    document
}

fn json_of(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().read_to_string().expect("a body");
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status}, and no JSON: {body}")))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
