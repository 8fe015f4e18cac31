//! `mode` and `[profiles.NAME.introspection]`: whether the provider is asked about each token, and how.

use super::collect::Findings;
use super::keys;
use super::section::Section;
use super::settings::{self, AppliesTo, introspection::CACHE, profile as rows};
use crate::finding::FindingCode;
use crate::introspection::{ClientAuth, ClientCertificate, ClientSecret, OnlineCheck, OnlineKind};
use crate::reach::{FilePath, Reach};

/// How tokens of a profile are verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Jwt,
    Online(OnlineKind),
}

/// The values of `mode`.
const WORDS: [(&str, Mode); 3] = [
    ("jwt", Mode::Jwt),
    ("introspection", Mode::Online(OnlineKind::Introspection)),
    ("tokeninfo", Mode::Online(OnlineKind::Tokeninfo)),
];

/// What is asked about tokens where `mode` is this word; nothing where it is another, or none.
pub(super) fn kind(mode: Option<&str>) -> Option<OnlineKind> {
    match word(mode?)? {
        Mode::Online(kind) => Some(kind),
        Mode::Jwt => None,
    }
}

fn word(mode: &str) -> Option<Mode> {
    WORDS.iter().find(|(word, _)| *word == mode).map(|(_, mode)| *mode)
}

/// What the profile says.
pub(super) fn mode(findings: &mut Findings<'_>, section: &Section<'_>) -> Mode {
    let mode = section.word(findings, "mode", &WORDS).or(word(rows::MODE.default_text())).unwrap_or(Mode::Jwt);
    if let Mode::Online(kind) = mode {
        let for_keys = settings::of_table(rows::MODE.table).filter(|setting| setting.counts == AppliesTo::Keys);
        for key in for_keys.map(|setting| setting.key).filter(|key| section.is_own(key)) {
            let word = kind.mode();
            let message =
                format!("{} means nothing with mode = \"{word}\": no signature is verified", section.name(key));
            findings.add(FindingCode::UnusedSetting, section.span_of(key), message).hint("remove it");
        }
    }
    if mode == Mode::Jwt && section.is_own("introspection") {
        let message = format!("{} means nothing without mode", section.name("introspection"));
        findings
            .add(FindingCode::UnusedSetting, section.span_of("introspection"), message)
            .hint("write mode = \"introspection\", or remove the table: tokens are verified with keys");
        // Its keys are not used, but a table with unknown ones is none.
        section.table(findings, &rows::INTROSPECTION);
    }
    mode
}

/// What the table says, and how the provider is reached. Everything is read before anything is missed.
pub(super) fn check(
    findings: &mut Findings<'_>,
    profile: &Section<'_>,
    kind: OnlineKind,
    (reach, certificate): (Reach<FilePath>, Option<ClientCertificate>),
) -> Option<OnlineCheck> {
    let Some(section) = profile.table(findings, &rows::INTROSPECTION) else {
        if !profile.is_own("introspection") {
            profile.missing(findings, "introspection", "write introspection = { endpoint = \"https://...\" }");
        }
        return None;
    };
    if section.get("endpoint").is_none() {
        section.missing(findings, "endpoint", "\"oauth-validator discover ISSUER\" says where it is");
    }
    let endpoint = keys::url(findings, &section, "endpoint", reach.insecure_http);
    let auth = auth(findings, &section, kind);
    let token_param = section.text(findings, "token_param").map(|name| name.value);
    let cache = section.duration(findings, &CACHE).map_or(CACHE.default_duration(), |cache| cache.value);
    let scope_separator = section.text(findings, "scope_separator").map(|text| text.value);
    Some(OnlineCheck {
        kind,
        endpoint: endpoint?,
        auth: auth?,
        certificate,
        token_param: token_param.unwrap_or_else(|| kind.default_param().to_owned()),
        scope_separator,
        cache,
        reach,
    })
}

/// What `auth` means for another key of the table.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Needed,
    Possible,
    None,
}

/// RFC 7662 section 2.1 demands some authorization; Google's tokeninfo knows none.
fn auth(findings: &mut Findings<'_>, section: &Section<'_>, kind: OnlineKind) -> Option<ClientAuth> {
    #[derive(Clone, Copy)]
    enum Word {
        Basic,
        BasicRaw,
        Post,
        Bearer,
        None,
    }
    let words = [
        ("basic", Word::Basic),
        ("basic-raw", Word::BasicRaw),
        ("post", Word::Post),
        ("bearer", Word::Bearer),
        ("none", Word::None),
    ];
    let default = words.iter().find_map(|(word, value)| (*word == kind.default_auth()).then_some(*value));
    let word = match section.get("auth") {
        Some(_) => section.word(findings, "auth", &words)?,
        None => default?,
    };
    let (of_client, of_secret) = match word {
        Word::Basic | Word::BasicRaw | Word::Post => (Use::Needed, Use::Needed),
        Word::Bearer => (Use::None, Use::Needed),
        Word::None => (Use::Possible, Use::None),
    };
    let client_id = text(findings, section, "client_id", of_client);
    let secret_file = text(findings, section, "client_secret_file", of_secret);
    let client = |client_id: Option<String>, secret_file: Option<String>| {
        Some(ClientSecret { client_id: client_id?, secret_file: secret_file? })
    };
    Some(match word {
        Word::Basic => ClientAuth::Basic(client(client_id, secret_file)?),
        Word::BasicRaw => ClientAuth::BasicRaw(client(raw(findings, section, client_id?), secret_file)?),
        Word::Post => ClientAuth::Post(client(client_id, secret_file)?),
        Word::Bearer => ClientAuth::Bearer { secret_file: secret_file? },
        Word::None => client_id.map_or(ClientAuth::None, |client_id| ClientAuth::Public { client_id }),
    })
}

fn text(findings: &mut Findings<'_>, section: &Section<'_>, key: &str, wanted: Use) -> Option<String> {
    if wanted == Use::Needed && section.get(key).is_none() {
        let hint = "or write auth = \"none\", if the endpoint asks nobody who he is";
        section.missing(findings, key, hint);
    }
    if wanted == Use::None && section.is_own(key) {
        let message = format!("{} means nothing with this auth", section.name(key));
        findings.add(FindingCode::UnusedSetting, section.span_of(key), message).hint("remove it");
    }
    section.text(findings, key).map(|text| text.value)
}

/// A client's name that HTTP Basic takes as it is (RFC 7617 section 2).
fn raw(findings: &mut Findings<'_>, section: &Section<'_>, client_id: String) -> Option<String> {
    let (what, hint) = if client_id.contains(':') {
        (
            "a colon, where HTTP Basic takes the name to end",
            "write auth = \"post\", or \"basic\" if the provider decodes it",
        )
    } else if client_id.chars().any(char::is_control) {
        ("a control character, which HTTP Basic does not have", "copy the client's name from the provider once more")
    } else {
        return Some(client_id);
    };
    let message = format!("{} has {what}", section.name("client_id"));
    findings.add(FindingCode::BadValue, section.span_of("client_id"), message).hint(hint);
    None
}

#[cfg(test)]
mod tests;
