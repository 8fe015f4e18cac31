//! Carries out what is asked of a helper: one function for the server's helper, and for commands that fetch keys
//! themselves.
//!
//! Hints are in the words of the configuration, since that is where all of the request comes from. Must never look at
//! the environment, so that the tool trusts whom the server trusts.

use crate::net::{
    Ca, GraphQuestion, HttpsClient, Inquiry, NetError, NetErrorCode, PlaceKeys, Plain, SafeUrl, TlsIdentity, Wording,
    groups_of, introspect, userinfo,
};
use crate::output::{complain, visible};
use oauth_validator_core::protocol::{
    self, FetchedKeys, HelperReply, HelperRequest, KnownDocument, Task, UserinfoLocation,
};
use oauth_validator_core::{Pem, batch_path};
use oauth_validator_store::{ClientLeft, Environment};
use std::thread;
use std::time::Duration;

const ENDPOINT_HINT: &str = "give introspection.endpoint as the provider documents it, https://HOST/...";
const USERINFO_HINT: &str = "give lookup.endpoint as the provider's metadata has it, https://HOST/...";
const GRAPH_HINT: &str = "give lookup.endpoint and lookup.token_endpoint as Microsoft documents them, https://HOST/...";
const JWKS_URL_HINT: &str = "give keys.jwks_url as the provider documents it, https://HOST/...";

/// What comes of the request within `limit`, however much more time it gives; `asking` is told each URL before it is asked.
pub(crate) fn carry_out(request: &HelperRequest, limit: Duration, asking: fn(&SafeUrl)) -> HelperReply {
    ask(request, limit, asking).unwrap_or_else(|error| failed(&error))
}

/// The outcome where there is nothing to be had.
pub(crate) fn failed(error: &NetError) -> HelperReply {
    HelperReply::Failed(protocol::HelperFailure {
        code: error.code.name().to_owned(),
        message: error.to_string(),
        hint: error.hint(Wording::Configuration),
    })
}

fn ask(request: &HelperRequest, limit: Duration, asking: fn(&SafeUrl)) -> Result<HelperReply, NetError> {
    let reach = request.reach.map(|Pem(text)| Ca::Pem(text.clone()));
    let limit = limit.min(reach.timeout);
    let shown = match &request.task {
        Task::Introspect { certificate: Some(files), .. } => Some(TlsIdentity::read(files)?),
        _ => None,
    };
    let client = HttpsClient::identified(&reach.within(limit), &Ca::System, asking, shown)?;
    let plain = Plain::of(&request.reach);
    match &request.task {
        Task::Keys { issuer, discovery_url, jwks_url, allowed_hosts, known, bearer } => {
            let configured =
                [jwks_url.as_deref(), discovery_url.as_deref(), Some(issuer.as_str())].into_iter().flatten().next();
            let configured = SafeUrl::parse(configured.unwrap_or_default(), plain).ok();
            let client = match (configured, bearer) {
                (Some(place), Some(bearer)) => client.showing(bearer, &place)?,
                _ => client,
            };
            let url = match jwks_url {
                Some(url) => safe_url(url, plain, "the URL of the keys", JWKS_URL_HINT)?,
                None => {
                    let inquiry = Inquiry::new(issuer, discovery_url.as_deref(), allowed_hosts, plain)?;
                    let (place, metadata) = inquiry.metadata(&client)?;
                    metadata.keys(&place)?.clone()
                }
            };
            keys(&client, &url, known.as_ref())
        }
        Task::Introspect { endpoint, authorization, token_param, token, .. } => {
            let endpoint = safe_url(endpoint, plain, "the introspection endpoint", ENDPOINT_HINT)?;
            introspect(&client, &endpoint, authorization, token_param, token).map(HelperReply::Answer)
        }
        Task::Userinfo { place, token } => {
            let endpoint = match place {
                UserinfoLocation::Endpoint(url) => safe_url(url, plain, "the userinfo endpoint", USERINFO_HINT)?,
                UserinfoLocation::Metadata { issuer, discovery_url, allowed_hosts } => {
                    Inquiry::new(issuer, discovery_url.as_deref(), allowed_hosts, plain)?.userinfo(&client)?
                }
            };
            userinfo(&client, &endpoint, token).map(HelperReply::Answer)
        }
        Task::Graph { token_endpoint, client_id, secret, endpoint, user, groups } => {
            let scope = format!("{endpoint}/.default");
            let batch = format!("{endpoint}{}", batch_path());
            let batch = safe_url(&batch, plain, "the URL of Microsoft Graph", GRAPH_HINT)?;
            let token_endpoint = &safe_url(token_endpoint, plain, "the token endpoint", GRAPH_HINT)?;
            let question = GraphQuestion { token_endpoint, batch: &batch, scope, client_id, secret, user, groups };
            groups_of(&client, &question).map(HelperReply::Answer)
        }
    }
}

fn safe_url(url: &str, plain: Plain, what: &str, hint: &str) -> Result<SafeUrl, NetError> {
    SafeUrl::parse(url, plain).map_err(|why| NetError::new(NetErrorCode::Url, format!("{what} {why}")).with_hint(hint))
}

fn keys(client: &HttpsClient, url: &SafeUrl, known: Option<&KnownDocument>) -> Result<HelperReply, NetError> {
    Ok(match PlaceKeys::fetch(client, url, known)? {
        PlaceKeys::Unchanged(freshness) => HelperReply::Unchanged(freshness),
        PlaceKeys::Document(document) => HelperReply::Keys(FetchedKeys {
            url: url.as_str().to_owned(),
            etag: document.etag,
            freshness: document.freshness,
            keys: document.keys,
        }),
    })
}

/// A command that a person waits for, and that asks in its own process.
#[derive(Debug, Default)]
pub(crate) struct Foreground {
    /// Whether it was said that somebody else is asking.
    waits: bool,
}

impl Environment for Foreground {
    fn pause(&mut self, time: Duration) -> Result<(), ClientLeft> {
        if !std::mem::replace(&mut self.waits, true) {
            complain("waiting for another process that asks the provider");
        }
        thread::sleep(time);
        Ok(())
    }

    fn still_wanted(&mut self) -> Result<(), ClientLeft> {
        Ok(())
    }

    fn fetch(&mut self, request: &HelperRequest, limit: Duration) -> HelperReply {
        carry_out(request, limit, |url| complain(&format!("asking {}", url.as_str())))
    }

    fn ask(&mut self, request: &HelperRequest, limit: Duration) -> Result<HelperReply, ClientLeft> {
        Ok(self.fetch(request, limit))
    }

    fn complain(&mut self, what: &str, hint: &str) {
        complain(&format!("note: {}\n  help: {}", visible(what, false), visible(hint, false)));
    }
}
