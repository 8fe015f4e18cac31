//! A configuration for each finding of `check`, in the order of the manual.

use crate::server_files::{CONF, ISSUER, LINE, MAP, folder};
use crate::support::{CONFIG, Folder, corp, two_of_one_issuer};
use oauth_validator_fixtures::keys;
use serde_json::json;

/// A file that is checked.
pub struct Case {
    /// Of the snapshot.
    pub name: &'static str,
    /// What must be found, in any order.
    pub codes: &'static [&'static str],
    /// Behind the name of the configuration.
    pub args: &'static [&'static str],
    pub folder: Folder,
}

fn case(name: &'static str, codes: &'static [&'static str], config: &str) -> Case {
    Case { name, codes, args: &[], folder: Folder::new(config) }
}

/// Lines added to the everyday profile, in which one thing is wrong.
fn with(name: &'static str, codes: &'static [&'static str], lines: &str) -> Case {
    case(name, codes, &corp(lines, ""))
}

/// Every case; each makes a folder of its own.
pub fn cases() -> Vec<Case> {
    let groups = [
        of_the_text(),
        of_values(),
        of_profiles(),
        of_warnings(),
        of_wide_doors(),
        of_other_files(),
        of_the_server(),
        of_its_lines(),
        of_teams(),
    ];
    groups.into_iter().flatten().collect()
}

/// A main file with the everyday profile, and a team's file beside it.
fn of_teams() -> Vec<Case> {
    let team = |name: &'static str, codes: &'static [&'static str], main: &str, text: &str| {
        let case = case(name, codes, main);
        std::fs::create_dir(case.folder.path("oauth-validator.d")).expect("a folder");
        case.folder.write("oauth-validator.d/partner.toml", text);
        case
    };
    let partner = |lines: &str| {
        let lines = format!("issuer = \"https://partner.example\"\n{lines}");
        corp(&lines, "").replace("corp]", "partner]")
    };
    let prefixed = |prefix: &str| format!("identity = {{ prefix = \"{prefix}\" }}");
    let reserved = "reserved_prefixes = [\"partner:\"]\n";
    vec![
        team("team-valid", &[], &format!("{reserved}{}", corp("", "")), &partner(&prefixed("partner:"))),
        team("team-unknown_key", &["unknown_key"], &corp("", ""), &partner("audiance = [\"api://postgres\"]")),
        team("team-defaults", &["unknown_key"], &corp("", ""), "[defaults]\nclock_skew = \"1min\"\n"),
        team("profile_twice", &["profile_twice"], &corp("", ""), &partner("").replace("partner]", "corp]")),
        team("shared_line-team", &["shared_line"], &corp("", ""), &corp("", "").replace("corp]", "partner]")),
        team("shared_prefix", &["shared_prefix"], &corp(&prefixed("partner:"), ""), &partner(&prefixed("p"))),
        team("prefix_unreserved", &["prefix_unreserved"], &corp("", ""), &partner(&prefixed("partner:"))),
    ]
}

fn of_the_text() -> Vec<Case> {
    let not_utf8 = case("not_utf8", &["not_utf8"], "");
    std::fs::write(not_utf8.folder.path(CONFIG), b"# gr\xfc\xdfe\n[profiles.corp]\n").expect("it is written");
    let writable = case("config_unreadable", &["config_unreadable"], &corp("", ""));
    writable.folder.chmod(CONFIG, 0o666);
    vec![
        case("valid", &[], &corp("", "")),
        case("trusts_nobody", &[], "# nothing yet\n"),
        not_utf8,
        writable,
        case("syntax", &["syntax"], "[profiles.corp\nissuer = \"https://idp.example\"\n"),
        case("syntax-twice", &["syntax"], &corp("audience = [\"a\"]\naudience = [\"b\"]", "")),
        with("unknown_key", &["unknown_key"], "audiance = [\"api://postgres\"]"),
        case("unknown_key-table", &["unknown_key"], &corp("", "[profile.second]\npreset = \"okta\"\n")),
    ]
}

fn of_values() -> Vec<Case> {
    let certificates = "keys = { jwks = '{\"f6a1\": \"-----BEGIN CERTIFICATE-----\"}' }";
    vec![
        with("wrong_type", &["wrong_type"], "clock_skew = 30"),
        case("missing_key", &["missing_key"], "[profiles.corp]\npreset = \"okta\"\n"),
        with("empty_value", &["empty_value"], "audience = []"),
        with("empty_value-string", &["empty_value"], "audience = [\"api://postgres\", \"\"]"),
        with("out_of_range", &["out_of_range"], "clock_skew = \"6min\""),
        with("bad_value", &["bad_value"], "algorithms = [\"HS256\"]"),
        with("bad_value-duration", &["bad_value"], "max_lifetime = \"1 month\""),
        with("bad_value-preset", &["bad_value"], "preset = \"keyclaok\""),
        case(
            "bad_value-raw_client",
            &["bad_value"],
            "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"api://postgres\"]\nscope.required = [\"db.connect\"]\n\
             mode = \"introspection\"\n[profiles.corp.introspection]\nendpoint = \"https://idp.example/introspect\"\n\
             auth = \"basic-raw\"\nclient_id = \"urn:db:pg\"\nclient_secret_file = \"secret\"\n",
        ),
        case("bad_name", &["bad_name"], &corp("", "").replace("corp]", "Corp]")),
        with("bad_name-claim", &["bad_name"], "session = { claims = { \"Tenant ID\" = \"$.tid\" } }"),
        with("bad_url", &["bad_url"], "issuer = \"http://acme.okta.example/oauth2/aus000001\""),
        with("bad_url-well-known", &["bad_url"], "issuer = \"https://idp.example/.well-known/openid-configuration\""),
        with("bad_url-proxy", &["bad_url"], "keys = { proxy = \"https://proxy.corp.example:3128\" }"),
        with("bad_value-token_issuers", &["bad_value"], "token_issuers = [\"https://idp.example\\n\"]"),
        with("bad_jsonpath", &["bad_jsonpath"], "identity = { claim = \"uid\" }"),
        with(
            "bad_jsonpath-hyphen",
            &["bad_jsonpath"],
            "roles = { claim = \"$.resource_access.pg-prod.roles[*]\", exact = true }",
        ),
        with("bad_jsonpath-url", &["bad_jsonpath"], "identity = { claim = \"$.https://corp.example/user\" }"),
        with(
            "bad_jsonpath-typed",
            &["bad_jsonpath"],
            "require = [{ claim = \"$.groups[?length(@.*) < 3]\", present = true }]",
        ),
        with(
            "bad_jsonpath-pattern",
            &["bad_jsonpath"],
            "require = [{ claim = \"$.groups[?match(@, $.name)]\", present = true }]",
        ),
        with("bad_pattern-parentheses", &["bad_pattern"], "identity = { claim = \"$.uid\", pattern = 'ana)|(bob' }"),
        with("bad_pattern", &["bad_pattern"], "identity = { claim = \"$.uid\", pattern = '(?=00u).*' }"),
        with("bad_keys-certificates", &["bad_keys"], certificates),
        with("bad_keys", &["bad_keys"], "keys = { jwks = '{\"keys\": []}' }"),
    ]
}

fn of_profiles() -> Vec<Case> {
    let twice = corp("", "") + &corp("", "").replace("corp]", "second]");
    let proxied = "keys = { insecure_http = true, proxy = \"http://proxy.corp.example:3128\" }";
    let sources = "[profiles.corp.keys]\njwks_file = \"corp.jwks.json\"\npem_file = \"corp.pem\"\n";
    vec![
        with("conflict", &["conflict"], "audience = \"none\""),
        with("conflict-token_issuers", &["conflict"], "token_issuers = \"none\""),
        with("conflict-rules", &["conflict"], "scope = { claim = \"none\" }"),
        with("conflict-rule", &["conflict"], "require = [{ claim = \"$.tid\", equals = \"a\", absent = true }]"),
        with(
            "conflict-absent",
            &["conflict"],
            "require = [{ claim = \"$.groups[?@ == 'contractor']\", absent = true }]",
        ),
        with("conflict-absent-deep", &["conflict"], "require = [{ claim = \"$..contractor\", absent = true }]"),
        with("conflict-roles", &["conflict"], "roles = { claim = \"$.a[*]\", names_of = \"$.a\", exact = true }"),
        case("shared_line", &["shared_line"], &twice),
        case("shared_issuer", &["shared_issuer", "shared_audience"], &two_of_one_issuer()),
        with("conflict-proxy", &["conflict", "insecure_http"], proxied),
        with("conflict-deny_kids", &["conflict"], "keys = { pem_file = \"corp.pem\", deny_kids = [\"2026-03\"] }"),
        case("key_source", &["key_source"], &corp("", sources)),
    ]
}

fn of_warnings() -> Vec<Case> {
    let roles = "roles = { claim = \"$.pg_groups[*]\", exact = true, privileged = \"allow\" }";
    let local = corp("issuer = \"http://127.0.0.1:8080\"\nkeys = { insecure_http = true }", "");
    vec![
        with("mutable_identity", &["mutable_identity"], "identity = { claim = \"$.preferred_username\" }"),
        with("mutable_identity-email", &["mutable_identity"], "identity = { claim = \"$.email\" }"),
        with("long_lifetime", &["long_lifetime"], "max_lifetime = \"48h\""),
        with("privileged_roles", &["privileged_roles"], roles),
        with(
            "split_roles",
            &["privileged_roles", "split_roles"],
            "roles = { claim = \"$.groups\", separator = \", \", exact = true, privileged = \"allow\" }",
        ),
        with("deep_path", &["deep_path"], "identity = { claim = \"$..uid\" }"),
        with("deep_path-roles", &["deep_path"], "roles = { claim = \"$..roles[*]\", exact = true }"),
        case("insecure_http", &["insecure_http"], &local),
        with("unused_setting-session", &["unused_setting"], "session = { grace = \"5min\", max = \"12h\" }"),
        with("unused_setting", &["unused_setting"], "keys = { jwks_file = \"corp.jwks.json\", max_ttl = \"1h\" }"),
        case(
            "report_only",
            &["report_only"],
            &corp("", "[[profiles.corp.require]]\nclaim = \"$.acr\"\nequals = \"phr\"\nreport_only = true\n"),
        ),
        with("any_token_kind", &["any_token_kind"], "token_kind = \"any\""),
        case(
            "kind_untold",
            &["kind_untold"],
            &corp("scope = { claim = \"none\" }", "[[profiles.corp.require]]\nclaim = \"$.uid\"\npresent = true\n"),
        ),
        with("service_subject", &["service_subject"], "preset = \"rfc9068\"\nidentity = { claim = \"$.sub\" }"),
        with("any_token_kind-preset", &["any_token_kind"], "preset = \"okta\"\ntoken_kind = \"any\""),
    ]
}

/// Warnings about what lets in more than is meant.
fn of_wide_doors() -> Vec<Case> {
    let issuer = "https://acme.okta.example/oauth2/aus000001";
    let clients =
        |claims: &str| format!("audience = \"none\"\nclients = {{ claims = [{claims}], allow = [\"{issuer}\"] }}");
    let identity = |claim: &str| format!("identity = {{ claim = \"{claim}\" }}");
    let verified = "identity = { claim = \"$.email\", verified_by = \"$.email_verified\" }";
    let customers = corp(&identity("$.sub"), "").replace(issuer, "https://corp.b2clogin.com/TENANT/v2.0/");
    let asked = corp("max_lifetime = \"30d\"\nmode = \"introspection\"\nkeys = {}\n", "")
        .replace("token_types = [\"\", \"JWT\"]\n", "")
        .replace("keys = {}\n", "introspection = { endpoint = \"https://idp.example/i\", auth = \"none\" }\n");
    vec![
        with("common_audience", &["common_audience"], "audience = [\"account\"]"),
        with("common_audience-scopes", &["common_audience"], "audience = [\"openid db.connect\"]"),
        with("common_audience-issuer", &["common_audience"], &format!("audience = [\"{issuer}\"]")),
        with("no_client_claim", &["no_client_claim"], &clients("\"$.iss\"")),
        with("literal_issuer", &["literal_issuer"], "token_issuers = [\"https://*.okta.example/oauth2/aus000001\"]"),
        with("mutable_identity-verified", &["mutable_identity"], verified),
        with("mutable_identity-nested", &["mutable_identity"], &identity("$.user.login")),
        with("mutable_identity-url", &["mutable_identity"], &identity("$['https://corp.example/email']")),
        with("mutable_identity-cognito", &["mutable_identity"], &identity("$['cognito:username']")),
        case("mutable_identity-customers", &["mutable_identity"], &customers),
        case("long_lifetime-asked", &["long_lifetime"], &asked),
    ]
}

fn of_other_files() -> Vec<Case> {
    let asking = "mode = \"introspection\"\nkeys = {}\nintrospection = { endpoint = \"https://idp.example/i\", \
                  client_id = \"pg\", client_secret_file = \"secret\" }";
    let asking = corp(asking, "").replace("keys = {}\n", "").replace("token_types = [\"\", \"JWT\"]\n", "");
    let asking = asking.replace("keys = { jwks_file = \"corp.jwks.json\" }\n", "");
    let readable = case("secret_readable", &["secret_readable"], &asking);
    readable.folder.write("secret", "s3cret");
    readable.folder.chmod("secret", 0o644);
    let missing = case("keys_unavailable", &["keys_unavailable"], &corp("", ""));
    std::fs::remove_file(missing.folder.path("corp.jwks.json")).expect("it was there");
    let left_out = case("key_left_out", &["key_left_out"], &corp("", ""));
    let mut short = keys::p256().public_jwk();
    short["x"] = "AAAA".into();
    left_out.folder.write("corp.jwks.json", &json!({ "keys": [keys::corp().public_jwk(), short] }).to_string());
    let empty = case("keys_unavailable-empty", &["keys_unavailable"], &corp("", ""));
    empty.folder.write("corp.jwks.json", "{\"keys\": []}");
    let audiences = "preset = \"okta\"\naudience = [\"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\", \"api://postgres\"]";
    vec![
        readable,
        missing,
        empty,
        left_out,
        case("introspection_unavailable", &["introspection_unavailable"], &asking),
        Case { args: &["--effective"], ..with("effective-settings", &[], audiences) },
        Case { args: &["--effective"], ..with("effective", &["unknown_key"], "audiance = 1") },
        case(
            "several",
            &["unknown_key", "empty_value", "out_of_range"],
            &corp("audience = []\naudiance = 1\nclock_skew = \"6min\"", ""),
        ),
    ]
}

/// The server's files: pg_hba.conf is the last but one, pg_ident.conf the last.
fn served(name: &'static str, codes: &'static [&'static str], config: &str, [conf, hba, ident]: [&str; 3]) -> Case {
    Case { name, codes, args: &["--pgdata", "data"], folder: folder(config, conf, hba, ident) }
}

fn of_the_server() -> Vec<Case> {
    let plain = |name, codes, files| served(name, codes, &corp("", ""), files);
    let without_ident = plain("ident_unreadable", &["ident_unreadable"], [CONF, LINE, MAP]);
    std::fs::remove_file(without_ident.folder.path("data/pg_ident.conf")).expect("it was there");
    let other_build = plain("library_differs", &["library_differs"], [CONF, LINE, MAP]);
    std::fs::create_dir_all(other_build.folder.path("pg/lib")).expect("a folder");
    other_build.folder.write("data/postmaster.opts", "pg/bin/postgres \"-D\" \"data\"\n");
    other_build.folder.write("pg/lib/oauth_validator.so", "@(#)oauth_validator 9.8.7 commit= rustc= postgresql=18.6\0");
    let other = "ssl = on\noauth_validator_libraries = 'my_validator'\n";
    let without_tls = "oauth_validator_libraries = oauth_validator\n";
    vec![
        plain("valid-server", &[], [CONF, LINE, MAP]),
        plain("server_line", &["server_line"], [CONF, &format!("local all all truts\n{LINE}"), MAP]),
        plain("server_line-ident", &["server_line"], [CONF, LINE, &format!("{MAP}okta 00u\n")]),
        plain("library_missing", &["library_missing"], ["ssl = on\n", LINE, MAP]),
        plain("library_missing-other", &["library_missing"], [other, LINE, MAP]),
        other_build,
        without_ident,
        plain("tls_off", &["tls_off"], [without_tls, LINE, MAP]),
    ]
}

fn of_its_lines() -> Vec<Case> {
    let plain = |name, codes, hba: &str| served(name, codes, &corp("", ""), [CONF, hba, MAP]);
    let libraries = "ssl = on\noauth_validator_libraries = 'my_validator, oauth_validator'\n";
    let own = LINE.replace("map=okta", "map=okta validator=oauth_validator");
    let other = "hostssl all all all oauth issuer=https://idp.example scope=pg validator=my_validator\n";
    let partner = corp("issuer = \"https://partner.example\"\naudience = [\"pg\"]", "").replace("corp]", "partner]");
    let second = LINE.replace(ISSUER, "https://partner.example").replace("all all all", "sales all all");
    let names = LINE.replace("map=okta", "map=okta validator.profile=\"corp, crop\"");
    let unknown = plain("unknown_profile", &["unknown_profile"], &names);
    unknown.folder.write("data/PG_VERSION", "19\n");
    let object_id = corp("identity = { claim = \"$.oid\" }", "");
    vec![
        plain(
            "issuer_unserved",
            &["issuer_unserved"],
            &(LINE.replace("aus000001", "default").replace("all all all", "sales all all") + LINE),
        ),
        plain("profile_unreached", &["profile_unreached"], "local all all peer\n"),
        unknown,
        plain(
            "delegation_unconfigured",
            &["delegation_unconfigured"],
            &LINE.replace("map=okta", "delegate_ident_mapping=1"),
        ),
        served("shared_map", &["shared_map"], &(corp("", "") + &partner), [CONF, &(second + LINE), MAP]),
        served("map_missing", &["map_missing"], &object_id, [CONF, &LINE.replace(" map=okta", ""), MAP]),
        served(
            "superuser_by_map",
            &["superuser_by_map"],
            &corp("", ""),
            [CONF, LINE, "okta /^(.*)@corp\\.example$ \\1\n"],
        ),
        served("server_line-reference", &["server_line"], &corp("", ""), [CONF, LINE, "okta /^(a)\\2$ ana\n"]),
        plain("delegation_off", &["delegation_off"], &LINE.replace("map=okta", "map=okta delegate_ident_mapping=yes")),
        plain("option_twice", &["option_twice"], &LINE.replace("scope=", "scope=openid scope=")),
        plain("scope_comma", &["scope_comma"], &LINE.replace("openid db.connect", "openid,db.connect")),
        plain("map_unknown", &["map_unknown"], &LINE.replace("map=okta", "map=otka")),
        plain("token_in_clear", &["token_in_clear"], &LINE.replace("hostssl", "host")),
        plain(
            "token_in_clear-here",
            &["token_in_clear"],
            &LINE.replace("hostssl all all all", "host all all 127.0.0.1/32"),
        ),
        plain("token_in_clear-gssapi", &["token_in_clear"], &LINE.replace("hostssl", "hostgssenc")),
        plain("shadowed_line", &["shadowed_line"], &format!("host all all all scram-sha-256\n{LINE}")),
        served("other_validator", &["other_validator"], &corp("", ""), [libraries, &(own + other), MAP]),
        plain("not_judged", &["not_judged"], &LINE.replace("all all all", "all /^(?!root) all")),
    ]
}
