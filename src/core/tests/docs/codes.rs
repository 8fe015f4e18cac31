//! The page of all codes, `docs/codes.md`: what is logged of a denied login, and what `check` finds.
//!
//! What PostgreSQL itself says was written by hand, from its own messages, and stays.

use super::between;
use super::reasons::by_blame;
use oauth_validator_core::{FindingCode, Reason, Severity};

pub fn page(found: &str) -> String {
    let reasons = list() + &Reason::ALL.iter().map(reason).collect::<String>();
    let findings = FindingCode::ALL.iter().map(finding).collect::<String>();
    let page = between(found, "<!-- reason codes: made by make docs -->", "<!-- end -->", &reasons);
    between(
        &page,
        "<!-- findings: made by make docs -->",
        "<!-- end -->",
        &format!("| | | |\n|---|---|---|\n{findings}"),
    )
}

/// All codes by whose problem they are, each leading to its own section.
fn list() -> String {
    let row = |(whose, reasons): (&str, Vec<&Reason>)| {
        let codes = reasons.iter().map(|reason| format!("[{0}](#{0})", reason.code())).collect::<Vec<_>>().join(", ");
        format!("| {whose} | {codes} |\n")
    };
    let rows: String = by_blame().into_iter().map(row).collect();
    format!("| whose problem | codes |\n|---|---|\n{rows}\n")
}

fn reason(reason: &Reason) -> String {
    let (code, whose) = (reason.code(), reason.blame().words());
    format!(
        "### {code}\n\n`oauth_validator: denied: {code}`\n\n{} {} Whose problem: {whose}. \
         [More](manual/oauth_validator.7.md#{code})\n\n",
        cell(reason.cause()),
        cell(reason.remedy()),
    )
}

fn finding(code: &FindingCode) -> String {
    let severity = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("| `{}` | {severity} | {} |\n", code.code(), cell(code.meaning()))
}

/// Text that Markdown shows as it is.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}
