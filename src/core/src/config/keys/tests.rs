//! `[profiles.NAME.keys]` of a provider: what it may say, and every way to get it wrong.

use crate::config::tests::{GOOD, findings};
use crate::config::{Config, KeySource, Times};
use crate::finding::FindingCode;
use crate::keys::source::{KeyTiming, Location};
use crate::reach::{FilePath, Reach};
use std::time::Duration;

fn source(keys: &str) -> KeySource {
    let text = GOOD.replace("jwks_file = \"k\"", keys);
    let parsed = Config::parse(text.as_bytes(), "f");
    let config = parsed.config.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.findings));
    config.profiles()[0].keys.clone()
}

#[test]
fn without_a_key_source_the_issuer_is_asked() {
    for text in [GOOD.replace("keys = { jwks_file = \"k\" }\n", ""), GOOD.replace("jwks_file = \"k\"", "")] {
        let config = Config::parse(text.as_bytes(), "f").config.expect("a valid file");
        let KeySource::Provider(keys) = &config.profiles()[0].keys else { panic!("{text}") };
        assert_eq!((keys.issuer.as_str(), &keys.settings.location), ("https://idp.example", &Location::Issuer));
        assert_eq!((keys.settings.timing, keys.settings.reach.insecure_http), (Times::BUILT_IN.of_keys, false));
        assert_eq!(
            (&keys.settings.reach.ca, &keys.settings.reach.proxy, keys.settings.allowed_hosts.as_slice()),
            (&None, &None, [].as_slice())
        );
    }
}

#[test]
fn a_provider_is_described_in_full() {
    let KeySource::Provider(keys) = source(
        "discovery_url = \"https://idp.example/m?x=1\", allowed_hosts = [\"keys.example\", \"[2001:db8::1]\"], ca_file = \"ca.pem\", proxy = \"http://p:3128\", min_ttl = \"1s\", max_ttl = \"7d\", stale_max = \"0s\", kid_cooldown = \"1h\", connect_timeout = \"1s\", timeout = \"1min\"",
    ) else {
        panic!("no provider")
    };
    assert_eq!(keys.settings.location, Location::Metadata("https://idp.example/m?x=1".into()));
    assert_eq!(
        keys.settings.reach,
        Reach {
            ca: Some(FilePath("ca.pem".into())),
            proxy: Some("http://p:3128".into()),
            insecure_http: false,
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_mins(1),
        }
    );
    assert_eq!(keys.settings.allowed_hosts, ["keys.example", "[2001:db8::1]"]);
    let timing = KeyTiming {
        min_ttl: Duration::from_secs(1),
        max_ttl: Duration::from_hours(7 * 24),
        stale_max: Duration::ZERO,
        kid_cooldown: Duration::from_hours(1),
    };
    assert_eq!(keys.settings.timing, timing);
    let KeySource::Provider(keys) = source("jwks_url = \"https://idp.example/jwks\", proxy = \"\"") else { panic!() };
    assert_eq!(
        (&keys.settings.location, &keys.settings.reach.proxy),
        (&Location::Jwks("https://idp.example/jwks".into()), &None)
    );
}

