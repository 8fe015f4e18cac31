//! What a login leaves behind in its backend: who it was, what SQL may read of the token, and when it ends by itself.
//!
//! A grant of `validate_cb` is not yet a login: the server compares the identity with the role, or with pg_ident.conf,
//! after it. So a grant is pending until ClientAuthentication_hook says what became of it. It must never let a session
//! go on that was to end by itself and cannot be made to.

mod ending;
mod sql;
mod timer;

use crate::abi::bindings::Port;
use crate::guard::{contained, guarded};
use crate::login;
use crate::sql::timestamp;
use crate::{guc, log_hook, report, shared};
use oauth_validator_core::shared::{DecisionCode, SlotEntry, denied_now};
use oauth_validator_core::{Denial, Grant, Reason, SessionGrant, UnixSeconds, login_line};
use pgrx::pg_sys;
use std::ffi::{CStr, CString, c_int};
use std::sync::{Mutex, OnceLock};
use timer::Timer;

pub(crate) use ending::explain;

/// A session that OAuth let in.
pub(crate) struct OAuthSession {
    authn_id: String,
    profile: String,
    delegated: bool,
    kept: SessionGrant,
    /// What client and log are told at the end; made beforehand, since nothing is allocated in a report.
    last_words: Option<LastWords>,
}

struct LastWords {
    for_client: CString,
    for_log: CString,
    ends_at: UnixSeconds,
}

/// A grant that the server has not made a login of yet.
struct Pending {
    session: OAuthSession,
    timer: Option<Timer>,
    /// That of `enforce()` before the configuration was read by which it was judged.
    epoch: u64,
}

static PENDING: Mutex<Option<Pending>> = Mutex::new(None);

/// The session of this backend and when it was let in, in the server's own time; set once, by `authenticated`.
static CURRENT: OnceLock<(OAuthSession, pg_sys::TimestampTz)> = OnceLock::new();

type Hook = Option<unsafe extern "C-unwind" fn(port: *mut Port, status: c_int)>;

// The type that the header declares.
const _: Hook = None::<bindings_hook::Function>;

mod bindings_hook {
    use crate::abi::bindings;
    /// What `ClientAuthentication_hook_type` of libpq/auth.h points to.
    pub(super) type Function = unsafe extern "C-unwind" fn(*mut bindings::Port, std::ffi::c_int);
    const _: bindings::ClientAuthentication_hook_type = None::<Function>;
}

unsafe extern "C-unwind" {
    /// `ClientAuthentication_hook` of auth.c: called once in each login, with its outcome, before the client hears of it.
    #[allow(non_upper_case_globals, reason = "the server's own name")]
    static mut ClientAuthentication_hook: Hook;
}

/// The hook of another library that looks at logins, which was there before.
static FORMER_HOOK: OnceLock<Hook> = OnceLock::new();

/// Remembers a grant until the server has made a login of it, and gets the timer that will end the session: without one
/// there is no grant. To be called in `validate_cb`, under the guard.
pub(crate) fn expect(grant: &Grant, epoch: u64) -> Result<(), Denial> {
    forget();
    let kept = grant.session().clone();
    let timer = match kept.ends_at() {
        None => None,
        Some(_) => Some(Timer::disarmed().map_err(|why| impossible(grant, &why))?),
    };
    let last_words = last_words(&kept, grant.profile());
    let session = OAuthSession {
        authn_id: grant.authn_id().to_owned(),
        profile: grant.profile().to_owned(),
        delegated: grant.delegated(),
        kept,
        last_words,
    };
    if session.last_words.is_some() {
        log_hook::install();
    }
    FORMER_HOOK.get_or_init(|| {
        // SAFETY: the hook is a plain variable of the main thread, which this is; the function stays, since the server
        // never unloads a library.
        unsafe {
            let former = ClientAuthentication_hook;
            ClientAuthentication_hook = Some(authenticated);
            former
        }
    });
    match PENDING.try_lock() {
        Ok(mut pending) => *pending = Some(Pending { session, timer, epoch }),
        Err(_) => return Err(Denial::new(Reason::Internal, "The session could not be remembered.")),
    }
    Ok(())
}

/// Takes a grant back; its timer goes with it.
pub(crate) fn forget() {
    if let Ok(mut pending) = PENDING.try_lock() {
        *pending = None;
    }
}

/// The session of this backend, if OAuth let it in, and when it did.
fn current() -> Option<&'static (OAuthSession, pg_sys::TimestampTz)> {
    CURRENT.get()
}

fn last_words(kept: &SessionGrant, profile: &str) -> Option<LastWords> {
    let (for_client, for_log) = (kept.end_for_client()?, kept.end_for_log(profile)?);
    Some(LastWords {
        for_client: CString::new(for_client).ok()?,
        for_log: CString::new(for_log).ok()?,
        ends_at: kept.ends_at()?,
    })
}

fn impossible(grant: &Grant, why: &std::io::Error) -> Denial {
    let detail = format!("The session is to end by itself, and timer_create(2) says: {why}.");
    let mut denial = Denial::new(Reason::SessionEndImpossible, detail).for_profile(grant.profile());
    denial.authn_id = Some(grant.authn_id().to_owned());
    denial
}

