//! `mode` and `[profiles.NAME.introspection]`: what they may say, and every way to get it wrong.

use crate::config::tests::findings;
use crate::config::{Config, Effective, KeySource, effective};

fn effective_of(text: &str, name: &str) -> Vec<Effective> {
    effective(text, (0, text), name)
}
use crate::finding::FindingCode;
use crate::introspection::{ClientAuth, ClientCertificate, ClientSecret, OnlineCheck, OnlineKind};
use crate::reach::FilePath;

const HEAD: &str = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nmode = \"introspection\"\n";

fn profile(table: &str) -> String {
    format!("{HEAD}[profiles.corp.introspection]\n{table}")
}

fn codes(text: &str) -> Vec<FindingCode> {
    findings(text).iter().map(|finding| finding.code).collect()
}

fn online(text: &str) -> OnlineCheck {
    let parsed = Config::parse(text.as_bytes(), "f");
    let config = parsed.config.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.findings));
    match &config.profiles()[0].keys {
        KeySource::Online(check) => check.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

const CLIENT: &str = "client_id = \"pg\"\nclient_secret_file = \"s\"\n";
const ENDPOINT: &str = "endpoint = \"https://idp.example/introspect\"\n";

#[test]
fn introspection_is_described_in_full() {
    let check = online(&profile(&format!("{ENDPOINT}{CLIENT}")));
    let client = ClientSecret { client_id: "pg".into(), secret_file: "s".into() };
    assert_eq!((check.kind, check.token_param.as_str()), (OnlineKind::Introspection, "token"));
    assert_eq!(check.auth, ClientAuth::Basic(client.clone()));
    assert_eq!(
        (check.reach.connect_timeout.as_secs(), check.reach.timeout.as_secs(), check.scope_separator),
        (2, 5, None)
    );
    let check = online(&profile(&format!(
        "{ENDPOINT}{CLIENT}auth = \"post\"\ntoken_param = \"t\"\nscope_separator = \",\"\n[profiles.corp.keys]\nca_file = \"ca\"\nproxy = \"http://p\"\ntimeout = \"3s\"\n"
    )));
    assert_eq!(check.auth, ClientAuth::Post(client));
    assert_eq!((check.token_param.as_str(), check.scope_separator.as_deref()), ("t", Some(",")));
    assert_eq!(
        (check.reach.ca, check.reach.proxy.as_deref(), check.reach.timeout.as_secs()),
        (Some(FilePath("ca".to_owned())), Some("http://p"), 3)
    );
    let bearer = online(&profile(&format!("{ENDPOINT}auth = \"bearer\"\nclient_secret_file = \"s\"\n")));
    assert_eq!(bearer.auth, ClientAuth::Bearer { secret_file: "s".into() });
    assert_eq!(online(&profile(&format!("{ENDPOINT}auth = \"none\"\n"))).auth, ClientAuth::None);
    let public = online(&profile(&format!("{ENDPOINT}auth = \"none\"\nclient_id = \"pg\"\n")));
    assert_eq!(public.auth, ClientAuth::Public { client_id: "pg".into() });
}

#[test]
fn basic_as_it_is_takes_no_name_that_ends_early() {
    let with = |auth: &str, id: &str| {
        profile(&format!("{ENDPOINT}auth = \"{auth}\"\nclient_id = \"{id}\"\nclient_secret_file = \"s\"\n"))
    };
    for id in ["pg", "rs+1 %41/=\u{e4}", "p\\\\g"] {
        let ClientAuth::BasicRaw(client) = online(&with("basic-raw", id)).auth else { panic!("{id}") };
        assert_eq!((client.client_id, client.secret_file), (id.replace("\\\\", "\\"), "s".into()));
    }
    for id in ["p:g", ":", "pg:", "p\\ng", "p\\u0000g", "p\\u0085"] {
        assert_eq!(codes(&with("basic-raw", id)), [FindingCode::BadValue], "{id}");
        for auth in ["basic", "post"] {
            assert_eq!(codes(&with(auth, id)), [], "{id}: {auth} has other ways to say it");
        }
    }
    for missing in [CLIENT.replace("client_id = \"pg\"\n", ""), CLIENT.replace("client_secret_file = \"s\"\n", "")] {
        let text = profile(&format!("{ENDPOINT}auth = \"basic-raw\"\n{missing}"));
        assert_eq!(codes(&text), [FindingCode::MissingKey], "{missing}");
    }
    for word in ["basic_raw", "Basic-Raw", "raw"] {
        assert_eq!(codes(&with(word, "pg")), [FindingCode::BadValue], "{word}");
    }
}

#[test]
fn tokeninfo_needs_a_list_of_clients() {
    let text = profile(ENDPOINT).replace("\"introspection\"\n", "\"tokeninfo\"\n");
    assert_eq!(codes(&text), [FindingCode::Conflict]);
    let clients = "clients = { claims = [\"$.azp\"], allow = [\"c\"] }\n[profiles.corp.introspection]";
    let check = online(&text.replace("[profiles.corp.introspection]", clients));
    assert_eq!((check.kind, check.auth), (OnlineKind::Tokeninfo, ClientAuth::None));
    assert_eq!(check.token_param, "access_token");
}

#[test]
fn whatever_is_missing_or_wrong_is_named() {
    assert_eq!(codes(HEAD), [FindingCode::MissingKey]);
    for (table, wanted) in [
        (CLIENT.to_owned(), vec![FindingCode::MissingKey]),
        (ENDPOINT.to_owned(), vec![FindingCode::MissingKey, FindingCode::MissingKey]),
        (format!("{ENDPOINT}client_id = \"pg\"\n"), vec![FindingCode::MissingKey]),
        (format!("{ENDPOINT}auth = \"bearer\"\n"), vec![FindingCode::MissingKey]),
        (format!("{ENDPOINT}auth = \"digest\"\n"), vec![FindingCode::BadValue]),
        (format!("{CLIENT}endpoint = \"http://idp.example/i\"\n"), vec![FindingCode::BadUrl]),
        (format!("{CLIENT}endpoint = \"https://good@evil.example/i\"\n"), vec![FindingCode::BadUrl]),
        (format!("{CLIENT}endpoint = 1\n"), vec![FindingCode::WrongType]),
        (format!("{ENDPOINT}{CLIENT}token_param = \"\"\n"), vec![FindingCode::EmptyValue]),
        (format!("{ENDPOINT}{CLIENT}scope_separator = \"\"\n"), vec![FindingCode::EmptyValue]),
        (format!("{ENDPOINT}{CLIENT}surprise = 1\n"), vec![FindingCode::UnknownKey]),
        (
            format!("{ENDPOINT}client_secret = \"x\"\n"),
            vec![FindingCode::MissingKey, FindingCode::MissingKey, FindingCode::UnknownKey],
        ),
    ] {
        let mut found = codes(&profile(&table));
        found.sort();
        let mut wanted = wanted;
        wanted.sort();
        assert_eq!(found, wanted, "{table}");
    }
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let none = format!("{ENDPOINT}auth = \"none\"\n{CLIENT}");
    assert_eq!(codes(&profile(&none)), [FindingCode::UnusedSetting]);
    let bearer = format!("{ENDPOINT}auth = \"bearer\"\n{CLIENT}");
    assert_eq!(codes(&profile(&bearer)), [FindingCode::UnusedSetting]);
    let keys = format!("{ENDPOINT}{CLIENT}[profiles.corp.keys]\njwks_file = \"k\"\nmax_ttl = \"1h\"\n");
    assert_eq!(codes(&profile(&keys)), [FindingCode::UnusedSetting, FindingCode::UnusedSetting]);
    let jwt = profile(&format!("{ENDPOINT}{CLIENT}")).replace("mode = \"introspection\"\n", "");
    assert_eq!(codes(&jwt), [FindingCode::UnusedSetting]);
    let misspelt = jwt.replace("client_id", "client_ident");
    assert_eq!(codes(&misspelt), [FindingCode::UnusedSetting, FindingCode::UnknownKey]);
    let signed = profile(&format!("{ENDPOINT}{CLIENT}"))
        .replace("mode =", "algorithms = [\"RS256\"]\ntoken_types = [\"JWT\"]\nmode =");
    assert_eq!(codes(&signed), [FindingCode::UnusedSetting, FindingCode::UnusedSetting]);
}

#[test]
fn http_does_not_go_through_a_proxy() {
    let local = ENDPOINT.replace("https://idp.example", "http://localhost:8080");
    let text = profile(&format!("{local}{CLIENT}[profiles.corp.keys]\ninsecure_http = true\n"));
    assert_eq!(codes(&text), [FindingCode::InsecureHttp]);
    let proxied = format!("{text}proxy = \"http://p:3128\"\n");
    assert_eq!(codes(&proxied), [FindingCode::Conflict, FindingCode::InsecureHttp]);
}

#[test]
fn only_what_holds_is_listed() {
    let settings = effective_of(&profile(&format!("{ENDPOINT}{CLIENT}")), "corp");
    let of = |key: &str| settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str());
    assert_eq!(of("introspection.endpoint"), Some("\"https://idp.example/introspect\""));
    assert_eq!((of("introspection.auth"), of("introspection.token_param")), (Some("\"basic\""), Some("\"token\"")));
    assert_eq!((of("introspection.client_secret_file"), of("keys.timeout")), (Some("\"s\""), Some("\"5s\"")));
    for key in ["algorithms", "token_types", "keys.max_ttl", "keys.deny_kids", "introspection.scope_separator"] {
        assert_eq!(of(key), None, "{key}");
    }
    let google =
        "[profiles.g]\npreset = \"google\"\naudience = [\"c\"]\nclients = { claims = [\"$.azp\"], allow = [\"c\"] }\n";
    let settings = effective_of(google, "g");
    let of = |key: &str| settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str());
    assert_eq!(
        (of("introspection.auth"), of("introspection.token_param")),
        (Some("\"none\""), Some("\"access_token\""))
    );
    assert_eq!(of("introspection.endpoint"), Some("\"https://oauth2.googleapis.com/tokeninfo\""));
    let jwt = profile(&format!("{ENDPOINT}{CLIENT}")).replace("mode = \"introspection\"\n", "");
    assert!(effective_of(&jwt, "corp").iter().all(|setting| !setting.key.starts_with("introspection")));
}

