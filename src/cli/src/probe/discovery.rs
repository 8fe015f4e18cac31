//! What libpq does before it has a token: asks the server for issuer and scope, and the provider for its document.
//!
//! Says what a conninfo string must have, and whether libpq's own device flow can work, by libpq's rules
//! (`handle_oauth_sasl_error` and `check_issuer` in fe-auth-oauth.c). Must never show a token to anybody.

use super::target::{Check, ProbeTarget, Roots, Security, ServerAddress};
use crate::args::ProbeOptions;
use crate::net::{Ca, Endpoints, HttpsClient, Inquiry, NetError, Plain, Wording};
use oauth_validator_core::Reach;
use serde_json::{Value, json};
use std::path::Path;

/// The initial client response of a client without a token (RFC 7628 section 4.3).
pub(super) const ASK: &[u8] = b"n,,\x01auth=\x01\x01";

/// The documents that libpq knows (`OPENID_WK_URI` and `OAUTH_WK_URI`).
const DOCUMENTS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// What somebody puts the client's ID in place of.
const CLIENT: &str = "CLIENT";

/// What came of it.
#[derive(Debug)]
pub(super) struct Discovery {
    /// The issuer as `oauth_issuer` must have it; `None` where the server names no document that libpq knows.
    pub(super) issuer: Option<String>,
    /// What the document says, or why libpq would go no further: a sentence without its full stop.
    pub(super) document: Result<DiscoveryDocument, String>,
    hint: Option<String>,
}

/// What of the provider's document matters to libpq.
#[derive(Debug)]
pub(super) struct DiscoveryDocument {
    device: Option<String>,
    /// Whether it lists clients without a secret; some providers take them and do not.
    lists_public_clients: bool,
}

impl Discovery {
    /// Asks the provider that the server names by this URL.
    pub(super) fn of(url: &str, options: &ProbeOptions) -> Self {
        let Some(issuer) = issuer_of(url) else {
            let why = "the server names a document that libpq does not know: see issuer= of the line in pg_hba.conf";
            return Self { issuer: None, document: Err(why.to_owned()), hint: None };
        };
        let found = endpoints(url, &issuer, options);
        let hint = found.as_ref().err().map(|error| error.hint(Wording::Options));
        let document = found.map_err(|error| error.to_string()).map(|endpoints| DiscoveryDocument {
            device: endpoints.device.map(|url| url.as_str().to_owned()),
            lists_public_clients: endpoints.methods.is_some_and(|methods| methods.iter().any(|own| own == "none")),
        });
        Self { issuer: Some(issuer), document, hint }
    }

    /// Whether psql by itself gets as far as to ask a person.
    pub(super) fn is_fine(&self) -> bool {
        self.document.as_ref().is_ok_and(|document| document.device.is_some())
    }

    /// For a person: what, and what it is.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        match &self.document {
            Err(why) => vec![("discovery", why.clone())],
            Ok(DiscoveryDocument { device, lists_public_clients }) => vec![
                ("discovery", "the document is the issuer's".to_owned()),
                ("device flow", device.clone().unwrap_or_else(|| "none".to_owned())),
                ("public client", if *lists_public_clients { "yes" } else { "not listed" }.to_owned()),
            ],
        }
    }

    /// What to do; lines of at most 80 columns.
    pub(super) fn next(&self, target: &ProbeTarget) -> String {
        let mut next = String::new();
        if let Some(hint) = &self.hint {
            next.push_str(&format!("The provider: {hint}\n\n"));
        }
        if let Ok(document) = &self.document {
            if document.device.is_none() {
                next.push_str(NO_DEVICE_FLOW);
            } else if !document.lists_public_clients {
                next.push_str(NOT_LISTED);
            }
        }
        if let Some(items) = self.conninfo(target) {
            next.push_str(LIBPQ);
            next.push_str(&command(&items));
        }
        next
    }

    /// For a program.
    pub(super) fn to_json(&self, target: &ProbeTarget) -> Value {
        let document = self.document.as_ref().ok();
        json!({
            "issuer": self.issuer,
            "error": self.document.as_ref().err(),
            "device_authorization_endpoint": document.and_then(|document| document.device.clone()),
            "lists_public_clients": document.map(|document| document.lists_public_clients),
            "conninfo": self.conninfo(target).map(|items| items.join(" ")),
        })
    }

    /// What libpq needs, one parameter each; nothing where a value would not show as itself.
    fn conninfo(&self, target: &ProbeTarget) -> Option<Vec<String>> {
        let issuer = self.issuer.as_ref()?;
        let mut pairs = Vec::new();
        match &target.place {
            ServerAddress::Socket(path) => {
                pairs.push(("host", path.parent()?.to_str()?.to_owned()));
                pairs.push(("port", port_of(path)?.to_owned()));
            }
            ServerAddress::Abstract(name) => {
                let (folder, socket) = name.rsplit_once('/')?;
                pairs.push(("host", format!("@{folder}")));
                pairs.push(("port", port_of(Path::new(socket))?.to_owned()));
            }
            ServerAddress::Network(host, port, security) => {
                pairs.extend([("host", host.clone()), ("port", port.to_string())]);
                pairs.extend(protection(security));
            }
        }
        pairs.extend([("dbname", target.database.clone()), ("user", target.user.clone())]);
        pairs.extend([("oauth_issuer", issuer.clone()), ("oauth_client_id", CLIENT.to_owned())]);
        pairs.iter().map(|(name, value)| Some(format!("{name}={}", value_of(value)?))).collect()
    }
}

