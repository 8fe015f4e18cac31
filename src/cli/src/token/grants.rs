//! The ways to a token: device code (RFC 8628), client credentials and refresh (RFC 6749), exchange (RFC 8693).
//!
//! The protocol is the oauth2 crate's but for the exchange, which it does not know. Must never take a token that is bound to a
//! key, as DPoP's are: PostgreSQL's bearer tokens are shown by whoever has them.

use super::assertion;
use super::given::GivenToken;
use super::prompt;
use super::proof::Prover;
use super::provider::{ProviderEndpoints, refusal, said};
use super::source::{ClientProof, GrantType, TokenOrigin, read_text, unreadable};
use super::{NoToken, command};
use crate::net::NetError;
use form_urlencoded::Serializer;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, ClientId, ClientSecret, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet, ErrorResponse,
    ExtraTokenFields, HttpRequest, RefreshToken, RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
    StandardErrorResponse, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::thread;
use ureq::http::{Method, header};
use zeroize::Zeroizing;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What a provider may answer besides what RFC 6749 has.
#[derive(Debug, Serialize, Deserialize)]
struct WithIdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for WithIdToken {}

type ProviderTokenResponse = StandardTokenResponse<WithIdToken, BasicTokenType>;
type TokenRequestError = RequestTokenError<NetError, BasicErrorResponse>;
type OAuthClient<Device> = oauth2::Client<
    BasicErrorResponse,
    ProviderTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    Device,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Asks for a token by the source's own grant.
pub(super) fn obtain(source: &TokenOrigin) -> Result<GivenToken, NoToken> {
    let provider = || ProviderEndpoints::find(source);
    match &source.grant {
        GrantType::Device => by_device(source, &provider()?),
        GrantType::ClientCredentials => by_credentials(source, &provider()?),
        GrantType::Refresh(file) => refresh(source, &provider()?, &secret(file, "the refresh token")?),
        GrantType::Exchange(file, kind) => by_exchange(source, &provider()?, file, kind),
        GrantType::Command(command) => command::run(command, source),
    }
}

/// The next token of a grant that gave a refresh token.
pub(super) fn renew(source: &TokenOrigin, refresh_token: &str) -> Result<GivenToken, NoToken> {
    refresh(source, &ProviderEndpoints::find(source)?, refresh_token)
}

/// A client of the oauth2 crate's, with its secret if it has one.
fn client(source: &TokenOrigin, provider: &ProviderEndpoints) -> Result<OAuthClient<EndpointNotSet>, NoToken> {
    let token_url = url(TokenUrl::new(provider.endpoints.token.as_str().to_owned()))?;
    let client = oauth2::Client::new(ClientId::new(source.client_id.clone())).set_token_uri(token_url);
    let ClientProof::Secret(file) = &source.proof else {
        return Ok(client.set_auth_type(AuthType::RequestBody));
    };
    let method = if provider.takes("client_secret_basic") { AuthType::BasicAuth } else { AuthType::RequestBody };
    let secret = secret(file, "the client's secret")?;
    Ok(client.set_client_secret(ClientSecret::new((*secret).clone())).set_auth_type(method))
}

fn url<T, E>(parsed: Result<T, E>) -> Result<T, NoToken> {
    parsed.map_err(|_| NoToken::here("the provider's document names an endpoint that is no URL"))
}

/// What goes along with each request, by what the source says.
fn parameters(source: &TokenOrigin) -> impl Iterator<Item = (&'static str, String)> {
    let audience = source.audience.clone().map(|audience| ("audience", audience));
    audience.into_iter().chain(source.resource.clone().map(|resource| ("resource", resource)))
}

fn scopes(source: &TokenOrigin) -> impl Iterator<Item = Scope> + '_ {
    source.scope.iter().cloned().map(Scope::new)
}

fn by_device(source: &TokenOrigin, provider: &ProviderEndpoints) -> Result<GivenToken, NoToken> {
    let device = url(DeviceAuthorizationUrl::new(provider.device_endpoint()?.as_str().to_owned()))?;
    let client: OAuthClient<EndpointSet> = client(source, provider)?.set_device_authorization_url(device);
    let prover = Prover::of(source, provider)?;
    // One for both requests, and each time that the second is repeated.
    let send = |request: HttpRequest| prover.send(request);
    let mut request = client.exchange_device_code().add_scopes(scopes(source));
    for (name, value) in parameters(source) {
        request = request.add_extra_param(name, value);
    }
    let device: StandardDeviceAuthorizationResponse = request.request(&send).map_err(failed)?;
    prompt::show(&device, source.shows_qr);
    let mut request = client.exchange_device_access_token(&device);
    for (name, value) in parameters(source) {
        request = request.add_extra_param(name, value);
    }
    let response = request.request(&send, thread::sleep, None).map_err(|error| match error {
        RequestTokenError::ServerResponse(answer) => refused(&answer),
        RequestTokenError::Request(error) => said(error),
        _ => unlike(),
    })?;
    token(source, &response)
}

