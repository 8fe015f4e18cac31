//! The configuration: the main file, and one of its folder behind a zero.

use crate::world::{FuzzResolver, FuzzedConfig, decided, request};
use oauth_validator_core::{Config, ConfigFolder, Decision, Finding, FolderFile, ParsedFiles};
use oauth_validator_fixtures::{TestKey, mint};
use serde_json::json;
use std::cell::OnceCell;

const MAIN: &str = "/etc/pg/oauth-validator.toml";

/// Keys that no text names: those of the resolver, and of a token that nobody may accept.
struct FixedConfig {
    world: FuzzResolver,
    forged: String,
}

fn fixed() -> FixedConfig {
    let stranger = TestKey::ed25519("ed25519");
    let claims = json!({"iss": crate::world::ISSUER, "aud": crate::world::AUDIENCE, "sub": "ana",
        "scope": "openid db.connect", "iat": crate::world::NOW, "exp": crate::world::NOW + 3600});
    let forged = mint::mint(&stranger, &json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "ed25519"}), &claims);
    FixedConfig { world: FuzzResolver::of_the_issuer(), forged }
}

thread_local! {
    static FIXED: OnceCell<FixedConfig> = const { OnceCell::new() };
}

/// Reads the bytes as both files, and has the configuration refuse a forged token.
pub fn check(data: &[u8]) {
    let zero = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (main, beside) = (&data[..zero], data.get(zero + 1..).unwrap_or_default());
    let alone = Config::parse(main, MAIN);
    let again = Config::parse(main, MAIN);
    assert_eq!(alone.findings, again.findings, "one text, two lists of findings");
    told(&alone.findings, main);
    let has_error = alone.findings.iter().any(Finding::is_error);
    assert_eq!(alone.config.is_none(), has_error, "an error denies, and nothing else does: {:?}", alone.findings);
    let file = FolderFile { name: "/etc/pg/oauth-validator.d/b.toml", text: Ok(beside) };
    let both = Config::parse_all(main, MAIN, ConfigFolder { name: "/etc/pg/oauth-validator.d", files: &[file] });
    stands(&alone, &both);
    told(&both.folder[0], beside);
    for config in [alone.config, both.config].into_iter().flatten() {
        FIXED.with(|cell| {
            let fixed = cell.get_or_init(fixed);
            let setting = FuzzedConfig { config, request: request(false) };
            let decision = decided(&fixed.world, &setting, fixed.forged.as_bytes());
            assert!(matches!(decision, Decision::Denied(_)), "a forged token is let in");
        });
    }
}

/// A file of the folder takes nothing from the main one: it is as valid as before, and has its profiles.
fn stands(alone: &ParsedFiles, both: &ParsedFiles) {
    assert_eq!(alone.config.is_some(), both.config.is_some(), "a file of the folder decides about the main one");
    let names = |parsed: &ParsedFiles| -> Vec<String> {
        let profiles = parsed.config.iter().flat_map(Config::profiles);
        profiles.map(|profile| profile.name.clone()).collect()
    };
    let with = names(both);
    for name in names(alone) {
        assert!(with.contains(&name), "{name} is gone");
    }
}

/// Findings are of their text, and in one line each.
fn told(findings: &[Finding], text: &[u8]) {
    for finding in findings {
        let said = format!("{} {}", finding.message, finding.hint.as_deref().unwrap_or_default());
        assert!(!said.contains(char::is_control), "{said:?}");
        assert!(finding.span.start <= finding.span.end && finding.span.end <= text.len(), "{finding:?}");
        assert!(finding.position.line >= 1 && finding.position.column >= 1, "{finding:?}");
    }
}
