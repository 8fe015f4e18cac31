//! What follows from a preset alone, or from the built-in defaults where a profile names none: worked out once for a
//! file, however many profiles share it.
//!
//! A server reads its file in each login, and most profiles only say who issues tokens for whom. Nothing that a profile
//! writes itself is taken from here, and nothing here depends on the profile.

use super::collect::Findings;
use super::defaults::Defaults;
use super::layer::PresetLayers;
use super::online_check::{self, Mode};
use super::presets::own::{PresetChoice, Presets};
use super::profile::{At, Identity, KeySource, Rule, Scope, SessionSettings};
use super::section::Section;
use super::session::{self, SessionTimes};
use super::{accepted, identity, keys, rules, scope};
use crate::algorithm::Algorithm;
use crate::finding::FindingCode;
use crate::keys::source::ProviderKeys;
use std::rc::Rc;
use std::sync::Arc;

/// The layouts of a file's profiles, each worked out when it is first asked for.
pub(super) struct Layouts<'a> {
    presets: &'a Presets<'a>,
    times: keys::Times,
    session: SessionTimes,
    known: Vec<Rc<PresetParts<'a>>>,
}

impl<'a> Layouts<'a> {
    /// None yet; `defaults` are those of the file.
    pub(super) fn new(presets: &'a Presets<'a>, defaults: &Defaults) -> Self {
        Self { presets, times: defaults.keys, session: defaults.session, known: Vec::new() }
    }

    /// The layout of this preset, or of none, for a profile with this table.
    pub(super) fn of(
        &mut self,
        findings: &mut Findings<'_>,
        profile: &Section<'_>,
        preset: Option<PresetChoice<'a>>,
    ) -> Rc<PresetParts<'a>> {
        let base = preset.and_then(|preset| self.presets.base(preset));
        if let (Some(preset), None) = (preset, base) {
            // Without its rules the profile would accept more than its author thinks.
            let message =
                format!("{} cannot be read: preset \"{}\" is broken", profile.name("preset"), preset.built_in());
            findings
                .add(FindingCode::BadValue, profile.span_of("preset"), message)
                .hint("please report it; write the settings of the preset into the profile meanwhile");
        }
        let name = base.map(|base| base.upper.name());
        if let Some(known) = self.known.iter().find(|layout| layout.base.map(|base| base.upper.name()) == name) {
            return Rc::clone(known);
        }
        let layout = Rc::new(PresetParts::new(findings, base, self.times, self.session));
        self.known.push(Rc::clone(&layout));
        layout
    }
}

/// The parts of a profile that its preset alone decides.
pub(super) struct PresetParts<'a> {
    base: Option<PresetLayers<'a>>,
    identity: Arc<Identity>,
    scope: Arc<Scope>,
    access_token: Arc<[Rule]>,
    require: Arc<[Rule]>,
    algorithms: At<Arc<[Algorithm]>>,
    token_types: At<Arc<[String]>>,
    session: Arc<SessionSettings>,
    /// Where keys come from, for an issuer without a name; `None` where the profile has to say more.
    keys: Option<(KeySource, Vec<String>)>,
}

impl<'a> PresetParts<'a> {
    fn new(
        findings: &mut Findings<'_>,
        base: Option<PresetLayers<'a>>,
        times: keys::Times,
        session: SessionTimes,
    ) -> Self {
        let section = Section::of_preset(base);
        let uses_keys = online_check::mode(findings, &section) == Mode::Jwt;
        let (source, deny_kids) = match uses_keys {
            true => keys::keys(findings, &section, Some(""), times),
            false => (None, Vec::new()),
        };
        Self {
            base,
            identity: Arc::new(identity::identity(findings, &section)),
            scope: Arc::new(scope::scope(findings, &section)),
            access_token: rules::rules(findings, &section, "access_token").into(),
            require: rules::rules(findings, &section, "require").into(),
            algorithms: accepted::algorithms(findings, &section),
            token_types: accepted::token_types(findings, &section),
            session: Arc::new(session::session(findings, &section, session)),
            keys: source.map(|source| (source, deny_kids)),
        }
    }

    /// The preset's table, to lie under the profile's.
    pub(super) fn base(&self) -> Option<PresetLayers<'a>> {
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
            true => Arc::new(scope::scope(findings, section)),
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
            true => accepted::algorithms(findings, section),
            false => self.algorithms.clone(),
        }
    }

    pub(super) fn token_types(&self, findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[String]>> {
        match section.is_own("token_types") {
            true => accepted::token_types(findings, section),
            false => self.token_types.clone(),
        }
    }

    pub(super) fn session(
        &self,
        findings: &mut Findings<'_>,
        section: &Section<'_>,
        defaults: SessionTimes,
    ) -> Arc<SessionSettings> {
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