fn by_credentials(source: &TokenOrigin, provider: &ProviderEndpoints) -> Result<GivenToken, NoToken> {
    let client = client(source, provider)?;
    let mut request = client.exchange_client_credentials().add_scopes(scopes(source));
    for (name, value) in parameters(source) {
        request = request.add_extra_param(name, value);
    }
    let prover = Prover::of(source, provider)?;
    token(source, &request.request(&|request: HttpRequest| prover.send(request)).map_err(failed)?)
}

fn refresh(source: &TokenOrigin, provider: &ProviderEndpoints, refresh_token: &str) -> Result<GivenToken, NoToken> {
    let client = client(source, provider)?;
    let refresh_token = RefreshToken::new(refresh_token.to_owned());
    let mut request = client.exchange_refresh_token(&refresh_token);
    for (name, value) in parameters(source) {
        request = request.add_extra_param(name, value);
    }
    let prover = Prover::of(source, provider)?;
    token(source, &request.request(&|request: HttpRequest| prover.send(request)).map_err(failed)?)
}

/// RFC 8693 section 2.1: the file is read anew each time, since whatever gives such tokens renews them there.
fn by_exchange(
    source: &TokenOrigin,
    provider: &ProviderEndpoints,
    file: &Path,
    kind: &str,
) -> Result<GivenToken, NoToken> {
    let subject = secret(file, "the token to be exchanged")?;
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", EXCHANGE).append_pair("subject_token", &subject);
    form.append_pair("subject_token_type", kind).append_pair("requested_token_type", ACCESS_TOKEN);
    if !source.scope.is_empty() {
        form.append_pair("scope", &source.scope.join(" "));
    }
    for (name, value) in parameters(source) {
        form.append_pair(name, &value);
    }
    let mut request = ureq::http::Request::builder().method(Method::POST).uri(provider.endpoints.token.as_str());
    match &source.proof {
        ClientProof::Secret(file) => {
            let secret = secret(file, "the client's secret")?;
            if provider.takes("client_secret_basic") {
                request = request.header(header::AUTHORIZATION, assertion::basic(&source.client_id, &secret));
            } else {
                form.append_pair("client_id", &source.client_id).append_pair("client_secret", &secret);
            }
        }
        _ if source.client_id.is_empty() => {}
        _ => {
            form.append_pair("client_id", &source.client_id);
        }
    }
    let request = request.body(form.finish().into_bytes()).map_err(|_| unlike())?;
    let answer = Prover::of(source, provider)?.send(request).map_err(said)?;
    if answer.status().is_success() {
        return token(source, &serde_json::from_slice(answer.body()).map_err(|_| unlike())?);
    }
    let error: BasicErrorResponse = serde_json::from_slice(answer.body()).map_err(|_| unlike())?;
    Err(refused(&error))
}

/// The token of an answer, if PostgreSQL can be shown it.
fn token(source: &TokenOrigin, response: &ProviderTokenResponse) -> Result<GivenToken, NoToken> {
    let is_bearer = match response.token_type() {
        BasicTokenType::Bearer => true,
        // RFC 8693 section 2.2.1: what is given may be something else than an access token.
        BasicTokenType::Extension(kind) => kind == "N_A",
        BasicTokenType::Mac => false,
    };
    if !is_bearer {
        return Err(NoToken::refused("the provider gives a token that is bound to a key, and no bearer token")
            .with_hint("PostgreSQL takes bearer tokens alone: see what the client is set up for at the provider"));
    }
    let text =
        match source.takes_id_token {
            false => response.access_token().secret(),
            true => response.extra_fields().id_token.as_ref().ok_or_else(|| {
                NoToken::refused("the provider gives no ID token").with_hint("ask for the scope openid")
            })?,
        };
    let text = Zeroizing::new(text.clone());
    let life = assertion::life_of(&text).or_else(|| response.expires_in().filter(|_| !source.takes_id_token));
    let refresh = response.refresh_token().map(|token| Zeroizing::new(token.secret().clone()));
    Ok(GivenToken { text, life, refresh })
}

/// A secret of a file, without the line end behind it.
pub(super) fn secret(file: &Path, what: &str) -> Result<Zeroizing<String>, NoToken> {
    let text = Zeroizing::new(read_text(file, what).map_err(unreadable)?);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(NoToken::here(format!("{what} in {} is empty", file.display())));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

fn failed(error: TokenRequestError) -> NoToken {
    match error {
        RequestTokenError::ServerResponse(answer) => refused(&answer),
        RequestTokenError::Request(error) => said(error),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => unlike(),
    }
}

fn refused<T: oauth2::ErrorResponseType + AsRef<str>>(answer: &StandardErrorResponse<T>) -> NoToken
where
    StandardErrorResponse<T>: ErrorResponse,
{
    refusal(answer.error().as_ref(), answer.error_description().map(String::as_str))
}

fn unlike() -> NoToken {
    NoToken::passing("the provider's answer is not what RFC 6749 says it is")
}
