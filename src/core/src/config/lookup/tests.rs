//! `[profiles.NAME.lookup]`: what it may say, and every way to get it wrong.

use crate::config::Config;
use crate::config::tests::findings;
use crate::finding::FindingCode;
use crate::lookup::{Lookup, OF_THE_TOKEN, Source, Userinfo};

const HEAD: &str = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n";
const DBA: &str = "require = [{ claim = \"$.groups\", contains = \"dba\" }]\n";

fn codes(text: &str) -> Vec<FindingCode> {
    findings(text).iter().map(|finding| finding.code).collect()
}

fn read(text: &str) -> Lookup {
    let parsed = Config::parse(text.as_bytes(), "f");
    let config = parsed.config.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.findings));
    assert_eq!(parsed.findings, [], "{text}");
    config.profiles()[0].lookup.as_ref().expect("a lookup").value.clone()
}

#[test]
fn the_endpoint_is_written_or_that_of_the_metadata() {
    let lookup = |keys: &str, endpoint: &str| {
        read(&format!("{HEAD}{DBA}{keys}lookup = {{ kind = \"userinfo\", claims = [\"groups\"]{endpoint} }}\n"))
    };
    let written = ", endpoint = \"https://idp.example/userinfo\"";
    let endpoint = Source::Userinfo(Userinfo::Endpoint("https://idp.example/userinfo".to_owned()));
    for keys in [
        "",
        "keys = { jwks_url = \"https://idp.example/jwks\" }\n",
        "keys = { jwks_file = \"k\", ca_file = \"ca\", timeout = \"7s\" }\n",
        "mode = \"introspection\"\nintrospection = { endpoint = \"https://idp.example/i\", auth = \"none\" }\n",
    ] {
        assert_eq!(lookup(keys, written).source, endpoint, "{keys}");
    }
    let reach = lookup("keys = { jwks_file = \"k\", ca_file = \"ca\", timeout = \"7s\" }\n", written).reach;
    assert_eq!((reach.timeout.as_secs(), reach.ca.map(|file| file.0).as_deref()), (7, Some("ca")));
    let by_metadata = |discovery_url: Option<&str>| {
        Source::Userinfo(Userinfo::Metadata {
            issuer: "https://idp.example".to_owned(),
            discovery_url: discovery_url.map(str::to_owned),
            allowed_hosts: Vec::new(),
        })
    };
    assert_eq!(lookup("", "").source, by_metadata(None));
    let url = "https://idp.example/meta";
    assert_eq!(lookup(&format!("keys = {{ discovery_url = \"{url}\" }}\n"), "").source, by_metadata(Some(url)));
}

#[test]
fn without_metadata_the_endpoint_must_be_written() {
    for keys in [
        "keys = { jwks_url = \"https://idp.example/jwks\" }\n",
        "keys = { jwks_file = \"k\" }\n",
        "mode = \"introspection\"\nintrospection = { endpoint = \"https://idp.example/i\", auth = \"none\" }\n",
    ] {
        let text = format!("{HEAD}{DBA}{keys}lookup = {{ kind = \"userinfo\", claims = [\"groups\"] }}\n");
        assert_eq!(codes(&text), [FindingCode::MissingKey], "{text}");
    }
}

#[test]
fn what_is_wrong_with_the_table_is_said() {
    for (table, code) in [
        ("{ claims = [\"groups\"] }", FindingCode::MissingKey),
        ("{ kind = \"userinfo\" }", FindingCode::MissingKey),
        ("{ kind = \"userinfo\", claims = [\"groups\"], cache = \"61s\" }", FindingCode::OutOfRange),
        ("{ kind = \"userinfo\", claims = [\"groups\"], cache = 30 }", FindingCode::WrongType),
        ("{ kind = \"ldap\", claims = [\"groups\"] }", FindingCode::BadValue),
        ("{ kind = \"userinfo\", claims = [\"groups\"], groups = [] }", FindingCode::UnusedSetting),
        ("{ kind = \"userinfo\", claims = [] }", FindingCode::EmptyValue),
        ("{ kind = \"userinfo\", claims = \"groups\" }", FindingCode::WrongType),
        ("{ kind = \"userinfo\", claims = [\"groups\"], endpoint = \"http://idp.example/u\" }", FindingCode::BadUrl),
        ("{ kind = \"userinfo\", claims = [\"groups\"], endpoint = \"\" }", FindingCode::EmptyValue),
        ("{ kind = \"userinfo\", claims = [\"groups\"], secret = \"s\" }", FindingCode::UnknownKey),
        ("true", FindingCode::WrongType),
    ] {
        assert_eq!(codes(&format!("{HEAD}{DBA}lookup = {table}\n")), [code], "{table}");
    }
}

#[test]
fn what_is_judged_before_cannot_be_looked_up() {
    for name in OF_THE_TOKEN {
        let rule = format!("require = [{{ claim = \"$.{name}\", present = true }}]\n");
        let text = format!("{HEAD}{rule}lookup = {{ kind = \"userinfo\", claims = [\"{name}\"] }}\n");
        assert!(codes(&text).contains(&FindingCode::Conflict), "{name}");
    }
    for further in [
        "scope = { claim = \"$.groups\" }\n",
        "clients = { claims = [\"$.groups\"], allow = [\"psql\"] }\n",
        "access_token = [{ claim = \"$.groups\", present = true }]\n",
    ] {
        let text = format!("{HEAD}{DBA}{further}lookup = {{ kind = \"userinfo\", claims = [\"groups\"] }}\n");
        assert_eq!(codes(&text), [FindingCode::Conflict], "{text}");
    }
}

#[test]
fn a_claim_that_nothing_looks_at_is_warned_of() {
    let text = |further: &str| format!("{HEAD}{further}lookup = {{ kind = \"userinfo\", claims = [\"groups\"] }}\n");
    assert_eq!(codes(&text("")), [FindingCode::UnusedSetting]);
    for further in [
        DBA,
        "require = [{ claim = \"$.tid\", equals_claim = \"$.groups\" }]\n",
        "require = [{ any = [{ claim = \"$.a\", equals = 1 }, { claim = \"$.groups[0]\", equals = 1 }] }]\n",
        "require = [{ claim = \"$[?@ == 'dba']\", present = true }]\n",
        "require = [{ claim = \"$..groups\", present = true }]\n",
        "identity = { claims = { a = \"$.groups\", b = \"$.sub\" }, format = \"{a}:{b}\" }\n",
        "identity = { claim = \"$.sub\", verified_by = \"$.groups\" }\n",
        "roles = { claim = \"$.groups[*]\", exact = true }\n",
        "session = { claims = { groups = \"$.groups[*]\" } }\n",
    ] {
        assert_eq!(codes(&text(further)), [], "{further}");
    }
}
