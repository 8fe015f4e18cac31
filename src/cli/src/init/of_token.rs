//! `init --token-file`: the profile for a token at hand, which the issuer's keys verify.
//!
//! Whom to trust is said by whoever asks, never by the token: without `--issuer` nobody is asked. What is proposed is
//! `discover`'s own proposal, from the same place.

use crate::args::InitOptions;
use crate::explain::given_keys;
use crate::found::DiscoveryResult;
use crate::layouts::PresetLayout;
use crate::net::{Ca, HttpsClient, Inquiry, NetError, Plain, SafeUrl, Wording};
use crate::output::{self, CommandFailure};
use crate::proposal::{Proposal, PublishedMetadata, Wishes};
use crate::sample::{self, Fitted, SampleProvider, SampleToken};
use oauth_validator_core::KeySet;
use std::path::Path;
use std::time::Duration;

/// The most time that all requests together may take, as `discover` has it by default.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The profile's name, and what was made for the token in `path`.
pub(super) fn fitted(options: &InitOptions, path: &Path) -> Result<(String, Fitted), CommandFailure> {
    let layout = options.preset.as_deref().and_then(PresetLayout::of);
    let issuer = options.issuer.clone().or_else(|| layout?.preset.own_issuer()).ok_or_else(|| {
        CommandFailure::new("--token-file needs --issuer")
            .with_hint("name the issuer that you trust: who signed the token is not for the token to say")
    })?;
    let issuer = issuer.as_str();
    let sample = SampleToken::read(path)?;
    let others = SampleToken::all(&options.not)?;
    let wishes = Wishes {
        reach: &options.reach,
        layout,
        name: options.profile.as_deref(),
        jwks_file: options.jwks_file.as_deref(),
    };
    let (keys, proposal) = match options.jwks_file.as_deref() {
        Some(file) => of_file(issuer, file, options, &wishes)?,
        None => of_provider(issuer, options, &wishes)?,
    };
    let provider = SampleProvider { issuer, keys: &keys, proposal: &proposal };
    Ok((proposal.name.clone(), sample::fit(&sample, &others, &provider)?))
}

/// With the keys of a file; nobody is asked.
fn of_file(
    issuer: &str,
    file: &Path,
    options: &InitOptions,
    wishes: &Wishes<'_>,
) -> Result<(KeySet, Proposal), CommandFailure> {
    let plain = if options.reach.insecure_http { Plain::Loopback } else { Plain::Never };
    let url = SafeUrl::parse(issuer, plain).map_err(|why| CommandFailure::new(format!("the issuer {why}")))?;
    let keys = given_keys(file)?;
    let token_issuer = options.token_issuer.as_deref();
    let published = PublishedMetadata { keys: Some(&keys), token_issuer, ..PublishedMetadata::default() };
    let proposal = Proposal::new(&url, wishes, &published).ok_or_else(|| nothing(file))?;
    Ok((keys, proposal))
}

fn nothing(file: &Path) -> CommandFailure {
    CommandFailure::new(format!("no profile can be made with the keys in {file:?}"))
}

/// With what the provider publishes.
fn of_provider(issuer: &str, options: &InitOptions, wishes: &Wishes<'_>) -> Result<(KeySet, Proposal), CommandFailure> {
    let reach = options.reach.reach(TIMEOUT);
    let (discovery_url, allow_host) = (options.reach.discovery_url.as_deref(), &options.reach.allow_host);
    let inquiry = Inquiry::new(issuer, discovery_url, allow_host, Plain::of(&reach)).map_err(unusable)?;
    let asking = |url: &SafeUrl| output::complain(&format!("asking {}", url.as_str()));
    let client = HttpsClient::new(&reach, &Ca::Environment, asking).map_err(unusable)?;
    let found = DiscoveryResult::by(&inquiry, &client).map_err(unusable)?;
    let published = found.published(&inquiry);
    let published =
        PublishedMetadata { token_issuer: options.token_issuer.as_deref().or(published.token_issuer), ..published };
    let proposal = Proposal::new(inquiry.issuer(), wishes, &published);
    let proposal = proposal.ok_or_else(|| unusable(found.no_way()))?;
    match found.keys {
        Some((_, document)) => Ok((document.keys, proposal)),
        None => Err(sample::no_keys("without --token-file, a preset that has the provider asked says the rest")),
    }
}

fn unusable(error: NetError) -> CommandFailure {
    CommandFailure::new(error.to_string()).with_hint(error.hint(Wording::Options))
}
