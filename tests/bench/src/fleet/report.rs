//! What was seen of a fleet, as JSON, as the table of docs/fleet.md, and as a picture.

use super::scenes::Scene;
use super::{Clocks, Course};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::ops::Range;

const WIDTH: u32 = 720;
const HEIGHT: u32 = 190;
const LEFT: u32 = 50;
const TOP: u32 = 30;
const BOTTOM: u32 = 35;

/// The colours of the two curves: with and without what spreads requests.
const COLOURS: [(Clocks, &str, &str); 2] =
    [(Clocks::WholeSeconds, "#e0a030", "without"), (Clocks::Real, "#336791", "as it is")];

/// One scene, as it went with either kind of clocks.
pub struct Played {
    /// What happened.
    pub scene: Scene,
    /// With clocks as they are, and with such as know whole seconds alone.
    pub courses: [Course; 2],
}

/// All of it, as JSON. `about` says what was simulated where.
#[must_use]
pub fn json(about: &[(&str, String)], played: &[Played]) -> Value {
    let about: Map<String, Value> = about.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let looks: Vec<Value> = played.iter().flat_map(looks).collect();
    let curves: Vec<Value> = played.iter().map(curve).collect();
    json!({ "about": about, "looks": looks, "curves": curves })
}

fn looks(played: &Played) -> Vec<Value> {
    let [real, whole] = &played.courses;
    let look = |(name, minutes): &(&str, Range<u32>)| json!({ "name": name, "as_it_is": figures(real, minutes), "without": figures(whole, minutes) });
    played.scene.looks.iter().map(look).collect()
}

fn figures(course: &Course, minutes: &Range<u32>) -> Value {
    let seconds = minutes.start as usize * 60..minutes.end as usize * 60;
    let requests = &course.requests[seconds.clone()];
    let sum = |of: &[u32]| of.iter().sum::<u32>();
    json!({
        "a_minute": f64::from(sum(requests)) / f64::from(minutes.end - minutes.start),
        "busiest_minute": per_minute(requests).into_iter().max(),
        "busiest_second": requests.iter().max(),
        "logins": sum(&course.logins[seconds.clone()]),
        "denied": sum(&course.denied[seconds]),
    })
}

fn curve(played: &Played) -> Value {
    let [real, whole] = &played.courses;
    json!({
        "name": played.scene.looks[0].0,
        "as_it_is": per_minute(&real.requests),
        "without": per_minute(&whole.requests),
    })
}

/// Requests of each minute.
#[must_use]
pub fn per_minute(requests: &[u32]) -> Vec<u32> {
    requests.chunks(60).map(|minute| minute.iter().sum()).collect()
}

/// The table of docs/fleet.md.
#[must_use]
pub fn table(report: &Value) -> String {
    let mut text = String::new();
    for (name, value) in report["about"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "* {name}: {}", value.as_str().unwrap_or_default());
    }
    text.push_str(
        "\n| requests to the provider | a minute | busiest minute | busiest second | logins denied | without: busiest minute | busiest second |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for look in report["looks"].as_array().into_iter().flatten() {
        let (real, whole) = (&look["as_it_is"], &look["without"]);
        let _ = writeln!(
            text,
            "| {} | {:.0} | {} | {} | {} of {} | {} | {} |",
            look["name"].as_str().unwrap_or_default(),
            real["a_minute"].as_f64().unwrap_or_default(),
            real["busiest_minute"],
            real["busiest_second"],
            real["denied"],
            real["logins"],
            whole["busiest_minute"],
            whole["busiest_second"],
        );
    }
    text
}

/// A panel for each curve that is worth one: all begin at once, and a long outage.
#[must_use]
pub fn svg(report: &Value) -> String {
    let curves = report["curves"].as_array().cloned().unwrap_or_default();
    let shown: Vec<&Value> = curves.iter().filter(|curve| minutes(&curve["as_it_is"]).len() > 240).collect();
    let height = HEIGHT * u32::try_from(shown.len()).unwrap_or(0) + 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (number, curve) in shown.into_iter().enumerate() {
        panel(&mut svg, HEIGHT * u32::try_from(number).unwrap_or(0), curve);
    }
    svg.push_str("</svg>\n");
    svg
}

fn minutes(curve: &Value) -> Vec<f64> {
    curve.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn panel(svg: &mut String, top: u32, curve: &Value) {
    let of = |clocks| minutes(&curve[if clocks == Clocks::Real { "as_it_is" } else { "without" }]);
    let length = of(Clocks::Real).len().max(1);
    let most = COLOURS.iter().flat_map(|(clocks, ..)| of(*clocks)).fold(1.0, f64::max);
    let (left, right) = (f64::from(LEFT), f64::from(WIDTH - 20));
    let (ceiling, floor) = (f64::from(top + TOP), f64::from(top + HEIGHT - BOTTOM));
    let name = curve["name"].as_str().unwrap_or_default().split(':').next().unwrap_or_default();
    let _ = writeln!(svg, "<text x=\"8\" y=\"{}\">requests a minute: {name}</text>", top + 18);
    for (number, (clocks, colour, label)) in COLOURS.into_iter().enumerate() {
        let points: Vec<String> = of(clocks)
            .iter()
            .enumerate()
            .map(|(minute, requests)| {
                let across = left + (right - left) * minute as f64 / length as f64;
                format!("{across:.1},{:.1}", floor - (floor - ceiling) * requests / most)
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{label}</text>",
            points.join(" "),
            WIDTH - 140 + 60 * u32::try_from(number).unwrap_or(0),
            top + 18
        );
    }
    let _ = writeln!(
        svg,
        "<line x1=\"{left}\" x2=\"{right}\" y1=\"{floor}\" y2=\"{floor}\" stroke=\"black\"/>\
         <text x=\"{}\" y=\"{ceiling}\" text-anchor=\"end\">{most:.0}</text>\
         <text x=\"{}\" y=\"{floor}\" text-anchor=\"end\">0</text>",
        left - 6.0,
        left - 6.0
    );
    for hour in 0..=length / 60 {
        let across = left + (right - left) * (hour * 60) as f64 / length as f64;
        let _ = writeln!(svg, "<text x=\"{across:.1}\" y=\"{}\" text-anchor=\"middle\">{hour} h</text>", floor + 16.0);
    }
}
