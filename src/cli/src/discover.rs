//! `oauth-validator discover`: what a provider publishes about itself, and the profile that fits it.
//!
//! Says on standard error what it waits for. Must never write a file, nor print anything of a document that was not
//! judged: keys come from the core's reader, URLs from the network layer.

use crate::args::DiscoverOptions;
use crate::draft::quoted;
use crate::found::DiscoveryResult;
use crate::net::{Ca, HttpsClient, Inquiry, Introspection, NetError, Plain, SafeUrl, Wording};
use crate::output::{self, CommandFailure, CommandReport};
use crate::proposal::{Proposal, Wishes};
use crate::sample::{self, Fitted, SampleToken};
use crate::words;
use oauth_validator_core::KeySet;
use oauth_validator_core::protocol::Freshness;
use serde_json::json;
use std::collections::BTreeMap;

/// Runs the command.
pub(crate) fn run(options: &DiscoverOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let reach = options.reach.reach(options.timeout);
    let (discovery_url, allow_host) = (options.reach.discovery_url.as_deref(), &options.reach.allow_host);
    let inquiry = Inquiry::new(&options.issuer, discovery_url, allow_host, Plain::of(&reach)).map_err(unusable)?;
    let asking = |url: &SafeUrl| output::complain(&format!("asking {}", url.as_str()));
    let client = HttpsClient::new(&reach, &Ca::Environment, asking).map_err(unusable)?;
    let found = DiscoveryResult::by(&inquiry, &client).and_then(|found| {
        let proposal = Proposal::new(inquiry.issuer(), &Wishes::none(&options.reach), &found.published(&inquiry));
        Ok((proposal.ok_or_else(|| found.no_way())?, found))
    });
    let (proposal, found) = match found {
        Ok(found) => found,
        Err(error) => return Ok(CommandReport { text: failed(&inquiry, &error, as_json), fine: false }),
    };
    let fitted = fitted(options, &inquiry, &found, &proposal)?;
    let proposal = match &fitted {
        Some(Fitted { preset, profile, hba, .. }) => {
            Proposal { preset: *preset, profile: profile.clone(), hba: hba.clone(), ..proposal }
        }
        None => proposal,
    };
    let fine = fitted.as_ref().is_none_or(|fitted| fitted.fine);
    let fitted = fitted.as_ref();
    let text = if as_json {
        to_json(&inquiry, &found, &proposal, fitted)
    } else {
        to_text(&inquiry, &found, &proposal, fitted)
    };
    Ok(CommandReport { text, fine })
}

/// The profile for the token that the options name.
fn fitted(
    options: &DiscoverOptions,
    inquiry: &Inquiry,
    found: &DiscoveryResult,
    proposal: &Proposal,
) -> Result<Option<Fitted>, CommandFailure> {
    let Some(path) = &options.token_file else { return Ok(None) };
    let Some((_, document)) = &found.keys else {
        return Err(sample::no_keys("without --token-file, the profile that has the provider asked is proposed"));
    };
    let sample = SampleToken::read(path)?;
    let others = SampleToken::all(&options.not)?;
    let provider = sample::SampleProvider { issuer: inquiry.issuer().as_str(), keys: &document.keys, proposal };
    sample::fit(&sample, &others, &provider).map(Some)
}

fn unusable(error: NetError) -> CommandFailure {
    CommandFailure::new(error.to_string()).with_hint(error.hint(Wording::Options))
}

fn to_text(inquiry: &Inquiry, found: &DiscoveryResult, proposal: &Proposal, fitted: Option<&Fitted>) -> String {
    let mut rows =
        vec![("issuer", inquiry.issuer().as_str().to_owned()), ("metadata", found.metadata_url.as_str().to_owned())];
    match &found.keys {
        Some((url, document)) => {
            let elsewhere = " (not the issuer's host; allowed by --allow-host)";
            let elsewhere = if found.is_elsewhere(inquiry) { elsewhere } else { "" };
            let keys = &document.keys;
            rows.push(("jwks_uri", format!("{}{elsewhere}", url.as_str())));
            rows.push(("cached for", freshness(document.freshness)));
            rows.push(("keys", format!("{}: {}", keys.keys().len(), algorithms(keys))));
            rows.extend(words::all_left_out(keys).into_iter().map(|why| ("left out", why)));
        }
        None => rows.push(("keys", "none are published: the provider has to be asked about each token".to_owned())),
    }
    rows.extend(found.metadata.access_token_issuer.iter().map(|issuer| ("iss of tokens", issuer.clone())));
    let host = inquiry.issuer().host();
    rows.extend(found.introspection.iter().map(|known| ("introspection", introspection(known, host, proposal))));
    rows.extend(found.metadata.userinfo.iter().map(|endpoint| ("userinfo", endpoint.clone())));
    let device_flow = match found.no_device_flow(inquiry) {
        None => "psql can get tokens by itself, with a client that may use the device code grant".to_owned(),
        Some(why) => format!("not for psql: {why}; clients have to bring a token"),
    };
    rows.push(("device flow", device_flow));
    let rows: String =
        rows.iter().map(|(what, value)| format!("{what:<13}  {}\n", output::visible(value, false))).collect();
    let rows = output::prose(&rows);
    let Proposal { preset, profile, introspection, hba, .. } = proposal;
    let see = preset.map(|preset| format!(";\n# see: oauth-validator preset show {preset}")).unwrap_or_default();
    let no_audience = if preset.is_none() && fitted.is_none() { NO_AUDIENCE } else { "" };
    let introspection = introspection.as_deref().map(commented).unwrap_or_default();
    let remarks = fitted.map(Fitted::comments).unwrap_or_default();
    let lookup = fitted.and_then(|fitted| lookup(found, proposal, fitted));
    let lookup = lookup.map(|(names, table)| offered(&names, &table)).unwrap_or_default();
    format!(
        "{rows}\n# In oauth-validator.toml, with the words in capitals replaced{see}\n\
         {profile}{no_audience}\n{remarks}{lookup}{introspection}\
         # In pg_hba.conf, with the scopes that your clients request:\n#   {hba}\n"
    )
}

