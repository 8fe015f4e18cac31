//! The only network code: bounded HTTPS requests to an identity provider, by the tool and by the
//! helper, never by the server itself.
//!
//! Blocking, with one deadline over a whole exchange. Follows no redirect, takes no proxy from the environment, reads
//! no body over its limit, and never lets what a stranger sent into an error.

mod authorization;
mod certificate;
mod client;
mod discovery;
mod error;
mod graph;
mod identity;
mod inquiry;
mod introspection;
mod jwks;
mod resolver;
mod tls;
mod trust;
mod untrusted;
mod url;
mod userinfo;
mod verifier;

pub(crate) use client::HttpsClient;
pub(crate) use discovery::{Endpoints, Introspection, Metadata};
pub(crate) use error::{NetError, NetErrorCode, Wording, tls_fault};
pub(crate) use graph::{GraphQuestion, groups_of};
pub(crate) use identity::TlsIdentity;
pub(crate) use inquiry::Inquiry;
pub(crate) use introspection::introspect;
pub(crate) use jwks::{KeyDocument, PlaceKeys};
pub(crate) use trust::{Ca, Trust, judge_authorities};
pub(crate) use url::{Plain, SafeUrl};
pub(crate) use userinfo::userinfo;
pub(crate) use verifier::{Demand, client_config, judge_identity};
