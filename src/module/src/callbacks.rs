//! The three functions that the server calls, as `libpq/oauth.h` and auth-oauth.c define them.
//!
//! Each is a door: pointers become values, a safe function runs under the guard, and its outcome is written back.
//! Nothing unwinds or jumps out of them, and "deny" stands in the result before anything else happens.

use crate::abi::{MAGIC, OAuthValidatorCallbacks, ServerString, ValidatorModuleResult, ValidatorModuleState};
use crate::guard::{contained, guarded};
use crate::hba::AuthConnection;
use crate::login::{self, Policy};
use crate::validator_result::ValidatorResult;
use crate::{major, report, session, shared};
use oauth_validator_core::shared::DecisionCode;
use oauth_validator_core::{BearerToken, Decision, Denial, Reason, Verdict};
use std::ffi::{CStr, c_char};
use std::ptr;

/// What `_PG_oauth_validator_module_init` returns.
pub(crate) static CALLBACKS: OAuthValidatorCallbacks = OAuthValidatorCallbacks {
    magic: MAGIC,
    startup_cb: Some(startup),
    shutdown_cb: Some(shutdown),
    validate_cb: Some(validate),
};

/// What `startup` leaves in `private_data`: nothing of the configuration. Between it and the token lies as much time as the
/// client likes, up to `authentication_timeout`, and whoever holds such connections must not be judged by an older text.
struct ValidatorState {
    /// Why nobody gets in.
    failure: Option<Denial>,
}

/// What a token is judged by.
struct CurrentPolicy {
    policy: Policy,
    /// That of `enforce()`, read before the configuration was.
    epoch: u64,
}

impl CurrentPolicy {
    /// May raise an ERROR, so it must be called under the guard.
    fn read() -> Self {
        let epoch = shared::epoch();
        Self { policy: login::load(), epoch }
    }
}

/// Tells the server which options a line may have. It never throws: whatever is wrong denies later, in `validate`. Libpq's
/// first round trip, which has no token, comes here as well.
unsafe extern "C-unwind" fn startup(state: *mut ValidatorModuleState) {
    contained(|| {
        let failure = guarded(|| {
            // SAFETY: this is startup_cb, and under the guard.
            unsafe { major::register_hba_options(state) };
            #[cfg(feature = "test-faults")]
            crate::faults::commit("startup_");
        })
        .err()
        .map(|failure| failure.denial());
        // SAFETY: load_validator_library (auth-oauth.c) passes the state it has just allocated, and keeps it until
        // after `shutdown`. Nobody else uses it while this runs.
        if let Some(state) = unsafe { state.as_mut() } {
            state.private_data = Box::into_raw(Box::new(ValidatorState { failure })).cast();
        }
    });
}

/// Frees what `startup` left. A second call finds nothing. It runs before the session starts, and in proc_exit.
unsafe extern "C-unwind" fn shutdown(state: *mut ValidatorModuleState) {
    contained(|| {
        // SAFETY: shutdown_validator_library (auth-oauth.c) passes the state that `startup` had.
        let Some(state) = (unsafe { state.as_mut() }) else { return };
        let left: *mut ValidatorState = std::mem::replace(&mut state.private_data, ptr::null_mut()).cast();
        if !left.is_null() {
            // SAFETY: only `startup` writes private_data, with the pointer of a box, and it was taken out above. Should
            // a FATAL in `validate` have led here, the frames that borrow it are never returned to.
            drop(unsafe { Box::from_raw(left) });
        }
    });
}

/// Judges one token. Always returns true, which means "the result holds": false would only add a vague warning.
unsafe extern "C-unwind" fn validate(
    state: *const ValidatorModuleState,
    token: *const c_char,
    role: *const c_char,
    result: *mut ValidatorModuleResult,
) -> bool {
    // SAFETY: `validate` (auth-oauth.c) passes the result it has just allocated and reads it after the return.
    let Some(mut answer) = (unsafe { ValidatorResult::denying(result) }) else { return false };
    contained(|| {
        let verdict = guarded(|| {
            #[cfg(feature = "test-faults")]
            crate::faults::commit("");
            // SAFETY: the server passes the state that `startup` had, and strings that end in NUL.
            unsafe { judge(state, token, role) }
        });
        match verdict {
            Ok((verdict, epoch)) => conclude(&mut answer, &verdict, epoch),
            Err(failure) => refuse(&mut answer, &failure.denial()),
        }
    });
    true
}

