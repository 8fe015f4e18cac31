//! `discover --token-file`: the profile that lets in a token of the right kind, and what it does with others.
//!
//! Whatever is proposed goes through the core's own decision, with the keys that the provider publishes. Must never show a
//! value of a token that these keys have not verified, nor a token.

mod traits;

use crate::draft::quoted;
use crate::output::Failure;
use crate::proposal::Proposal;
use crate::token_input;
use crate::words;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, NewerKeys, OnlineAnswer,
    OnlineCheck, Privileges, ProviderKeys, Reason, Request, Resolver, Tracing, UnixSeconds, decide_with,
    strict_json_object,
};
use serde_json::{Map, Value};
use std::path::Path;
use traits::Traits;

/// A token that somebody has at hand.
pub(crate) struct Sample {
    token: BearerToken,
    untrusted_header: Map<String, Value>,
    untrusted_claims: Map<String, Value>,
}

/// A profile for the sample, and what becomes of each token with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fitted {
    /// The preset that it has.
    pub(crate) preset: Option<&'static str>,
    /// Lines of TOML.
    pub(crate) profile: String,
    /// A line of pg_hba.conf.
    pub(crate) hba: String,
    /// What a person should know about it.
    pub(crate) remarks: Vec<String>,
    /// Whether the sample is let in and no other token.
    pub(crate) fine: bool,
}

/// What is known of the provider, and proposed without a token.
pub(crate) struct Provider<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) keys: &'a KeySet,
    pub(crate) proposal: &'a Proposal,
}

impl Sample {
    /// Takes the token of a file apart.
    ///
    /// # Errors
    /// If there is none, or if it is no signed JWT.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = token_input::read_bytes(path)?;
        let opaque = || {
            Failure::new(format!("the token in {path:?} is no signed JWT"))
                .with_hint("only its provider can judge it: use the profile with introspection")
        };
        let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'.').collect();
        let [header, claims, _] = parts.as_slice() else { return Err(opaque()) };
        let object = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok().and_then(|text| strict_json_object(&text));
        let (Some(untrusted_header), Some(untrusted_claims)) = (object(header), object(claims)) else {
            return Err(opaque());
        };
        Ok(Self { token: BearerToken::new(&bytes), untrusted_header, untrusted_claims })
    }

    /// When it is judged: now, or while it was still good.
    fn at(&self) -> UnixSeconds {
        let now = words::now();
        match self.untrusted_claims.get("exp").and_then(Value::as_i64) {
            Some(exp) if exp <= now.get() => UnixSeconds::new(exp.saturating_sub(1)),
            _ => now,
        }
    }
}

/// The profile for `sample`, by which each of `others` should be refused.
///
/// # Errors
/// If the provider's keys do not verify the sample.
pub(crate) fn fit(sample: &Sample, others: &[(&Path, Sample)], provider: &Provider<'_>) -> Result<Fitted, Failure> {
    let mut traits = Traits::of(sample, provider);
    let own = decision(&traits, sample, provider);
    if let Decision::Denied(denial) = &own
        && is_before_verification(denial.reason)
    {
        let code = denial.reason.code();
        return Err(Failure::new(format!("the token is not one that this provider's keys verify: {code}"))
            .with_hint("give an access token that this issuer has signed, as its client got it"));
    }
    let let_in: Vec<&Sample> =
        others.iter().map(|(_, other)| other).filter(|other| is_granted(&traits, other, provider)).collect();
    if !let_in.is_empty() {
        traits.find_mark(sample, &let_in);
    }
    let own = decision(&traits, sample, provider);
    let mut fine = matches!(own, Decision::Granted(_));
    let mut remarks = vec![format!("this token: {}", said(&own))];
    for (path, other) in others {
        let decision = decision(&traits, other, provider);
        let granted = matches!(decision, Decision::Granted(_));
        fine &= !granted;
        let none = if granted { "; nothing in it tells it from this token, so no rule can refuse it" } else { "" };
        remarks.push(format!("the token in {}: {}{none}", quoted(&path.to_string_lossy()), said(&decision)));
    }
    remarks.extend(traits.remarks(others.is_empty()));
    Ok(Fitted { preset: traits.preset, profile: traits.profile(provider), hba: traits.hba(provider), remarks, fine })
}

fn is_granted(traits: &Traits, sample: &Sample, provider: &Provider<'_>) -> bool {
    matches!(decision(traits, sample, provider), Decision::Granted(_))
}

fn said(decision: &Decision) -> String {
    match decision {
        Decision::Granted(grant) => format!("granted, as {}", quoted(grant.authn_id())),
        Decision::Denied(denial) => format!("denied: {}", denial.reason.code()),
    }
}

/// What is decided without the signature, or about it.
fn is_before_verification(reason: Reason) -> bool {
    use Reason::{
        Algorithm, IssuerMismatch, KeyUnknown, KeysUnavailable, SignatureInvalid, TokenMalformed, TokenTooLarge,
        TokenType,
    };
    matches!(
        reason,
        Algorithm
            | IssuerMismatch
            | KeyUnknown
            | KeysUnavailable
            | SignatureInvalid
            | TokenMalformed
            | TokenTooLarge
            | TokenType
    )
}

fn decision(traits: &Traits, sample: &Sample, provider: &Provider<'_>) -> Decision {
    let profile = traits.profile(provider);
    let parsed = Config::parse(profile.as_bytes(), "the proposal");
    let Some(config) = &parsed.config else {
        return Decision::Denied(Denial::config_invalid("the proposal", &parsed.findings));
    };
    let request = Request {
        hba_issuer: provider.issuer.to_owned(),
        hba_scope: traits.line_scope(provider),
        ..Request::default()
    };
    let mut resolver = Published { keys: provider.keys, at: sample.at() };
    decide_with(&mut resolver, Tracing::Off, &request, &sample.token, config).decision
}

/// What the provider has published is all that there is.
struct Published<'a> {
    keys: &'a KeySet,
    at: UnixSeconds,
}

impl Resolver for Published<'_> {
    fn now(&mut self) -> UnixSeconds {
        self.at
    }

    fn keys(&mut self, _profile: &str, _source: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        Ok(self.keys.clone())
    }

    fn provider_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        Ok(self.keys.clone())
    }

    fn newer_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> NewerKeys {
        NewerKeys::Found(self.keys.clone())
    }

    fn online_answer(
        &mut self,
        _profile: &str,
        _check: &OnlineCheck,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        Err(KeysUnavailable::new("Nobody is asked about a sample.", "Give a token that keys verify."))
    }

    fn looked_up(
        &mut self,
        _profile: &str,
        _lookup: &Lookup,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        Err(KeysUnavailable::new("Nobody is asked about a sample.", "Give a token that has what the profile needs."))
    }

    fn privileges(&mut self, _role: &str) -> Result<Privileges, Denial> {
        Ok(Privileges { reached: Vec::new() })
    }
}
