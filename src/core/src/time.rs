//! Instants and spans of time, which no function may mix up.
//!
//! An instant is a [`UnixSeconds`], a span is a [`Duration`]: what is added to what is then the compiler's business, and no
//! number needs a name that says its unit. Nothing here looks at a clock: every instant comes in as an argument.

use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// An instant in whole seconds since 1970, as tokens (RFC 7519 section 2) and key files have it. Instants before 1970 and
/// beyond all calendars can be held, and nothing that is computed with them overflows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(i64);

impl UnixSeconds {
    /// So many seconds after 1970, or before if negative.
    #[must_use]
    pub const fn new(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The whole seconds of a time since 1970.
    #[must_use]
    pub fn of(since_1970: Duration) -> Self {
        Self(whole(since_1970))
    }

    /// The seconds since 1970, negative before.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The time since 1970; zero before.
    #[must_use]
    pub fn since_1970(self) -> Duration {
        self.since(Self(0))
    }

    /// The instant that is later by the whole seconds of `span`.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole(span)))
    }

    /// The time that has passed since `earlier`; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// The time as RFC 3339 writes it, in UTC; a bare number where no calendar has it.
impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

/// The whole seconds of a span.
fn whole(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::UnixSeconds;
    use std::time::Duration;

    #[test]
    fn nothing_overflows_and_no_time_is_negative() {
        let (first, last) = (UnixSeconds::new(i64::MIN), UnixSeconds::new(i64::MAX));
        assert_eq!(last.after(Duration::MAX), last);
        assert_eq!(first.after(Duration::MAX).get(), -1);
        assert_eq!(last.since(first), Duration::from_secs(i64::MAX.unsigned_abs()));
        assert_eq!((first.since(last), first.since_1970()), (Duration::ZERO, Duration::ZERO));
        assert_eq!(UnixSeconds::of(Duration::MAX), last);
    }

    #[test]
    fn fractions_are_cut() {
        assert_eq!(UnixSeconds::of(Duration::from_millis(1999)).get(), 1);
        assert_eq!(UnixSeconds::new(5).after(Duration::from_millis(1999)).get(), 6);
    }

    #[test]
    fn people_read_a_date_where_there_is_one() {
        assert_eq!(UnixSeconds::new(1_800_000_000).to_string(), "2027-01-15T08:00:00Z");
        assert_eq!(UnixSeconds::new(i64::MAX).to_string(), i64::MAX.to_string());
    }
}