#[test]
fn the_email_of_tokeninfo_may_be_that_of_somebody_else() {
    let text =
        "[profiles.g]\npreset = \"google\"\naudience = [\"c\"]\nclients = { claims = [\"$.azp\"], allow = [\"c\"] }\n";
    assert_eq!(codes(text), []);
    let email = format!("{text}identity = {{ claim = \"$.email\", verified_by = \"$.email_verified\" }}\n");
    assert_eq!(codes(&email), [FindingCode::MutableIdentity]);
}

#[test]
fn a_certificate_has_its_key_and_somebody_to_be_shown_to() {
    let with =
        |keys: &str| profile(&format!("{ENDPOINT}auth = \"none\"\nclient_id = \"pg\"\n[profiles.corp.keys]\n{keys}"));
    let (cert, key) = ("client_cert_file = \"pg.crt\"\n", "client_key_file = \"pg.key\"\n");
    let check = online(&with(&format!("{cert}{key}")));
    let certificate = ClientCertificate { cert_file: "pg.crt".to_owned(), key_file: "pg.key".to_owned() };
    assert_eq!((check.certificate, check.auth), (Some(certificate), ClientAuth::Public { client_id: "pg".to_owned() }));
    assert_eq!(online(&with("timeout = \"3s\"\n")).certificate, None);
    for half in [cert, key] {
        assert_eq!(codes(&with(half)), [FindingCode::MissingKey], "{half}");
    }
    assert_eq!(codes(&with(&format!("{cert}client_key_file = \"\"\n"))), [FindingCode::EmptyValue]);
    let jwt = HEAD.replace("mode = \"introspection\"\n", "");
    assert_eq!(codes(&format!("{jwt}[profiles.corp.keys]\n{cert}{key}")), [FindingCode::UnusedSetting; 2]);
}
