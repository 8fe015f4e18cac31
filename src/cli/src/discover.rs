//! `oauth-validator discover`: what a provider publishes about itself, and the profile that fits it.
//!
//! Says on standard error what it waits for. Must never write a file, nor print anything of a document that was not
//! judged: keys come from the core's reader, URLs from the network layer.

use crate::args::DiscoverOptions;
use crate::net::{Ca, Client, Inquiry, KeyDocument, Metadata, NetError, Plain, SafeUrl, Settings, Wording};
use crate::output::{self, Failure, Report};
use crate::proposal::Proposal;
use crate::words;
use oauth_validator_core::KeySet;
use oauth_validator_core::protocol::Freshness;
use serde_json::json;
use std::collections::BTreeMap;

/// What was found.
struct Found {
    metadata_url: SafeUrl,
    metadata: Metadata,
    document: KeyDocument,
}

/// Runs the command.
pub(crate) fn run(options: &DiscoverOptions, as_json: bool) -> Result<Report, Failure> {
    let plain = if options.reach.insecure_http { Plain::Loopback } else { Plain::Never };
    let inquiry =
        Inquiry::new(&options.issuer, options.reach.discovery_url.as_deref(), &options.reach.allow_host, plain);
    let inquiry = inquiry.map_err(unusable)?;
    let client = Client::new(&settings(options)).map_err(unusable)?;
    let found = match Found::by(&inquiry, &client) {
        Ok(found) => found,
        Err(error) => return Ok(Report { text: failed(&inquiry, &error, as_json), fine: false }),
    };
    let proposal = Proposal::new(inquiry.issuer(), options, found.metadata.introspection_endpoint.as_deref());
    let text = if as_json { to_json(&inquiry, &found, &proposal) } else { to_text(&inquiry, &found, &proposal) };
    Ok(Report { text, fine: true })
}

fn settings(options: &DiscoverOptions) -> Settings {
    Settings {
        ca: options.reach.ca_file.clone().map_or(Ca::Environment, Ca::File),
        proxy: options.reach.proxy.clone(),
        timeout: options.timeout,
        connect_timeout: options.timeout * 2 / 5,
        asking: |url| output::complain(&format!("asking {}", url.as_str())),
    }
}

fn unusable(error: NetError) -> Failure {
    Failure::new(error.to_string()).with_hint(error.hint(Wording::Options))
}

impl Found {
    /// All requests, one after the other.
    fn by(inquiry: &Inquiry, client: &Client) -> Result<Self, NetError> {
        let (metadata_url, metadata) = inquiry.metadata(client)?;
        let document = KeyDocument::fetch(client, &metadata.jwks_uri)?;
        Ok(Self { metadata_url, metadata, document })
    }

    /// Whether the keys are at another host than the issuer's, which was allowed then.
    fn is_elsewhere(&self, inquiry: &Inquiry) -> bool {
        !self.metadata.jwks_uri.host().eq_ignore_ascii_case(inquiry.issuer().host())
    }
}

fn to_text(inquiry: &Inquiry, found: &Found, proposal: &Proposal) -> String {
    let keys = &found.document.keys;
    let mut jwks_uri = found.metadata.jwks_uri.as_str().to_owned();
    if found.is_elsewhere(inquiry) {
        jwks_uri.push_str(" (not the issuer's host; allowed by --allow-host)");
    }
    let mut rows = vec![
        ("issuer", inquiry.issuer().as_str().to_owned()),
        ("metadata", found.metadata_url.as_str().to_owned()),
        ("jwks_uri", jwks_uri),
        ("cached for", freshness(found.document.freshness)),
        ("keys", format!("{}: {}", keys.keys().len(), algorithms(keys))),
    ];
    rows.extend(words::all_left_out(keys).into_iter().map(|why| ("left out", why)));
    rows.extend(found.metadata.introspection_endpoint.iter().map(|endpoint| ("introspection", endpoint.clone())));
    let rows: String =
        rows.iter().map(|(what, value)| format!("{what:<13}  {}\n", output::visible(value, false))).collect();
    let rows = output::prose(&rows);
    let Proposal { preset, profile, introspection, hba, .. } = proposal;
    let introspection = introspection.as_deref().map(commented).unwrap_or_default();
    format!(
        "{rows}\n# In oauth-validator.toml, with the words in capitals replaced;\n\
         # see: oauth-validator preset show {preset}\n\
         {profile}\n{introspection}\
         # In pg_hba.conf, with the scopes that your clients request:\n#   {hba}\n"
    )
}

/// The lines of another way to verify tokens.
fn commented(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("#   {line}\n")).collect();
    format!(
        "# Or, to have each token judged by the provider, in place of the preset, as a\n# client that it knows:\n{lines}\n"
    )
}

fn to_json(inquiry: &Inquiry, found: &Found, proposal: &Proposal) -> String {
    let Found { metadata_url, metadata, document } = found;
    let report = json!({
        "issuer": inquiry.issuer().as_str(),
        "metadata_url": metadata_url.as_str(),
        "jwks_uri": metadata.jwks_uri.as_str(),
        "jwks_uri_is_elsewhere": found.is_elsewhere(inquiry),
        "introspection_endpoint": metadata.introspection_endpoint,
        "max_age": document.freshness.max_age,
        "no_cache": document.freshness.no_cache,
        "etag": document.etag,
        "keys": words::keys_to_json(&document.keys),
        "left_out": words::all_left_out(&document.keys),
        "proposal": {
            "preset": proposal.preset,
            "name": proposal.name,
            "profile": proposal.profile,
            "introspection": proposal.introspection,
            "hba": proposal.hba,
        },
    });
    format!("{report:#}\n")
}

/// The report of a provider whose documents cannot be used.
fn failed(inquiry: &Inquiry, error: &NetError, as_json: bool) -> String {
    if as_json {
        let found = json!({
            "code": error.code.name(), "status": error.status, "message": error.to_string(), "hint": error.hint(Wording::Options),
        });
        return format!("{:#}\n", json!({ "issuer": inquiry.issuer().as_str(), "error": found }));
    }
    let text = |text: &str| output::visible(text, false).into_owned();
    output::prose(&format!(
        "error[{}]: {}\n\n  help: {}\n",
        error.code.name(),
        text(&error.to_string()),
        text(&error.hint(Wording::Options))
    ))
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
        *counts.entry(words::usable_for(key)).or_default() += 1;
    }
    counts.iter().map(|(names, count)| format!("{count} for {names}")).collect::<Vec<_>>().join(", ")
}