/// What the token at hand lacks and the userinfo endpoint may know: the names, and a table for the profile. Whether the endpoint
/// takes the token is not tried: nobody is shown it.
fn lookup(found: &DiscoveryResult, proposal: &Proposal, fitted: &Fitted) -> Option<(String, String)> {
    let endpoint = found.metadata.userinfo.as_deref().filter(|_| fitted.fine && !fitted.lacking.is_empty())?;
    let names: Vec<String> = fitted.lacking.iter().map(|name| quoted(name)).collect();
    let (name, claims, endpoint) = (&proposal.name, names.join(", "), quoted(endpoint));
    let table = format!("[profiles.{name}.lookup]\nkind = \"userinfo\"\nclaims = [{claims}]\nendpoint = {endpoint}\n");
    Some((fitted.lacking.join(" or "), table))
}

fn offered(names: &str, table: &str) -> String {
    let lines: String = table.lines().map(|line| format!("#   {line}\n")).collect();
    format!(
        "# The token has no {names}. For rules and roles the provider can be asked, at each\n\
         # such login, with clients that request openid; keep the claims that are needed:\n{lines}\n"
    )
}

/// What no document says: whether answers have an audience.
const NO_AUDIENCE: &str = "# If its answers have no aud (see oauth-validator explain), instead of audience:\n\
                           #   audience = \"none\"\n\
                           #   clients = { claims = [\"$.client_id\"], allow = [\"CLIENT-ID\"] }\n";

/// Where it is, and what of that a person should see. Names of methods are a stranger's, so odd ones are not repeated.
fn introspection(known: &Introspection, host: &str, proposal: &Proposal) -> String {
    let is_name = |method: &&str| method.len() <= 40 && method.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let methods: Vec<&str> = known.methods.iter().flatten().map(String::as_str).filter(is_name).take(8).collect();
    let mut remarks = Vec::new();
    if !SafeUrl::parse(&known.endpoint, Plain::Loopback).is_ok_and(|url| url.host().eq_ignore_ascii_case(host)) {
        remarks.push("not the issuer's host".to_owned());
    }
    if !methods.is_empty() {
        remarks.push(methods.join(", "));
    }
    if proposal.preset.is_some() && proposal.introspection.is_none() {
        remarks.push("this server does none of these".to_owned());
    }
    if remarks.is_empty() { known.endpoint.clone() } else { format!("{} ({})", known.endpoint, remarks.join("; ")) }
}

/// Another profile, by which the provider judges.
fn commented(profile: &str) -> String {
    let lines: String = profile.lines().map(|line| format!("#   {line}\n").replace("#   \n", "#\n")).collect();
    format!("# Or this instead, to have the provider judge each token:\n{lines}{NO_AUDIENCE}\n")
}

fn to_json(inquiry: &Inquiry, found: &DiscoveryResult, proposal: &Proposal, fitted: Option<&Fitted>) -> String {
    let DiscoveryResult { metadata_url, metadata, introspection, keys } = found;
    let document = keys.as_ref().map(|(_, document)| document);
    let no_device_flow = found.no_device_flow(inquiry);
    let report = json!({
        "issuer": inquiry.issuer().as_str(),
        "metadata_url": metadata_url.as_str(),
        "jwks_uri": keys.as_ref().map(|(url, _)| url.as_str()),
        "jwks_uri_is_elsewhere": found.is_elsewhere(inquiry),
        "access_token_issuer": metadata.access_token_issuer,
        "introspection_endpoint": introspection.as_ref().map(|known| &known.endpoint),
        "userinfo_endpoint": metadata.userinfo,
        "introspection_auth_methods": introspection.as_ref().and_then(|known| known.methods.as_ref()),
        "device_flow": { "possible": no_device_flow.is_none(), "why_not": no_device_flow },
        "max_age": document.and_then(|document| document.freshness.max_age).map(|max_age| max_age.as_secs()),
        "no_cache": document.map(|document| document.freshness.no_cache),
        "etag": document.and_then(|document| document.etag.as_ref()),
        "keys": document.map(|document| words::keys_to_json(&document.keys)),
        "left_out": document.map(|document| words::all_left_out(&document.keys)),
        "proposal": {
            "preset": proposal.preset,
            "name": proposal.name,
            "profile": proposal.profile,
            "introspection": proposal.introspection,
            "lookup": fitted.and_then(|fitted| lookup(found, proposal, fitted)).map(|(_, table)| table),
            "hba": proposal.hba,
        },
        "tokens": fitted.map(Fitted::to_json),
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
        Freshness { max_age: Some(max_age), .. } => {
            format!("{} (max-age={})", words::duration(max_age), max_age.as_secs())
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
