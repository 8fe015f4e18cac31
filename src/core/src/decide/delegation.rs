//! Whether the role asked for follows from the token, where pg_hba.conf says `delegate_ident_mapping=1`.
//!
//! The rules are in `roles`; here is in which order they are asked, and what has to be known for them. Must never grant a role
//! of which nobody knows what it can become, where that matters.

use super::{Decider, EarlyEnd, InStep};
use crate::claims::Accepted;
use crate::config::{Profile, Roles};
use crate::decision::{Denial, Needs};
use crate::roles;
use crate::trace::Step;

impl Decider<'_> {
    pub(super) fn delegation(
        &mut self,
        accepted: &Accepted,
        profile: &Profile,
        with_identity: &dyn Fn(Denial) -> Denial,
    ) -> Result<(), EarlyEnd> {
        let role = &self.request.role;
        roles::check(accepted, self.config, profile, role, &mut self.trace)
            .map_err(with_identity)
            .at(Step::Delegation)?;
        if let Some(granting) = profile.roles.as_deref() {
            self.privileges(granting, with_identity)?;
        }
        self.trace.held(Step::Delegation, || "the token grants the role asked for".to_owned());
        Ok(())
    }

    /// What the role asked for can become, where it matters.
    pub(super) fn privileges(
        &self,
        granting: &Roles,
        with_identity: &dyn Fn(Denial) -> Denial,
    ) -> Result<(), EarlyEnd> {
        if !roles::needs_privileges(granting) {
            return Ok(());
        }
        let role = &self.request.role;
        let Some(privileges) = self.known.privileges(role) else {
            return Err(EarlyEnd::Needs(Needs::Privileges { role: role.clone() }));
        };
        roles::check_privileges(privileges, granting, self.config).map_err(with_identity).at(Step::Delegation)
    }
}
