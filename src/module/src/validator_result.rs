//! The result of a validation, as the server reads it when the callback returns.
//!
//! Never decides anything: it writes "deny" the moment it sees a result, and after that what it is told.

use crate::abi::{ServerString, ValidatorModuleResult};
use crate::major;
use oauth_validator_core::Denial;
use std::ptr;

/// The result that the server waits for.
pub(crate) struct ValidatorResult<'a>(&'a mut ValidatorModuleResult);

impl<'a> ValidatorResult<'a> {
    /// Takes the server's result and writes "deny" into it; `None` for a null pointer.
    ///
    /// # Safety
    ///
    /// `result` must be null, or the result that `validate` (auth-oauth.c) allocated for this call and does not look
    /// at before the callback returns.
    pub(crate) unsafe fn denying(result: *mut ValidatorModuleResult) -> Option<Self> {
        // SAFETY: the caller promises that a non-null pointer is valid and that nobody else uses it.
        let mut answer = Self(unsafe { result.as_mut() }?);
        answer.deny();
        Some(answer)
    }

    /// Takes back whatever was said before: nobody, and not authorized.
    pub(crate) fn deny(&mut self) {
        self.0.authorized = false;
        self.0.authn_id = ptr::null_mut();
        major::clear_detail(self.0);
    }

    /// Says why, to the log alone.
    pub(crate) fn explain(&mut self, denial: &Denial) {
        major::say(self.0, denial);
    }

    /// Says who it is, without letting him in. The server logs it as "connection authenticated".
    pub(crate) fn identify(&mut self, authn_id: ServerString) {
        self.0.authn_id = authn_id.into_raw();
    }

    /// Lets this identity in, as far as the server's own comparison with the role or the map goes.
    pub(crate) fn grant(&mut self, authn_id: ServerString) {
        self.identify(authn_id);
        self.0.authorized = true;
    }
}