const LIBPQ: &str = "\
psql and others on libpq 18 or newer take this, with the client's ID as CLIENT:
";

const NO_DEVICE_FLOW: &str = "\
The provider has no device flow, so libpq cannot get a token by itself:
oauth-validator run gets one by another grant.

";

const NOT_LISTED: &str = "\
The document does not say that clients without a secret may ask. Where the
provider says invalid_client, allow public clients, or set oauth_client_secret.

";

/// The issuer of a document's URL, as libpq has it (`issuer_from_well_known_uri`); none for another URL.
fn issuer_of(url: &str) -> Option<String> {
    DOCUMENTS.iter().find_map(|name| {
        let (before, behind) = url.split_once(name)?;
        // Behind the issuer, or between its host and its path (RFC 8414 section 3.1).
        let is_between =
            behind.starts_with('/') && before.split_once("://").is_some_and(|(_, host)| !host.contains('/'));
        (behind.is_empty() || is_between).then(|| format!("{before}{behind}"))
    })
}

fn endpoints(url: &str, issuer: &str, options: &ProbeOptions) -> Result<Endpoints, NetError> {
    let reach = Reach {
        ca: options.ca_file.clone().map(Ca::File),
        proxy: options.proxy.clone(),
        insecure_http: false,
        connect_timeout: options.timeout * 2 / 5,
        timeout: options.timeout,
    };
    let inquiry = Inquiry::new(issuer, Some(url), &[], Plain::Never)?;
    inquiry.endpoints(&HttpsClient::new(&reach, &Ca::Environment, |_| {})?)
}

/// As libpq spells what was asked of the connection; a file that libpq finds by itself does no harm.
fn protection(security: &Security) -> Vec<(&'static str, String)> {
    let (mode, roots) = match security {
        Security::Plain { .. } => ("disable", None),
        Security::Tls(Check::Nothing) => ("require", None),
        Security::Tls(Check::Authority(roots)) => ("verify-ca", Some(roots)),
        Security::Tls(Check::Name(roots)) => ("verify-full", Some(roots)),
    };
    let roots = roots.map(|roots| match roots {
        Roots::System => "system".to_owned(),
        Roots::File(path) => path.to_string_lossy().into_owned(),
    });
    [("sslmode", mode.to_owned())].into_iter().chain(roots.map(|roots| ("sslrootcert", roots))).collect()
}

fn port_of(socket: &Path) -> Option<&str> {
    socket.file_name()?.to_str()?.strip_prefix(".s.PGSQL.")
}

/// A value in a conninfo string ("Keyword/Value Connection Strings"); nothing for one that would not show as itself.
fn value_of(value: &str) -> Option<String> {
    if crate::output::visible(value, false) != value {
        return None;
    }
    let is_plain = !value.is_empty() && !value.contains([' ', '\'', '\\']);
    Some(if is_plain { value.to_owned() } else { format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'")) })
}

/// psql with these parameters, for a shell: in single quotes, where a line's end is as good as a blank to libpq.
fn command(items: &[String]) -> String {
    let (mut done, mut line) = (String::new(), String::from("  psql '"));
    for (number, item) in items.iter().enumerate() {
        let item = item.replace('\'', r"'\''");
        if number == 0 {
            line.push_str(&item);
        } else if line.chars().count() + item.chars().count() + 2 <= 80 {
            line.push_str(&format!(" {item}"));
        } else {
            done.push_str(&format!("{line}\n"));
            line = format!("    {item}");
        }
    }
    format!("{done}{line}'\n")
}

#[cfg(test)]
mod tests;
