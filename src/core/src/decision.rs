//! What goes into a decision and what comes out of it.
//!
//! A grant cannot be made outside this crate, and a decision cannot be dropped unread.

use crate::finding::{Finding, first_error};
use crate::introspection::{OnlineAnswer, OnlineCheck};
use crate::keys::asking::KeysWanted;
use crate::keys::source::ProviderKeys;
use crate::keys::{KeyFile, KeySet, KeysUnavailable};
use crate::lookup::{Lookup, LookupSubject};
use crate::reason::Reason;
use crate::session::SessionGrant;
use crate::trace::Trace;
use std::collections::BTreeMap;

/// What the server knows about a login besides the token.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `issuer` of the pg_hba.conf line that matched.
    pub hba_issuer: String,
    /// `validator.profile` of that line, as it stands there: names of profiles, separated by commas, which take the
    /// place of the issuer. `None` where the line has no such option, as always before PostgreSQL 19.
    pub hba_profiles: Option<String>,
    /// `scope` of that line: names separated by white space, possibly none.
    pub hba_scope: String,
    /// `delegate_ident_mapping` of that line.
    pub delegate_ident_mapping: bool,
    /// The role the client asks for.
    pub role: String,
    /// The database the client asks for; empty for physical replication.
    pub database: String,
    /// Whether the connection is for replication, physical or logical.
    pub replication: bool,
}

/// A role's attributes, as `pg_roles` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleAttributes {
    /// The role's name.
    pub name: String,
    /// `rolsuper`.
    pub superuser: bool,
    /// `rolcreaterole`.
    pub create_role: bool,
    /// `rolreplication`.
    pub replication: bool,
    /// `rolbypassrls`.
    pub bypass_rls: bool,
}

/// What a role can become: itself, and every role it reaches by membership that lets it inherit or set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The role first, then those it reaches, directly or over others. Empty if the role does not exist.
    pub reached: Vec<RoleAttributes>,
}

impl Privileges {
    /// What is privileged about the role, as a phrase that follows "the role".
    pub(crate) fn of(&self) -> Option<String> {
        self.reached.iter().enumerate().find_map(|(at, role)| {
            let what = match role {
                role if role.superuser => "is superuser",
                role if role.create_role => "may create roles",
                role if role.replication => "may replicate",
                role if role.bypass_rls => "bypasses row-level security",
                role if role.name.starts_with("pg_") => "is a predefined role",
                _ => return None,
            };
            Some(if at == 0 { what.to_owned() } else { format!("can become \"{}\", which {what}", role.name) })
        })
    }
}

/// What somebody who may read files and catalogs, and ask providers, has found out.
#[derive(Default)]
pub struct Known {
    keys: BTreeMap<String, Result<KeySet, KeysUnavailable>>,
    newer_keys: BTreeMap<String, NewerKeys>,
    online_answers: BTreeMap<String, Result<OnlineAnswer, KeysUnavailable>>,
    looked_up: BTreeMap<String, Result<OnlineAnswer, KeysUnavailable>>,
    privileges: BTreeMap<String, Privileges>,
}

impl Known {
    /// Adds what became of the keys of `profile`.
    pub fn insert_keys(&mut self, profile: impl Into<String>, keys: Result<KeySet, KeysUnavailable>) {
        self.keys.insert(profile.into(), keys);
    }

    /// Adds what became of the search for newer keys of `profile`. New ones take the place of those known.
    pub fn insert_newer_keys(&mut self, profile: impl Into<String>, newer: NewerKeys) {
        self.newer_keys.insert(profile.into(), newer);
    }

    /// Adds what the provider of `profile` says of the token, or why it could not be asked.
    pub fn insert_online_answer(&mut self, profile: impl Into<String>, answer: Result<OnlineAnswer, KeysUnavailable>) {
        self.online_answers.insert(profile.into(), answer);
    }

    /// Adds what the provider of `profile` says of the token's subject, or why it could not be asked.
    pub fn insert_looked_up(&mut self, profile: impl Into<String>, answer: Result<OnlineAnswer, KeysUnavailable>) {
        self.looked_up.insert(profile.into(), answer);
    }

    pub(crate) fn looked_up(&self, profile: &str) -> Option<&Result<OnlineAnswer, KeysUnavailable>> {
        self.looked_up.get(profile)
    }

    /// Adds what `role` can become.
    pub fn insert_privileges(&mut self, role: impl Into<String>, privileges: Privileges) {
        self.privileges.insert(role.into(), privileges);
    }

    pub(crate) fn privileges(&self, role: &str) -> Option<&Privileges> {
        self.privileges.get(role)
    }

    pub(crate) fn keys(&self, profile: &str) -> Option<&Result<KeySet, KeysUnavailable>> {
        self.keys.get(profile)
    }

    pub(crate) fn online_answer(&self, profile: &str) -> Option<&Result<OnlineAnswer, KeysUnavailable>> {
        self.online_answers.get(profile)
    }

    pub(crate) fn newer_keys(&self, profile: &str) -> Option<&NewerKeys> {
        self.newer_keys.get(profile)
    }
}

/// What became of the search for a provider's newer keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewerKeys {
    /// These are the newest.
    Found(KeySet),
    /// The provider was asked a moment ago, and is not asked again yet.
    NotYet {
        /// What it said then.
        newest: KeySet,
        /// One sentence that says when that was.
        why: String,
    },
    /// The provider could not be asked.
    Unavailable(KeysUnavailable),
}

