//! What a login in search of keys has done: waiting, and asking the provider through the helper.
//!
//! Everything here may take as long as the profile's `keys.timeout`, and may be interrupted at any moment. A fetch of keys
//! is for all logins of the profile, so a client that hangs up does not end it; a question about a token is for that one
//! login, and ends with it. A helper that does not do its work is the reason for a denial, never for an error; nothing that it wrote is repeated unless it is
//! an answer of the protocol.

use crate::helper::{self, Unusable};
use crate::kept::Kept;
use crate::process::{self, HelperRun, HelperTrouble};
use crate::wait::{self, ClientGone, ClientWatch};
use crate::{guc, report, shared};
use oauth_validator_core::protocol::{
    HELPER_COMMAND, HelperAnswer, HelperFailure, HelperReply, HelperRequest, MAX_ANSWER_BYTES, PROTOCOL_VERSION,
    ProtocolError,
};
use oauth_validator_core::shared::Keepable;
use oauth_validator_core::{
    BearerToken, KeysUnavailable, Lookup, LookupSubject, OnlineAnswer, OnlineCheck, Profile, ProviderKeys,
};
use oauth_validator_store::{ClaimLookup, ClientLeft, Environment, HelperSlots, KeyRefresh, ServerUser, TokenCheck};
use std::path::Path;
use std::time::{Duration, Instant};

/// A backend that authenticates a client.
pub(crate) struct HelperRunner;

impl Environment for HelperRunner {
    fn pause(&mut self, time: Duration) -> Result<(), ClientLeft> {
        wait::pause(wait::WaitReason::Keys, time).map_err(|ClientGone| ClientLeft)
    }

    fn still_wanted(&mut self) -> Result<(), ClientLeft> {
        wait::pause(wait::WaitReason::Keys, Duration::ZERO).map_err(|ClientGone| ClientLeft)
    }

    fn fetch(&mut self, request: &HelperRequest, limit: Duration) -> HelperReply {
        have_done(request, limit, ClientWatch::Ignored)
            .unwrap_or_else(|ClientLeft| failed("the helper was stopped".to_owned(), "Nothing has to be done."))
    }

    fn ask(&mut self, request: &HelperRequest, limit: Duration) -> Result<HelperReply, ClientLeft> {
        have_done(request, limit, ClientWatch::Watched)
    }

    fn complain(&mut self, what: &str, hint: &str) {
        report::trouble(what, hint);
    }
}

/// Has the helper do the work within `limit`, and counts it; `ClientLeft` only if the client is watched.
fn have_done(request: &HelperRequest, limit: Duration, client: ClientWatch) -> Result<HelperReply, ClientLeft> {
    let began = Instant::now();
    let outcome = try_have_done(request, limit, client);
    // That the client left is no failure of the helper.
    let failed = matches!(outcome, Ok(HelperReply::Failed(_)));
    shared::count_helper(failed, u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    outcome
}

fn try_have_done(request: &HelperRequest, limit: Duration, client: ClientWatch) -> Result<HelperReply, ClientLeft> {
    let program = match helper::find() {
        Ok(program) => program,
        Err(Unusable { detail, hint }) => return Ok(failed(detail, hint)),
    };
    let run = HelperRun { program: &program, argument: HELPER_COMMAND, client };
    match process::run(&run, &request.to_line(), Instant::now() + limit, MAX_ANSWER_BYTES) {
        Ok(answer) => Ok(read(&program, &answer)),
        Err(HelperTrouble::ClientGone) => Err(ClientLeft),
        Err(trouble) => {
            let hint = "Run \"oauth-validator keys refresh\" as the server's user to see whether the provider answers, and look for a limit or a policy that stops the program.";
            Ok(failed(format!("{program:?} {trouble}"), hint))
        }
    }
}

/// What the keys of a profile need, which are kept where the settings say.
pub(crate) fn with_order<T>(
    profile: &str,
    source: &ProviderKeys,
    config_path: &Path,
    deliver: impl FnOnce(KeyRefresh<'_>) -> T,
) -> T {
    let folder = guc::cache_directory();
    let create_folder = guc::cache_directory_is_default();
    deliver(KeyRefresh { profile, source, config_path, folder: &folder, create_folder, user: ServerUser::current() })
}

/// What the provider says of the token: what it said before, where the profile has that kept, else if one of the few places
/// for asking is free.
pub(crate) fn ask_about(
    token: &BearerToken,
    check: &OnlineCheck,
    profile: Option<&Profile>,
    config_path: &Path,
) -> Result<OnlineAnswer, KeysUnavailable> {
    let order = TokenCheck { check, config_path, user: ServerUser::current() };
    let request = order.request(token)?;
    let kept = Kept::place_for(check.cache, profile, token, &request);
    if let Some(answer) = kept.as_ref().and_then(Kept::find) {
        return Ok(answer);
    }
    let folder = guc::cache_directory();
    let answer = order.ask_in_turn(&request, places(&folder), &mut HelperRunner)?;
    if let Some(kept) = kept {
        kept.keep(|asked| Keepable::of(check, &answer, asked));
    }
    Ok(answer)
}

/// What is said of the user whom the token is about: what was found before, where the profile has that kept, else within the
/// time that is `left`, if one of the few places is free.
pub(crate) fn look_up(
    token: &BearerToken,
    (lookup, about): (&Lookup, &LookupSubject),
    profile: Option<&Profile>,
    config_path: &Path,
    left: Duration,
) -> Result<OnlineAnswer, KeysUnavailable> {
    let folder = guc::cache_directory();
    let order = ClaimLookup { lookup, about, config_path, user: ServerUser::current(), left };
    let request = order.request(token)?;
    let kept = Kept::place_for(lookup.cache, profile, token, &request);
    if let Some(answer) = kept.as_ref().and_then(Kept::find) {
        return Ok(answer);
    }
    let answer = order.ask(&request, Some(places(&folder)), &mut HelperRunner)?;
    if let Some(kept) = kept {
        kept.keep(|asked| Keepable::of_lookup(lookup, about, &answer, asked));
    }
    Ok(answer)
}

fn places(folder: &Path) -> HelperSlots<'_> {
    HelperSlots { folder, create_folder: guc::cache_directory_is_default(), slots: guc::max_helpers() }
}

/// The outcome that the helper's answer tells of.
fn read(program: &Path, answer: &[u8]) -> HelperReply {
    let hint = "Install the helper and the library of one version; oauth_validator.helper names the helper.";
    match HelperAnswer::from_line(answer) {
        Ok(answer) => answer.outcome,
        Err(ProtocolError::Version(version)) => failed(
            format!("{program:?} speaks version {version} of the protocol, the library {PROTOCOL_VERSION}"),
            hint,
        ),
        Err(ProtocolError::Malformed) => failed(format!("{program:?} gave an answer that is none"), hint),
    }
}

fn failed(message: String, hint: impl Into<String>) -> HelperReply {
    HelperReply::Failed(HelperFailure { code: "helper".to_owned(), message, hint: hint.into() })
}
