//! Steps 5 and 6: the keys that may check the signature, and the signature.
//!
//! Nothing gets past these but what the signature of a key of the issuer covers, and never that of a denied key. A provider is
//! asked for newer keys where those at hand cannot be all that are meant; how often is not decided here.

use super::{Decider, EarlyEnd, InStep, malformed};
use crate::claims::audience::FOR_GRAPH;
use crate::config::{KeySource, Profile, is_microsoft_graph};
use crate::decision::{Denial, Needs, NewerKeys};
use crate::header::Header;
use crate::jws::{Unverified, Verified};
use crate::keys::asking::KeysWanted;
use crate::keys::{KeyName, KeySet, KeysUnavailable, NoKey, PublicKey};
use crate::malformed::Malformed;
use crate::reason::Reason;
use crate::trace::Step;
use serde_json::Value;

/// Why no key of a set verified the token.
struct NoKeyVerified<'k> {
    step: Step,
    denial: Denial,
    /// What was found in step 5, if that held.
    found: String,
    /// The keys that it is about.
    keys: Vec<&'k PublicKey>,
    /// What the token says of its audience, where that explains a signature that does not hold.
    untrusted_audience: Option<Value>,
    /// Whether a key that is not in the set may be meant.
    newer_may_do: bool,
}

impl<'k> NoKeyVerified<'k> {
    fn of_key(denial: Denial, keys: Vec<&'k PublicKey>, newer_may_do: bool) -> Box<Self> {
        Box::new(Self { step: Step::Key, denial, found: String::new(), keys, untrusted_audience: None, newer_may_do })
    }

    /// This failure with a further sentence in its detail.
    fn and(mut self: Box<Self>, why: &str) -> Box<Self> {
        self.denial.detail = format!("{} {why}", self.denial.detail);
        self
    }
}

impl<'a> Decider<'a> {
    /// The claims, if a key that may do so has signed them.
    pub(super) fn verified(
        &mut self,
        token: &mut Unverified<'_>,
        header: &Header,
        profile: &'a Profile,
    ) -> Result<Verified, EarlyEnd> {
        refuse_denied_name(&header.key, profile).at(Step::Key)?;
        let keys = self.keys(profile)?;
        let failure = match self.attempt(token, header, keys, profile) {
            Ok(verified) => return Ok(verified),
            Err(failure) => failure,
        };
        let KeySource::Provider(source) = &profile.keys else { return Err(self.stop(*failure)) };
        if !failure.newer_may_do {
            return Err(self.stop(*failure));
        }
        let again = |this: &mut Self, token: &mut Unverified<'_>, newer| this.attempt(token, header, newer, profile);
        match self.known.newer_keys(&profile.name) {
            None => {
                let (profile, source) = (profile.name.clone(), source.clone());
                Err(EarlyEnd::Needs(Needs::ProviderKeys { profile, source, wanted: KeysWanted::Newer }))
            }
            // Should these not verify it either, there is nothing newer.
            Some(NewerKeys::Found(newer)) => again(self, token, newer).map_err(|failure| self.stop(*failure)),
            Some(NewerKeys::NotYet { newest, why }) => again(self, token, newest).map_err(|failure| {
                let failure = if failure.newer_may_do { failure.and(why) } else { failure };
                self.stop(*failure)
            }),
            // Whether it is denied is known all the same.
            Some(NewerKeys::Unavailable(_)) if failure.denial.reason == Reason::TokenRevoked => {
                Err(self.stop(*failure))
            }
            Some(NewerKeys::Unavailable(why)) => {
                let denial = keys_unavailable(why);
                let detail = format!("{} {}", failure.denial.detail, denial.detail);
                Err(self.stop(*NoKeyVerified::of_key(Denial { detail, ..denial }, Vec::new(), false)))
            }
        }
    }

    fn stop(&mut self, failure: NoKeyVerified<'_>) -> EarlyEnd {
        let NoKeyVerified { step, denial, found, keys, untrusted_audience, .. } = failure;
        self.thumbprints(&keys);
        if step == Step::Signature {
            self.trace.held(Step::Key, || found);
        }
        if let Some(audience) = untrusted_audience {
            self.trace.fact("aud", &audience);
        }
        EarlyEnd::Denied(step, denial)
    }