/// The verdict, and the epoch of `enforce()` that it holds for.
///
/// # Safety
///
/// To be called by `validate` with its own arguments.
unsafe fn judge(state: *const ValidatorModuleState, token: *const c_char, role: *const c_char) -> (Verdict, u64) {
    // SAFETY: private_data is null or what `startup` put there, a box that only `shutdown` frees.
    let started = unsafe { state.as_ref().and_then(|state| state.private_data.cast::<ValidatorState>().as_ref()) };
    let failure = started.map_or_else(|| Some(passed_nothing()), |started| started.failure.clone());
    if let Some(denial) = failure {
        return (Verdict::denied(denial), 0);
    }
    // SAFETY: by the caller's word.
    let judge = |policy: &Policy| unsafe { judge_by(policy, state, token, role) };
    let CurrentPolicy { policy, epoch } = CurrentPolicy::read();
    let verdict = judge(&policy);
    if matches!(verdict.decision, Decision::Denied(_)) || shared::epoch() == epoch {
        return (verdict, epoch);
    }
    // Somebody had the configuration enforced meanwhile: the one that let it in may be an older text.
    let CurrentPolicy { policy, epoch } = CurrentPolicy::read();
    (judge(&policy), epoch)
}

fn passed_nothing() -> Denial {
    Denial::new(Reason::Internal, "The server passed no state or no token to the validator.")
}

/// # Safety
///
/// As for [`judge`].
unsafe fn judge_by(
    policy: &Policy,
    state: *const ValidatorModuleState,
    token: *const c_char,
    role: *const c_char,
) -> Verdict {
    // SAFETY: strings are null or end in NUL; a callback runs on the main thread while the connection is authenticated.
    let (token, connection) = unsafe {
        let token = (!token.is_null()).then(|| BearerToken::new(CStr::from_ptr(token).to_bytes()));
        (token, AuthConnection::current(state, role))
    };
    #[cfg(feature = "test-faults")]
    if let Some(denial) = crate::faults::wait() {
        return Verdict::denied(denial);
    }
    token.map_or_else(|| Verdict::denied(passed_nothing()), |token| login::judge(policy, connection, &token))
}

/// Writes a verdict into the server's result, and into the log what the result has no place for.
fn conclude(answer: &mut ValidatorResult<'_>, verdict: &Verdict, epoch: u64) {
    // A log that cannot be written changes no decision.
    let _ = guarded(|| report::trace(&verdict.trace));
    let _ = guarded(|| {
        for denial in &verdict.reported {
            report::reported(denial);
            shared::count(denial.profile.as_deref(), DecisionCode::ReportOnly);
        }
    });
    match &verdict.decision {
        Decision::Denied(denial) => refuse(answer, denial),
        Decision::Granted(grant) => {
            match guarded(|| (ServerString::new(grant.authn_id()), session::expect(grant, epoch))) {
                Ok((Some(authn_id), Ok(()))) => answer.grant(authn_id),
                Ok((_, Err(denial))) => refuse(answer, &denial),
                Ok((None, _)) => {
                    refuse(answer, &Denial::new(Reason::Internal, "The identity granted is no usable string."))
                }
                Err(failure) => refuse(answer, &failure.denial()),
            }
        }
    }
}

fn refuse(answer: &mut ValidatorResult<'_>, denial: &Denial) {
    answer.deny();
    session::forget();
    // Under the guard, as all that may wait for a lock of the server's.
    let _ = guarded(|| shared::count(denial.profile.as_deref(), DecisionCode::Denied(denial.reason)));
    answer.explain(denial);
    if let Some(authn_id) = &denial.authn_id
        && let Ok(Some(authn_id)) = guarded(|| ServerString::new(authn_id))
    {
        answer.identify(authn_id);
    }
}
