//! The table and the JSON document: every number was measured, and says how far it was off from round to round.

use crate::measure::Sample;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// A value over all rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median of the rounds.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of one value for each round; all zero without any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => 0.0,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Self { median, min: sorted.first().copied().unwrap_or(0.0), max: sorted.last().copied().unwrap_or(0.0) }
    }

    fn json(&self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

/// One way to log in, in all rounds.
pub struct Row {
    /// What the table calls it.
    pub name: String,
    /// Round by round.
    pub rounds: Vec<Sample>,
    /// The validator that does nothing, in the same rounds.
    pub noop: Vec<Sample>,
}

impl Row {
    fn over_rounds(&self, of: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }

    /// The ratios to the validator that does nothing, each within its round.
    pub fn ratio(&self, of: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.rounds.iter().zip(&self.noop).map(|(own, noop)| of(own) / of(noop)))
    }
}

/// What `logins` has found out.
pub struct Report {
    /// Machine, server, date, numbers of rounds and logins: names and values.
    pub about: Vec<(String, String)>,
    /// Ways to log in.
    pub rows: Vec<Row>,
    /// Requests to the provider while logins were measured.
    pub requests: usize,
    /// Time that a further profile costs, in microseconds.
    pub further_profile: Option<f64>,
    /// Memory and open files: names and values.
    pub memory: Vec<(String, String)>,
}

/// The median in milliseconds.
pub fn median(sample: &Sample) -> f64 {
    milliseconds(sample.median)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Report {
    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.about.iter().chain(&self.memory) {
            let _ = writeln!(text, "{name}: {value}");
        }
        let _ = writeln!(text, "requests to the provider during {} rounds: {}", self.rounds(), self.requests);
        if let Some(further) = self.further_profile {
            let _ = writeln!(text, "a further profile: {further:.1} µs");
        }
        text.push_str(
            "\n| login | median | p99 | ratio of medians to no-op (rounds) | CPU | page faults | 4 clients |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|\n");
        for row in &self.rows {
            let ratio = row.ratio(median);
            let _ = writeln!(
                text,
                "| {} | {:.3} ms | {:.3} ms | {:.2} ({:.2} to {:.2}) | {:.2} ms | {:.0} | {:.0}/s |",
                row.name,
                row.over_rounds(median).median,
                row.over_rounds(|sample| milliseconds(sample.p99)).median,
                ratio.median,
                ratio.min,
                ratio.max,
                row.over_rounds(|sample| milliseconds(sample.processor)).median,
                row.over_rounds(|sample| sample.page_faults).median,
                row.over_rounds(|sample| sample.per_second).median,
            );
        }
        text
    }

    /// Everything, for programs. Times are in milliseconds.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(row_json).collect();
        let pairs = |list: &[(String, String)]| -> Value {
            list.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
        };
        json!({
            "about": pairs(&self.about),
            "memory": pairs(&self.memory),
            "requests_to_the_provider": self.requests,
            "further_profile_us": self.further_profile,
            "logins": rows,
        })
    }

    fn rounds(&self) -> usize {
        self.rows.first().map_or(0, |row| row.rounds.len())
    }
}

fn row_json(row: &Row) -> Value {
    let values =
        |of: &dyn Fn(&Sample) -> f64| json!({ "ms": row.over_rounds(of).json(), "ratio": row.ratio(of).json() });
    json!({
        "name": row.name,
        "median": values(&median),
        "p99": values(&|sample| milliseconds(sample.p99)),
        "processor": values(&|sample| milliseconds(sample.processor)),
        "page_faults": row.over_rounds(|sample| sample.page_faults).json(),
        "per_second_4_clients": row.over_rounds(|sample| sample.per_second).json(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Report, Row, Spread, median};
    use crate::measure::Sample;
    use std::time::Duration;

    fn sample(median_us: u64) -> Sample {
        let median = Duration::from_micros(median_us);
        Sample { median, p99: median * 2, processor: median / 2, page_faults: 500.0, per_second: 1000.0 }
    }

    fn row() -> Row {
        let [rounds, noop] = [[1100, 1300, 1200], [1000, 1000, 1000]].map(|times| times.map(sample).to_vec());
        Row { name: "RS256".into(), rounds, noop }
    }

    #[test]
    fn a_ratio_is_taken_within_its_round() {
        assert_eq!(row().ratio(median), Spread { median: 1.2, min: 1.1, max: 1.3 });
        let two = Spread::of([4.0, 1.0]);
        assert_eq!((two.median, two.min, two.max), (2.5, 1.0, 4.0));
    }

    #[test]
    fn table_and_json_have_the_numbers_and_their_spread() {
        let report = Report {
            about: vec![("date".into(), "today".into())],
            rows: vec![row()],
            requests: 0,
            further_profile: Some(4.04),
            memory: Vec::new(),
        };
        let table = report.table();
        for text in [
            "date: today\n",
            "during 3 rounds: 0\n",
            "profile: 4.0 µs",
            "| RS256 | 1.200 ms | 2.400 ms | 1.20 (1.10 to 1.30) | 0.60 ms | 500 | 1000/s |\n",
        ] {
            assert!(table.contains(text), "{text}: {table}");
        }
        let json = report.json();
        assert_eq!(json["logins"][0]["median"]["ratio"]["max"], 1.3);
        assert_eq!((&json["requests_to_the_provider"], &json["further_profile_us"]), (&0.into(), &4.04.into()));
    }
}
