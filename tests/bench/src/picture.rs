//! The picture for the README: one bar for each way to log in, as an SVG file that needs no font and no script.

use serde_json::Value;
use std::fmt::Write;

const BAR: usize = 22;
const LEFT: usize = 260;
const WIDTH: usize = 720;
/// Longer bars are cut: one of five times the floor would leave no room to tell the others apart.
const LONGEST: f64 = 2.0;

/// Median times of a login, as the JSON of a report has them; the thin line shows the least and the most of the rounds,
/// as ratios.
pub fn svg(report: &Value) -> String {
    let rows: Vec<&Value> = report["logins"].as_array().into_iter().flatten().collect();
    let ratio = |row: &Value, what: &str| row["median"]["ratio"][what].as_f64().unwrap_or_default();
    let height = BAR * (rows.len() + 2);
    let most = rows.iter().map(|row| ratio(row, "max")).fold(1.0, f64::max).min(LONGEST);
    let across = |ratio: f64| LEFT as f64 + (WIDTH - LEFT - 60) as f64 * ratio.min(most) / most;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"15\">median time of a login, as a multiple of that with a validator that does nothing</text>\n"
    );
    for (number, row) in rows.into_iter().enumerate() {
        let [least, median, most] = ["min", "median", "max"].map(|what| ratio(row, what));
        let top = BAR * (number + 1);
        let (text_y, middle, end) = (top + 15, top + BAR / 2, across(median));
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{text_y}\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"#336791\"/>\
             <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"#e0a030\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{text_y}\">{:.2}</text>",
            escaped(row["name"].as_str().unwrap_or_default()),
            top + 3,
            end - LEFT as f64,
            BAR - 6,
            across(least),
            across(most),
            across(most) + 6.0,
            median,
        );
    }
    let floor = across(1.0);
    let _ = writeln!(
        svg,
        "<line x1=\"{floor:.1}\" x2=\"{floor:.1}\" y1=\"{BAR}\" y2=\"{}\" stroke=\"black\" stroke-dasharray=\"3 3\"/>\n</svg>",
        height - BAR
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::svg;
    use crate::measure::RoundSample;
    use crate::report::{BenchReport, VariantRow};
    use std::time::Duration;

    #[test]
    fn every_row_has_a_bar_and_names_are_escaped() {
        let sample = |us| {
            let median = Duration::from_micros(us);
            vec![RoundSample { median, p99: median, processor: median, page_faults: 1.0, per_second: [1.0; 3] }]
        };
        let row = |name: &str, us| VariantRow { name: name.into(), rounds: sample(us), noop: sample(1000) };
        let rows = vec![row("no-op", 1000), row("a < b & c", 1500)];
        let report = BenchReport {
            about: vec![],
            rows,
            requests: 0,
            further_profile: None,
            sessions: vec![],
            introspection: vec![],
            not_measured: vec![],
            memory: vec![],
        };
        let svg = svg(&report.json());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!(svg.matches("fill=\"#336791\"").count(), 2);
        assert!(svg.contains(">a &lt; b &amp; c</text>") && svg.contains(">1.50</text>"), "{svg}");
    }
}
