//! What a helper is asked, and how it reaches whom it is to ask.

use super::line::{ProtocolError, from_line, to_line};
use super::secret::Secret;
use crate::introspection::{ClientAuth, OnlineCheck};
use crate::keys::source::{Location, ProviderKeys};
use crate::lookup::{Lookup, LookupSubject, Source, Userinfo};
use crate::reach::{Pem, Reach};
use crate::token::BearerToken;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// What the helper is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WireRequest", into = "WireRequest")]
pub struct HelperRequest {
    /// The oldest version that has all that is asked: a helper of before, which an upgrade leaves beside a newer library,
    /// goes on with what it knows.
    pub version: u32,
    /// How it reaches the provider, and how long it may take for everything.
    pub reach: Reach<Pem>,
    /// The work.
    pub task: Task,
}

/// A helper's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// To fetch an issuer's keys.
    Keys {
        /// The issuer as discovery must spell it.
        issuer: String,
        /// Where the metadata is, if not at the well-known URLs.
        discovery_url: Option<String>,
        /// Where the keys are, if no metadata is to be asked for.
        jwks_url: Option<String>,
        /// Hosts besides the issuer's that the metadata may point to.
        allowed_hosts: Vec<String>,
        /// What is had already: the answer may be that it still holds.
        known: Option<KnownDocument>,
        /// A bearer token that is shown where `jwks_url`, `discovery_url` or `issuer` is, whichever is the first of these, and
        /// nowhere else. Since version 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bearer: Option<Secret>,
    },
    /// To ask the provider about a token, by POST with a form.
    Introspect {
        /// Where.
        endpoint: String,
        /// How this server proves itself there.
        authorization: Authorization,
        /// The form field that holds the token.
        token_param: String,
        /// The token.
        token: Secret,
        /// The certificate that this server shows there. Since version 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<TlsClient>,
    },
    /// To ask a userinfo endpoint for claims about the subject of a token, by GET. Since version 2.
    Userinfo {
        /// Where.
        place: UserinfoLocation,
        /// The token, by which the endpoint is asked.
        token: Secret,
    },
    /// To ask Microsoft Graph which of some groups a user is in: with a token of this server's own, which is had first. Since
    /// version 2.
    Graph {
        /// Where that token is had, by client credentials (RFC 6749 section 4.4).
        token_endpoint: String,
        /// The client that this server is there.
        client_id: String,
        /// Its secret.
        secret: Secret,
        /// The root of Graph.
        endpoint: String,
        /// The user's object ID.
        user: String,
        /// The groups, by their object IDs.
        groups: Vec<String>,
    },
}

/// A certificate of this server's own with its private key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsClient {
    /// The certificate, with those that lead to its authority.
    pub cert_pem: Secret,
    /// Its private key.
    pub key_pem: Secret,
}

/// Where a userinfo endpoint is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UserinfoLocation {
    /// The endpoint is this URL.
    Endpoint(String),
    /// Where the metadata of the issuer says.
    Metadata {
        /// The issuer as the metadata must spell it.
        issuer: String,
        /// Where the metadata is, if not at the well-known URLs.
        discovery_url: Option<String>,
        /// Hosts besides the issuer's that it may point to.
        allowed_hosts: Vec<String>,
    },
}

