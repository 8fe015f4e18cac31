//! The sections of reason codes in oauth_validator(7): each code has one, in the order of the decision, that says whose
//! problem it is. Cause and remedy of a new one are taken from its row; what somebody wrote in their place stays.

use super::markup::mdoc;
use oauth_validator_core::Reason;
use std::collections::BTreeMap;

/// The page, with a section for each code.
pub fn sections(page: &str) -> String {
    let (before, rest) = page.split_once(".Sh REASON CODES\n").expect("the chapter");
    let (chapter, after) = rest.split_once("\n.Sh ").expect("another chapter");
    let mut parts = chapter.split("\n.Ss ");
    let head = parts.next().unwrap_or_default();
    let written: BTreeMap<&str, &str> = parts.filter_map(|part| part.split_once('\n')).collect();
    let section = |reason: &Reason| {
        let text =
            written.get(reason.code()).and_then(|text| text.split_once("\n.Pp\n")).map(|(_, text)| text.to_owned());
        let text = text.unwrap_or_else(|| mdoc(&format!("{} {}", reason.cause(), reason.remedy())));
        let whose = reason.blame().words();
        format!("\n.Ss {}\nWhose problem: {whose}.\n.Pp\n{}", reason.code(), text.trim_end_matches('\n'))
    };
    let made: String = Reason::ALL.iter().map(section).collect();
    format!("{before}.Sh REASON CODES\n{head}{made}\n.Sh {after}")
}
