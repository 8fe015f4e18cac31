//! The only network code: bounded HTTPS requests to an identity provider, by the tool and never by the server.
//!
//! Blocking, with one deadline over a whole exchange. Follows no redirect, takes no proxy from the environment, reads
//! no body over its limit, and never lets what a stranger sent into an error.

mod client;
mod discovery;
mod error;
mod jwks;
mod trust;
mod url;

pub(crate) use client::{Client, Settings};
pub(crate) use discovery::{Metadata, metadata_urls};
pub(crate) use error::{Code, NetError};
pub(crate) use jwks::{Freshness, KeyDocument};
pub(crate) use url::{Plain, SafeUrl, is_host};
