//! Takes a decision to its end: asks a [`Resolver`] for what the decision needs, and decides again with what it delivers.
//!
//! A front end (the server, `explain`, a pooler) has to say how each thing is looked up, and nothing else. How often a
//! decision may ask is bounded here, so that no front end can loop for ever, and the clock is read here alone, so that no
//! time from before a wait is compared with what came of the wait.

use crate::config::Config;
use crate::decide::decide_for;
use crate::decision::{DecisionState, Denial, Known, Needs, NewerKeys, Privileges, Request, Verdict};
use crate::introspection::{OnlineAnswer, OnlineCheck};
use crate::keys::asking::KeysWanted;
use crate::keys::source::ProviderKeys;
use crate::keys::{KeyFile, KeySet, KeysUnavailable};
use crate::lookup::{Lookup, LookupSubject};
use crate::reason::Reason;
use crate::time::UnixSeconds;
use crate::token::BearerToken;
use crate::trace::Tracing;

/// The most that one decision asks for: the keys of the one profile it chose, or its provider's answer; newer keys once;
/// claims that the token lacks; and, where pg_hba.conf delegates, what the role can become. More than that is a bug.
const MAX_NEEDS: usize = 4;

/// Looks up what a decision cannot look up itself. Each method may wait; what it returns counts for this decision alone.
pub trait Resolver {
    /// The wall clock. Read anew for each round.
    fn now(&mut self) -> UnixSeconds;

    /// The keys of `profile` in a file that the configuration names.
    ///
    /// # Errors
    /// Why the file gives no keys, in the words of the log.
    fn keys(&mut self, profile: &str, file: &KeyFile) -> Result<KeySet, KeysUnavailable>;

