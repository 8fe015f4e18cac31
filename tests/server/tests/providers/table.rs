//! The table at the end: what was run, and what came of it.

use crate::folder::{ProviderFolder, Trial};
use crate::trial::TrialCounts;
use std::time::Duration;

/// A trial that is over.
pub struct TrialRow {
    pub provider: String,
    version: String,
    trial: String,
    /// None if it failed.
    pub counts: Option<TrialCounts>,
    seconds: f32,
}

impl TrialRow {
    pub fn new(provider: &ProviderFolder, trial: &Trial, counts: Option<TrialCounts>, took: Duration) -> Self {
        let (provider, version) = (provider.name.clone(), provider.version.clone());
        Self { provider, version, trial: trial.name.clone(), counts, seconds: took.as_secs_f32() }
    }
}

/// As a person reads it.
pub fn text(rows: &[TrialRow]) -> String {
    let mut text = format!(
        "\n{:<22} {:<14} {:<26} {:>6} {:>8} {:>7}\n",
        "provider", "version", "trial", "logins", "refusals", "seconds"
    );
    let mut total = (TrialCounts::default(), 0.0);
    for row in rows {
        let number =
            |of: fn(TrialCounts) -> usize| row.counts.map_or("failed".to_owned(), |counts| of(counts).to_string());
        let (logins, refusals) = (number(|counts| counts.logins), number(|counts| counts.refusals));
        let TrialRow { provider, version, trial, seconds, counts } = row;
        text += &format!("{provider:<22} {version:<14} {trial:<26} {logins:>6} {refusals:>8} {seconds:>7.1}\n");
        let counts = counts.unwrap_or_default();
        total.0.logins += counts.logins;
        total.0.refusals += counts.refusals;
        total.1 += seconds;
    }
    let (TrialCounts { logins, refusals }, seconds) = total;
    text + &format!("{:<22} {:<14} {:<26} {logins:>6} {refusals:>8} {seconds:>7.1}\n", "total", "", "")
}