#[test]
fn times_of_keys_have_defaults_and_ranges() {
    let defaults = "[defaults.keys]\nmin_ttl = \"10s\"\nstale_max = \"1h\"\n";
    let text = format!("{defaults}{}", GOOD.replace("jwks_file = \"k\"", "stale_max = \"2h\""));
    let config = Config::parse(text.as_bytes(), "f").config.expect("a valid file");
    let KeySource::Provider(keys) = &config.profiles()[0].keys else { panic!("{text}") };
    let timing = &keys.settings.timing;
    assert_eq!([timing.min_ttl, timing.stale_max, timing.max_ttl].map(|time| time.as_secs()), [10, 7200, 86_400]);
    for (setting, code) in [
        ("min_ttl = \"0s\"", FindingCode::OutOfRange),
        ("min_ttl = \"25h\"", FindingCode::OutOfRange),
        ("max_ttl = \"0s\"", FindingCode::OutOfRange),
        ("max_ttl = \"8d\"", FindingCode::OutOfRange),
        ("stale_max = \"8d\"", FindingCode::OutOfRange),
        ("stale_max = \"-1s\"", FindingCode::OutOfRange),
        ("kid_cooldown = \"0s\"", FindingCode::OutOfRange),
        ("kid_cooldown = \"61min\"", FindingCode::OutOfRange),
        ("connect_timeout = \"0s\"", FindingCode::OutOfRange),
        ("timeout = \"61s\"", FindingCode::OutOfRange),
        ("timeout = 5", FindingCode::WrongType),
        ("timeout = \"500ms\"", FindingCode::BadValue),
        ("max_ttl = \"1min\"", FindingCode::Conflict),
        ("min_ttl = \"2h\", max_ttl = \"1h\"", FindingCode::Conflict),
    ] {
        let found = findings(&GOOD.replace("jwks_file = \"k\"", setting));
        assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code], "{setting}");
        let found = findings(&format!("[defaults]\nkeys = {{ {setting} }}\n{GOOD}"));
        assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code], "{setting} as a default");
    }
}

#[test]
fn providers_that_cannot_be_trusted_are_refused() {
    for (keys, code) in [
        ("jwks_url = \"http://idp.example/jwks\"", FindingCode::BadUrl),
        ("jwks_url = \"http://127.0.0.1/jwks\"", FindingCode::BadUrl),
        ("jwks_url = \"file:///etc/passwd\"", FindingCode::BadUrl),
        ("jwks_url = \"https://\"", FindingCode::BadUrl),
        ("jwks_url = \"https://good.example@evil.example/\"", FindingCode::BadUrl),
        ("jwks_url = \"https://idp.example/a b\"", FindingCode::BadUrl),
        ("discovery_url = \"https://idp.example/#x\"", FindingCode::BadUrl),
        ("discovery_url = \"\"", FindingCode::EmptyValue),
        ("discovery_url = 1", FindingCode::WrongType),
        ("discovery_url = \"https://a.example\", jwks_url = \"https://a.example\"", FindingCode::KeySource),
        ("jwks_url = \"https://a.example\", jwks_file = \"k\"", FindingCode::KeySource),
        ("allowed_hosts = [\"*.example\"]", FindingCode::BadValue),
        ("allowed_hosts = [\"https://keys.example\"]", FindingCode::BadValue),
        ("allowed_hosts = [\"keys.example:443\"]", FindingCode::BadValue),
        ("allowed_hosts = [\"[::g]\"]", FindingCode::BadValue),
        ("allowed_hosts = [\"keys.example\", \"\"]", FindingCode::EmptyValue),
        ("deny_kids = [\"\"]", FindingCode::EmptyValue),
        ("proxy = \"http://ana:secret@proxy\"", FindingCode::BadUrl),
        ("proxy = \"socks5://proxy\"", FindingCode::BadUrl),
        ("proxy = \"https://proxy:3128\"", FindingCode::BadUrl),
        ("ca_file = \"\"", FindingCode::EmptyValue),
        ("insecure_http = 1", FindingCode::WrongType),
    ] {
        let found = findings(&GOOD.replace("jwks_file = \"k\"", keys));
        assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code], "{keys}");
        assert!(!found[0].message.contains("secret"), "{}", found[0].message);
    }
}