/// What `decide` cannot look up itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Needs {
    /// The keys of `profile`: read them from `file`, insert them into [`Known`], and call again.
    Keys {
        /// Name of the profile.
        profile: String,
        /// Where its keys are.
        file: KeyFile,
    },
    /// The keys that a provider publishes, for `profile`: from the key file or from the provider. For
    /// [`KeysWanted::Usable`] insert them by [`Known::insert_keys`], for [`KeysWanted::Newer`] by
    /// [`Known::insert_newer_keys`], and call again.
    ProviderKeys {
        /// Name of the profile.
        profile: String,
        /// Where they are, and how long they are trusted.
        source: ProviderKeys,
        /// Newer ones are wanted where those at hand lack the one that the token names.
        wanted: KeysWanted,
    },
    /// The provider's answer about the token, for `profile`: ask it as `check` says, insert the answer by
    /// [`Known::insert_online_answer`], and call again.
    OnlineAnswer {
        /// Name of the profile.
        profile: String,
        /// Where and how.
        check: Box<OnlineCheck>,
    },
    /// What the provider says of the token's subject, for `profile`: ask it as `lookup` says, insert the answer by
    /// [`Known::insert_looked_up`], and call again.
    LookedUp {
        /// Name of the profile.
        profile: String,
        /// Where and how.
        lookup: Box<Lookup>,
        /// Whom it is about.
        about: LookupSubject,
    },
    /// What `role` can become: look it up in the catalogs, insert it into [`Known`], and call again.
    Privileges {
        /// Name of the role.
        role: String,
    },
}

/// The answer of `decide`: a verdict, or what is needed first.
#[derive(Debug)]
#[must_use]
pub enum DecisionState {
    /// The decision, final.
    Decided(Box<Verdict>),
    /// Nothing is decided yet.
    Needs(Needs),
}

/// A decision and the way to it.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Verdict {
    /// Let in or not.
    pub decision: Decision,
    /// Every step that was taken.
    pub trace: Trace,
    /// What rules with `report_only` would have denied: for the log, whatever the decision is.
    pub reported: Vec<Denial>,
    /// Whether it is a denial by a part of a configuration that the whole may not share: that has to be asked. Never of a grant.
    pub unsure: bool,
}

impl Verdict {
    /// A denial before any step was taken.
    pub fn denied(denial: Denial) -> Self {
        Self { decision: Decision::Denied(denial), trace: Trace::default(), reported: Vec::new(), unsure: false }
    }
}

/// Let in or not, with all that the caller may act upon.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// The token holds. The server still compares the identity with the role, or with pg_ident.conf.
    Granted(Grant),
    /// The token does not hold.
    Denied(Denial),
}

/// Permission to report an identity to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    authn_id: String,
    profile: String,
    delegated: bool,
    session: SessionGrant,
}

impl Grant {
    pub(crate) fn new(authn_id: String, profile: String, delegated: bool, session: SessionGrant) -> Self {
        Self { authn_id, profile, delegated, session }
    }

    /// Whether the role was granted as well. Otherwise the server still compares the identity with it.
    #[must_use]
    pub fn delegated(&self) -> bool {
        self.delegated
    }

    /// The identity: 1 to 1024 bytes of UTF-8, no control characters.
    #[must_use]
    pub fn authn_id(&self) -> &str {
        &self.authn_id
    }

    /// What the session keeps of the token, and when it ends.
    #[must_use]
    pub fn session(&self) -> &SessionGrant {
        &self.session
    }

    /// The profile that granted it.
    #[must_use]
    pub fn profile(&self) -> &str {
        &self.profile
    }
}

/// A refusal, in the words of the server's log.
///
/// None of its texts may hold a piece of the token or the value of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The code.
    pub reason: Reason,
    /// The profile that was being applied, if it came to that.
    pub profile: Option<String>,
    /// What was expected, and where in the configuration that is written.
    pub detail: String,
    /// What to do next.
    pub hint: String,
    /// The identity, where the token was proven genuine before it was denied; the server logs it.
    pub authn_id: Option<String>,
}

impl Denial {
    /// A denial with the reason's own remedy as hint.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, profile: None, detail: detail.into(), hint: reason.remedy().to_owned(), authn_id: None }
    }

    /// This denial with another hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// This denial as one by the profile of this name.
    #[must_use]
    pub fn for_profile(mut self, profile: &str) -> Self {
        self.profile = Some(profile.to_owned());
        self
    }

    /// The denial of every login while the configuration file `file` has errors; `findings` must hold one.
    #[must_use]
    pub fn config_invalid(file: &str, findings: &[Finding]) -> Self {
        let detail = first_error(file, findings);
        Self::new(Reason::ConfigInvalid, detail).with_hint(format!(
            "Run \"oauth-validator check {file}\" and mend what it reports; the next login sees the change."
        ))
    }

    /// The log's primary message, without the `oauth_validator: ` in front.
    #[must_use]
    pub fn message(&self) -> String {
        self.message_of("denied")
    }

    /// The log's primary message about what a rule with `report_only` would deny.
    #[must_use]
    pub fn report(&self) -> String {
        self.message_of("report_only")
    }

    fn message_of(&self, what: &str) -> String {
        match &self.profile {
            Some(profile) => format!("{what}: {} (profile \"{profile}\")", self.reason),
            None => format!("{what}: {}", self.reason),
        }
    }
}
