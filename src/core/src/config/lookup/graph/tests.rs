//! `kind = "graph"`: tenants, clouds and groups, and rules that would let somebody in because nobody said where they are.

use crate::config::Config;
use crate::config::tests::findings;
use crate::finding::FindingCode;
use crate::lookup::{Graph, Source};

const TENANT: &str = "9a8b7c6d-2222-4eee-9fff-000000000001";
const GROUP: &str = "6f1d2c3b-0000-4a5b-8c6d-222222222222";
const REST: &str = "client_id = \"pg\", client_secret_file = \"s\"";

fn file(issuer: &str, further: &str, lookup: &str) -> String {
    format!(
        "[profiles.entra]\npreset = \"entra\"\nissuer = \"{issuer}\"\naudience = [\"pg\"]\n{further}lookup = {{ kind = \"graph\", {lookup} }}\n"
    )
}

fn dba() -> String {
    format!("require = [{{ claim = \"$.groups\", contains = \"{GROUP}\" }}]\n")
}

fn codes(text: &str) -> Vec<FindingCode> {
    findings(text).iter().map(|finding| finding.code).collect()
}

fn read(issuer: &str, lookup: &str) -> Graph {
    let text = file(issuer, &dba(), &format!("groups = [\"{GROUP}\"], {REST}{lookup}"));
    let parsed = Config::parse(text.as_bytes(), "f");
    let config = parsed.config.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.findings));
    assert_eq!(parsed.findings, [], "{text}");
    let lookup = config.profiles()[0].lookup.as_ref().expect("a lookup").value.clone();
    assert_eq!(lookup.claims, ["groups"]);
    match lookup.source {
        Source::Graph(graph) => graph,
        Source::Userinfo(other) => panic!("{other:?}"),
    }
}