#[test]
fn http_stays_on_this_machine_and_is_warned_of() {
    let codes = |keys: &str, issuer: &str| {
        let text = GOOD.replace("jwks_file = \"k\"", keys).replace("https://idp.example", issuer);
        findings(&text).iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    for issuer in ["http://localhost:8080/realms/x", "http://127.0.0.1", "http://[::1]:80/", "https://idp.example"] {
        assert_eq!(codes("insecure_http = true", issuer), [FindingCode::InsecureHttp], "{issuer}");
    }
    for issuer in
        ["http://idp.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://10.0.0.1"]
    {
        assert_eq!(codes("insecure_http = true", issuer), [FindingCode::BadUrl, FindingCode::InsecureHttp], "{issuer}");
    }
    assert_eq!(codes("insecure_http = false", "http://localhost"), [FindingCode::BadUrl]);
    assert_eq!(codes("jwks_file = \"k\"", "http://localhost"), [FindingCode::BadUrl]);
}

#[test]
fn an_issuer_on_this_machine_may_have_its_keys_in_a_file() {
    let codes = |keys: &str, issuer: &str| {
        let text = GOOD.replace("jwks_file = \"k\"", keys).replace("https://idp.example", issuer);
        findings(&text).iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    for source in ["jwks_file = \"k\"", "pem_file = \"k\""] {
        let keys = format!("{source}, insecure_http = true");
        assert_eq!(codes(&keys, "http://127.0.0.1:8080"), [FindingCode::InsecureHttp], "{keys}");
        assert_eq!(codes(&keys, "https://idp.example"), [FindingCode::InsecureHttp], "{keys}");
        assert_eq!(codes(&keys, "http://idp.example"), [FindingCode::BadUrl, FindingCode::InsecureHttp], "{keys}");
        assert_eq!(codes(&keys.replace("true", "false"), "http://127.0.0.1:8080"), [FindingCode::BadUrl], "{keys}");
        assert_eq!(codes(&keys.replace("true", "1"), "http://[::1]")[0], FindingCode::BadUrl, "{keys}");
    }
}

#[test]
fn http_does_not_go_through_a_proxy() {
    let proxy = "proxy = \"http://p:3128\"";
    for (keys, errors) in [
        (format!("insecure_http = true, {proxy}"), [FindingCode::Conflict].as_slice()),
        (format!("jwks_url = \"http://localhost:9/jwks\", insecure_http = true, {proxy}"), &[FindingCode::Conflict]),
        (format!("jwks_file = \"k\", insecure_http = true, {proxy}"), &[FindingCode::Conflict]),
        (format!("insecure_http = false, {proxy}"), &[]),
        ("insecure_http = true, proxy = \"\"".to_owned(), &[]),
        (proxy.to_owned(), &[]),
    ] {
        let found = findings(&GOOD.replace("jwks_file = \"k\"", &keys));
        let found: Vec<_> = found.iter().filter(|finding| finding.is_error()).map(|finding| finding.code).collect();
        assert_eq!(found, errors, "{keys}");
    }
}

#[test]
fn what_is_for_providers_means_nothing_beside_a_file() {
    let found = findings(&GOOD.replace("jwks_file = \"k\"", "jwks_file = \"k\", max_ttl = \"1h\", ca_file = \"c\""));
    let codes: Vec<FindingCode> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::UnusedSetting, FindingCode::UnusedSetting]);
    assert!(!found[0].is_error());
}

#[test]
fn a_bearer_token_is_for_a_provider_that_is_asked_for_keys() {
    let file = |keys: &str| match source(keys) {
        KeySource::Provider(keys) => keys.settings.bearer_token_file.clone(),
        other => panic!("{other:?}"),
    };
    for place in ["", "jwks_url = \"https://idp.example/k\", ", "discovery_url = \"https://idp.example/m\", "] {
        assert_eq!(file(&format!("{place}bearer_token_file = \"t\"")).as_deref(), Some("t"), "{place}");
    }
    assert_eq!(file("jwks_url = \"https://idp.example/k\""), None);
    let codes = |keys: &str| -> Vec<FindingCode> {
        findings(&GOOD.replace("jwks_file = \"k\"", keys)).iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes("bearer_token_file = \"\""), [FindingCode::EmptyValue]);
    assert_eq!(codes("bearer_token_file = 7"), [FindingCode::WrongType]);
    assert_eq!(codes("jwks_file = \"k\", bearer_token_file = \"t\""), [FindingCode::UnusedSetting]);
}
