//! How the settings of a profile go together: contradictions are errors. What is doubtful about one is in `doubts`, and
//! how the profiles of a file go together in `together`.

use super::collect::Findings;
use super::doubts;
use super::keys::{accepts_local_http, is_loopback};
use super::lookup;
use super::profile::{Audience, KeySource, Profile, ScopeClaim};
use super::section::Section;
use crate::finding::FindingCode;
use crate::introspection::OnlineKind;

/// Looks at one profile.
pub(super) fn profile(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    urls(findings, section, profile);
    if profile.audience.value == Audience::None && profile.clients.is_none() {
        let message = format!("{} = \"none\" needs clients.allow", section.name("audience"));
        findings
            .add(FindingCode::Conflict, section.span_of("audience"), message)
            .hint("without either, a token that was made for any service of this issuer would be accepted");
    }
    let asked = match &profile.keys {
        KeySource::Online(check) => Some(check.kind),
        _ => None,
    };
    if profile.takes_no_issuer() && asked != Some(OnlineKind::Introspection) {
        let message = format!("{} = \"none\" needs mode = \"introspection\"", section.name("token_issuers"));
        findings
            .add(FindingCode::Conflict, section.span_of("token_issuers"), message)
            .hint("only a provider that is asked can say whose token it is; have it write iss, or write the mode");
    }
    if asked == Some(OnlineKind::Tokeninfo) && profile.clients.is_none() {
        let message = format!("{} = \"tokeninfo\" needs clients.allow", section.name("mode"));
        findings.add(FindingCode::Conflict, section.span_of("mode"), message).hint(
            "everybody can have a client at Google: write clients = { claims = [\"$.azp\"], allow = [\"CLIENT-ID\"] }",
        );
    }
    if profile.scope.claim.value == ScopeClaim::None {
        scope_none(findings, section, profile);
    }
    lookup::check(findings, section, profile);
    doubts::profile(findings, section, profile);
}

fn urls(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let local = accepts_local_http(section);
    let not_an_issuer = |text: &str| not_an_issuer(text).filter(|_| !(local && is_local(text)));
    let mut bad = |key: &str, value: &str, why: &str| {
        let message = format!("{} cannot be \"{}\": {why}", section.name(key), crate::trace::printable(value));
        findings.add(FindingCode::BadUrl, section.span_of(key), message).hint(
            "copy it from the provider's own pages; \"oauth-validator discover ISSUER\" says whether it is right",
        );
    };
    if let Some(why) = not_an_issuer(&profile.issuer.value) {
        bad("issuer", &profile.issuer.value, why);
    }
    for issuer in profile.hba_issuers.iter().flatten() {
        if let Some(why) = not_an_issuer(issuer) {
            bad("hba_issuers", issuer, why);
        }
    }
}

/// Whether it is an issuer on this machine, which `keys.insecure_http` lets through.
fn is_local(issuer: &str) -> bool {
    let rest = issuer.strip_prefix("http://");
    rest.is_some_and(|rest| is_loopback(rest) && not_an_issuer(&format!("https://{rest}")).is_none())
}

/// Why a text is not an issuer identifier (OpenID Connect Discovery section 3, RFC 8414 section 2).
fn not_an_issuer(text: &str) -> Option<&'static str> {
    let Some(rest) = text.strip_prefix("https://") else {
        return Some("it must begin with https://");
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() {
        return Some("it has no host");
    }
    if host.contains('@') {
        return Some("it has a user name before the host");
    }
    if rest.contains(['?', '#']) {
        return Some("an issuer has no query and no fragment");
    }
    if rest.contains("/.well-known/") {
        return Some(
            "write the issuer itself, not its well-known URL; lines of pg_hba.conf that have that URL are served as well",
        );
    }
    if text.contains('*') || text.contains('{') {
        Some("wildcards and templates are not understood; name each issuer")
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some("it has white space or characters other than ASCII")
    } else {
        None
    }
}

fn scope_none(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let span = section.span_of("scope");
    // A rule that only reports keeps nobody out.
    if profile.require.iter().all(|rule| rule.report_only) {
        let message =
            format!("{}.claim = \"none\" needs a [[{}]] rule", section.name("scope"), section.name("require"));
        findings
            .add(FindingCode::Conflict, span, message)
            .hint("otherwise everybody with a token of this issuer for this audience may log in");
    } else if !profile.scope.required.value.is_empty() {
        let message = format!("{}.claim = \"none\" and scope.required exclude each other", section.name("scope"));
        findings.add(FindingCode::Conflict, span, message).hint("remove one of the two");
    }
}