#[test]
fn each_cloud_has_its_login_host() {
    for (login, endpoint) in [
        ("login.microsoftonline.com", "https://graph.microsoft.com"),
        ("login.microsoftonline.us", "https://graph.microsoft.us"),
        ("login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        ("login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
        ("login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    ] {
        let issuer = format!("https://{login}/{TENANT}/v2.0");
        let token_endpoint = format!("https://{login}/{TENANT}/oauth2/v2.0/token");
        for slash in ["", "/"] {
            let graph = read(&issuer, &format!(", endpoint = \"{endpoint}{slash}\""));
            assert_eq!((graph.endpoint.as_str(), &graph.token_endpoint), (endpoint, &token_endpoint));
        }
        if endpoint == "https://graph.microsoft.com" {
            assert_eq!(read(&issuer, "").endpoint, endpoint, "without one");
        }
    }
    let version_1 = read(&format!("https://sts.windows.net/{TENANT}/"), ", endpoint = \"https://graph.microsoft.us\"");
    assert_eq!(version_1.token_endpoint, format!("https://login.microsoftonline.us/{TENANT}/oauth2/v2.0/token"));
    let own = ", endpoint = \"https://graph.corp.example\", token_endpoint = \"https://login.corp.example/t\"";
    let graph = read(&format!("https://login.microsoftonline.com/{TENANT}/v2.0"), own);
    assert_eq!(
        (graph.endpoint.as_str(), graph.token_endpoint.as_str()),
        ("https://graph.corp.example", "https://login.corp.example/t")
    );
    let ciam = read("https://login.corp.example/v2.0", &format!(", tenant = \"{TENANT}\""));
    assert_eq!((ciam.tenant.as_str(), ciam.endpoint.as_str()), (TENANT, "https://graph.microsoft.com"));
}

#[test]
fn what_is_wrong_with_the_table_is_said() {
    let entra = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let groups = format!("groups = [\"{GROUP}\"]");
    let many = |count: usize| {
        let all: Vec<String> = (0..count).map(|at| format!("\"6f1d2c3b-0000-4a5b-8c6d-{at:012}\"")).collect();
        format!("groups = [{}], {REST}", all.join(", "))
    };
    assert_eq!(codes(&file(&entra, &dba(), &many(100))), []);
    for (lookup, code) in [
        (many(101), FindingCode::OutOfRange),
        (REST.to_owned(), FindingCode::MissingKey),
        (format!("groups = [], {REST}"), FindingCode::EmptyValue),
        (format!("groups = \"{GROUP}\", {REST}"), FindingCode::WrongType),
        (format!("groups = [\"dba\"], {REST}"), FindingCode::BadValue),
        (format!("groups = [\"{}\"], {REST}", GROUP.to_ascii_uppercase()), FindingCode::BadValue),
        (format!("groups = [\"{GROUP}\", \"{GROUP}\"], {REST}"), FindingCode::BadValue),
        (format!("{groups}, client_id = \"pg\""), FindingCode::MissingKey),
        (format!("{groups}, client_secret_file = \"s\""), FindingCode::MissingKey),
        (format!("{groups}, client_id = \"\", client_secret_file = \"s\""), FindingCode::EmptyValue),
        (format!("{groups}, {REST}, tenant = \"corp\""), FindingCode::BadValue),
        (format!("{groups}, {REST}, tenant = \"{GROUP}\""), FindingCode::Conflict),
        (format!("{groups}, {REST}, endpoint = \"https://graph.microsoft.us\""), FindingCode::Conflict),
        (format!("{groups}, {REST}, endpoint = \"https://graph.microsoft.com.evil.example\""), FindingCode::MissingKey),
        (format!("{groups}, {REST}, endpoint = \"http://graph.microsoft.com\""), FindingCode::BadUrl),
        (format!("{groups}, {REST}, token_endpoint = \"http://login.microsoftonline.com/t\""), FindingCode::BadUrl),
        (format!("{groups}, {REST}, claims = [\"groups\"]"), FindingCode::UnusedSetting),
        (format!("{groups}, {REST}, cloud = \"us\""), FindingCode::UnknownKey),
    ] {
        assert_eq!(codes(&file(&entra, &dba(), &lookup)), [code], "{lookup}");
    }
    let no_tenant = file("https://login.corp.example/v2.0", &dba(), &format!("{groups}, {REST}"));
    assert_eq!(codes(&no_tenant), [FindingCode::MissingKey]);
    // Groups in the token name scopes or clients: then they cannot come from elsewhere.
    let early = format!("{}scope = {{ claim = \"$.groups\" }}\n", dba());
    assert_eq!(codes(&file(&entra, &early, &format!("{groups}, {REST}"))), [FindingCode::Conflict]);
    assert_eq!(codes(&file(&entra, "", &format!("{groups}, {REST}"))), [FindingCode::UnusedSetting]);
}

/// Graph is asked about some groups only, and hides some of these: nothing may follow from one that is not found.
#[test]
fn no_rule_may_hold_because_a_group_was_not_found() {
    let entra = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let found = |further: &str| codes(&file(&entra, further, &format!("groups = [\"{GROUP}\"], {REST}")));
    for rule in [
        "{ claim = \"$.groups\", contains_none = [\"CONTRACTOR\"] }",
        "{ claim = \"$.groups\", absent = true }",
        "{ claim = \"$.groups[?@ == 'CONTRACTOR']\", absent = true }",
        "{ claim = \"$.groups[0]\", none_of = [\"CONTRACTOR\"] }",
        "{ claim = \"$.groups[*]\", matches = '6f.*', all = true }",
        "{ claim = \"$..groups\", contains_none = [\"CONTRACTOR\"] }",
        "{ claim = \"$[?!@.x]\", present = true }",
        "{ claim = \"$[?length($.groups) < 2]\", present = true }",
        "{ claim = \"$[?count($.groups[*]) < 2]\", present = true }",
        "{ claim = \"$.tid[?$.groups]\", present = true }",
        // Somebody in none of them has an empty list, which is there.
        "{ claim = \"$.groups\", present = true }",
        "{ claim = \"$.groups[*]\", present = true }",
        "{ claim = \"$.groups\", equals = [] }",
        "{ claim = \"$.groups\", equals = [\"A\"] }",
        "{ claim = \"$.groups\", one_of = [[\"A\"]] }",
        // Exactly one, so not in any other.
        "{ claim = \"$.groups[*]\", equals = \"A\" }",
        "{ claim = \"$.groups[*]\", one_of = [\"a\"] }",
        "{ claim = \"$.groups[*]\", contains = \"A\" }",
        "{ claim = \"$.groups[*]\", matches = '6f.*' }",
        "{ claim = \"$.groups[-1]\", equals = \"A\" }",
        "{ claim = \"$.groups[0:1]\", present = true }",
        "{ claim = \"$.groups[?@ == 'A']\", equals = \"A\", all = true }",
        "{ claim = \"$.tid\", equals_claim = \"$.groups[0]\" }",
        "{ claim = \"$[?value(@[*]) == 'A']\", present = true }",
        "{ any = [{ claim = \"$.tid\", equals = \"T\" }, { claim = \"$.groups\", contains_none = [\"C\"] }] }",
    ] {
        assert!(found(&format!("require = [{rule}]\n")).contains(&FindingCode::Conflict), "{rule}");
    }
    let of_role = "roles = { claim = \"$.groups[*]\", map = { a = { roles = [\"r\"], require = [{ claim = \"$.groups\", absent = true }] } } }\n";
    assert_eq!(found(of_role), [FindingCode::Conflict]);
    for further in [
        dba(),
        "require = [{ claim = \"$.groups[?@ == 'G']\", present = true }]\n".to_owned(),
        "require = [{ claim = \"$.groups[?@ == 'G' || match(@, '6f.*')]\", present = true }]\n".to_owned(),
        "require = [{ claim = \"$.roles[?@ != 'x']\", present = true }, { claim = \"$.oid\", equals_claim = \"$.sub\" }]\n".to_owned(),
        format!("{}roles = {{ claim = \"$.groups[*]\", map = {{ \"{GROUP}\" = [\"r\"] }} }}\n", dba()),
        "require = [{ claim = \"$.groups\", contains = \"G\" }, { claim = \"$.tid\", none_of = [\"T\"] }]\n".to_owned(),
    ] {
        assert_eq!(found(&further), [], "{further}");
    }
}
