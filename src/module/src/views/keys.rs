//! The keys of each profile, as a login would find them now. Reads only: nobody is asked, and no lock is taken.

use crate::helper_runner;
use crate::login;
use crate::sql::{self, SqlRows, SqlValue, timestamp};
use oauth_validator_core::UnixSeconds;
use oauth_validator_store::{KeyState, ServerUser};
use pgrx::PgSqlErrorCode;

/// One row for each profile; an ERROR if the configuration cannot be used.
pub(super) fn put(rows: &SqlRows) {
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
            helper_runner::with_order(&profile.name, source, &file, |order| order.at_hand())
        });
        let time = |at: Option<UnixSeconds>| SqlValue::time(at.map(timestamp));
        rows.put(&[
            SqlValue::Text(profile.name.clone()),
            SqlValue::Text(state.source.to_owned()),
            SqlValue::Text(state.standing.to_owned()),
            time(state.fetched_at),
            time(state.fresh_until),
            time(state.usable_until),
            state.keys.map_or(SqlValue::Null, |keys| SqlValue::Integer(i32::try_from(keys).unwrap_or(i32::MAX))),
            time(state.last_attempt_at),
            SqlValue::text(state.last_outcome),
        ]);
    }
}
