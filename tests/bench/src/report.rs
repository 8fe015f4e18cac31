//! The table and the JSON document: every number was measured, and says how far it was off from round to round.

use crate::measure::{CLIENTS, RoundSample};
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
pub struct VariantRow {
    /// What the table calls it.
    pub name: String,
    /// Round by round.
    pub rounds: Vec<RoundSample>,
    /// The validator that does nothing, in the same rounds.
    pub noop: Vec<RoundSample>,
}

impl VariantRow {
    fn over_rounds(&self, of: impl Fn(&RoundSample) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(of))
    }

    /// The ratios to the validator that does nothing, each within its round.
    pub fn ratio(&self, of: impl Fn(&RoundSample) -> f64) -> Spread {
        Spread::of(self.rounds.iter().zip(&self.noop).map(|(own, noop)| of(own) / of(noop)))
    }
}

/// What `logins` has found out.
pub struct BenchReport {
    /// Machine, server, date, numbers of rounds and logins: names and values.
    pub about: Vec<(String, String)>,
    /// Ways to log in.
    pub rows: Vec<VariantRow>,
    /// Requests to the provider while logins were measured.
    pub requests: usize,
    /// Time that a further profile costs, in microseconds.
    pub further_profile: Option<Spread>,
    /// Names of rows with a session, and the ratio of their medians to those of the same login without, in alternation at
    /// one server.
    pub sessions: Vec<(String, Spread)>,
    /// Names of rows whose provider is asked, and the ratio of their medians to those of a signed token, likewise.
    pub introspection: Vec<(String, Spread)>,
    /// Ways to log in that are not in the table, and why.
    pub not_measured: Vec<(String, String)>,
    /// Memory and open files: names and values.
    pub memory: Vec<(String, String)>,
}

/// The median in milliseconds.
pub fn median(sample: &RoundSample) -> f64 {
    milliseconds(sample.median)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl BenchReport {
    /// Everything, for programs, and for [`table`] and the picture. Times are in milliseconds.
    pub fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(row_json).collect();
        let pairs = |list: &[(String, String)]| -> Value {
            list.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
        };
        let ratios = |list: &[(String, Spread)]| -> Value {
            list.iter().map(|(name, ratio)| (name.clone(), ratio.json())).collect()
        };
        json!({
            "about": pairs(&self.about),
            "memory": pairs(&self.memory),
            "requests_to_the_provider": self.requests,
            "sessions": ratios(&self.sessions),
            "introspection": ratios(&self.introspection),
            "not_measured": pairs(&self.not_measured),
            "further_profile_us": self.further_profile.as_ref().map(Spread::json),
            "logins": rows,
        })
    }
}

fn row_json(row: &VariantRow) -> Value {
    let values =
        |of: &dyn Fn(&RoundSample) -> f64| json!({ "ms": row.over_rounds(of).json(), "ratio": row.ratio(of).json() });
    let mut json = json!({
        "name": row.name,
        "median": values(&median),
        "p99": values(&|sample| milliseconds(sample.p99)),
        "processor": values(&|sample| milliseconds(sample.processor)),
        "page_faults": row.over_rounds(|sample| sample.page_faults).json(),
    });
    for (number, clients) in CLIENTS.into_iter().enumerate() {
        let name = format!("per_second_{clients}_client{}", if clients == 1 { "" } else { "s" });
        json[name] = row.over_rounds(|sample| sample.per_second[number]).json();
    }
    json
}

/// What stands before and behind the table in a text that has one.
const AROUND: [&str; 2] = ["<!-- speed: made by make bench -->\n", "<!-- end -->"];

/// A text with this report's table in the place of the one that it has; none if it has none.
pub fn with_table(text: &str, report: &Value) -> Option<String> {
    let (before, rest) = text.split_once(AROUND[0])?;
    let (_, after) = rest.split_once(AROUND[1])?;
    Some(format!("{before}{}\n{}\n{}{after}", AROUND[0], table(report), AROUND[1]))
}

