//! Steps 2 and 3: the pg_hba.conf line decides which profiles may be asked, the token picks among them.

use super::support::{ISSUER, Login, Told, token};
use oauth_validator_core::Reason::{
    AudienceMismatch, HbaIssuerUnknown, IntrospectionUnavailable, IssuerMismatch, ProfileAmbiguous, ProfileUnknown,
};
use oauth_validator_core::{Config, ConfigFolder, Decision, FolderFile, KeysUnavailable};
use serde_json::json;

const PARTNER: &str = "https://partner.example";

fn two(corp: &str, partner: &str) -> Login {
    Login::with_file(&format!(
        "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n{corp}\n\
         [profiles.partner]\nissuer = \"{PARTNER}\"\naudience = [\"partner-pg\"]\nkeys = {{ jwks_file = \"k\" }}\n{partner}\n"
    ))
}

fn partner_token() -> String {
    token(json!({"iss": PARTNER, "aud": "partner-pg"}))
}

#[test]
fn a_line_permits_its_own_issuer_only() {
    let on = |issuer: &str| two("", "").request(|request| request.hba_issuer = issuer.into());
    on(ISSUER).grants(&token(json!({})), "ana");
    on(PARTNER).grants(&partner_token(), "ana");
    // The mix-up: a perfectly valid token of one profile on the line of the other.
    on(ISSUER).denies(partner_token(), IssuerMismatch);
    on(PARTNER).denies(token(json!({})), IssuerMismatch);
    // Claiming the other issuer does not help either.
    on(ISSUER).denies(token(json!({"aud": "partner-pg"})), AudienceMismatch);
    for issuer in
        ["https://other.example", "", "https://idp.example/corp/", "https://idp.example/CORP", "https://idp.example"]
    {
        on(issuer).denies(token(json!({})), HbaIssuerUnknown);
    }
}

#[test]
fn well_known_urls_of_the_issuer_are_served() {
    let on = |issuer: &str| two("", "").request(|request| request.hba_issuer = issuer.into());
    for url in [
        "https://idp.example/corp/.well-known/openid-configuration",
        "https://idp.example/.well-known/openid-configuration/corp",
        "https://idp.example/.well-known/oauth-authorization-server/corp",
    ] {
        on(url).grants(&token(json!({})), "ana");
        on(url).denies(partner_token(), IssuerMismatch);
    }
    for url in [
        "https://idp.example/.well-known/openid-configuration",
        "https://idp.example/corp/.well-known/oauth-authorization-server",
        "https://idp.example/corp/.well-known/openid-configuration/",
        "https://idp.example/corp/x/.well-known/openid-configuration",
        "https://evil.example/corp/.well-known/openid-configuration",
    ] {
        on(url).denies(token(json!({})), HbaIssuerUnknown);
    }
}

#[test]
fn token_issuers_may_differ_from_the_lines() {
    let google = Login::with_file(
        "[profiles.google]\nissuer = \"https://accounts.google.com\"\ntoken_issuers = [\"https://accounts.google.com\", \"accounts.google.com\"]\n\
         audience = [\"postgres\"]\nkeys = { jwks_file = \"k\" }\n",
    )
    .request(|request| request.hba_issuer = "https://accounts.google.com".into());
    google.grants(&token(json!({"iss": "https://accounts.google.com"})), "ana");
    google.grants(&token(json!({"iss": "accounts.google.com"})), "ana");
    google.denies(token(json!({"iss": "accounts.google.com.evil.example"})), IssuerMismatch);
    google.denies(token(json!({"iss": "https://accounts.google.com/"})), IssuerMismatch);
}

#[test]
fn two_profiles_for_one_issuer_are_ambiguous_on_one_line() {
    let both = format!("hba_issuers = [\"{ISSUER}\"]\ntoken_issuers = [\"{ISSUER}\"]\n");
    let apart = |name: &str| format!("identity = {{ prefix = \"{name}:\" }}\n");
    two(&apart("corp"), &format!("{both}{}", apart("partner"))).denies(token(json!({})), ProfileAmbiguous);
    // Not where the databases tell them apart.
    let reports = two("databases = [\"app\"]\n", &format!("{both}databases = [\"reports\"]\n"));
    reports.grants(&token(json!({})), "ana");
}

#[test]
fn databases_and_replication() {
    let limited =
        |change: fn(&mut oauth_validator_core::Request)| Login::with_profile("databases = [\"app\"]\n").request(change);
    limited(|_| {}).grants(&token(json!({})), "ana");
    limited(|request| request.database = "other".into()).denies(token(json!({})), HbaIssuerUnknown);
    limited(|request| request.database = "APP".into()).denies(token(json!({})), HbaIssuerUnknown);
    limited(|request| request.database = String::new()).denies(token(json!({})), HbaIssuerUnknown);
    let replicating = |further: &str, database: &str| {
        let database = database.to_owned();
        Login::with_profile(further).request(move |request| {
            request.replication = true;
            request.database = database;
        })
    };
    replicating("", "").denies(token(json!({})), HbaIssuerUnknown);
    replicating("", "app").denies(token(json!({})), HbaIssuerUnknown);
    replicating("replication = true\n", "").grants(&token(json!({})), "ana");
    replicating("replication = true\n", "app").grants(&token(json!({})), "ana");
    replicating("replication = true\ndatabases = [\"app\"]\n", "").denies(token(json!({})), HbaIssuerUnknown);
}

