//! Where a provider is asked about tokens, and how this server proves itself there: what `[profiles.NAME.introspection]` says.

use crate::reach::{FilePath, Reach};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a provider is asked about a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlineCheck {
    /// What kind of answer is expected.
    pub kind: OnlineKind,
    /// Where it is asked: an https URL.
    pub endpoint: String,
    /// How this server proves itself there.
    pub auth: ClientAuth,
    /// The certificate that this server shows there (RFC 8705), if it has one.
    pub certificate: Option<ClientCertificate>,
    /// The form field that holds the token.
    pub token_param: String,
    /// What separates scopes in the answer, where that differs from `scope.separator`.
    pub scope_separator: Option<String>,
    /// How long an answer may be kept for other logins with the same token; zero, and each login asks.
    pub cache: Duration,
    /// How the provider is reached.
    pub reach: Reach<FilePath>,
}

/// What kind of answer an endpoint gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnlineKind {
    /// Introspection (RFC 7662).
    Introspection,
    /// Google's tokeninfo.
    Tokeninfo,
}

impl OnlineKind {
    /// The profile's `mode`.
    #[must_use]
    pub const fn mode(self) -> &'static str {
        match self {
            Self::Introspection => "introspection",
            Self::Tokeninfo => "tokeninfo",
        }
    }

    /// `introspection.auth` of a profile that has none: RFC 7662 section 2.1 demands some, Google's tokeninfo knows none.
    pub(crate) const fn default_auth(self) -> &'static str {
        match self {
            Self::Introspection => "basic",
            Self::Tokeninfo => "none",
        }
    }

    /// `introspection.token_param` of a profile that has none.
    pub(crate) const fn default_param(self) -> &'static str {
        match self {
            Self::Introspection => "token",
            Self::Tokeninfo => "access_token",
        }
    }
}

/// How this server proves itself to an introspection endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientAuth {
    /// HTTP Basic with both parts percent-encoded (RFC 6749 section 2.3.1).
    Basic(ClientSecret),
    /// HTTP Basic with both parts as they are, as many providers read it.
    BasicRaw(ClientSecret),
    /// Both parts in the form.
    Post(ClientSecret),
    /// The secret as a bearer token of this server's own.
    Bearer {
        /// A file with the token; relative to the configuration's folder.
        secret_file: String,
    },
    /// The server proves nothing, but gives a client's name in the form.
    Public {
        /// The name.
        client_id: String,
    },
    /// The server proves nothing.
    None,
}

/// A certificate of this server's own and its private key, in PEM files; relative to the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// The certificate, with those that lead to its authority.
    pub cert_file: String,
    /// Its private key.
    pub key_file: String,
}

/// A client's name and where its secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// The name.
    pub client_id: String,
    /// A file with the secret; relative to the configuration's folder.
    pub secret_file: String,
}

impl ClientAuth {
    /// The file with the secret, if there is one.
    #[must_use]
    pub fn secret_file(&self) -> Option<&str> {
        match self {
            Self::Basic(client) | Self::BasicRaw(client) | Self::Post(client) => Some(&client.secret_file),
            Self::Bearer { secret_file } => Some(secret_file),
            Self::Public { .. } | Self::None => None,
        }
    }
}