/// What a report says in Markdown, made from its JSON: so a table that was published can be made again.
pub fn table(report: &Value) -> String {
    let mut text = String::new();
    for (name, value) in ["about", "memory"].iter().filter_map(|part| report[part].as_object()).flatten() {
        let _ = writeln!(text, "* {name}: {}", value.as_str().unwrap_or_default());
    }
    let _ = writeln!(text, "* requests to the provider: {}", report["requests_to_the_provider"]);
    let further = &report["further_profile_us"];
    if let [Some(median), Some(min), Some(max)] = ["median", "min", "max"].map(|name| further[name].as_f64()) {
        let _ = writeln!(text, "* a further profile: {median:.1} µs ({min:.1} to {max:.1})");
    }
    for (name, ratio) in report["sessions"].as_object().into_iter().flatten() {
        let [median, min, max] = ["median", "min", "max"].map(|part| ratio[part].as_f64().unwrap_or_default());
        let _ = writeln!(text, "* {name}, against the same without a session: {median:.3} ({min:.3} to {max:.3})");
    }
    for (name, ratio) in report["introspection"].as_object().into_iter().flatten() {
        let [median, min, max] = ["median", "min", "max"].map(|part| ratio[part].as_f64().unwrap_or_default());
        let _ = writeln!(text, "* {name}, against the same with a signed token: {median:.2} ({min:.2} to {max:.2})");
    }
    for (name, why) in report["not_measured"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "* {name}: not measured, {}", why.as_str().unwrap_or_default());
    }
    let rows: Vec<&Value> = report["logins"].as_array().into_iter().flatten().collect();
    // Reports of earlier days have four clients alone.
    let columns: Vec<(usize, String)> = CLIENTS
        .into_iter()
        .map(|clients| (clients, format!("/per_second_{clients}_client{}/median", if clients == 1 { "" } else { "s" })))
        .filter(|(_, path)| rows.iter().any(|row| row.pointer(path).is_some()))
        .collect();
    text.push_str("\n| login | median | p99 | ratio of medians to no-op (rounds) | CPU | page faults |");
    for (clients, _) in &columns {
        let _ = write!(text, " {clients} client{} |", if *clients == 1 { "" } else { "s" });
    }
    let _ = writeln!(text, "\n|{}", "---|".repeat(6 + columns.len()));
    for row in rows {
        let number = |path: &str| row.pointer(path).and_then(Value::as_f64).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {:.3} ms | {:.3} ms | {:.2} ({:.2} to {:.2}) | {:.2} ms | {:.0} |{}",
            row["name"].as_str().unwrap_or_default(),
            number("/median/ms/median"),
            number("/p99/ms/median"),
            number("/median/ratio/median"),
            number("/median/ratio/min"),
            number("/median/ratio/max"),
            number("/processor/ms/median"),
            number("/page_faults/median"),
            columns.iter().map(|(_, path)| format!(" {:.0}/s |", number(path))).collect::<String>(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{BenchReport, Spread, VariantRow, median, table, with_table};
    use crate::measure::RoundSample;
    use std::time::Duration;

    fn sample(median_us: u64) -> RoundSample {
        let median = Duration::from_micros(median_us);
        RoundSample {
            median,
            p99: median * 2,
            processor: median / 2,
            page_faults: 500.0,
            per_second: [900.0, 1000.0, 1100.0],
        }
    }

    fn row() -> VariantRow {
        let [rounds, noop] = [[1100, 1300, 1200], [1000, 1000, 1000]].map(|times| times.map(sample).to_vec());
        VariantRow { name: "RS256".into(), rounds, noop }
    }

    #[test]
    fn a_ratio_is_taken_within_its_round() {
        assert_eq!(row().ratio(median), Spread { median: 1.2, min: 1.1, max: 1.3 });
        let two = Spread::of([4.0, 1.0]);
        assert_eq!((two.median, two.min, two.max), (2.5, 1.0, 4.0));
    }

    #[test]
    fn table_and_json_have_the_numbers_and_their_spread() {
        let report = BenchReport {
            about: vec![("date".into(), "today".into())],
            rows: vec![row()],
            requests: 0,
            further_profile: Some(Spread { median: 4.04, min: 3.96, max: 5.2 }),
            sessions: vec![("RS256, session".into(), Spread { median: 1.004, min: 0.99, max: 1.0125 })],
            introspection: vec![("introspection".into(), Spread { median: 2.004, min: 1.99, max: 2.0125 })],
            not_measured: vec![("cert".into(), "the server is built without TLS".into())],
            memory: Vec::new(),
        };
        let json = report.json();
        let table = table(&json);
        for text in [
            "* date: today\n",
            "to the provider: 0\n",
            "profile: 4.0 µs (4.0 to 5.2)\n",
            "* RS256, session, against the same without a session: 1.004 (0.990 to 1.012)\n",
            "| RS256 | 1.200 ms | 2.400 ms | 1.20 (1.10 to 1.30) | 0.60 ms | 500 | 900/s | 1000/s | 1100/s |\n",
            "* introspection, against the same with a signed token: 2.00 (1.99 to 2.01)\n",
            "* cert: not measured, the server is built without TLS\n",
            "| page faults | 1 client | 4 clients | 16 clients |\n|---|---|---|---|---|---|---|---|---|\n",
        ] {
            assert!(table.contains(text), "{text}: {table}");
        }
        let text = "a\n<!-- speed: made by make bench -->\nold\n<!-- end -->\nb <!-- end -->\n";
        let expected = format!("a\n<!-- speed: made by make bench -->\n\n{table}\n<!-- end -->\nb <!-- end -->\n");
        assert_eq!(with_table(text, &json).unwrap(), expected);
        assert_eq!(with_table(&expected, &json).unwrap(), expected);
        for without in ["", "<!-- end -->", "<!-- speed: made by make bench -->\n"] {
            assert_eq!(with_table(without, &json), None, "{without}");
        }
        assert_eq!(json["logins"][0]["median"]["ratio"]["max"], 1.3);
        assert_eq!((&json["requests_to_the_provider"], &json["further_profile_us"]["max"]), (&0.into(), &5.2.into()));
    }
}