/// `ClientAuthentication_hook` (auth.c): the server has compared the identity as well.
unsafe extern "C-unwind" fn authenticated(port: *mut Port, status: c_int) {
    contained(|| {
        let pending = PENDING.try_lock().ok().and_then(|mut pending| pending.take());
        if let Some(pending) = pending {
            // SAFETY: auth.c passes the port of this backend, whose strings are null or end in NUL.
            let role = unsafe { role_of(port) };
            if u32::try_from(status) == Ok(pg_sys::STATUS_OK) {
                begin(pending, &role)
            } else {
                refuse(&pending.session)
            }
        }
    });
    if let Some(former) = FORMER_HOOK.get().copied().flatten() {
        // SAFETY: whoever set it wants to be called so.
        unsafe { former(port, status) }
    }
}

/// # Safety
///
/// `port` must be null or the port of this backend.
unsafe fn role_of(port: *const Port) -> String {
    // SAFETY: by the caller's word; `user_name` is null or ends in NUL (ProcessStartupPacket).
    unsafe {
        let name = port.as_ref().map_or(std::ptr::null(), |port| port.user_name.cast_const());
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// The login stands. From here on the session ends by itself, if it is to, and others know of it.
fn begin(pending: Pending, role: &str) {
    let Pending { session, timer, epoch } = pending;
    if let (Some(timer), Some(ends_at)) = (timer, session.kept.ends_at())
        && timer.arm(ends_at).is_err()
    {
        shared::count(Some(&session.profile), DecisionCode::Denied(Reason::SessionEndImpossible));
        report::end_without_timer();
    }
    // SAFETY: GetCurrentTimestamp (timestamp.c) reads the clock.
    let since = unsafe { pg_sys::GetCurrentTimestamp() };
    let entry = entry(&session, role, since);
    #[cfg(feature = "test-faults")]
    crate::faults::linger("before_publishing");
    // Without the memory the session goes on, as said in `shared`.
    let _ = guarded(|| shared::publish(&entry));
    if let Some(denial) = denied_since(&entry, epoch) {
        shared::count(Some(&session.profile), DecisionCode::Denied(denial.reason));
        let _ = guarded(|| report::denied(&denial));
        report::end_denied();
    }
    #[cfg(feature = "test-faults")]
    crate::faults::linger("after_publishing");
    shared::count(Some(&session.profile), DecisionCode::Granted);
    if guc::log_grants() {
        let line = login_line(&session.kept, &session.authn_id, &session.profile, role, session.delegated);
        // A log that cannot be written changes no decision.
        let _ = guarded(|| report::granted(&line));
    }
    let _ = CURRENT.set((session, since));
}

/// What the others may know of the session.
fn entry<'s>(session: &'s OAuthSession, role: &'s str, since: pg_sys::TimestampTz) -> SlotEntry<'s> {
    let kept = &session.kept;
    // SAFETY: plain numbers of the main thread, set when the process was started; backend_status.c tells others of the same.
    let (pid, started_at) = unsafe { (pg_sys::MyProcPid, pg_sys::MyStartTimestamp) };
    SlotEntry {
        pid,
        started_at,
        authenticated_at: since,
        expires_at: kept.expires_at().map(timestamp),
        ends_at: kept.ends_at().map(timestamp),
        role,
        profile: &session.profile,
        authn_id: &session.authn_id,
        client: kept.client(),
        token_id: kept.token_id(),
        jti: kept.jti(),
        kid: kept.kid(),
        thumbprint: kept.thumbprint(),
    }
}

/// The denial of a session that was judged before somebody had the configuration enforced, and would be denied by it.
/// Whoever enforces after this sees the session, which is published.
fn denied_since(entry: &SlotEntry<'_>, epoch: u64) -> Option<Denial> {
    if shared::epoch() == epoch {
        return None;
    }
    let configuration = guarded(|| login::load_text(false));
    let denial = match configuration {
        Ok(Ok((config, _))) => {
            let reason = denied_now(&config, &entry.as_kept()?, true)?;
            let detail =
                "oauth_validator.enforce() was called while the client logged in, and the configuration denies it now.";
            Denial::new(reason, detail)
        }
        Ok(Err(denial)) => denial,
        Err(failure) => failure.denial(),
    };
    Some(denial.for_profile(entry.profile))
}

/// PostgreSQL does not let the identity be the role, and says so itself; the timer is gone with what was pending. Whoever
/// has each login logged has this one in the same form.
fn refuse(session: &OAuthSession) {
    shared::count(Some(&session.profile), DecisionCode::Denied(Reason::NotMapped));
    if !guc::log_grants() {
        return;
    }
    let detail = "The token is good, and neither the role asked for nor a line of pg_ident.conf fits its identity.";
    let denial = Denial::new(Reason::NotMapped, detail).for_profile(&session.profile);
    let _ = guarded(|| report::denied(&denial));
}
