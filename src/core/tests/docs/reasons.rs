//! The sections of reason codes in oauth_validator(7): each code has one, in the order of the decision, that says whose
//! problem it is. Cause and remedy of a new one are taken from its row; what somebody wrote in their place stays.

use super::between;
use super::markup::mdoc;
use oauth_validator_core::Reason;
use std::collections::BTreeMap;

/// All codes in the order of the decision, by whose problem they are.
pub fn by_blame() -> Vec<(&'static str, Vec<&'static Reason>)> {
    let mut groups: Vec<(&str, Vec<&Reason>)> = Vec::new();
    for reason in Reason::ALL {
        let whose = reason.blame().words();
        match groups.iter_mut().find(|(known, _)| *known == whose) {
            Some((_, reasons)) => reasons.push(reason),
            None => groups.push((whose, vec![reason])),
        }
    }
    groups
}

/// The list of codes that the chapter begins with.
fn list() -> String {
    let item = |(whose, reasons): (&str, Vec<&Reason>)| {
        let codes: String = reasons.iter().map(|reason| format!(".Sx {} ,\n", reason.code())).collect();
        format!(".It {whose}\n{}\n", codes.trim_end_matches(" ,\n"))
    };
    let items: String = by_blame().into_iter().map(item).collect();
    format!(".Bl -tag -width Ds\n{items}.El\n")
}

/// The page, with a list of the codes and a section for each.
pub fn sections(page: &str) -> String {
    let (before, rest) = page.split_once(".Sh REASON CODES\n").expect("the chapter");
    let (chapter, after) = rest.split_once("\n.Sh ").expect("another chapter");
    let mut parts = chapter.split("\n.Ss ");
    let head = between(parts.next().unwrap_or_default(), ".\\\" codes: made by make docs", ".\\\" end", &list());
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
