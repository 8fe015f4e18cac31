//! The table at the end: what was run, and what came of it.

use crate::folder::{Provider, Trial};
use crate::trial::Counts;
use std::time::Duration;

/// A trial that is over.
pub struct Row {
    pub provider: String,
    version: String,
    trial: String,
    /// None if it failed.
    pub counts: Option<Counts>,
    seconds: f32,
}

impl Row {
    pub fn new(provider: &Provider, trial: &Trial, counts: Option<Counts>, took: Duration) -> Self {
        let (provider, version) = (provider.name.clone(), provider.version.clone());
        Self { provider, version, trial: trial.name.clone(), counts, seconds: took.as_secs_f32() }
    }
}

/// As a person reads it.
pub fn text(rows: &[Row]) -> String {
    let mut text = format!(
        "\n{:<22} {:<14} {:<26} {:>6} {:>8} {:>7}\n",
        "provider", "version", "trial", "logins", "refusals", "seconds"
    );
    let mut total = (Counts::default(), 0.0);
    for row in rows {
        let number = |of: fn(Counts) -> usize| row.counts.map_or("failed".to_owned(), |counts| of(counts).to_string());
        let (logins, refusals) = (number(|counts| counts.logins), number(|counts| counts.refusals));
        let Row { provider, version, trial, seconds, counts } = row;
        text += &format!("{provider:<22} {version:<14} {trial:<26} {logins:>6} {refusals:>8} {seconds:>7.1}\n");
        let counts = counts.unwrap_or_default();
        total.0.logins += counts.logins;
        total.0.refusals += counts.refusals;
        total.1 += seconds;
    }
    let (Counts { logins, refusals }, seconds) = total;
    text + &format!("{:<22} {:<14} {:<26} {logins:>6} {refusals:>8} {seconds:>7.1}\n", "total", "", "")
}