    fn keys(&self, profile: &'a Profile) -> Result<&'a KeySet, EarlyEnd> {
        let name = || profile.name.clone();
        let needs = match (&profile.keys, self.known.keys(&profile.name)) {
            (KeySource::Inline(keys), _) | (_, Some(Ok(keys))) => return Ok(keys),
            (_, Some(Err(why))) => return Err(keys_unavailable(why)).at(Step::Key),
            // Such a profile never gets here; should it, nothing was verified.
            (KeySource::Online(_), None) => return Err(malformed(Malformed::NoJwt)).at(Step::Key),
            (KeySource::File(file), None) => Needs::Keys { profile: name(), file: file.clone() },
            (KeySource::Provider(source), None) => {
                Needs::ProviderKeys { profile: name(), source: source.clone(), wanted: KeysWanted::Usable }
            }
        };
        Err(EarlyEnd::Needs(needs))
    }

    /// Tries the keys of one set. The trace is only written where that was the end of it.
    fn attempt(
        &mut self,
        token: &mut Unverified<'_>,
        header: &Header,
        keys: &'a KeySet,
        profile: &'a Profile,
    ) -> Result<Verified, Box<NoKeyVerified<'a>>> {
        let untrusted_issuer = token.untrusted_issuer().and_then(Value::as_str).unwrap_or_default();
        let issuers = key_issuers(untrusted_issuer, profile);
        let denied = keys.denied(&profile.deny_kids);
        let failure = match keys.choose(&header.key, header.algorithm, &issuers, &denied) {
            Ok(choice) => {
                let found = match (choice.keys.len(), keys.keys().len()) {
                    (1, 1) => "the only key fits".to_owned(),
                    (1, all) => format!("one of {all} keys fits"),
                    (several, all) => format!("{several} of {all} keys fit, and are tried"),
                };
                if let Some((verified, key)) = Verified::check(token, header.algorithm, &choice.keys) {
                    self.thumbprints(&[key]);
                    self.trace.held(Step::Key, || found);
                    self.trace.held(Step::Signature, || "it is the issuer's".to_owned());
                    return Ok(verified);
                }
                let (denial, untrusted_audience) = signature_invalid(token, header, choice.keys.len());
                let (step, newer_may_do) = (Step::Signature, !choice.named);
                Box::new(NoKeyVerified { step, denial, found, keys: choice.keys, untrusted_audience, newer_may_do })
            }
            Err(why) => {
                let newer_may_do = matches!(why, NoKey::Unknown | NoKey::Denied { named: false });
                let about = if matches!(why, NoKey::Denied { .. }) { denied.clone() } else { Vec::new() };
                NoKeyVerified::of_key(no_key(why, header, keys, profile), about, newer_may_do)
            }
        };
        // Denied keys are not tried but to choose the reason code: nothing that such a key signed is accepted.
        match denied.into_iter().find(|key| token.is_signed_by(header.algorithm, key)) {
            Some(key) => {
                let detail = format!("The token is signed by a key that {} denies.", list_of(profile));
                Err(NoKeyVerified::of_key(Denial::new(Reason::TokenRevoked, detail), vec![key], false))
            }
            None => Err(failure),
        }
    }

    /// What an administrator would write to deny these keys.
    fn thumbprints(&mut self, keys: &[&PublicKey]) {
        match keys {
            [] => {}
            [key] => self.trace.fact_of("thumbprint", || key.thumbprint().into()),
            keys => self.trace.fact_of("thumbprints", || keys.iter().map(|key| key.thumbprint()).collect()),
        }
    }
}

/// What the `issuer` of an Entra key may say for a token of `issuer`: that very issuer; and, since keys name the issuer
/// of version 2.0 in tokens of version 1.0 as well, the profile's own one if it is of the same tenant.
fn key_issuers<'i>(issuer: &'i str, profile: &'i Profile) -> Vec<&'i str> {
    let tenant = |part: &&str| part.len() == 36 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let same_tenant =
        issuer.split('/').filter(tenant).any(|part| profile.issuer.value.split('/').any(|own| own == part));
    std::iter::once(issuer).chain(same_tenant.then_some(profile.issuer.value.as_str())).collect()
}

fn list_of(profile: &Profile) -> String {
    format!("profiles.{}.keys.deny_kids", profile.name)
}

