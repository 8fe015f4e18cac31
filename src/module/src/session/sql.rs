//! The functions of the extension: what SQL may read of the session. `src/module/sql` declares them.
//!
//! They read what the login left and nothing else, so nothing that a user sets, becomes or resets changes what they say.
//! In a session that OAuth did not let in they say NULL, or have no row. Nothing here can be set.

use super::current;
use oauth_validator_core::ClaimText;
use pgrx::pg_sys;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

/// The info record that fmgr.c asks for: version 1 of the calling convention.
static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

macro_rules! version_1 {
    ($($name:ident),+) => {
        $(
            /// Looked up by fmgr.c before the function of that name.
            #[unsafe(no_mangle)]
            pub extern "C" fn $name() -> &'static pg_sys::Pg_finfo_record {
                &VERSION_1
            }
        )+
    };
}

version_1!(pg_finfo_oauth_validator_session, pg_finfo_oauth_validator_claims, pg_finfo_oauth_validator_claim);

/// Seconds between 1970 and PostgreSQL's own epoch, the beginning of 2000.
const EPOCH: i64 = 946_684_800;

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
    // SAFETY: InitMaterializedSRF (funcapi.c) raises an ERROR unless the caller takes a set, and leaves a tuplestore and
    // the declared columns in the ReturnSetInfo; there are as many values and nulls as columns.
    unsafe {
        pg_sys::InitMaterializedSRF(fcinfo, 0);
        if let Some((session, since)) = current() {
            let kept = &session.kept;
            let texts = [
                Some(session.authn_id.as_str()),
                Some(session.profile.as_str()),
                Some(kept.issuer()),
                kept.client(),
                kept.token_id(),
            ];
            let times = [Some(*since), kept.expires_at().map(timestamp), kept.ends_at().map(timestamp)];
            let texts = texts.into_iter().map(|value| value.map(|value| text(value)));
            let times = times.into_iter().map(|value| value.map(pg_sys::Datum::from));
            let row: Vec<Option<pg_sys::Datum>> = texts.chain(times).collect();
            let values: Vec<pg_sys::Datum> = row.iter().map(|value| value.unwrap_or(pg_sys::Datum::null())).collect();
            let nulls: Vec<bool> = row.iter().map(Option::is_none).collect();
            let result: *mut pg_sys::ReturnSetInfo = (*fcinfo).resultinfo.cast();
            pg_sys::tuplestore_putvalues((*result).setResult, (*result).setDesc, values.as_ptr(), nulls.as_ptr());
        }
        null(fcinfo)
    }
}

/// As PostgreSQL counts: microseconds since the beginning of 2000.
fn timestamp(seconds: i64) -> i64 {
    seconds.saturating_sub(EPOCH).saturating_mul(1_000_000)
}

/// # Safety
///
/// With the call that is under way.
unsafe fn null(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the caller's word.
    unsafe { (*fcinfo).isnull = true };
    pg_sys::Datum::null()
}

/// A text of UTF-8 in the encoding of the database; an ERROR if that cannot hold it. The pointer may be `value`'s own.
///
/// # Safety
///
/// In a database, on the main thread.
unsafe fn in_server_encoding(value: &CStr) -> *mut c_char {
    let length = c_int::try_from(value.to_bytes().len()).unwrap_or(c_int::MAX);
    // SAFETY: pg_any_to_server (mbutils.c) returns its argument, or a new string that ends in NUL.
    unsafe { pg_sys::pg_any_to_server(value.as_ptr(), length, pg_sys::pg_enc::PG_UTF8.cast_signed()) }
}

/// What the core keeps has no NUL.
fn terminated(value: &str) -> CString {
    CString::new(value).unwrap_or_default()
}

/// # Safety
///
/// In a database, on the main thread.
unsafe fn text(value: &str) -> pg_sys::Datum {
    let value = terminated(value);
    // SAFETY: cstring_to_text (varlena.c) copies a string that ends in NUL.
    unsafe { pg_sys::Datum::from(pg_sys::cstring_to_text(in_server_encoding(&value))) }
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
