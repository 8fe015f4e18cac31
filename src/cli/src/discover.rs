//! `oauth-validator discover`: what a provider publishes about itself, and the profile that fits it.
//!
//! Says on standard error what it waits for. Must never write a file, nor print anything of a document that was not
//! judged: keys come from the core's reader, URLs from the network layer.

use crate::args::DiscoverOptions;
use crate::net::{
    Client, Code, Freshness, KeyDocument, Metadata, NetError, Plain, SafeUrl, Settings, is_host, metadata_urls,
};
use crate::output::{self, Failure, Report};
use crate::proposal::Proposal;
use oauth_validator_core::KeySet;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What was asked for, judged.
struct Question {
    issuer: SafeUrl,
    /// In the order in which to ask; the next one only if there is none (404).
    metadata_urls: Vec<SafeUrl>,
    allowed_hosts: Vec<String>,
    plain: Plain,
}

/// What was found.
struct Found {
    metadata_url: SafeUrl,
    metadata: Metadata,
    document: KeyDocument,
}

/// Runs the command.
pub(crate) fn run(options: &DiscoverOptions, as_json: bool) -> Result<Report, Failure> {
    let question = Question::new(options)?;
    let settings =
        Settings { ca_file: options.ca_file.clone(), proxy: options.proxy.clone(), timeout: options.timeout };
    let client = Client::new(&settings).map_err(|error| Failure::new(error.to_string()).with_hint(error.hint()))?;
    let found = match question.ask(&client) {
        Ok(found) => found,
        Err(error) => return Ok(Report { text: failed(&question, &error, as_json), fine: false }),
    };
    let ca_file = options.ca_file.as_ref().map(|path| path.to_string_lossy());
    let proposal = Proposal::new(&question.issuer, &found.metadata.jwks_uri, ca_file.as_deref());
    let text = if as_json { to_json(&question, &found, &proposal) } else { to_text(&question, &found, &proposal) };
    Ok(Report { text, fine: true })
}

impl Question {
    fn new(options: &DiscoverOptions) -> Result<Self, Failure> {
        let plain = if options.insecure_http { Plain::Loopback } else { Plain::Never };
        let refused = |what: &str, why: &str| Failure::new(format!("{what} {why}"));
        let spelling = "give the issuer as in the iss claim of its tokens, such as https://idp.example/realms/corp";
        let issuer =
            SafeUrl::parse(&options.issuer, plain).map_err(|why| refused("the issuer", why).with_hint(spelling))?;
        if issuer.has_query() {
            return Err(refused("the issuer", "has a query").with_hint("give a URL with a query as --discovery-url"));
        }
        if issuer.path().contains("/.well-known/") {
            let why = "is the URL of a document";
            return Err(
                refused("the issuer", why).with_hint("give what comes before /.well-known/, or --discovery-url")
            );
        }
        let metadata_urls = match &options.discovery_url {
            Some(text) => vec![SafeUrl::parse(text, plain).map_err(|why| refused("--discovery-url", why))?],
            None => metadata_urls(&issuer, plain).map_err(|why| refused("the issuer", why))?.to_vec(),
        };
        for host in &options.allow_host {
            if !is_host(host) {
                return Err(refused("--allow-host", "is no host").with_hint("give a name alone: www.googleapis.com"));
            }
        }
        Ok(Self { issuer, metadata_urls, allowed_hosts: options.allow_host.clone(), plain })
    }

