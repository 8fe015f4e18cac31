//! How the settings of a profile, and the profiles of a file, go together: contradictions are errors, and profiles that
//! should not stand beside each other are warnings. What is doubtful about one profile is in `doubts`.

use super::collect::Findings;
use super::doubts;
use super::keys::{accepts_local_http, is_loopback};
use super::profile::{Audience, KeySource, Profile, ScopeClaim};
use super::section::Section;
use crate::finding::FindingCode;
use crate::introspection::OnlineKind;
use std::collections::{HashMap, HashSet};

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
    if profile.require.is_empty() {
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

/// A profile and its table.
type Entry<'a> = (&'a Profile, &'a Section<'a>);

/// Looks at all profiles side by side. `sections` are their tables, in the same order.
pub(super) fn together(findings: &mut Findings<'_>, profiles: &[Profile], sections: &[Section<'_>]) {
    shared_lines(findings, profiles, sections);
    shared_issuers(findings, profiles, sections);
    shared_audiences(findings, profiles, sections);
}

fn shared_issuers(findings: &mut Findings<'_>, profiles: &[Profile], sections: &[Section<'_>]) {
    let mut issuers: HashMap<&str, Entry<'_>> = HashMap::with_capacity(profiles.len());
    for entry @ (profile, section) in profiles.iter().zip(sections) {
        for issuer in profile.token_issuers() {
            let Some((earlier, earlier_section)) = issuers.insert(issuer, entry) else { continue };
            let message =
                format!("profiles \"{}\" and \"{}\" both accept tokens of {issuer}", earlier.name, profile.name);
            findings
                .add(FindingCode::SharedIssuer, issuer_span(section), message)
                .hint("a login that both could serve is denied with profile_ambiguous; separate them by hba_issuers or databases")
                .related(issuer_span(earlier_section), "also here");
        }
    }
}

fn shared_audiences(findings: &mut Findings<'_>, profiles: &[Profile], sections: &[Section<'_>]) {
    let mut audiences: HashMap<&str, Entry<'_>> = HashMap::with_capacity(profiles.len());
    for entry @ (profile, section) in profiles.iter().zip(sections) {
        let Audience::OneOf(own) = &profile.audience.value else { continue };
        for audience in own {
            let Some((earlier, earlier_section)) = audiences.insert(audience, entry) else { continue };
            let message = format!(
                "profiles \"{}\" and \"{}\" both accept the audience \"{audience}\"",
                earlier.name, profile.name
            );
            findings
                .add(FindingCode::SharedAudience, section.span_of("audience"), message)
                .hint("harmless if both issuers mean the same service")
                .related(earlier_section.span_of("audience"), "also here");
        }
    }
}

/// Profiles that can serve one pg_hba.conf line must have identities that cannot be each other's: otherwise a partner's
/// provider asserts the name of somebody else.
fn shared_lines(findings: &mut Findings<'_>, profiles: &[Profile], sections: &[Section<'_>]) {
    let mut served: HashSet<&str> = HashSet::with_capacity(profiles.len());
    for (at, (profile, section)) in profiles.iter().zip(sections).enumerate() {
        // What an earlier profile serves as well, or this one itself in another spelling.
        let again: Vec<&String> =
            profile.hba_issuers().iter().filter(|issuer| !served.insert(line_of(issuer))).collect();
        if again.is_empty() {
            continue;
        }
        for (earlier, earlier_section) in profiles[..at].iter().zip(sections) {
            let serves = |issuer: &&&String| earlier.hba_issuers().iter().any(|own| line_of(own) == line_of(issuer));
            let Some(issuer) = again.iter().find(serves) else { continue };
            if can_be_mistaken(profile, earlier) {
                let message = format!(
                    "profiles \"{}\" and \"{}\" serve the same pg_hba.conf line ({issuer}), so their identities can be equal",
                    earlier.name, profile.name
                );
                findings
                    .add(FindingCode::SharedLine, line_span(section), message)
                    .hint("give each of them its own identity.prefix, or separate them by hba_issuers or databases")
                    .related(line_span(earlier_section), "also here");
            }
        }
    }
}

/// What lines of one issuer have in common: slashes at its end make no difference to its well-known URLs.
fn line_of(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

/// Every two of these profiles whose identities can be taken for each other's in one login.
pub(crate) fn mistakable_pairs<'p>(profiles: &[&'p Profile]) -> impl Iterator<Item = (&'p Profile, &'p Profile)> {
    let behind = |at: usize| profiles[at + 1..].iter().copied();
    let pairs = profiles.iter().enumerate().flat_map(move |(at, first)| behind(at).map(move |second| (*first, second)));
    pairs.filter(|(first, second)| can_be_mistaken(first, second))
}

/// Whether one login can be by both, with identities that can be equal.
fn can_be_mistaken(a: &Profile, b: &Profile) -> bool {
    databases_overlap(a, b) && !identities_apart(a, b)
}

/// Whether one login can be by both.
fn databases_overlap(a: &Profile, b: &Profile) -> bool {
    match (&a.databases, &b.databases) {
        (Some(a), Some(b)) => a.iter().any(|database| b.contains(database)),
        _ => true,
    }
}

/// Neither prefix may begin the other: "a:" and "a:b:" are not apart.
fn identities_apart(a: &Profile, b: &Profile) -> bool {
    let (a, b) = (a.identity.prefix.as_str(), b.identity.prefix.as_str());
    !a.is_empty() && !b.is_empty() && !a.starts_with(b) && !b.starts_with(a)
}

fn line_span(section: &Section<'_>) -> std::ops::Range<usize> {
    section.span_of(if section.get("hba_issuers").is_some() { "hba_issuers" } else { "issuer" })
}

fn issuer_span(section: &Section<'_>) -> std::ops::Range<usize> {
    section.span_of(if section.get("token_issuers").is_some() { "token_issuers" } else { "issuer" })
}
