//! The functions of the extension: what SQL may read of the session. `src/module/sql` declares them.
//!
//! They read what the login left and nothing else, so nothing that a user sets, becomes or resets changes what they say.
//! In a session that OAuth did not let in they say NULL, or have no row. Nothing here can be set.

use super::current;
use crate::sql::{self, SqlRows, SqlValue, in_server_encoding, null, terminated, text, timestamp};
use oauth_validator_core::ClaimText;
use pgrx::pg_sys;
use std::ffi::{CStr, c_char};
use std::ptr;

sql::version_1!(pg_finfo_oauth_validator_session, pg_finfo_oauth_validator_claims, pg_finfo_oauth_validator_claim);

/// `oauth_validator.claims()`: all claims that the profile names, as jsonb.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_claims(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: fmgr.c passes the call; the text is JSON that the core has written.
    unsafe {
        match current() {
            Some((session, _)) => jsonb(session.kept.claims_json()),
            None => null(fcinfo),
        }
    }
}

/// `oauth_validator.claim(text)`: one claim, a string as it is and anything else as JSON.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: STRICT, with one argument of type text.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_claim(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: the argument is a text and not null, by the declaration; text_to_cstring (varlena.c) returns a string that
    // ends in NUL.
    unsafe {
        #[expect(clippy::indexing_slicing, reason = "fmgr.c passes as many arguments as are declared")]
        let argument = (*fcinfo).args.as_slice(1)[0].value;
        let name = CStr::from_ptr(pg_sys::text_to_cstring(argument.cast_mut_ptr()));
        // A name that is not UTF-8 is none of a claim, all of which are ASCII.
        let claim = current().zip(name.to_str().ok()).and_then(|((session, _), name)| session.kept.claim(name));
        match claim {
            Some(ClaimText::Plain(value)) => text(&value),
            Some(ClaimText::Json(value)) => json_text(&value),
            None => null(fcinfo),
        }
    }
}

/// `oauth_validator.session()`: one row in a session that OAuth let in, and none in others.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: a set of rows with these eight columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_session(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration.
    let rows = unsafe { SqlRows::of(fcinfo) };
    if let Some((session, since)) = current() {
        let kept = &session.kept;
        rows.put(&[
            SqlValue::Text(session.authn_id.clone()),
            SqlValue::Text(session.profile.clone()),
            SqlValue::Text(kept.issuer().to_owned()),
            SqlValue::text(kept.client()),
            SqlValue::text(kept.token_id()),
            SqlValue::Time(*since),
            SqlValue::time(kept.expires_at().map(timestamp)),
            SqlValue::time(kept.ends_at().map(timestamp)),
        ]);
    }
    // SAFETY: this call.
    unsafe { null(fcinfo) }
}

/// # Safety
///
/// In a database, on the main thread.
unsafe fn jsonb(json: &str) -> pg_sys::Datum {
    let json = terminated(json);
    // SAFETY: jsonb_in (jsonb.c) takes a string that ends in NUL, and copies what it keeps.
    unsafe {
        let argument = pg_sys::Datum::from(in_server_encoding(&json));
        pgrx::fcinfo::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(argument)])
            .unwrap_or(pg_sys::Datum::from(ptr::null_mut::<c_char>()))
    }
}

/// JSON as jsonb spells it, so that `claim(name)` is what `claims() ->> name` is.
///
/// # Safety
///
/// In a database, on the main thread.
unsafe fn json_text(json: &str) -> pg_sys::Datum {
    // SAFETY: jsonb_out (jsonb.c) takes the jsonb, and returns a string that ends in NUL.
    unsafe {
        let spelled = pgrx::fcinfo::direct_function_call_as_datum(pg_sys::jsonb_out, &[Some(jsonb(json))]);
        let spelled: *const c_char =
            spelled.map_or(ptr::null(), |spelled| spelled.cast_mut_ptr::<c_char>().cast_const());
        pg_sys::Datum::from(pg_sys::cstring_to_text(if spelled.is_null() { c"".as_ptr() } else { spelled }))
    }
}