    /// All requests, one after the other.
    fn ask(&self, client: &Client) -> Result<Found, NetError> {
        let mut missing = None;
        for url in &self.metadata_urls {
            output::complain(&format!("asking {}", url.as_str()));
            match client.get(url) {
                Ok(fetched) => {
                    let metadata = Metadata::read(url, &fetched, &self.issuer, &self.allowed_hosts, self.plain)?;
                    output::complain(&format!("asking {}", metadata.jwks_uri.as_str()));
                    let document = KeyDocument::read(&metadata.jwks_uri, &client.get(&metadata.jwks_uri)?)?;
                    return Ok(Found { metadata_url: url.clone(), metadata, document });
                }
                Err(error) if error.status == Some(404) => missing = missing.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Err(missing.unwrap_or_else(|| NetError::new(Code::Url, "there is nothing to ask for")))
    }
}

impl Found {
    /// Whether the keys are at another host than the issuer's, which was allowed then.
    fn is_elsewhere(&self, question: &Question) -> bool {
        !self.metadata.jwks_uri.host().eq_ignore_ascii_case(question.issuer.host())
    }
}

fn to_text(question: &Question, found: &Found, proposal: &Proposal) -> String {
    let keys = &found.document.keys;
    let mut jwks_uri = found.metadata.jwks_uri.as_str().to_owned();
    if found.is_elsewhere(question) {
        jwks_uri.push_str("  (not the issuer's host; allowed by --allow-host)");
    }
    let mut rows = vec![
        ("issuer", question.issuer.as_str().to_owned()),
        ("metadata", found.metadata_url.as_str().to_owned()),
        ("jwks_uri", jwks_uri),
        ("cached for", freshness(found.document.freshness)),
        ("keys", format!("{}: {}", keys.keys().len(), algorithms(keys))),
    ];
    rows.extend(keys.left_out().iter().map(|why| ("left out", why.clone())));
    rows.extend(found.metadata.introspection_endpoint.iter().map(|endpoint| ("introspection", endpoint.clone())));
    let rows: String =
        rows.iter().map(|(what, value)| format!("{what:<13}  {}\n", output::visible(value, false))).collect();
    let Proposal { preset, profile, save_keys, hba, .. } = proposal;
    format!(
        "{rows}\n# In oauth-validator.toml, with the words in capitals replaced; see: oauth-validator preset show {preset}\n\
         {profile}\n# The keys, in the same folder, and again whenever the provider changes them:\n#   {save_keys}\n\
         # In pg_hba.conf, with the scopes that your clients request:\n#   {hba}\n"
    )
}

fn to_json(question: &Question, found: &Found, proposal: &Proposal) -> String {
    let Found { metadata_url, metadata, document } = found;
    let keys: Vec<Value> = document
        .keys
        .keys()
        .iter()
        .map(|key| json!({ "kid": key.kid(), "algorithms": key.algorithms().map(|each| each.name()).collect::<Vec<_>>() }))
        .collect();
    let report = json!({
        "issuer": question.issuer.as_str(),
        "metadata_url": metadata_url.as_str(),
        "jwks_uri": metadata.jwks_uri.as_str(),
        "jwks_uri_is_elsewhere": found.is_elsewhere(question),
        "introspection_endpoint": metadata.introspection_endpoint,
        "max_age": document.freshness.max_age,
        "no_cache": document.freshness.no_cache,
        "etag": document.etag,
        "keys": keys,
        "left_out": document.keys.left_out(),
        "proposal": {
            "preset": proposal.preset,
            "name": proposal.name,
            "profile": proposal.profile,
            "save_keys": proposal.save_keys,
            "hba": proposal.hba,
        },
    });
    format!("{report:#}\n")
}

/// The report of a provider whose documents cannot be used.
fn failed(question: &Question, error: &NetError, as_json: bool) -> String {
    if as_json {
        let found = json!({
            "code": error.code.name(), "status": error.status, "message": error.to_string(), "hint": error.hint(),
        });
        return format!("{:#}\n", json!({ "issuer": question.issuer.as_str(), "error": found }));
    }
    let text = |text: &str| output::visible(text, false).into_owned();
    format!("error[{}]: {}\n\n  help: {}\n", error.code.name(), text(&error.to_string()), text(error.hint()))
}

/// What the provider says about keeping its keys.
fn freshness(freshness: Freshness) -> String {
    match freshness {
        Freshness { no_cache: true, .. } => "the provider says no-cache: ask again each time".to_owned(),
        Freshness { max_age: Some(seconds), .. } => {
            let duration = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            format!("{duration:#} (max-age={seconds})")
        }
        Freshness { max_age: None, .. } => "the provider says nothing about it".to_owned(),
    }
}

/// How many keys there are for which algorithms.
fn algorithms(keys: &KeySet) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for key in keys.keys() {
        let names: Vec<&str> = key.algorithms().map(|algorithm| algorithm.name()).collect();
        let names = if names.is_empty() { "no algorithm of its kind".to_owned() } else { names.join("/") };
        *counts.entry(names).or_default() += 1;
    }
    counts.iter().map(|(names, count)| format!("{count} for {names}")).collect::<Vec<_>>().join(", ")
}
