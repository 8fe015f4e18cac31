//! Reads what the server knows of the connection: the pg_hba.conf line that matched, role, database, replication.
//!
//! The unsafe half: raw pointers of the server become owned bytes here, and nothing is judged.

use crate::abi::{Port, ValidatorModuleState};
use crate::major;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};

/// A connection that is being authenticated. Bytes are as the client or pg_hba.conf has them, in any encoding.
pub(crate) struct AuthConnection {
    /// `issuer` of the line.
    pub(crate) issuer: Vec<u8>,
    /// `validator.profile` of the line, if it has such an option.
    pub(crate) profiles: Option<Vec<u8>>,
    /// `scope` of the line.
    pub(crate) scope: Vec<u8>,
    /// `delegate_ident_mapping` of the line.
    pub(crate) delegate_ident_mapping: bool,
    /// The role asked for.
    pub(crate) role: Vec<u8>,
    /// The database asked for; empty for physical replication.
    pub(crate) database: Vec<u8>,
    /// Whether a walsender asks, physical or logical.
    pub(crate) replication: bool,
}

impl AuthConnection {
    /// The connection of this backend; `None` if the server did not say all it says in an OAuth login (`validate` in
    /// auth-oauth.c reads the same fields right after the callback).
    ///
    /// # Safety
    ///
    /// To be called in a backend between the match of pg_hba.conf and the end of authentication, on the main thread.
    /// `state` must be what the server passes to `validate_cb`, and `role` null or a NUL-terminated string.
    pub(crate) unsafe fn current(state: *const ValidatorModuleState, role: *const c_char) -> Option<Self> {
        // SAFETY: MyProcPort is set for the life of a backend (BackendInitialize), and is a `Port` of the headers that
        // abi.rs was generated from; pgrx merely does not know its fields. `hba` is set by hba_getauthmethod and lives
        // as long. Nobody changes them while this callback runs: there is one thread.
        let (port, hba) = unsafe {
            let port = pg_sys::MyProcPort.cast::<Port>().as_ref()?;
            (port, port.hba.as_ref()?)
        };
        // SAFETY: their strings are null or NUL-terminated (hba.c, ProcessStartupPacket), `role` by the caller's word;
        // am_walsender and am_db_walsender are plain flags that ProcessStartupPacket set. `state` is as the caller says.
        unsafe {
            Some(Self {
                issuer: bytes(hba.oauth_issuer)?,
                profiles: major::hba_profiles(state),
                scope: bytes(hba.oauth_scope)?,
                delegate_ident_mapping: hba.oauth_skip_usermap,
                role: bytes(role)?,
                database: bytes(port.database_name).unwrap_or_default(),
                replication: pg_sys::am_walsender || pg_sys::am_db_walsender,
            })
        }
    }
}

/// A copy of a C string's bytes; `None` for null.
///
/// # Safety
///
/// `text` must be null or NUL-terminated.
unsafe fn bytes(text: *const c_char) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and NUL-terminated by the caller's word.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes().to_vec())
}
