//! Presets: valid in the language of users, merged as documented, and each with a mark of access tokens.

use crate::config::presets::{ALL, Preset, PresetInfo};
use crate::config::profile::{Audience, IdentityClaims, Origin, Profile, ScopeClaim, TokenKind};
use crate::config::settings::{Default, SETTINGS, Setting};
use crate::config::{Config, Effective, KeySource, effective};

fn effective_of(text: &str, name: &str) -> Vec<Effective> {
    effective(text, (0, text), name)
}
use crate::finding::FindingCode;
use std::time::Duration;

/// The preset of this name, and what tools are told of it.
fn named(name: &str) -> (&'static Preset, PresetInfo) {
    let preset = Preset::named(name).unwrap_or_else(|| panic!("no preset {name}"));
    (preset, preset.about().unwrap_or_else(|why| panic!("{name}: {why}")))
}

/// Whether the provider is asked about each token.
fn asks(preset: &Preset) -> bool {
    preset.text.contains("\nmode = ")
}

/// A profile that says what the preset leaves to it.
fn profile_of(name: &str) -> String {
    let (preset, about) = named(name);
    let mut text = format!("[profiles.p]\npreset = \"{name}\"\n");
    match (&about.endpoint, about.auth.as_str()) {
        (None, _) if asks(preset) => {}
        (None, _) => text.push_str("keys = { jwks_file = \"k\" }\n"),
        (Some(_), "none") => text.push_str("introspection = { endpoint = \"https://idp.example/introspect\" }\n"),
        (Some(_), auth) => text.push_str(&format!(
            "introspection = {{ endpoint = \"https://idp.example/introspect\", auth = \"{auth}\", client_id = \"pg\", \
             client_secret_file = \"s\" }}\n"
        )),
    }
    if preset.own_issuer().is_none() {
        text.push_str("issuer = \"https://idp.example\"\n");
    }
    if about.token_issuer.is_some() {
        text.push_str("token_issuers = [\"http://idp.example/trust\"]\n");
    }
    if about.audience.is_some() {
        text.push_str("audience = [\"pg\"]\n");
    }
    if about.needs_clients {
        text.push_str(&format!("clients = {{ claims = {:?}, allow = [\"c\"] }}\n", about.clients));
    }
    if about.rule.is_some() {
        text.push_str("[[profiles.p.require]]\nclaim = \"$.x\"\nequals = 1\n");
    }
    text
}

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

fn parsed(text: &str) -> Profile {
    let parsed = Config::parse(text.as_bytes(), "f");
    parsed.config.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.findings)).profiles()[0].clone()
}

