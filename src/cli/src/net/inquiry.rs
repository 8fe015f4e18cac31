//! What is asked about an issuer: its metadata, in the places where that can be, and how far it is believed.
//!
//! Judges every URL and host before anybody is asked. Must never try the next place because the answer of one is
//! unacceptable: only where a document is missing (404) may there be another.

use super::client::{Fetched, HttpsClient};
use super::discovery::{Endpoints, Introspection, Metadata, introspection_of, metadata_urls, userinfo_of};
use super::error::{NetError, NetErrorCode};
use super::url::{Plain, SafeUrl, is_host};

/// A question about an issuer, judged.
#[derive(Debug)]
pub(crate) struct Inquiry {
    issuer: SafeUrl,
    /// In the order in which to ask.
    metadata_urls: Vec<SafeUrl>,
    allowed_hosts: Vec<String>,
    plain: Plain,
}

impl Inquiry {
    /// About `issuer`, whose metadata is at `discovery_url` or else at the well-known URLs, and may point to
    /// `allowed_hosts` as well.
    ///
    /// # Errors
    /// `url`, if one of these cannot be asked or allowed.
    pub(crate) fn new(
        issuer: &str,
        discovery_url: Option<&str>,
        allowed_hosts: &[String],
        plain: Plain,
    ) -> Result<Self, NetError> {
        let issuer = judge_issuer(issuer, plain)?;
        let metadata_urls = match discovery_url {
            Some(text) => vec![SafeUrl::parse(text, plain).map_err(|why| refused("the discovery URL", why))?],
            None => metadata_urls(&issuer, plain).map_err(|why| refused("the issuer", why))?.to_vec(),
        };
        if !allowed_hosts.iter().all(|host| is_host(host)) {
            return Err(refused("an allowed host", "is no host").with_hint("give a name alone: www.googleapis.com"));
        }
        Ok(Self { issuer, metadata_urls, allowed_hosts: allowed_hosts.to_vec(), plain })
    }

    /// What another place of the issuer says of introspection, where the document of `known` says nothing: some providers
    /// have it in the OAuth document alone, and that below the issuer. A place that says nothing usable is none.
    pub(crate) fn introspection_elsewhere(&self, client: &HttpsClient, known: &SafeUrl) -> Option<Introspection> {
        let below = self.issuer.as_str().strip_suffix('/').unwrap_or(self.issuer.as_str());
        let below = SafeUrl::parse(&format!("{below}/.well-known/oauth-authorization-server"), self.plain).ok();
        let mut places: Vec<&SafeUrl> = self.metadata_urls.iter().chain(&below).collect();
        places.dedup();
        places
            .into_iter()
            .filter(|place| *place != known)
            .find_map(|place| introspection_of(&client.get(place).ok()?, &self.issuer, self.plain))
    }

    /// Whether libpq finds the document of `known` by the issuer alone, and under which issuer of pg_hba.conf if not.
    pub(crate) fn hba_issuer<'a>(&'a self, known: &'a SafeUrl) -> Option<&'a str> {
        match self.metadata_urls.as_slice() {
            [openid, _] if openid == known => Some(self.issuer.as_str()),
            [_, oauth] if oauth == known => Some(oauth.as_str()),
            _ => None,
        }
    }

    /// Whom it is about.
    pub(crate) fn issuer(&self) -> &SafeUrl {
        &self.issuer
    }

    /// Asks for the metadata: where it was, and what it says.
    ///
    /// # Errors
    /// Those of the requests and of [`Metadata::read`].
    pub(crate) fn metadata(&self, client: &HttpsClient) -> Result<(SafeUrl, Metadata), NetError> {
        self.document(client, |url, fetched| {
            let metadata = Metadata::read(url, fetched, &self.issuer, &self.allowed_hosts, self.plain)?;
            Ok((url.clone(), metadata))
        })
    }

    /// Asks for the same document, for where a client gets its tokens.
    ///
    /// # Errors
    /// Those of the requests and of [`Endpoints::read`].
    pub(crate) fn endpoints(&self, client: &HttpsClient) -> Result<Endpoints, NetError> {
        self.document(client, |url, fetched| Endpoints::read(url, fetched, &self.issuer, self.plain))
    }

    /// Asks for the same document, for where claims are looked up.
    ///
    /// # Errors
    /// Those of the requests and of [`userinfo_of`].
    pub(crate) fn userinfo(&self, client: &HttpsClient) -> Result<SafeUrl, NetError> {
        self.document(client, |url, fetched| userinfo_of(url, fetched, &self.issuer, &self.allowed_hosts, self.plain))
    }

    fn document<T>(
        &self,
        client: &HttpsClient,
        read: impl Fn(&SafeUrl, &Fetched) -> Result<T, NetError>,
    ) -> Result<T, NetError> {
        let mut missing = None;
        for url in &self.metadata_urls {
            match client.get(url) {
                Ok(fetched) => return read(url, &fetched),
                Err(error) if error.status == Some(404) => missing = missing.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(missing.unwrap_or_else(|| NetError::new(NetErrorCode::Url, "there is nothing to ask for")))
    }
}

fn judge_issuer(text: &str, plain: Plain) -> Result<SafeUrl, NetError> {
    let spelling = "give the issuer as in the iss claim of its tokens, such as https://idp.example/realms/corp";
    let issuer = SafeUrl::parse(text, plain).map_err(|why| refused("the issuer", why).with_hint(spelling))?;
    if issuer.has_query() {
        return Err(refused("the issuer", "has a query").with_hint("give a URL with a query as {discovery_url}"));
    }
    if issuer.path().contains("/.well-known/") {
        let hint = "give what comes before /.well-known/, or {discovery_url}";
        return Err(refused("the issuer", "is the URL of a document").with_hint(hint));
    }
    Ok(issuer)
}

fn refused(what: &str, why: &str) -> NetError {
    NetError::new(NetErrorCode::Url, format!("{what} {why}"))
}
