//! The safe half of the callbacks: reads the configuration, and has a login judged by it.
//!
//! It grants nothing itself: only the core makes grants. Any trouble on the way is a denial.

use crate::catalog;
use crate::errands::{self, Errands};
use crate::hba::Connection;
use crate::report;
use crate::request::request;
use oauth_validator_core::{Answer, BearerToken, Config, Denial, Known, Needs, Reason, Verdict, Wanted, decide_for};
use oauth_validator_store::{MAX_CONFIG_BYTES, ServerUser, load_keys, read_trusted};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How often a decision may ask for something before it counts as a bug: it asks once for the keys of the one
/// profile it chose, once for newer ones or once for the provider's answer, and, where pg_hba.conf delegates, once for what the role can become.
const MAX_ROUNDS: usize = 4;

/// What `startup_cb` leaves for `validate_cb`.
pub(crate) enum Policy {
    /// The configuration, and the file it came from.
    Ready(Box<Config>, PathBuf),
    /// Why nobody gets in.
    Refused(Denial),
}

/// Reads the configuration. Also runs for the first round trip of libpq, which has no token, so it logs nothing: a
/// denial waits for somebody who asks to be let in.
pub(crate) fn load(file: PathBuf) -> Policy {
    match read(&file) {
        Ok(config) => Policy::Ready(Box::new(config), file),
        Err(denial) => Policy::Refused(denial),
    }
}

fn read(file: &Path) -> Result<Config, Denial> {
    if !file.is_absolute() {
        return Err(Denial::new(
            Reason::ConfigUnreadable,
            format!("oauth_validator.config_file is \"{}\", which is not an absolute path.", file.display()),
        )
        .with_hint("Set oauth_validator.config_file to an absolute path and reload the server."));
    }
    let bytes = read_trusted(file, MAX_CONFIG_BYTES, ServerUser::current())
        .map_err(|refusal| Denial::new(Reason::ConfigUnreadable, format!("{refusal}.")).with_hint(refusal.hint()))?;
    let name = file.display().to_string();
    let parsed = Config::parse(&bytes, &name);
    parsed.config.ok_or_else(|| Denial::config_invalid(&name, &parsed.findings))
}

/// Judges the login of `connection` with `token`. No `connection` means that the server did not describe it.
pub(crate) fn judge(policy: &Policy, connection: Option<Connection>, token: &BearerToken) -> Verdict {
    let (config, file) = match policy {
        Policy::Ready(config, file) => (config, file),
        Policy::Refused(denial) => return Verdict::denied(denial.clone()),
    };
    let Some(connection) = connection else {
        return Verdict::denied(Denial::new(
            Reason::Internal,
            "The server described no OAuth connection to the validator.",
        ));
    };
    let request = match request(connection) {
        Ok(request) => request,
        Err(denial) => return Verdict::denied(denial),
    };
    let mut known = Known::default();
    let tracing = report::tracing();
    for _ in 0..MAX_ROUNDS {
        match decide_for(tracing, &request, token, config, &known, now()) {
            Answer::Decided(verdict) => return verdict,
            Answer::Needs(Needs::Keys { profile, file: source }) => {
                known.insert_keys(profile, load_keys(&source, file, ServerUser::current()));
            }
            Answer::Needs(Needs::ProviderKeys { profile, source, wanted }) => {
                errands::with_order(&profile, &source, file, |order| match wanted {
                    Wanted::Usable => known.insert_keys(&profile, order.usable(&mut Errands)),
                    Wanted::Newer => known.insert_newer_keys(&profile, order.newer(&mut Errands)),
                });
            }
            Answer::Needs(Needs::OnlineAnswer { profile, check }) => {
                known.insert_online_answer(profile, errands::ask_about(token, &check, file));
            }
            Answer::Needs(Needs::Privileges { role }) => match catalog::privileges(&role) {
                Ok(privileges) => known.insert_privileges(role, privileges),
                Err(denial) => return Verdict::denied(denial),
            },
            Answer::Needs(_) => break,
        }
    }
    Verdict::denied(Denial::new(Reason::Internal, "The decision asked for something that the server cannot deliver."))
}

/// Seconds since 1970, negative before.
fn now() -> i64 {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => -seconds(before.duration()),
    }
}
