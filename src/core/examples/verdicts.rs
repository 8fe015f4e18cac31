//! Prints what the core makes of every case of the list: what is found in its configuration, what holds for each
//! profile, the verdict with every field, and the whole trace with its values.
//!
//! For changes that must not change a decision: print it before and after, and compare byte for byte. Nothing in it
//! differs from one run to the next; what is made anew in each run, such as the thumbprints of test keys, has a name in
//! place of its value. It must never leave anything out that a person or a program could see of a decision.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

#[path = "../tests/of_case/mod.rs"]
mod of_case;

use oauth_validator_core::config::effective;
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, Finding, Grant, Tracing, UnixSeconds, Verdict, decide_with,
};
use oauth_validator_fixtures::cases::{self, Case, Level};
use oauth_validator_fixtures::keys;
use oauth_validator_fixtures::samples::ISSUED_AT;
use of_case::{CaseResolver, request};

/// The name that the configuration has in messages.
const FILE: &str = "oauth-validator.toml";

fn main() {
    for case in cases::all() {
        println!("case: {}", case.name);
        if case.runs_at(Level::Pure) {
            print!("{}", named(case, report(case)));
        } else {
            println!("  not decided by the core alone");
        }
    }
}

/// The text without what differs from one run to the next: test keys, and the length of a signature in DER.
fn named(case: &Case, text: String) -> String {
    let keys =
        [keys::corp(), keys::partner(), keys::rsa3072(), keys::p256(), keys::p384(), keys::p521(), keys::ed25519()];
    let text =
        keys.iter().fold(text, |text, key| text.replace(&key.thumbprint(), &format!("THUMBPRINT-OF-{}", key.kid())));
    let in_der = case.name.contains("in DER");
    text.lines()
        .map(|line| match line.split_once(" = ") {
            Some((name, value)) if name.trim_start().starts_with("thumbprint") => {
                format!("{name} = {}\n", unnamed(value))
            }
            _ if in_der && line.contains("step bounds: ok:") => "  step bounds: ok: SIZE\n".to_owned(),
            _ => format!("{line}\n"),
        })
        .collect()
}

/// Thumbprints of keys that the case alone has.
fn unnamed(value: &str) -> String {
    let is_made_here = |part: &str| part.len() == 43 && !part.starts_with("THUMBPRINT-OF-");
    value
        .split('"')
        .map(|part| if is_made_here(part) { "THUMBPRINT-OF-ANOTHER-KEY" } else { part })
        .collect::<Vec<_>>()
        .join("\"")
}

fn report(case: &Case) -> String {
    let text = case.config();
    let parsed = Config::parse(text.as_bytes(), FILE);
    let mut report: String = parsed.findings.iter().map(found).collect();
    let Some(config) = parsed.config else {
        return report + &denied(&Denial::config_invalid(FILE, &parsed.findings));
    };
    for profile in config.profiles() {
        let settings = effective(&text, (0, &text), &profile.name);
        let line = |key: &str, value: &str, origin: String| format!("  {}.{key} = {value} ({origin})\n", profile.name);
        report.extend(settings.iter().map(|one| line(&one.key, &one.value, config.place(one.origin))));
    }
    let token = BearerToken::new(&case.token(ISSUED_AT));
    let Verdict { decision, trace, reported, .. } =
        decide_with(&mut CaseResolver(case), Tracing::Values, &request(case), &token, &config);
    for passage in trace.steps() {
        let outcome = if passage.held { "ok" } else { "failed" };
        report.push_str(&format!("  step {}: {outcome}: {}\n", passage.step.name(), passage.said));
        report.extend(passage.facts.iter().map(|fact| format!("    {} = {}\n", fact.name, fact.value)));
    }
    report.extend(reported.iter().map(|denial| format!("  {}: {}\n", denial.report(), denial.detail)));
    report
        + &match &decision {
            Decision::Granted(grant) => granted(grant),
            Decision::Denied(denial) => denied(denial),
        }
}

fn found(finding: &Finding) -> String {
    let Finding { code, span, position, message, hint, related } = finding;
    let related: String = related.iter().map(|other| format!(" [{:?}: {}]", other.span, other.label)).collect();
    format!("  finding {position} {span:?} {code}: {message} ({}){related}\n", hint.as_deref().unwrap_or("no hint"))
}

fn granted(grant: &Grant) -> String {
    let session = grant.session();
    let time = |time: Option<UnixSeconds>| time.map_or_else(|| "none".to_owned(), |time| time.get().to_string());
    format!(
        "  granted: {:?} by {} (delegated: {})\n  session: ends {}, token expires {}, issuer {:?}, client {:?}, \
         token {:?}, claims {}\n",
        grant.authn_id(),
        grant.profile(),
        grant.delegated(),
        time(session.ends_at()),
        time(session.expires_at()),
        session.issuer(),
        session.client(),
        session.token_id(),
        session.claims_json(),
    )
}

fn denied(denial: &Denial) -> String {
    format!(
        "  {}\n  detail: {}\n  hint: {}\n  whose problem: {}\n  authn_id: {:?}\n",
        denial.message(),
        denial.detail,
        denial.hint,
        denial.reason.blame().words(),
        denial.authn_id,
    )
}
