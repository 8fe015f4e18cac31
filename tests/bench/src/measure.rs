//! Takes the times of logins: in alternation, so that what else the machine does falls on both validators.

use crate::client::RepeatedLogin;
use oauth_validator_server_tests::{Cluster, page_faults, processor_time};
use std::io::{Error, Result};
use std::thread;
use std::time::{Duration, Instant};

/// Logins of one validator before it is the other one's turn.
const TURN: usize = 20;

/// How many clients log in at a time when the throughput is measured.
pub const CLIENTS: [usize; 3] = [1, 4, 16];

/// What one round says of one client.
#[derive(Clone, Debug)]
pub struct RoundSample {
    /// Median time of a login, one client.
    pub median: Duration,
    /// The time that 99 of 100 logins do not exceed, one client.
    pub p99: Duration,
    /// Processor time of the server for each login, one client.
    pub processor: Duration,
    /// Page faults of the server for each login, one client.
    pub page_faults: f64,
    /// Logins in a second, with each number of [`CLIENTS`].
    pub per_second: [f64; CLIENTS.len()],
}

/// A client, and the server that it logs in at.
pub struct Subject<'a> {
    /// Logs in.
    pub client: RepeatedLogin,
    /// Whose processor time is measured.
    pub server: &'a Cluster,
}

impl<'a> Subject<'a> {
    /// This client at this server.
    pub fn new(client: RepeatedLogin, server: &'a Cluster) -> Self {
        Self { client, server }
    }

    /// Its process id.
    pub fn postmaster(&self) -> u32 {
        self.server.postmaster_pid()
    }
}

/// One round: `logins` of each subject by one client, and as many by several.
///
/// # Errors
/// When a login fails: a round with refusals in it says nothing.
pub fn round(subjects: &[Subject<'_>], logins: usize) -> Result<Vec<RoundSample>> {
    let mut times = vec![Vec::with_capacity(logins); subjects.len()];
    let mut processor = vec![Duration::ZERO; subjects.len()];
    let mut faults = vec![0; subjects.len()];
    for turn in 0..logins.div_ceil(TURN) {
        let count = TURN.min(logins - turn * TURN);
        for number in order(turn, subjects.len()) {
            let Some(subject) = subjects.get(number) else { continue };
            let before = processor_time(subject.postmaster())?;
            let faults_before = page_faults(subject.postmaster())?;
            for _ in 0..count {
                times[number].push(subject.client.login()?);
            }
            processor[number] += processor_time(subject.postmaster())?.saturating_sub(before);
            faults[number] += page_faults(subject.postmaster())? - faults_before;
        }
    }
    let mut samples = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        let sorted = &mut times[number];
        sorted.sort_unstable();
        let mut per_second = [0.0; CLIENTS.len()];
        for (to, clients) in per_second.iter_mut().zip(CLIENTS) {
            *to = throughput(&subject.client, clients, logins)?;
        }
        samples.push(RoundSample {
            median: percentile(sorted, 50),
            p99: percentile(sorted, 99),
            processor: processor[number] / u32::try_from(logins.max(1)).unwrap_or(u32::MAX),
            page_faults: faults[number] as f64 / logins.max(1) as f64,
            per_second,
        });
    }
    Ok(samples)
}

/// The first subject, and the others behind it, each of them first in turn: what comes after another server's turn finds
/// the caches cold.
fn order(turn: usize, count: usize) -> impl Iterator<Item = usize> {
    let others = count.saturating_sub(1);
    (0..count.min(1)).chain((0..others).map(move |place| 1 + (place + turn) % others))
}

/// The value that `percent` of 100 of these do not exceed (nearest rank); zero for none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn throughput(client: &RepeatedLogin, clients: usize, logins: usize) -> Result<f64> {
    let each = logins.div_ceil(clients);
    let started = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..clients).map(|_| scope.spawn(|| (0..each).try_for_each(|_| client.login().map(drop)))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| Error::other("a client panicked"))?)
    })?;
    Ok((each * clients) as f64 / started.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{order, percentile};
    use std::time::Duration;

    #[test]
    fn each_of_the_others_comes_first_as_often() {
        let of = |turn, count| order(turn, count).collect::<Vec<_>>();
        assert_eq!((of(0, 0), of(5, 1), of(3, 2)), (vec![], vec![0], vec![0, 1]));
        assert_eq!((of(0, 3), of(1, 3), of(2, 3)), (vec![0, 1, 2], vec![0, 2, 1], vec![0, 1, 2]));
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_micros(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_micros(198));
        assert_eq!(percentile(&sorted[..1], 99), Duration::from_micros(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
