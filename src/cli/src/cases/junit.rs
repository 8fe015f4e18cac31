//! Results as JUnit XML, which GitLab, Jenkins and others show: a `testsuite` for each file, a `testcase` for each case.
//!
//! Must never let a name or a trace end an element or break the document.

use super::report::{Ran, Suite};
use std::fmt::Write;

/// The document.
pub(crate) fn document(suites: &[Suite]) -> String {
    let all = || suites.iter().flat_map(|suite| &suite.ran);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites name=\"oauth-validator test\" tests=\"{}\" failures=\"{}\">",
        all().count(),
        all().filter(|ran| !ran.passed).count()
    );
    for suite in suites {
        let (tests, failures) = (suite.ran.len(), suite.ran.iter().filter(|ran| !ran.passed).count());
        let name = escaped(&suite.file);
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">");
        for ran in &suite.ran {
            xml.push_str(&case(suite, ran));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(suite: &Suite, ran: &Ran) -> String {
    let (name, file) = (escaped(&ran.name), escaped(&suite.file));
    let head = format!("    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{}\"", ran.line);
    if ran.passed {
        return format!("{head}/>\n");
    }
    let message = escaped(&format!("expected {}, got {}", ran.expected, ran.got));
    format!("{head}>\n      <failure message=\"{message}\">{}</failure>\n    </testcase>\n", escaped(&ran.trace))
}

/// Characters that mean something in XML by their entities, and those that no XML 1.0 document may have replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_ends_an_element() {
        assert_eq!(escaped("</a>\"'&\u{0}\u{1b}"), "&lt;/a&gt;&quot;&apos;&amp;\u{fffd}\u{fffd}");
    }
}
