//! `check` with the server's files: what is wrong with them, and with them and the configuration together.
//!
//! The core judges; here its findings come to the files that they are about. Must never hide a line's finding because
//! another file has errors, and never print a password of a line that it shows.

use crate::config_file::ConfigFile;
use crate::findings::{Page, Shown};
use crate::server_files::ServerFiles;
use crate::toml_positions::TomlPositions;
use oauth_validator_core::server_files::{FilePosition, Spot, review};
use oauth_validator_core::{Config, FindingCode};
use serde_json::{Value, json};
use std::borrow::Cow;

const NO_START: &str = "correct it: with such a line the server does not start, and on a reload it keeps what it had";
const NO_MAPS: &str =
    "correct it: with such a line the server starts without any map, and on a reload it keeps those that it had";

/// Settings and options with such names hold secrets.
const SECRETS: [&str; 2] = ["passw", "secret"];

/// What was found in the server's files, and at profiles of the configuration.
pub(crate) struct ServerFindings<'s> {
    /// One for each file that has findings.
    pub(crate) pages: Vec<Page<'s>>,
    /// For the configuration's own pages, each with the number of its file.
    pub(crate) of_config: Vec<(usize, Shown)>,
}

/// Judges the files; together with the configuration only if that has no errors.
pub(crate) fn judge<'s>(server: &'s ServerFiles, config: Option<&Config>, file: &ConfigFile) -> ServerFindings<'s> {
    let mut found: Vec<(usize, Shown)> = Vec::new();
    let wrong = server.problems.iter().map(|problem| (problem, NO_START));
    for (problem, hint) in wrong.chain(server.ident_problems.iter().map(|problem| (problem, NO_MAPS))) {
        let shown = shown(FindingCode::ServerLine, &problem.place, problem.message.clone(), hint.to_owned());
        found.push((problem.place.source, shown));
    }
    let places = TomlPositions::of_all(file);
    let mut of_config = Vec::new();
    let settings = server.settings.as_ref().map(|(settings, source)| (settings, *source));
    // Without the file no map is known: that is one finding, and not one of each line.
    let ident = server.ident.as_deref().filter(|_| server.ident_trouble.is_none());
    let findings = config.map(|config| review(config, &server.sources, &server.hba, ident, settings));
    // A map whose only line is not taken is there.
    let misread = |code| code == FindingCode::MapUnknown && !server.ident_problems.is_empty();
    for finding in findings.into_iter().flatten().filter(|finding| !misread(finding.code)) {
        let (code, message, hint) = (finding.code, finding.message, finding.hint);
        match finding.spot {
            Spot::At(place) => found.push((place.source, shown(code, &place, message, hint))),
            Spot::File(source) => found.push((source, Shown::of_the_machine(code, None, message, hint))),
            Spot::Profile(name) => {
                let profile = config.iter().flat_map(|config| config.profiles()).find(|profile| profile.name == name);
                let at = profile.map_or(0, |profile| profile.file);
                let place = places.get(at).and_then(|places| places.profile(&name));
                of_config.push((at, Shown::of_the_machine(code, place, message, hint)));
            }
        }
    }
    let mut pages = pages(server, found);
    pages.extend(ident_trouble(server));
    ServerFindings { pages, of_config }
}

fn shown(code: FindingCode, place: &FilePosition, message: String, hint: String) -> Shown {
    Shown::of_the_machine(code, Some(place.span.clone()), message, hint)
}

/// The findings by their files, in the order of the files and of their lines.
fn pages(server: &ServerFiles, mut found: Vec<(usize, Shown)>) -> Vec<Page<'_>> {
    found.sort_by_key(|(source, shown)| (*source, shown.begins()));
    let mut pages: Vec<(usize, Page<'_>)> = Vec::new();
    for (at, shown) in found {
        match pages.last_mut() {
            Some((last, page)) if *last == at => page.found.push(shown),
            _ => {
                let Some(source) = server.sources.get(at) else { continue };
                let name = source.path.to_string_lossy().into_owned();
                pages.push((at, Page { name, text: masked(&source.text).into(), found: vec![shown] }));
            }
        }
    }
    pages.into_iter().map(|(_, page)| page).collect()
}

/// The text with what follows the name of a secret replaced, byte for byte.
fn masked(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for line in bytes.split_mut(|byte| *byte == b'\n') {
        let small = line.to_ascii_lowercase();
        let names =
            SECRETS.iter().filter_map(|name| small.windows(name.len()).position(|part| part == name.as_bytes()));
        let Some(name) = names.min() else { continue };
        let equals = small.iter().skip(name).position(|byte| *byte == b'=');
        if let Some(value) = equals.and_then(|equals| line.get_mut(name + equals + 1..)) {
            value.fill(b'*');
        }
    }
    bytes
}

fn ident_trouble(server: &ServerFiles) -> Option<Page<'_>> {
    let why = server.ident_trouble.as_ref()?;
    let name = server.ident_path.as_ref()?.to_string_lossy().into_owned();
    let message = format!("the file cannot be read: {why}");
    let hint = "make sure that it is there, and that the server's user can read it: without it there is no map, and every \
                login by a line with map= is denied";
    let found = vec![Shown::of_the_machine(FindingCode::IdentUnreadable, None, message, hint.to_owned())];
    Some(Page { name, text: Cow::Borrowed(b""), found })
}

/// Which files were read, for a program.
pub(crate) fn to_json(server: &ServerFiles) -> Value {
    let source = server.settings.as_ref().and_then(|(_, source)| server.sources.get(*source));
    let conf = source.map(|source| source.path.to_string_lossy());
    json!({
        "postgresql_conf": conf,
        "hba": server.hba_path.to_string_lossy(),
        "ident": server.ident_path.as_ref().map(|path| path.to_string_lossy()),
        "oauth_lines": oauth_lines(server),
    })
}

/// How many lines have the method oauth.
pub(crate) fn oauth_lines(server: &ServerFiles) -> usize {
    server.hba.iter().filter(|line| line.is_oauth()).count()
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn passwords_are_not_shown_and_places_stay() {
        let text =
            "host all all all ldap ldapbindpasswd=\"hush ü\" x=y\nhost all all all password\nA_Secret = 'hush'\n";
        let shown = String::from_utf8(masked(text)).expect("ASCII stars");
        assert!(!shown.contains("hush") && !shown.contains('ü'), "{shown}");
        assert_eq!(shown.len(), text.len());
        assert!(shown.contains("ldapbindpasswd=**") && shown.contains("host all all all password\n"), "{shown}");
    }
}
