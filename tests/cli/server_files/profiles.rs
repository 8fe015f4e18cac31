//! `check --pgdata` and two profiles: which of them serve a line, which meet there, and whose identities can be equal.

use super::check::{assert_found, words};
use super::{CONF, ISSUER, folder};
use crate::support::Folder;

const HBA: &str = "data/pg_hba.conf";

/// A profile with settings of its own; its issuer is that of its name unless these have one.
fn profile(name: &str, settings: &str) -> String {
    let issuer = format!("issuer = \"https://{name}.example\"\n");
    let identity = "identity = { claim = \"$.uid\" }\n";
    format!(
        "[profiles.{name}]\n{}audience = [\"{name}\"]\n{}scope = {{ claim = \"$.scp\", required = [\"db.connect\"] }}\n\
         keys = {{ jwks_file = \"corp.jwks.json\" }}\n{settings}\n",
        if settings.contains("issuer = ") { "" } else { &issuer },
        if settings.contains("identity = ") { "" } else { identity },
    )
}

/// A line of pg_hba.conf for these databases, with an issuer and options.
fn line(databases: &str, issuer: &str, options: &str) -> String {
    format!("hostssl {databases} all all oauth issuer=\"{issuer}\" scope=\"openid db.connect\" {options}\n")
}

fn server(profiles: &[String], hba: &str) -> Folder {
    let folder = folder(&profiles.concat(), CONF, hba, "okta 00u ana\n");
    folder.write("data/PG_VERSION", "19\n");
    folder
}

/// Two profiles of one issuer, which serve a database each.
fn by_database(people: &str, batch: &str) -> [String; 2] {
    let of = |name: &str, further: &str| profile(name, &format!("issuer = \"{ISSUER}\"\n{further}"));
    [
        of("people", &format!("databases = [\"app\"]\n{people}")),
        of("batch", &format!("databases = [\"batch\"]\n{batch}")),
    ]
}

const ROLES: &str = "roles = { claim = \"$.groups[*]\", exact = true }\n";

#[test]
fn profiles_that_databases_separate_are_judged_by_their_own_lines() {
    let delegated = line("batch", ISSUER, "delegate_ident_mapping=1");
    let mapped = line("app", ISSUER, "map=okta");
    assert_found(&server(&by_database("", ROLES), &(mapped.clone() + &delegated)), 0, &[]);
    // The twin: the line for delegation takes connections of the profile without roles as well.
    let both = line("app,batch", ISSUER, "delegate_ident_mapping=1");
    let found = server(&by_database("", ROLES), &both);
    assert_found(&found, 1, &[("delegation_unconfigured", HBA, 1)]);
    assert!(words(&found, "delegation_unconfigured").contains("profile \\\"people\\\""));
    for all in ["all", "sameuser", "samerole", "/^(app|batch)$"] {
        let found = server(&by_database("", ROLES), &line(all, ISSUER, "delegate_ident_mapping=1"));
        assert_found(&found, 1, &[("delegation_unconfigured", HBA, 1)]);
    }
    assert_found(
        &server(&by_database("", ROLES), &(mapped + &line("/^b", ISSUER, "delegate_ident_mapping=1"))),
        0,
        &[],
    );
}

