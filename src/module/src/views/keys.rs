//! The keys of each profile, as a login would find them now. Reads only: nobody is asked, and no lock is taken.

use crate::errands;
use crate::login;
use crate::sql::{self, Rows, Value, timestamp};
use oauth_validator_core::UnixSeconds;
use oauth_validator_store::{KeyState, ServerUser};
use pgrx::PgSqlErrorCode;

/// One row for each profile; an ERROR if the configuration cannot be used.
pub(super) fn put(rows: &Rows) {
    let (config, file) = match login::load_whole() {
        Ok(whole) => whole,
        Err(denial) => {
            let message = format!("{}: there are no profiles to show", denial.reason);
            sql::fail(PgSqlErrorCode::ERRCODE_CONFIG_FILE_ERROR, message, denial.detail, denial.hint)
        }
    };
    for profile in config.profiles() {
        pgrx::check_for_interrupts!();
        let state = KeyState::of(profile, &file, ServerUser::current(), |source| {
            errands::with_order(&profile.name, source, &file, |order| order.at_hand())
        });
        let time = |at: Option<UnixSeconds>| Value::time(at.map(timestamp));
        rows.put(&[
            Value::Text(profile.name.clone()),
            Value::Text(state.source.to_owned()),
            Value::Text(state.standing.to_owned()),
            time(state.fetched_at),
            time(state.fresh_until),
            time(state.usable_until),
            state.keys.map_or(Value::Null, |keys| Value::Integer(i32::try_from(keys).unwrap_or(i32::MAX))),
            time(state.last_attempt_at),
            Value::text(state.last_outcome),
        ]);
    }
}
