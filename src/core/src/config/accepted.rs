//! Reads which signatures and types of tokens a profile accepts: `algorithms` and `token_types`.
//!
//! Must never take a name that it does not know for one that it does: an algorithm is one of the core's own, or an error.

use super::collect::Findings;
use super::profile::At;
use super::section::Section;
use super::settings::profile;
use super::values::suggest;
use crate::algorithm::Algorithm;
use crate::finding::FindingCode;
use crate::media_type::normal_type;
use std::sync::Arc;

pub(super) fn algorithms(findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[Algorithm]>> {
    let Some(names) = section.strings(findings, &profile::ALGORITHMS) else {
        let names = profile::ALGORITHMS.default_texts().iter();
        return At::built_in(names.filter_map(|name| Algorithm::from_name(name)).collect());
    };
    let mut algorithms = Vec::new();
    for name in &names.value {
        match Algorithm::from_name(name) {
            // One algorithm may be written by both of its names.
            Some(algorithm) if algorithms.contains(&algorithm) => {}
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let hint = match name.get(..2) {
                    Some("HS" | "hs") => {
                        "with HS*, everyone who can verify a token can also make one; use a provider that signs with a key pair".to_owned()
                    }
                    _ if name.eq_ignore_ascii_case("none") => "an unsigned token proves nothing".to_owned(),
                    _ => suggest(name, &Algorithm::ALL.iter().map(|valid| valid.name()).collect::<Vec<_>>()),
                };
                let message = format!("{} cannot hold \"{name}\"", section.name("algorithms"));
                findings.add(FindingCode::BadValue, section.span_of("algorithms"), message).hint(hint);
            }
        }
    }
    At { value: algorithms.into(), origin: names.origin }
}

pub(super) fn token_types(findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[String]>> {
    match section.strings(findings, &profile::TOKEN_TYPES) {
        Some(types) => At { value: types.value.iter().map(|name| normal_type(name)).collect(), origin: types.origin },
        None => At::built_in(profile::TOKEN_TYPES.default_texts().iter().map(|name| normal_type(name)).collect()),
    }
}