#[test]
fn an_empty_file_trusts_nobody() {
    let denial = Login::with_file("").denies(token(json!({})), HbaIssuerUnknown);
    assert!(denial.detail.contains("trusts nobody"), "{}", denial.detail);
}

/// On a line that names these profiles.
fn naming(login: Login, names: &str) -> Login {
    let names = names.to_owned();
    login.request(move |request| request.hba_profiles = Some(names))
}

#[test]
fn named_profiles_take_the_place_of_the_issuer() {
    naming(two("", ""), "corp").grants(&token(json!({})), "ana");
    naming(two("", ""), "partner").grants(&partner_token(), "ana");
    naming(two("", ""), "partner").denies(token(json!({})), IssuerMismatch);
    naming(two("", ""), "corp").denies(partner_token(), IssuerMismatch);
    // Not even an issuer that nobody serves matters.
    let nowhere = naming(two("", ""), "corp").request(|request| request.hba_issuer = "https://other.example".into());
    nowhere.grants(&token(json!({})), "ana");
}

#[test]
fn a_list_that_is_none_is_denied_and_says_why() {
    for (names, said) in [
        ("", "validator.profile of the pg_hba.conf line is \"\", which has an empty name in it."),
        (" , ", "validator.profile of the pg_hba.conf line is \" , \", which has an empty name in it."),
        ("corp,", "validator.profile of the pg_hba.conf line is \"corp,\", which has an empty name in it."),
        ("corp, corp", "validator.profile of the pg_hba.conf line names \"corp\" twice."),
        ("crop", "names \"crop\", which is no profile of oauth-validator.toml; did you mean \"corp\"?"),
        ("xyz", "names \"xyz\", which is no profile of oauth-validator.toml; valid here: corp, partner"),
        ("corp\n", "names \"corp\u{fffd}\", which is no profile of"),
    ] {
        let denial = naming(two("", ""), names).denies(token(json!({})), ProfileUnknown);
        assert!(denial.detail.contains(said), "{names:?}: {}", denial.detail);
        assert_eq!(denial.profile, None);
    }
    // A configuration without profiles has worse to say.
    naming(Login::with_file(""), "corp").denies(token(json!({})), HbaIssuerUnknown);
}

#[test]
fn databases_hold_for_named_profiles_too() {
    let reports = || two("databases = [\"reports\"]\n", "");
    let denial = naming(reports(), "corp").denies(token(json!({})), HbaIssuerUnknown);
    assert_eq!(denial.detail, "No profile of validator.profile, \"corp\", serves this database.");
    naming(reports(), "corp").request(|request| request.database = "reports".into()).grants(&token(json!({})), "ana");
    let denial = naming(two("", ""), "corp")
        .request(|request| request.replication = true)
        .denies(token(json!({})), HbaIssuerUnknown);
    assert!(denial.detail.ends_with("serves replication connections."), "{}", denial.detail);
}

#[test]
fn identities_of_named_profiles_are_kept_apart() {
    let prefix = |prefix: &str| format!("identity = {{ prefix = \"{prefix}\" }}\n");
    naming(two(&prefix("corp:"), &prefix("partner:")), "corp,partner").grants(&token(json!({})), "corp:ana");
    for (corp, partner) in [("", ""), ("corp:", ""), ("", "partner:"), ("a:", "a:"), ("a:", "a:b:")] {
        let login = naming(two(&prefix(corp), &prefix(partner)), "corp,partner");
        let denial = login.denies(token(json!({})), ProfileAmbiguous);
        assert!(denial.detail.contains("\"corp\" and \"partner\""), "{}", denial.detail);
        assert!(denial.hint.contains("identity.prefix"), "{}", denial.hint);
    }
    // Where their databases never meet, nothing has to keep them apart.
    naming(two("databases = [\"app\"]\n", "databases = [\"reports\"]\n"), "corp,partner")
        .grants(&token(json!({})), "ana");
}

#[test]
fn a_token_without_issuer_may_be_of_a_profile_that_is_denied() {
    let asks = |name: &str, further: &str| {
        format!(
            "[profiles.{name}]\nissuer = \"https://{name}.example\"\nhba_issuers = [\"{ISSUER}\"]\naudience = [\"postgres\"]\n\
             mode = \"introspection\"\nidentity = {{ prefix = \"{name}:\" }}\n\
             introspection = {{ endpoint = \"https://{name}.example/i\", auth = \"none\" }}\n{further}\n"
        )
    };
    let main = asks("corp", "token_issuers = \"none\"");
    for (further, reason) in
        [("token_issuers = \"none\"\nnonsense = 1", ProfileAmbiguous), ("nonsense = 1", IntrospectionUnavailable)]
    {
        let other = asks("other", further);
        let files = [FolderFile { name: "f.d/other.toml", text: Ok(other.as_bytes()) }];
        let parsed = Config::parse_all(main.as_bytes(), "f.toml", ConfigFolder { name: "f.d", files: &files });
        let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings));
        let nobody = Err(KeysUnavailable::new("Nobody answers.", "See whether it is up."));
        let mut told = Told { answer: Some(nobody), ..Told::default() };
        match told.decide(&Login::new().request, token(json!({"iss": null})).as_bytes(), &config) {
            Decision::Denied(denial) => assert_eq!(denial.reason, reason, "{further}: {denial:?}"),
            granted => panic!("{granted:?}"),
        }
    }
}
