//! What logins leave behind: nothing in the postmaster, and little in the backend while it is there.

use crate::client::RepeatedLogin;
use crate::measure::Subject;
use oauth_validator_server_tests::{PostmasterUsage, own_memory};
use std::io::{Error, Result};
use std::thread;

/// Logins before the first look: what a postmaster does once is done by then.
const WARM_UP: usize = 200;

/// Clients that log in at a time.
const CLIENTS: usize = 4;

/// How much more memory of its own the backend of one client has after its login than that of the other, in kB: medians of
/// a few logins.
///
/// # Errors
/// When a login fails, or the backend's memory cannot be read: it is another user's.
pub fn growth(noop: &RepeatedLogin, ours: &RepeatedLogin) -> Result<i64> {
    let median = |client: &RepeatedLogin| {
        let mut sizes = Vec::new();
        for _ in 0..9 {
            client.login_and(|backend| {
                sizes.push(own_memory(backend.unsigned_abs())?);
                Ok(())
            })?;
        }
        sizes.sort_unstable();
        Ok::<_, Error>(sizes[sizes.len() / 2].cast_signed())
    };
    Ok(median(ours)? - median(noop)?)
}

/// What the postmaster held before and after so many logins.
///
/// # Errors
/// When a login fails.
pub fn soak(subject: &Subject<'_>, logins: usize) -> Result<[PostmasterUsage; 2]> {
    log_in(&subject.client, WARM_UP)?;
    let before = PostmasterUsage::of(subject.postmaster())?;
    log_in(&subject.client, logins)?;
    Ok([before, PostmasterUsage::of(subject.postmaster())?])
}

fn log_in(client: &RepeatedLogin, logins: usize) -> Result<()> {
    thread::scope(|scope| {
        let one = || (0..logins.div_ceil(CLIENTS)).try_for_each(|_| client.login().map(drop));
        let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(one)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| Error::other("a client panicked"))?)
    })
}
