//! `PQdefaultAuthDataHook`, libpq's own default hook ("OAuth Support" of libpq's manual): being found first, it stands in
//! for that of every libpq of the process, bundled and late ones too.
//!
//! Answers a request for a token with the token, with a refusal, or, where none of the variables is set, with "not handled",
//! as libpq's own does. libpq 19 shows the refusal's text itself; 18 has no place for one, so there it is a line on the
//! standard error, in front of libpq's own "user-defined OAuth flow failed". Must never unwind into libpq.

use crate::judge::{FILE, HOSTS, ISSUER, PreloadSettings, WantedToken};
use crate::libpq::{Libpq, PGconn};
use oauth_validator_token_file as token_file;
use std::env;
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroize;

/// `PGauthData` of libpq-fe.h: a token is asked for, since libpq 18, and since 19.
const BEARER_TOKEN: c_int = 1;
const BEARER_TOKEN_V2: c_int = 2;

/// What libpq makes of the hook's result.
const NOT_HANDLED: c_int = 0;
const HANDLED: c_int = 1;
const FAILED: c_int = -1;

/// `PGoauthBearerRequest` of libpq-fe.h.
#[repr(C)]
struct OAuthBearerRequest {
    openid_configuration: *const c_char,
    scope: *const c_char,
    run_async: *const c_void,
    cleanup: Option<unsafe extern "C" fn(*mut PGconn, *mut OAuthBearerRequest)>,
    token: *mut c_char,
    user: *mut c_void,
}

/// `PGoauthBearerRequestV2`, of which libpq 19 has more than the first part.
#[repr(C)]
struct OAuthBearerRequestV2 {
    v1: OAuthBearerRequest,
    issuer: *const c_char,
    error: *const c_char,
}

/// Takes along where it returns to: in that library, or linked to it, is the libpq that knows the connection.
///
/// # Safety
/// As libpq calls it: `data` is what belongs to `kind`.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdefaultAuthDataHook(kind: c_int, conn: *mut PGconn, data: *mut c_void) -> c_int {
    // The fourth argument goes in rcx (System V ABI 3.2.3); the stack stays as it was.
    std::arch::naked_asm!("endbr64", "mov rcx, [rsp]", "jmp {answer}", answer = sym answer)
}

/// libpq's hook, as above, for a machine that passes arguments in other registers.
///
/// # Safety
/// As libpq calls it: `data` is what belongs to `kind`.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn PQdefaultAuthDataHook(kind: c_int, conn: *mut PGconn, data: *mut c_void) -> c_int {
    // The fourth argument goes in x3 (AAPCS64 6.8.2); the link register stays as it was.
    std::arch::naked_asm!("mov x3, x30", "b {answer}", answer = sym answer)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("how a function finds out who calls it is written down for x86_64 and aarch64 alone");

extern "C" fn answer(kind: c_int, conn: *mut PGconn, data: *mut c_void, caller: *const c_void) -> c_int {
    if !matches!(kind, BEARER_TOKEN | BEARER_TOKEN_V2) || conn.is_null() || data.is_null() {
        return NOT_HANDLED;
    }
    // A panic is a bug of ours; libpq then says that the flow failed.
    catch_unwind(AssertUnwindSafe(|| {
        let settings = settings();
        if !settings.are_any() {
            return NOT_HANDLED;
        }
        // SAFETY: libpq gives a request to each of these two kinds, of at least this length.
        let request = unsafe { &mut *data.cast::<OAuthBearerRequest>() };
        let v2 = (kind == BEARER_TOKEN_V2).then(|| data.cast::<OAuthBearerRequestV2>());
        // SAFETY: a pointer to the longer request is one, of the second kind.
        let issuer = v2.map(|v2| unsafe { (*v2).issuer });
        // SAFETY: `conn` is the connection of whoever calls.
        match unsafe { found(&settings, request, issuer, conn, caller) } {
            Ok(mut token) => give(request, &mut token),
            Err(why) => refuse(request, v2, &why),
        }
    }))
    .unwrap_or(FAILED)
}

