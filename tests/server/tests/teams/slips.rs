//! Errors of one team: in each way that a text can be wrong, beside others and with them.

use crate::support::{Scene, main_file, partner, profile};
use oauth_validator_server_tests::Login;

/// What a team writes, and where the log says that it is.
const SLIPS: [(&str, &str); 13] = [
    ("audiance = [\"pg\"]", "6:1: unknown_key"),
    ("clock_skew = 30", "6:14: wrong_type"),
    ("clock_skew = \"1h\"", "6:14: out_of_range"),
    ("databases = []", "6:13: empty_value"),
    ("token_kind = \"all\"", "6:14: bad_value"),
    ("hba_issuers = [\"http://partner.example\"]", "6:15: bad_url"),
    ("roles = { claim = \"roles\", exact = true }", "6:19: bad_jsonpath"),
    ("roles = { claim = \"$.r[*]\", exact = true, pattern = \"(\" }", "6:53: bad_pattern"),
    ("scope = { claim = \"none\" }", "6:9: conflict"),
    ("clients = { claims = [\"$.azp\"] }", "6:11: missing_key"),
    ("audience = [\"pg\"]", "6:1: syntax"),
    ("x = = y", "6:1: unknown_key"),
    ("[defaults]", "6:2: unknown_key"),
];

#[test]
fn a_slip_of_one_team_leaves_all_others_alone() {
    let scene = Scene::start();
    scene.all_log_in();
    let mut ender = scene.cluster.login(&Login::new("postgres", "postgres")).accepted();
    ender.query("CREATE EXTENSION oauth_validator").expect("the extension");
    for (slip, place) in SLIPS {
        let file = scene.write("partner.toml", &profile("partner", "partner:", slip));
        scene.others_log_in();
        let place = format!("{}:{place}: ", file.display());
        for (role, issuer) in [("partner", "partner"), ("nobody", "nobody")] {
            let log = scene.refuses(role, issuer, "alice", "config_invalid");
            assert!(log.contains(&place), "{slip}: no {place} in {log}");
        }
        for sql in ["SELECT * FROM oauth_validator.enforce()", "SELECT * FROM oauth_validator.keys"] {
            let error = ender.query(sql).expect_err("not a part of the configuration").to_string();
            assert!(error.contains("config_invalid"), "{slip}: {error}");
        }
        ender.query("ROLLBACK").expect("nothing is open");
    }
    scene.write("partner.toml", &partner());
    scene.all_log_in();
    ender.query("SELECT * FROM oauth_validator.enforce()").expect("no error any longer");
    assert_eq!(ender.query("SELECT profile FROM oauth_validator.keys").expect("the view").len(), 3);
    scene.refuses("nobody", "nobody", "alice", "hba_issuer_unknown");
}

#[test]
fn an_error_of_the_main_file_denies_all() {
    let scene = Scene::start();
    scene.cluster.write_config(&format!("nonsense = 1\n{}", main_file()));
    for (role, issuer) in [("app", "corp"), ("team_a", "a"), ("partner", "partner")] {
        let log = scene.refuses(role, issuer, "ana", "config_invalid");
        assert!(log.contains("oauth-validator.toml:1:1: unknown_key"), "{log}");
    }
    scene.cluster.write_config(&main_file());
    scene.all_log_in();
}

#[test]
fn what_the_main_file_says_holds_for_all() {
    let scene = Scene::start();
    let strict = "reserved_prefixes = [\"partner:\", \"a:\"]\n[defaults]\nmax_lifetime = \"1min\"\n";
    scene.cluster.write_config(&(strict.to_owned() + &profile("corp", "", "max_lifetime = \"1h\"")));
    scene.lets_in("app", "corp", "ana");
    let log = scene.refuses("team_a", "a", "ana", "lifetime_too_long");
    assert!(log.contains("oauth-validator.toml:3"), "{log}");
}

#[test]
fn profiles_that_cannot_stand_together() {
    let scene = Scene::start();
    // One name: of the main file's and another one the main file's stays, of two others neither.
    let twice = profile("corp", "x:", "").replace("https://corp.", "https://nobody.");
    scene.write("z.toml", &twice);
    scene.all_log_in();
    let log = scene.refuses("nobody", "nobody", "ana", "config_invalid");
    assert!(log.contains("oauth-validator.d/z.toml:1:11: profile_twice"), "{log}");
    scene.write("z.toml", &profile("a", "z:", "").replace("https://a.", "https://nobody."));
    scene.lets_in("app", "corp", "ana");
    scene.lets_in("partner", "partner", "alice");
    let log = scene.refuses("team_a", "a", "ana", "config_invalid");
    assert!(log.contains("oauth-validator.d/a.toml:1:11: profile_twice"), "{log}");

    // One line: corp's people go on, a's and those of z do not.
    for (issuer, role, code) in [("corp", "app", None), ("a", "team_a", Some("config_invalid"))] {
        scene.write("z.toml", &profile("z", "", &format!("hba_issuers = [\"https://{issuer}.example\"]")));
        match code {
            None => scene.others_log_in(),
            Some(code) => {
                let log = scene.refuses(role, issuer, "ana", code);
                assert!(log.contains("shared_line"), "{log}");
                scene.lets_in("app", "corp", "ana");
            }
        }
        scene.lets_in("partner", "partner", "alice");
    }
    scene.remove("z.toml");
    scene.all_log_in();
}