/// How the helper proves itself to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Authorization {
    /// HTTP Basic, with both parts percent-encoded (RFC 6749 section 2.3.1).
    Basic {
        /// The client's name.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// HTTP Basic, with both parts as they are. Since version 2.
    BasicRaw {
        /// The client's name, without a colon.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// Both in the form.
    Post {
        /// The client's name.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// A bearer token of this server's own.
    Bearer {
        /// That token.
        secret: Secret,
    },
    /// A client's name in the form, and no secret. Since version 2.
    Public {
        /// The client's name.
        client_id: String,
    },
    /// Nothing.
    None,
}

impl Authorization {
    /// The oldest version of the protocol that has it.
    const fn version(&self) -> u32 {
        match self {
            Self::BasicRaw { .. } | Self::Public { .. } => 2,
            Self::Basic { .. } | Self::Post { .. } | Self::Bearer { .. } | Self::None => 1,
        }
    }
}

/// A key document that was fetched before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDocument {
    /// Where it came from.
    pub url: String,
    /// Its entity tag (RFC 9110 section 8.8.3).
    pub etag: String,
}

impl HelperRequest {
    /// The request for the keys of `source`, whose files `reach` and `bearer` hold.
    #[must_use]
    pub fn for_keys(
        source: &ProviderKeys,
        reach: Reach<Pem>,
        bearer: Option<Secret>,
        known: Option<KnownDocument>,
    ) -> Self {
        let (discovery_url, jwks_url) = match &source.settings.location {
            Location::Issuer => (None, None),
            Location::Metadata(url) => (Some(url.clone()), None),
            Location::Jwks(url) => (None, Some(url.clone())),
        };
        Self {
            version: if bearer.is_some() { 2 } else { 1 },
            reach,
            task: Task::Keys {
                issuer: source.issuer.clone(),
                discovery_url,
                jwks_url,
                allowed_hosts: source.settings.allowed_hosts.clone(),
                known,
                bearer,
            },
        }
    }

    /// The request for what the provider says of `token`, or `None` if that is no text; `reach` holds the files of `check`.
    #[must_use]
    pub fn for_token(
        check: &OnlineCheck,
        reach: Reach<Pem>,
        secret: Option<Secret>,
        token: &BearerToken,
    ) -> Option<Self> {
        let authorization = match (&check.auth, secret) {
            (ClientAuth::None, _) => Authorization::None,
            (ClientAuth::Public { client_id }, _) => Authorization::Public { client_id: client_id.clone() },
            (ClientAuth::Basic(client), Some(secret)) => {
                Authorization::Basic { client_id: client.client_id.clone(), secret }
            }
            (ClientAuth::BasicRaw(client), Some(secret)) => {
                Authorization::BasicRaw { client_id: client.client_id.clone(), secret }
            }
            (ClientAuth::Post(client), Some(secret)) => {
                Authorization::Post { client_id: client.client_id.clone(), secret }
            }
            (ClientAuth::Bearer { .. }, Some(secret)) => Authorization::Bearer { secret },
            (_, None) => return None,
        };
        let token = std::str::from_utf8(token.untrusted_bytes()).ok()?;
        Some(Self {
            version: authorization.version(),
            reach,
            task: Task::Introspect {
                endpoint: check.endpoint.clone(),
                authorization,
                token_param: check.token_param.clone(),
                token: Secret::new(token.to_owned()),
                certificate: None,
            },
        })
    }

    /// This question, asked with this certificate.
    #[must_use]
    pub fn with_certificate(mut self, shown: Option<TlsClient>) -> Self {
        if let (Task::Introspect { certificate, .. }, Some(shown)) = (&mut self.task, shown) {
            *certificate = Some(shown);
            // A helper that would ask without it must not understand this.
            self.version = self.version.max(2);
        }
        self
    }

    /// The request for claims that `token` lacks about the user whom it is about, or `None` if it is no text or a secret is
    /// missing; `reach` and `secret` hold the files of `lookup`.
    #[must_use]
    pub fn for_lookup(
        lookup: &Lookup,
        reach: Reach<Pem>,
        secret: Option<Secret>,
        about: &LookupSubject,
        token: &BearerToken,
    ) -> Option<Self> {
        let token = Secret::new(std::str::from_utf8(token.untrusted_bytes()).ok()?.to_owned());
        let task = match lookup.source.clone() {
            Source::Userinfo(Userinfo::Endpoint(url)) => {
                Task::Userinfo { place: UserinfoLocation::Endpoint(url), token }
            }
            Source::Userinfo(Userinfo::Metadata { issuer, discovery_url, allowed_hosts }) => {
                Task::Userinfo { place: UserinfoLocation::Metadata { issuer, discovery_url, allowed_hosts }, token }
            }
            // The token of the client is nobody's business there.
            Source::Graph(graph) => Task::Graph {
                token_endpoint: graph.token_endpoint,
                client_id: graph.client_id,
                secret: secret?,
                endpoint: graph.endpoint,
                user: about.user.clone(),
                groups: graph.groups,
            },
        };
        Some(Self { version: 2, reach, task })
    }

    /// The request as it is sent: one line. It may hold a token, and is wiped when it is dropped.
    #[must_use]
    pub fn to_line(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(to_line(self))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Whatever is not a request of a version that is understood.
    pub fn from_line(line: &[u8]) -> Result<Self, ProtocolError> {
        from_line(line)
    }
}

/// The members of a request, whose names and units both sides have agreed upon.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRequest {
    version: u32,
    /// How long the helper may take for everything.
    deadline_ms: u64,
    connect_timeout_ms: u64,
    ca_pem: Option<String>,
    proxy: Option<String>,
    insecure_http: bool,
    task: Task,
}

impl From<HelperRequest> for WireRequest {
    fn from(HelperRequest { version, reach, task }: HelperRequest) -> Self {
        let Reach { ca, proxy, insecure_http, connect_timeout, timeout } = reach;
        Self {
            version,
            deadline_ms: millis(timeout),
            connect_timeout_ms: millis(connect_timeout),
            ca_pem: ca.map(|Pem(text)| text),
            proxy,
            insecure_http,
            task,
        }
    }
}

impl From<WireRequest> for HelperRequest {
    fn from(wire: WireRequest) -> Self {
        let reach = Reach {
            ca: wire.ca_pem.map(Pem),
            proxy: wire.proxy,
            insecure_http: wire.insecure_http,
            connect_timeout: Duration::from_millis(wire.connect_timeout_ms),
            timeout: Duration::from_millis(wire.deadline_ms),
        };
        Self { version: wire.version, reach, task: wire.task }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