/// What the environment says, unless the process has more rights than whoever started it.
fn settings() -> PreloadSettings {
    // SAFETY: getauxval has no conditions.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        return PreloadSettings::default();
    }
    let variable = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    PreloadSettings { file: variable(FILE), issuer: variable(ISSUER), hosts: variable(HOSTS) }
}

/// The token for this connection.
///
/// # Safety
/// The request is libpq's, and `conn` a connection of the caller's.
unsafe fn found(
    settings: &PreloadSettings,
    request: &OAuthBearerRequest,
    issuer: Option<*const c_char>,
    conn: *mut PGconn,
    caller: *const c_void,
) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let unknown = || "the libpq that asks for a token does not say what its connection is, so it gets none".to_owned();
    // SAFETY: libpq's strings live as long as the request.
    let (url, issuer) = unsafe { (text(request.openid_configuration), issuer.map(|issuer| text(issuer))) };
    let wanted = WantedToken { discovery_url: url.unwrap_or_default(), issuer: issuer.map(Option::unwrap_or_default) };
    let libpq = Libpq::of_caller(caller).ok_or_else(unknown)?;
    // SAFETY: as the caller promises.
    let connection = unsafe { libpq.describe(conn) }.ok_or_else(unknown)?;
    let path = settings.file_for(wanted, &connection)?;
    // SAFETY: geteuid has no conditions and cannot fail.
    let uid = unsafe { libc::geteuid() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    token_file::read(Path::new(path), uid, i64::try_from(now).unwrap_or(i64::MAX))
        .map_err(|why| format!("{FILE} {why}"))
}

/// # Safety
/// Null, or a string that outlives the result.
unsafe fn text<'r>(text: *const c_char) -> Option<&'r str> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })?.to_str().ok()
}

/// Hands the token over in memory of its own, which [`clean_up`] wipes.
fn give(request: &mut OAuthBearerRequest, token: &mut Vec<u8>) -> c_int {
    token.push(0);
    let copy = copied(token);
    if copy.is_null() {
        return FAILED;
    }
    request.token = copy;
    request.cleanup = Some(clean_up);
    HANDLED
}

/// Says why there is none, where whoever started the connection will see it.
fn refuse(request: &mut OAuthBearerRequest, v2: Option<*mut OAuthBearerRequestV2>, why: &str) -> c_int {
    // Nothing in it has a NUL: the parts come from C strings, and from this library.
    let message = CString::new(format!("liboauth_token: {why}")).unwrap_or_default();
    match v2 {
        Some(v2) => {
            let copy = copied(message.as_bytes_with_nul());
            request.user = copy.cast();
            request.cleanup = Some(clean_up);
            // SAFETY: a request of the second kind has this member.
            unsafe { (*v2).error = copy };
        }
        None => {
            // Whatever became of the standard error: libpq says that it failed.
            let _ = std::io::stderr().write_all(&[message.as_bytes(), b"\n"].concat());
        }
    }
    FAILED
}

/// A copy in memory of malloc's; null if there is none.
fn copied(bytes: &[u8]) -> *mut c_char {
    // SAFETY: malloc takes any size.
    let copy = unsafe { libc::malloc(bytes.len()) }.cast::<u8>();
    if !copy.is_null() {
        // SAFETY: as long as the bytes, and new.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    }
    copy.cast()
}

/// libpq's word that it has taken its own copy.
unsafe extern "C" fn clean_up(_conn: *mut PGconn, request: *mut OAuthBearerRequest) {
    if request.is_null() {
        return;
    }
    // SAFETY: the request in which this function was left, with what was left beside it.
    let request = unsafe { &mut *request };
    if !request.token.is_null() {
        // SAFETY: a string of `copied`, which nobody else frees.
        unsafe {
            let length = CStr::from_ptr(request.token).count_bytes();
            std::slice::from_raw_parts_mut(request.token.cast::<u8>(), length).zeroize();
            libc::free(request.token.cast());
        }
        request.token = ptr::null_mut();
    }
    // SAFETY: null, or the text of a refusal, of `copied`.
    unsafe { libc::free(request.user) };
    request.user = ptr::null_mut();
}
