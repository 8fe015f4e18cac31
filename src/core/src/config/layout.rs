//! What follows from a preset alone, or from the built-in defaults where a profile names none: worked out once for a
//! file, however many profiles share it.
//!
//! A server reads its file in each login, and most profiles only say who issues tokens for whom. Nothing that a profile
//! writes itself is taken from here, and nothing here depends on the profile.

use super::collect::Findings;
use super::online::{self, Mode};
use super::presets::{self, Preset};
use super::profile::{At, Identity, KeySource, Rule, Scope, Session};
use super::section::{Base, Section};
use super::session::{self, SessionTimes};
use super::{build, identity, keys, rules};
use crate::algorithm::Algorithm;
use crate::keys::source::{KeyTiming, ProviderKeys};
use std::sync::Arc;

/// The parts of a profile that its preset alone decides.
pub(super) struct Layout<'a> {
    base: Option<Base<'a>>,
    identity: Arc<Identity>,
    scope: Arc<Scope>,
    access_token: Arc<[Rule]>,
    require: Arc<[Rule]>,
    algorithms: At<Arc<[Algorithm]>>,
    token_types: At<Arc<[String]>>,
    session: Arc<Session>,
    /// Where keys come from, for an issuer without a name; `None` where the profile has to say more.
    keys: Option<(KeySource, Vec<String>)>,
}

impl<'a> Layout<'a> {
    /// The layout of this preset, or of none; `known` has those of earlier profiles.
    pub(super) fn of<'k>(
        findings: &mut Findings<'_>,
        known: &'k mut Vec<Self>,
        parsed: &'a presets::Parsed,
        preset: Option<&'static Preset>,
        timing: KeyTiming,
        session: SessionTimes,
    ) -> &'k Self {
        let name = preset.map(|preset| preset.name);
        let at = known.iter().position(|layout| layout.base.map(|base| base.preset) == name).unwrap_or_else(|| {
            known.push(Self::new(findings, parsed, preset, timing, session));
            known.len() - 1
        });
        &known[at]
    }

    fn new(
        findings: &mut Findings<'_>,
        parsed: &'a presets::Parsed,
        preset: Option<&'static Preset>,
        timing: KeyTiming,
        session: SessionTimes,
    ) -> Self {
        let base = preset.map(|preset| Base::new(preset.name, parsed.table(preset)));
        let section = Section::of_preset(base);
        let uses_keys = online::mode(findings, &section) == Mode::Jwt;
        let (source, deny_kids) = match uses_keys {
            true => keys::keys(findings, &section, Some(""), timing),
            false => (None, Vec::new()),
        };
        Self {
            base,
            identity: Arc::new(identity::identity(findings, &section)),
            scope: Arc::new(build::scope(findings, &section)),
            access_token: rules::rules(findings, &section, "access_token").into(),
            require: rules::rules(findings, &section, "require").into(),
            algorithms: build::algorithms(findings, &section),
            token_types: build::token_types(findings, &section),
            session: Arc::new(session::session(findings, &section, session)),
            keys: source.map(|source| (source, deny_kids)),
        }
    }

    /// The preset's table, to lie under the profile's.
    pub(super) fn base(&self) -> Option<Base<'a>> {
        self.base
    }

    pub(super) fn identity(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> Arc<Identity> {
        match section.is_own("identity") {
            true => Arc::new(identity::identity(findings, section)),
            false => Arc::clone(&self.identity),
        }
    }

    pub(super) fn scope(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> Arc<Scope> {
        match section.is_own("scope") {
            true => Arc::new(build::scope(findings, section)),
            false => Arc::clone(&self.scope),
        }
    }

    pub(super) fn access_token(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> Arc<[Rule]> {
        rules_of(findings, section, "access_token", &self.access_token)
    }

    pub(super) fn require(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> Arc<[Rule]> {
        rules_of(findings, section, "require", &self.require)
    }

    pub(super) fn algorithms(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[Algorithm]>> {
        match section.is_own("algorithms") {
            true => build::algorithms(findings, section),
            false => self.algorithms.clone(),
        }
    }

    pub(super) fn token_types(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[String]>> {
        match section.is_own("token_types") {
            true => build::token_types(findings, section),
            false => self.token_types.clone(),
        }
    }

    pub(super) fn session(
        &self,
        findings: &mut Findings<'_>,
        section: &Section<'_>,
        defaults: SessionTimes,
    ) -> Arc<Session> {
        match section.is_own("session") {
            true => Arc::new(session::session(findings, section, defaults)),
            false => Arc::clone(&self.session),
        }
    }

    /// The key source of an issuer whose profile says nothing about it; `None` if it does, or has to.
    pub(super) fn keys(&self, section: &Section<'_>, issuer: &str) -> Option<(KeySource, Vec<String>)> {
        if ["keys", "mode", "introspection"].into_iter().any(|key| section.is_own(key)) {
            return None;
        }
        let (source, deny_kids) = self.keys.as_ref()?;
        let source = match source {
            KeySource::Provider(keys) => {
                KeySource::Provider(ProviderKeys { issuer: issuer.to_owned(), settings: Arc::clone(&keys.settings) })
            }
            other => other.clone(),
        };
        Some((source, deny_kids.clone()))
    }
}

/// The rules of a profile are added to its preset's.
fn rules_of(findings: &mut Findings<'_>, section: &Section<'_>, key: &str, preset: &Arc<[Rule]>) -> Arc<[Rule]> {
    match section.is_own(key) {
        true => rules::rules(findings, section, key).into(),
        false => Arc::clone(preset),
    }
}