#[test]
fn a_map_is_shared_by_the_profiles_whose_lines_use_it() {
    let one_map = line("app", ISSUER, "map=okta") + &line("batch", ISSUER, "map=okta");
    // One provider and one way to name somebody: the same people.
    assert_found(&server(&by_database("", ""), &one_map), 0, &[]);
    assert_found(&server(&by_database("", ""), &line("all", ISSUER, "map=okta")), 0, &[]);
    let other_claim = "identity = { claim = \"$.cid\" }\n";
    let found = server(&by_database("", other_claim), &one_map);
    assert_found(&found, 0, &[("shared_map", HBA, 2)]);
    // Two providers name each other's people, whatever databases these serve.
    let partner = |further: &str| profile("partner", &format!("databases = [\"batch\"]\n{further}"));
    let corp = |further: &str| profile("corp", &format!("databases = [\"app\"]\n{further}"));
    let lines = line("app", "https://corp.example", "map=okta") + &line("batch", "https://partner.example", "map=okta");
    let found = server(&[corp(""), partner("")], &lines);
    assert_found(&found, 0, &[("shared_map", HBA, 2)]);
    assert!(words(&found, "shared_map").contains("\\\"corp\\\" has no identity.prefix"));
    let fallback = |prefix: &str, own: &str| {
        format!(
            "identity = {{ claim = \"$.uid\", prefix = \"{own}\", fallback = {{ claim = \"$.azp\", prefix = \"{prefix}\" }} }}\n"
        )
    };
    let found = server(&[corp(&fallback("app:", "c:")), partner(&fallback("app:", "p:"))], &lines);
    assert_found(&found, 0, &[("shared_map", HBA, 2)]);
    assert!(words(&found, "shared_map").contains("\\\"corp\\\" has identity.fallback.prefix = \\\"app:\\\""));
    assert_found(&server(&[corp(&fallback("ca:", "c:")), partner(&fallback("pa:", "p:"))], &lines), 0, &[]);
    // A map of its own each, or none of the other's connections.
    let apart =
        lines.replace("partner.example\" scope=\"openid db.connect\" map=okta", "partner.example\" scope=x map=other");
    assert_found(&server(&[corp(""), partner("")], &apart), 0, &[("map_unknown", HBA, 2)]);
}

#[test]
fn profiles_whose_lines_or_databases_differ_share_no_issuer_and_no_audience() {
    let same = "audience = [\"pg\"]\ntoken_issuers = [\"https://idp.example\"]\n";
    let of = |name: &str, further: &str| {
        profile(name, &format!("{same}{further}")).replacen(&format!("audience = [\"{name}\"]\n"), "", 1)
    };
    let found = |a: &str, b: &str| {
        let (one, other) = (of("one", a), of("two", b));
        let hba = line("a", "https://one.example", "map=okta") + &line("b", "https://two.example", "map=okta");
        server(&[one, other], &hba)
    };
    assert_found(&found("", ""), 0, &[]);
    let line_of_both = "hba_issuers = [\"https://one.example\", \"https://two.example\"]\n";
    let prefix = |prefix: &str| format!("identity = {{ claim = \"$.uid\", prefix = \"{prefix}\" }}\n");
    let both = found(&format!("{line_of_both}{}", prefix("a:")), &format!("{line_of_both}{}", prefix("b:")));
    assert!(words(&both, "shared_issuer").contains("https://idp.example"));
    assert!(words(&both, "shared_audience").contains("\\\"pg\\\""));
    let databases = |name: &str| format!("{line_of_both}databases = [\"{name}\"]\n");
    assert_found(&found(&databases("a"), &databases("b")), 0, &[]);
}

#[test]
fn a_line_whose_databases_no_profile_serves_denies_everybody() {
    let found = |settings: &str, databases: &str| {
        let all = [profile("corp", settings), profile("other", "")];
        server(
            &all,
            &(line(databases, "https://corp.example", "map=okta") + &line("all", "https://other.example", "map=mine")),
        )
    };
    let unserved = |settings: &str, databases: &str, words: &str| {
        let folder = found(settings, databases);
        let report = super::check::check(&folder).json();
        let of_corp = report["findings"].as_array().unwrap().iter().find(|found| found["code"] == "issuer_unserved");
        let said = of_corp.map(|found| format!("{} {}", found["message"], found["hint"])).unwrap_or_default();
        assert_eq!(report["valid"], false, "{report:#}");
        assert!(said.contains(words) && said.contains("hba_issuer_unknown"), "no {words:?} in {said}");
    };
    unserved("databases = [\"app\"]\n", "reports", "add it to profiles.corp.databases");
    unserved("databases = [\"app\"]\n", "APP", "does not serve its database");
    unserved("databases = [\"app\"]\n", "reports,/^x", "does not serve any of its databases");
    unserved("", "replication", "profiles.corp.replication = true");
    unserved("replication = true\ndatabases = [\"app\"]\n", "replication", "remove profiles.corp.databases");
    for (settings, databases) in [
        ("databases = [\"app\"]\n", "app"),
        ("databases = [\"app\"]\n", "reports,app"),
        ("databases = [\"app\"]\n", "/^a"),
        ("databases = [\"app\"]\n", "sameuser"),
        ("replication = true\n", "replication"),
        ("", "replication,app"),
    ] {
        let run = super::check::check(&found(settings, databases));
        assert!(!run.stdout.contains("issuer_unserved"), "{settings} {databases}: {}", run.stdout);
    }
}

