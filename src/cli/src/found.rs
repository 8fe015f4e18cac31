//! What a provider publishes about itself, asked for once: for `discover`, and for `init --token-file`.
//!
//! Decides what is asked in which order, and what a profile can be made of. Must never believe a document that the network
//! layer has not judged.

use crate::net::{HttpsClient, Inquiry, Introspection, KeyDocument, Metadata, NetError, NetErrorCode, SafeUrl};
use crate::proposal::PublishedMetadata;

/// What was found.
pub(crate) struct DiscoveryResult {
    pub(crate) metadata_url: SafeUrl,
    pub(crate) metadata: Metadata,
    /// In the metadata, or elsewhere.
    pub(crate) introspection: Option<Introspection>,
    /// Where the keys are, and which they are; none if the provider publishes none.
    pub(crate) keys: Option<(SafeUrl, KeyDocument)>,
}

impl DiscoveryResult {
    /// All requests, one after the other.
    pub(crate) fn by(inquiry: &Inquiry, client: &HttpsClient) -> Result<Self, NetError> {
        let (metadata_url, metadata) = inquiry.metadata(client)?;
        let keys = match metadata.keys(&metadata_url) {
            Ok(jwks_uri) => Ok((jwks_uri.clone(), KeyDocument::fetch(client, jwks_uri)?)),
            Err(missing) => Err(missing),
        };
        // Last, since whoever does not answer there uses up the time.
        let introspection =
            metadata.introspection.clone().or_else(|| inquiry.introspection_elsewhere(client, &metadata_url));
        let keys = match (keys, &introspection) {
            (Ok(keys), _) => Some(keys),
            (Err(_), Some(_)) => None,
            (Err(missing), None) => return Err(missing),
        };
        Ok(Self { metadata_url, metadata, introspection, keys })
    }

    /// What a profile can be made of.
    pub(crate) fn published<'a>(&'a self, inquiry: &'a Inquiry) -> PublishedMetadata<'a> {
        PublishedMetadata {
            keys: self.keys.as_ref().map(|(_, document)| &document.keys),
            introspection: self.introspection.as_ref(),
            token_issuer: self.metadata.access_token_issuer.as_deref(),
            hba_issuer: inquiry.hba_issuer(&self.metadata_url),
        }
    }

    /// Why there is no proposal: no keys, and an endpoint that wants what this server does not do.
    pub(crate) fn no_way(&self) -> NetError {
        let what = "the document has no jwks_uri, and its introspection endpoint takes no client authentication of this \
                    server's";
        NetError::new(NetErrorCode::JwksUri, format!("{}: {what}", self.metadata_url.as_str()))
            .with_hint("allow a client there that proves itself by client_secret_basic or client_secret_post")
    }

    /// Whether the keys are at another host than the issuer's, which was allowed then.
    pub(crate) fn is_elsewhere(&self, inquiry: &Inquiry) -> bool {
        self.keys.as_ref().is_some_and(|(url, _)| !url.host().eq_ignore_ascii_case(inquiry.issuer().host()))
    }

    /// Why psql cannot get a token by its own device flow, if it cannot.
    pub(crate) fn no_device_flow(&self, inquiry: &Inquiry) -> Option<&'static str> {
        match inquiry.hba_issuer(&self.metadata_url) {
            None => Some("libpq looks for the metadata below the issuer alone"),
            Some(_) if !inquiry.issuer().as_str().starts_with("https://") => Some("libpq asks nobody without https"),
            Some(_) => self.metadata.no_device_flow(),
        }
    }
}