    /// Usable keys of `profile` that its provider publishes: from the key file, or else from the provider.
    ///
    /// # Errors
    /// Why there are none, in the words of the log.
    fn provider_keys(&mut self, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable>;

    /// Newer keys of `profile` than those at hand, which lack the one that the token needs.
    fn newer_keys(&mut self, profile: &str, source: &ProviderKeys) -> NewerKeys;

    /// What the provider of `profile` says of the token.
    ///
    /// # Errors
    /// Why it could not be asked, in the words of the log.
    fn online_answer(
        &mut self,
        profile: &str,
        check: &OnlineCheck,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable>;

    /// What is said of the user whom the token is about, which lacks a claim. Asked for last.
    ///
    /// # Errors
    /// Why it could not be asked, in the words of the log.
    fn looked_up(
        &mut self,
        profile: &str,
        lookup: &Lookup,
        about: &LookupSubject,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable>;

    /// What `role` can become.
    ///
    /// # Errors
    /// The denial of a login whose role cannot be looked up.
    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial>;
}

/// Decides about one login with all that `resolver` delivers; its trace has as much as `tracing` says.
///
/// A front end brings a [`Resolver`]. This one has the keys of its one issuer in memory, and nobody to ask:
///
/// ```
/// use oauth_validator_core::*;
///
/// struct InMemory(KeySet);
///
/// fn nobody() -> KeysUnavailable {
///     KeysUnavailable::new("Nobody can be asked.", "Use mode = \"jwt\".")
/// }
///
/// impl Resolver for InMemory {
///     fn now(&mut self) -> UnixSeconds {
///         UnixSeconds::new(1_800_000_060)
///     }
///     fn keys(&mut self, _: &str, _: &KeyFile) -> Result<KeySet, KeysUnavailable> {
///         Ok(self.0.clone())
///     }
///     fn provider_keys(&mut self, _: &str, _: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
///         Err(nobody())
///     }
///     fn newer_keys(&mut self, _: &str, _: &ProviderKeys) -> NewerKeys {
///         NewerKeys::Unavailable(nobody())
///     }
///     fn online_answer(&mut self, _: &str, _: &OnlineCheck, _: &BearerToken) -> Result<OnlineAnswer, KeysUnavailable> {
///         Err(nobody())
///     }
///     fn looked_up(
///         &mut self,
///         _: &str,
///         _: &Lookup,
///         _: &LookupSubject,
///         _: &BearerToken,
///     ) -> Result<OnlineAnswer, KeysUnavailable> {
///         Err(nobody())
///     }
///     fn privileges(&mut self, _: &str) -> Result<Privileges, Denial> {
///         Ok(Privileges::default())
///     }
/// }
///
/// # use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
/// # let published = jwks(&[keys::corp()]).to_string();
/// # let token = TokenBuilder::from_sample("okta_custom_as").sign(keys::corp());
/// let text = r#"
///     [profiles.corp]
///     issuer = "https://acme.okta.example/oauth2/aus000001"
///     audience = ["api://postgres"]
///     token_types = ["", "JWT"]
///     identity = { claim = "$.uid" }
///     scope = { claim = "$.scp" }
///     keys = { jwks_file = "corp.jwks.json" }
/// "#;
/// let config = Config::parse(text.as_bytes(), "oauth-validator.toml").config.expect("no finding is an error");
/// let request = Request {
///     hba_issuer: "https://acme.okta.example/oauth2/aus000001".to_owned(),
///     hba_scope: "db.connect".to_owned(),
///     role: "ana".to_owned(),
///     database: "app".to_owned(),
///     ..Request::default()
/// };
/// let mut resolver = InMemory(KeySet::from_jwks(published.as_bytes()).expect("a JWKS document"));
///
/// let verdict = decide_with(&mut resolver, Tracing::Off, &request, &BearerToken::new(token.as_bytes()), &config);
/// let Decision::Granted(grant) = verdict.decision else { panic!("the token is one of the issuer's") };
/// assert_eq!(grant.authn_id(), "00u000user0000000h7");
///
/// // A text that is no token is refused before anybody is asked for keys.
/// let verdict = decide_with(&mut resolver, Tracing::Off, &request, &BearerToken::new(b"a.b.c"), &config);
/// let Decision::Denied(denial) = verdict.decision else { panic!("it is no token") };
/// assert_eq!(denial.reason, Reason::TokenMalformed);
/// ```
pub fn decide_with(
    resolver: &mut impl Resolver,
    tracing: Tracing,
    request: &Request,
    token: &BearerToken,
    config: &Config,
) -> Verdict {
    let mut known = Known::default();
    for _ in 0..=MAX_NEEDS {
        let needs = match decide_for(tracing, request, token, config, &known, resolver.now()) {
            DecisionState::Decided(verdict) => return *verdict,
            DecisionState::Needs(needs) => needs,
        };
        if let Err(denial) = resolve(resolver, needs, token, &mut known) {
            return Verdict::denied(denial);
        }
    }
    Verdict::denied(Denial::new(Reason::Internal, "The decision asked for more than any decision needs."))
}

/// Has one thing looked up, and puts it to what is known.
fn resolve(resolver: &mut impl Resolver, needs: Needs, token: &BearerToken, known: &mut Known) -> Result<(), Denial> {
    match needs {
        Needs::Keys { profile, file } => {
            let keys = resolver.keys(&profile, &file);
            known.insert_keys(profile, keys);
        }
        Needs::ProviderKeys { profile, source, wanted: KeysWanted::Usable } => {
            let keys = resolver.provider_keys(&profile, &source);
            known.insert_keys(profile, keys);
        }
        Needs::ProviderKeys { profile, source, wanted: KeysWanted::Newer } => {
            let newer = resolver.newer_keys(&profile, &source);
            known.insert_newer_keys(profile, newer);
        }
        Needs::OnlineAnswer { profile, check } => {
            let answer = resolver.online_answer(&profile, &check, token);
            known.insert_online_answer(profile, answer);
        }
        Needs::LookedUp { profile, lookup, about } => {
            let answer = resolver.looked_up(&profile, &lookup, &about, token);
            known.insert_looked_up(profile, answer);
        }
        Needs::Privileges { role } => {
            let privileges = resolver.privileges(&role)?;
            known.insert_privileges(role, privileges);
        }
    }
    Ok(())
}