#[test]
fn profiles_that_a_line_names_meet_where_the_line_takes_both() {
    let named =
        |databases: &str| line(databases, "https://any.example", "map=okta validator.profile=\"corp, partner\"");
    let fallback = |own: &str, prefix: &str| {
        format!(
            "identity = {{ claim = \"$.uid\", prefix = \"{own}\", fallback = {{ claim = \"$.azp\", prefix = \"{prefix}\" }} }}\n"
        )
    };
    let two = |corp: &str, partner: &str, databases: &str| {
        server(&[profile("corp", corp), profile("partner", partner)], &named(databases))
    };
    for (corp, partner) in [
        (fallback("corp:", "app:"), fallback("partner:", "app:")),
        (fallback("corp:", "svc:"), fallback("svc:", "x:")),
        (fallback("corp:", "p"), fallback("partner:", "x:")),
    ] {
        let found = two(&corp, &partner, "all");
        assert!(words(&found, "shared_line").contains("identity.fallback.prefix"), "{corp}");
        // These two, where the line has connections for one of them alone.
        let (corp, partner) = (format!("{corp}databases = [\"a\"]\n"), format!("{partner}databases = [\"b\"]\n"));
        let found = two(&corp, &partner, "a,b").check(&["--pgdata", "data", "--json"]);
        assert!(!found.stdout.contains("shared_line"), "{}", found.stdout);
    }
    let apart =
        |name: &str, further: &str| format!("{}{further}", fallback(&format!("{name}:"), &format!("{name}-app:")));
    assert_found(&two(&apart("corp", ""), &apart("partner", ""), "all"), 0, &[]);
    let issuers = "token_issuers = [\"https://idp.example\"]\n";
    let found = two(&apart("corp", issuers), &apart("partner", issuers), "all");
    assert_found(&found, 0, &[("shared_issuer", HBA, 1)]);
    assert!(words(&found, "shared_issuer").contains("profile_ambiguous"));
}

#[test]
fn a_thousand_findings_of_one_kind_become_twenty_and_their_number() {
    let all: String = (0..1000).map(|at| profile(&format!("p{at}"), &format!("issuer = \"{ISSUER}\"\n"))).collect();
    let run = folder(&all, CONF, "", "").check(&["--json"]);
    let report = run.json();
    let of = |code: &str| report["findings"].as_array().unwrap().iter().filter(|found| found["code"] == code).count();
    assert_eq!((run.code, of("shared_line"), of("shared_issuer"), of("shared_audience")), (1, 21, 21, 0));
    assert!(run.stdout.contains("979 more findings of this kind"), "{}", run.stdout);
    let apart: String = (0..1000).map(|at| profile(&format!("p{at}"), "")).collect();
    let run = folder(&apart, CONF, "local all all peer\n", "").check(&["--pgdata", "data"]);
    assert_eq!(run.stdout.matches("warning[profile_unreached]").count(), 21, "{}", run.stdout);
    assert!(run.stdout.contains("980 more findings of this kind"), "{}", run.stdout);
}