/// A header that names a denied key needs no keys to be looked at.
fn refuse_denied_name(name: &KeyName, profile: &Profile) -> Result<(), Denial> {
    if name.texts().any(|text| profile.deny_kids.iter().any(|entry| entry == text)) {
        let what = if name.kid.is_some() { "kid" } else { "x5t" };
        let detail = format!("The {what} of the token's header is in {}.", list_of(profile));
        return Err(Denial::new(Reason::TokenRevoked, detail));
    }
    Ok(())
}

fn keys_unavailable(why: &KeysUnavailable) -> Denial {
    Denial::new(Reason::KeysUnavailable, &why.detail).with_hint(&why.hint)
}

/// Whatever the token says chooses the hint and no more; `explain` shows it to whoever has the token.
fn signature_invalid(token: &Unverified<'_>, header: &Header, tried: usize) -> (Denial, Option<Value>) {
    let algorithm = header.algorithm.name();
    let keys = match tried {
        1 => "the issuer's key".to_owned(),
        several => format!("any of the {several} keys of the issuer that it could be"),
    };
    let mut detail = format!("The {algorithm} signature does not fit the token and {keys}.");
    let for_graph = token.untrusted_audience().filter(|aud| aud.as_str().is_some_and(is_microsoft_graph));
    let has_nonce = token.untrusted_header().contains_key("nonce");
    if has_nonce {
        // What was signed has the nonce's digest in its place.
        detail.push_str(" Its header has a nonce, as Entra writes it into tokens for Microsoft Graph.");
    }
    let denial = Denial::new(Reason::SignatureInvalid, detail);
    let denial = if has_nonce || for_graph.is_some() { denial.with_hint(FOR_GRAPH) } else { denial };
    (denial, for_graph.cloned())
}

/// That no key of so many `has` or `is` something.
fn none_of(number: usize, verb: &str, what: &str) -> String {
    match number {
        0 => format!("The issuer has no key at all, so none {verb} {what}."),
        1 if verb == "has" => format!("The issuer's only key does not have {what}."),
        1 => format!("The issuer's only key is not {what}."),
        _ => format!("None of the issuer's {number} keys {verb} {what}."),
    }
}

fn no_key(why: NoKey, header: &Header, keys: &KeySet, profile: &Profile) -> Denial {
    let (algorithm, number) = (header.algorithm.name(), keys.keys().len());
    if let (NoKey::Unknown | NoKey::NoneFits, Some(key)) = (why, keys.left_out_as(header.key.kid.as_deref())) {
        let detail = format!("The key with the kid of the token's header is left out ({key}).");
        return Denial::new(Reason::KeyUnknown, detail).with_hint(
            "Have the provider mend that key, or sign with another. \"oauth-validator keys list\" and \"discover\" show \
             every key that is left out; check does for a file.",
        );
    }
    let detail = match (why, &header.key.kid) {
        (NoKey::Unknown, Some(_)) => none_of(number, "has", "the kid of the token's header"),
        (NoKey::Unknown, None) => none_of(number, "has", "the x5t of the token's header"),
        (NoKey::NoneFits, Some(_)) => {
            format!("The key with the kid of the token's header is not one for {algorithm} and this issuer.")
        }
        (NoKey::NoneFits, None) => none_of(number, "is", &format!("one for {algorithm} and this issuer")),
        (NoKey::SeveralFit | NoKey::TooMany(_), Some(_)) => {
            format!("Several keys have the kid of the token's header, or none at all, and fit {algorithm}.")
        }
        (NoKey::SeveralFit | NoKey::TooMany(_), None) => format!(
            "The token's header has no kid, and more keys fit {algorithm} than the {} that are tried.",
            crate::bounds::MAX_TRIED_KEYS
        ),
        (NoKey::Denied { .. }, _) => {
            let detail = format!("The only key that could verify the token is denied by {}.", list_of(profile));
            return Denial::new(Reason::TokenRevoked, detail);
        }
    };
    let denial = Denial::new(Reason::KeyUnknown, detail);
    match why {
        NoKey::TooMany(_) => denial.with_hint(
            "Have the provider write kid into the headers of its tokens. Until it does, a jwks_file with the keys that sign \
             now, up to four, will do.",
        ),
        NoKey::SeveralFit => denial.with_hint(
            "Have the provider give each key a kid of its own, and write it into its tokens. Until it does, a jwks_file with \
             the one key that signs now will do.",
        ),
        _ => denial,
    }
}
