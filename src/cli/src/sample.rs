//! `--token-file` of `discover` and `init`: the profile that lets in a token of the right kind, and what it does with others.
//!
//! Whatever is proposed goes through the core's own decision, with the keys that the provider publishes. Must never show a
//! value of a token that these keys have not verified, nor a token.

mod claim_name;
mod marks;
mod remarks;
mod traits;

use crate::draft::quoted;
use crate::output::{self, CommandFailure};
use crate::proposal::Proposal;
use crate::token_input;
use crate::words;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys,
    OnlineAnswer, OnlineCheck, Privileges, ProviderKeys, Reason, Request, Resolver, Tracing, UnixSeconds, decide_with,
    strict_json_object,
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use traits::Traits;

/// A token that somebody has at hand.
pub(crate) struct SampleToken {
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
    /// Who the sample is for, if it is let in.
    pub(crate) authn_id: Option<String>,
    /// What a person should know about it.
    pub(crate) remarks: Vec<String>,
    /// Of the claims about people that rules and roles are often about, those that the sample lacks.
    pub(crate) lacking: Vec<&'static str>,
    /// Whether the sample is let in and no other token.
    pub(crate) fine: bool,
}

/// What is known of the provider, and proposed without a token.
pub(crate) struct SampleProvider<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) keys: &'a KeySet,
    pub(crate) proposal: &'a Proposal,
}

impl Fitted {
    /// What became of the tokens at hand, and what to know of the profile, as comments.
    pub(crate) fn comments(&self) -> String {
        let mut text = "# With these tokens:\n".to_owned();
        for remark in &self.remarks {
            let mut line = "# *".to_owned();
            // Broken here: a line that a terminal's width broke would be none of TOML.
            for word in output::visible(remark, false).split(' ') {
                if line.chars().count() + 1 + word.chars().count() > COMMENT_WIDTH && line.len() > 3 {
                    text.push_str(&line);
                    line = "\n#  ".to_owned();
                }
                line.push(' ');
                line.push_str(word);
            }
            text.push_str(&line);
            text.push('\n');
        }
        text + "\n"
    }

    /// The remarks as a program reads them.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "fine": self.fine, "remarks": self.remarks })
    }
}

/// How wide comments are.
const COMMENT_WIDTH: usize = 80;

/// Why no token can be judged.
pub(crate) fn no_keys(hint: &str) -> CommandFailure {
    CommandFailure::new("the provider publishes no keys, so nothing verifies the token").with_hint(hint)
}

impl SampleToken {
    /// Takes the token of a file apart.
    ///
    /// # Errors
    /// If there is none, or if it is no signed JWT.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandFailure> {
        let bytes = token_input::read_bytes(path)?;
        let opaque = || {
            CommandFailure::new(format!("the token in {path:?} is no signed JWT"))
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

    /// All of these files, with their paths.
    ///
    /// # Errors
    /// Those of [`SampleToken::read`].
    pub(crate) fn all(paths: &[PathBuf]) -> Result<Vec<(&Path, Self)>, CommandFailure> {
        paths.iter().map(|path| Ok((path.as_path(), Self::read(path)?))).collect()
    }

    /// For how long it says to be good, in seconds.
    fn lifetime(&self) -> Option<i64> {
        let at = |name: &str| self.untrusted_claims.get(name).and_then(Value::as_i64);
        Some(at("exp")?.saturating_sub(at("iat").or_else(|| at("nbf"))?))
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
pub(crate) fn fit(
    sample: &SampleToken,
    others: &[(&Path, SampleToken)],
    provider: &SampleProvider<'_>,
) -> Result<Fitted, CommandFailure> {
    let mut traits = Traits::of(sample, provider);
    let mut own = decision(&traits, sample, provider);
    while let Decision::Denied(denial) = &own
        && traits.give_way(denial.reason)
    {
        own = decision(&traits, sample, provider);
    }
    if let Decision::Denied(denial) = &own
        && is_before_verification(denial.reason)
    {
        let code = denial.reason.code();
        return Err(CommandFailure::new(format!("the token is not one that this provider's keys verify: {code}"))
            .with_hint("give an access token that this issuer has signed, as its client got it"));
    }
    tell_apart(&mut traits, sample, others, provider);
    let own = decision(&traits, sample, provider);
    // Nobody should have a profile by which a token for any other service is let in.
    let mut fine = matches!(own, Decision::Granted(_)) && !traits.is_everybodys;
    let mut remarks = vec![format!("this token: {}", said(&own))];
    if let Decision::Denied(denial) = &own {
        remarks.push(denial.hint.to_string());
    }
    for (path, other) in others {
        let decision = decision(&traits, other, provider);
        let granted = matches!(decision, Decision::Granted(_));
        fine &= !granted;
        let none = if granted { "; nothing in it tells it from this token, so no rule can refuse it" } else { "" };
        remarks.push(format!("the token in {}: {}{none}", quoted(&path.to_string_lossy()), said(&decision)));
    }
    remarks.extend(remarks::of(&traits, sample, others.is_empty()));
    let authn_id = match &own {
        Decision::Granted(grant) => Some(grant.authn_id().to_owned()),
        Decision::Denied(_) => None,
    };
    let lacks = |name: &&str| !sample.untrusted_claims.contains_key(*name);
    let lacking = ["email", "groups"].into_iter().filter(lacks).collect();
    let (profile, hba) = (traits.profile(provider), traits.hba(provider));
    Ok(Fitted { preset: traits.preset, profile, hba, authn_id, remarks, lacking, fine })
}

/// Adds what refuses those of the others that are let in: one rule for all of them if there is one, else one for each, else
/// a shorter lifetime.
fn tell_apart(
    traits: &mut Traits,
    sample: &SampleToken,
    others: &[(&Path, SampleToken)],
    provider: &SampleProvider<'_>,
) {
    let granted = |traits: &Traits| -> Vec<&SampleToken> {
        others.iter().map(|(_, other)| other).filter(|other| is_granted(traits, other, provider)).collect()
    };
    let let_in = granted(traits);
    if let_in.is_empty() || traits.tell(sample, &let_in) {
        return;
    }
    for other in let_in {
        if is_granted(traits, other, provider) {
            traits.tell(sample, &[other]);
        }
    }
    let let_in = granted(traits);
    if !let_in.is_empty() {
        traits.shorten(&let_in);
    }
}

fn is_granted(traits: &Traits, sample: &SampleToken, provider: &SampleProvider<'_>) -> bool {
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

fn decision(traits: &Traits, sample: &SampleToken, provider: &SampleProvider<'_>) -> Decision {
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
    let mut resolver = PublishedKeys { keys: provider.keys, at: sample.at() };
    decide_with(&mut resolver, Tracing::Off, &request, &sample.token, config).decision
}

/// What the provider has published is all that there is.
struct PublishedKeys<'a> {
    keys: &'a KeySet,
    at: UnixSeconds,
}

impl Resolver for PublishedKeys<'_> {
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
        _about: &LookupSubject,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        Err(KeysUnavailable::new("Nobody is asked about a sample.", "Give a token that has what the profile needs."))
    }

    fn privileges(&mut self, _role: &str) -> Result<Privileges, Denial> {
        Ok(Privileges { reached: Vec::new() })
    }
}