fn codes(text: &str) -> Vec<FindingCode> {
    Config::parse(text.as_bytes(), "f").findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn every_preset_is_valid_where_users_could_have_written_it() {
    for preset in ALL {
        let named = preset
            .text
            .replace("\n[[", "\n[[profiles.p.")
            .replace("\n[i", "\n[profiles.p.i")
            .replace("\n[k", "\n[profiles.p.k")
            .replace("\n[s", "\n[profiles.p.s");
        let own = format!("[profiles.p]\n{named}");
        assert!(!codes(&own).contains(&FindingCode::UnknownKey), "{}\n{own}", preset.name);
        assert!(!codes(&own).contains(&FindingCode::Syntax), "{}\n{own}", preset.name);
    }
}

/// The parts of its file that no server reads.
#[test]
fn every_preset_says_what_it_rests_on_and_what_tools_need() {
    let capitals = |text: &str| text.chars().any(|c| c.is_ascii_uppercase());
    for preset in ALL {
        let head = preset.head().unwrap_or_else(|why| panic!("{}: {why}", preset.name));
        for part in [&head.summary, &head.sets, &head.authn_id, &head.delegation] {
            assert!(part.len() > 10 && part.matches('`').count() % 2 == 0, "{}: {part}", preset.name);
        }
        let (_, about) = named(preset.name);
        assert!(!about.identity.is_empty() && !about.role.is_empty() && !about.scope.is_empty(), "{}", preset.name);
        assert!(preset.identity_claim().is_some(), "{}", preset.name);
        // A placeholder accepts nobody.
        assert!(about.audience.as_deref().is_none_or(capitals), "{}", preset.name);
        assert!(capitals(&about.issuer) || preset.own_issuer().is_some() || about.issuer == "https://gitlab.com");
        assert!(about.token_issuer.as_deref().is_none_or(capitals), "{}", preset.name);
        assert!(!(about.needs_clients && about.clients.is_empty()), "{}", preset.name);
        for example in &about.roles {
            let text = format!("{}[profiles.p.roles]\n{}", profile_of(preset.name), example.settings);
            assert!(Config::parse(text.as_bytes(), "f").config.is_some(), "{}: {}", preset.name, example.settings);
        }
    }
    assert_eq!(Preset::named("okta-or"), None);
}

#[test]
fn every_preset_needs_little_and_grants_nothing_alone() {
    for preset in ALL {
        let bare = codes(&format!("[profiles.p]\npreset = \"{}\"\n", preset.name));
        assert!(bare.contains(&FindingCode::MissingKey), "{}: {bare:?}", preset.name);
        assert!(!bare.contains(&FindingCode::UnusedSetting), "{}: {bare:?}", preset.name);
        let text = profile_of(preset.name);
        match preset.name {
            "google-id-token" => assert_eq!(codes(&text), [FindingCode::AnyTokenKind]),
            // What its own rule is for, which is not written here.
            "lemonldap" | "rfc9068" => assert_eq!(codes(&text), [FindingCode::ServiceSubject]),
            // Its answers have nothing but a login name.
            "django-oauth-toolkit" => assert_eq!(codes(&text), [FindingCode::MutableIdentity]),
            _ => assert_eq!(codes(&text), [], "{}", preset.name),
        }
    }
}

/// What asks the provider does not come with an endpoint, but for Google's, which is the same for everybody.
#[test]
fn presets_that_ask_leave_the_endpoint_to_the_profile() {
    let mut asking = Vec::new();
    for preset in ALL {
        let (_, about) = named(preset.name);
        let KeySource::Online(check) = parsed(&profile_of(preset.name)).keys else {
            assert!(!asks(preset) && about.endpoint.is_none(), "{}", preset.name);
            continue;
        };
        let own = preset.text.contains("\nendpoint = ");
        assert_eq!(own, about.endpoint.is_none(), "{}: {}", preset.name, check.endpoint);
        assert_eq!(own, preset.name == "google", "{}: {}", preset.name, check.endpoint);
        assert_eq!(check.auth.secret_file().is_some(), !own && about.auth != "none", "{}", preset.name);
        asking.push(preset.name);
    }
    assert!(asking.len() >= 5, "{asking:?}");
}

/// What is about one server, its people or its clients is nothing that a provider's layout could say.
#[test]
fn no_preset_has_a_key_that_is_a_profiles_own() {
    let own: Vec<&Setting> =
        SETTINGS.iter().filter(|setting| !setting.may_be_preset && setting.default != Default::Issuer).collect();
    assert!(own.len() >= 8, "{own:?}");
    for preset in ALL {
        for setting in effective_of(&profile_of(preset.name), "p") {
            let is_own = |own: &&Setting| {
                let table = own.table.trim_start_matches("profiles.*").trim_start_matches('.');
                setting.key == own.key && table.is_empty() || setting.key == format!("{table}.{}", own.key)
            };
            let of_preset = matches!(setting.origin, Origin::Preset(_));
            assert!(!(of_preset && own.iter().any(is_own)), "{}: {}", preset.name, setting.key);
        }
    }
}

#[test]
fn every_preset_tells_access_tokens_from_others() {
    for preset in ALL.iter().filter(|preset| preset.name != "google") {
        let profile = parsed(&profile_of(preset.name));
        assert_eq!(profile.preset, Some(preset.name));
        let marked = !profile.access_token.is_empty() && profile.token_kind == TokenKind::Access;
        assert!(marked || preset.name == "google-id-token", "{}", preset.name);
    }
}

#[test]
fn a_profile_overrides_its_preset_and_the_preset_the_built_in() {
    let entra = "[profiles.p]\npreset = \"entra\"\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nkeys = { jwks_file = \"k\" }\n";
    let profile = parsed(entra);
    assert_eq!(profile.max_lifetime.value, hours(29));
    assert_eq!(profile.max_lifetime.origin, Origin::Preset("entra"));
    assert_eq!(profile.max_token_size.origin, Origin::BuiltIn);
    assert_eq!(profile.audience.value, Audience::OneOf(vec!["pg".into()]));
    let profile = parsed(&format!("[defaults]\nmax_lifetime = \"1h\"\nclock_skew = \"5s\"\n{entra}"));
    assert_eq!(
        (profile.max_lifetime.value, profile.clock_skew.as_secs()),
        (hours(29), 5),
        "[defaults] is under the preset"
    );
    let profile = parsed(&format!("{entra}max_lifetime = \"1h\"\n"));
    assert_eq!(
        (profile.max_lifetime.value, profile.max_lifetime.origin),
        (hours(1), Origin::Line { file: 0, line: 6 })
    );
}

#[test]
fn identity_is_replaced_as_a_whole_and_scope_key_by_key() {
    let keycloak = profile_of("keycloak");
    let entra = profile_of("entra");
    let profile = parsed(&format!("{entra}[profiles.p.scope]\nprefix = \"api://x/\"\n"));
    assert_eq!(profile.scope.prefix, "api://x/");
    assert!(matches!(&profile.scope.claim.value, ScopeClaim::Claim(path) if path.to_string() == "$.scp"));
    assert_eq!(profile.scope.ignore.len(), 4);
    // Whoever writes an identity says which: it is not the preset's any more, and not quietly $.sub either.
    let own = format!("{entra}[profiles.p.identity]\nprefix = \"e:\"\n");
    assert!(codes(&own).contains(&FindingCode::MissingKey), "{:?}", codes(&own));
    let profile = parsed(&format!("{own}claim = \"$.uti\"\n"));
    assert!(matches!(&profile.identity.claims.value, IdentityClaims::One(path) if path.to_string() == "$.uti"));
    // Rules are only ever added.
    let rules = "[[profiles.p.access_token]]\nclaim = \"$.a\"\nequals = 1\n[[profiles.p.require]]\nclaim = \"$.b\"\nequals = 1\n";
    let profile = parsed(&format!("{keycloak}{rules}"));
    assert_eq!((profile.access_token.len(), profile.require.len()), (2, 1));
    assert_eq!(profile.access_token[0].origin, Origin::Preset("keycloak"));
    assert!(matches!(profile.access_token[1].origin, Origin::Line { .. }));
    assert_eq!(codes(&format!("{keycloak}access_token = []\n")), [], "an empty list takes nothing away");
    assert_eq!(parsed(&format!("{keycloak}access_token = []\n")).access_token.len(), 1);
}

#[test]
fn unknown_presets_are_refused_with_the_nearest() {
    let text = profile_of("okta").replace("\"okta\"", "\"oktaa\"");
    let finding = &Config::parse(text.as_bytes(), "f").findings[0];
    assert_eq!((finding.code, finding.hint.as_deref()), (FindingCode::BadValue, Some("did you mean \"okta\"?")));
}

#[test]
fn sub_is_no_identity_of_entra() {
    let text = format!("{}[profiles.p.identity]\nclaim = \"$.sub\"\n", profile_of("entra"));
    assert_eq!(codes(&text), [FindingCode::MutableIdentity]);
}

#[test]
fn the_effective_profile_names_the_origin_of_each_value() {
    let text = format!("[defaults]\nclock_skew = \"5s\"\n{}", profile_of("okta"));
    let settings = effective_of(&text, "p");
    let of = |key: &str| settings.iter().find(|setting| setting.key == key).map(|s| (s.value.as_str(), s.origin));
    assert_eq!(of("preset"), Some(("\"okta\"", Origin::Line { file: 0, line: 4 })));
    assert_eq!(of("clock_skew"), Some(("\"5s\"", Origin::Line { file: 0, line: 2 })));
    assert_eq!(of("max_lifetime"), Some(("\"24h\"", Origin::BuiltIn)));
    assert_eq!(of("token_types"), Some(("[\"\", \"JWT\"]", Origin::Preset("okta"))));
    assert_eq!(of("token_issuers"), Some(("[\"https://idp.example\"]", Origin::Line { file: 0, line: 6 })));
    assert_eq!(of("identity.claim"), Some(("\"$.uid\"", Origin::Preset("okta"))));
    assert_eq!(of("scope.separator"), Some(("\" \"", Origin::BuiltIn)));
    assert_eq!(of("access_token[0].claim"), Some(("\"$.scp\"", Origin::Preset("okta"))));
    assert_eq!(of("keys.jwks_file"), Some(("\"k\"", Origin::Line { file: 0, line: 5 })));
    assert_eq!(of("clients.allow"), None);
    assert!(effective_of(&text, "q").is_empty());
    let inline = text.replace("jwks_file = \"k\"", "jwks = '{\"keys\":[]}'");
    assert!(effective_of(&inline, "p").iter().all(|setting| !setting.value.contains("keys")));
}

/// As text, with every part of it.
fn all_of(profile: &Profile) -> String {
    format!("{profile:?}")
}

#[test]
fn a_profile_is_the_same_alone_and_after_another_one_of_its_preset() {
    let plain = "[profiles.p]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n".to_owned();
    for text in ALL.iter().map(|preset| profile_of(preset.name)).chain([plain]) {
        // In front of it, so that it is read first; and as many lines in place of it.
        let first = "[profiles.a]\nissuer = \"https://a.example\"\naudience = [\"a\"]\n\
                     clients = { claims = [\"$.c\"], allow = [\"c\"] }\nalgorithms = [\"PS512\"]\ntoken_types = [\"A\"]\n\
                     identity = { claim = \"$.a\", prefix = \"a:\" }\nscope = { claim = \"$.a\", prefix = \"a\" }\n\
                     keys = { jwks_file = \"a\", deny_kids = [\"a\"] }\n\
                     [[profiles.a.require]]\nclaim = \"$.a\"\npresent = true\n\
                     [[profiles.a.access_token]]\nclaim = \"$.a\"\npresent = true\n";
        let preset = text.lines().find(|line| line.starts_with("preset")).unwrap_or("# none").to_owned();
        // Where the preset asks the provider about tokens, the first one is of no preset.
        let asks = matches!(parsed(&text).keys, KeySource::Online(_));
        let preset = if asks { "# none".to_owned() } else { preset };
        let both = format!("{}\n{text}", first.replace("[profiles.a]\n", &format!("[profiles.a]\n{preset}\n")));
        let parsed_both = Config::parse(both.as_bytes(), "f");
        let both = parsed_both.config.unwrap_or_else(|| panic!("{both}\n{:#?}", parsed_both.findings));
        let alone = parsed(&format!("{}{text}", "\n".repeat(first.lines().count() + 2)));
        assert_eq!(all_of(&both.profiles()[1]), all_of(&alone), "{text}");
    }
}

#[test]
fn mistakes_are_found_in_each_profile_of_a_preset() {
    let bare = |name: &str| format!("[profiles.{name}]\npreset = \"okta\"\nissuer = \"https://{name}.example\"\n");
    let good = |name: &str| format!("{}audience = [\"{name}\"]\n", bare(name));
    for (wrong, code) in [
        ("audience = [\"b\"]\nidentity = { claim = \"sub\" }\n", FindingCode::BadJsonPath),
        ("audience = [\"b\"]\nscope = { claim = 7 }\n", FindingCode::WrongType),
        ("audience = [\"b\"]\nalgorithms = [\"HS256\"]\n", FindingCode::BadValue),
        ("audience = [\"b\"]\ntoken_types = []\n", FindingCode::EmptyValue),
        ("audience = [\"b\"]\nkeys = { jwks_url = \"http://b.example/\" }\n", FindingCode::BadUrl),
        ("audience = [\"b\"]\nmode = \"introspection\"\n", FindingCode::MissingKey),
        ("audience = [\"b\"]\nrequire = [{ claim = \"$.a\" }]\n", FindingCode::Conflict),
        ("audience = [\"b\"]\naccess_token = [{ equals = 1 }]\n", FindingCode::MissingKey),
        ("audience = [\"b\"]\nidentiy = {}\n", FindingCode::UnknownKey),
        ("", FindingCode::MissingKey),
    ] {
        let text = format!("{}{}{wrong}{}", good("a"), bare("b"), good("c"));
        assert_eq!(codes(&text), [code], "{text}");
        assert!(Config::parse(text.as_bytes(), "f").config.is_none(), "{text}");
    }
}
