//! A login for each reason code: the configuration, the token, the question, and the code that must come of it.

mod asked;

use crate::cases::arguments;
use crate::support::{CONFIG, Folder, NOW, corp, okta, two_of_one_issuer};
use oauth_validator_core::Reason;
use oauth_validator_fixtures::samples::ISSUED_AT;
use oauth_validator_fixtures::{cases, keys, mint};
use oauth_validator_mock_provider::MockProvider;
use serde_json::json;
use std::collections::BTreeSet;

/// Codes that no decision has: a bug would be needed, or they are of the server around it.
pub const NOT_HERE: [Reason; 3] = [Reason::Internal, Reason::SessionEndImpossible, Reason::NotMapped];

/// A denied login.
pub struct Case {
    pub code: &'static str,
    pub token: String,
    pub args: Vec<String>,
    pub folder: Folder,
    /// Who is asked, if anybody is.
    provider: Option<MockProvider>,
}

impl Case {
    /// Where the provider is, if one is asked.
    pub fn base_url(&self) -> Option<String> {
        self.provider.as_ref().map(MockProvider::base_url)
    }
}

/// By `lines` added to the everyday profile.
fn with_lines(code: &'static str, lines: &str, token: String) -> Case {
    Case { code, token, args: Vec::new(), folder: Folder::new(&corp(lines, "")), provider: None }
}

fn of_token(code: &'static str, token: String) -> Case {
    with_lines(code, "", token)
}

fn asking(code: &'static str, args: &[&str]) -> Case {
    Case { args: args.iter().map(|arg| (*arg).to_owned()).collect(), ..of_token(code, okta().sign(keys::corp())) }
}

/// Every case; each makes a folder of its own. A code that none of them has is shown by the first case of the list of cases
/// that has it.
pub fn cases() -> Vec<Case> {
    let mut cases = by_hand();
    for reason in Reason::ALL.iter().filter(|reason| !NOT_HERE.contains(reason)) {
        if !cases.iter().any(|case| case.code == reason.code()) {
            cases.extend(of_the_list(reason.code()));
        }
    }
    cases
}

/// The first case of the list that ends with this code, and asks nobody.
fn of_the_list(code: &'static str) -> Option<Case> {
    let ends_so = |case: &&cases::Case| case.outcome.code.as_deref() == Some(code);
    let shown = |case: &&cases::Case| case.runs_at(cases::Level::Explain) && case.answer(ISSUED_AT).is_none();
    let case = cases::all().iter().filter(ends_so).find(shown)?;
    let folder = Folder::new(&case.config());
    for (name, contents) in case.files() {
        folder.write(&name, &contents);
    }
    let token = String::from_utf8_lossy(&case.token(ISSUED_AT)).into_owned();
    Some(Case { code, token, args: arguments(case), folder, provider: None })
}

fn by_hand() -> Vec<Case> {
    let in_order = [of_the_configuration(), of_the_request(), of_the_form(), of_the_header(), of_the_claims()];
    in_order
        .into_iter()
        .flatten()
        .chain(of_the_grant())
        .chain(of_the_delegation())
        .chain(of_the_session())
        .chain(asked::of_the_provider())
        .chain(asked::of_the_lookup())
        .chain(of_the_keys())
        .collect()
}

fn of_the_configuration() -> Vec<Case> {
    let good = || okta().sign(keys::corp());
    let writable = of_token("config_unreadable", good());
    writable.folder.chmod(CONFIG, 0o602);
    let no_keys = of_token("keys_unavailable", good());
    std::fs::remove_file(no_keys.folder.path("corp.jwks.json")).expect("it was there");
    let bad_keys = of_token("keys_unavailable", good());
    bad_keys.folder.write("corp.jwks.json", "{\"keys\": []}");
    let writable_keys = of_token("keys_unavailable", good());
    writable_keys.folder.chmod("corp.jwks.json", 0o660);
    let issuer = "https://acme.okta.example/oauth2/aus000001";
    let ambiguous =
        Case { folder: Folder::new(&two_of_one_issuer()), ..asking("profile_ambiguous", &["--hba-issuer", issuer]) };
    vec![
        writable,
        no_keys,
        bad_keys,
        writable_keys,
        ambiguous,
        with_lines("config_invalid", "audiance = [\"x\"]", good()),
        Case { folder: Folder::new(""), ..of_token("hba_issuer_unknown", good()) },
    ]
}

fn of_the_request() -> Vec<Case> {
    let reports = with_lines("hba_issuer_unknown", "databases = [\"reports\"]", okta().sign(keys::corp()));
    vec![
        asking("hba_issuer_unknown", &["--hba-issuer", "https://other.example"]),
        asking("hba_issuer_unknown", &["--replication"]),
        asking("profile_unknown", &["--hba-profile", "crop"]),
        Case { args: vec!["--database".into(), "app".into()], ..reports },
        asking("scope_missing", &["--hba-scope", "db.connect db.write"]),
        asking("expired", &["--at", &(NOW + 3600).to_string()]),
        asking("not_yet_valid", &["--at", "2027-01-15T07:00:00Z"]),
        asking("delegation_not_configured", &["--delegated"]),
    ]
}

fn of_the_form() -> Vec<Case> {
    let whole = okta().sign(keys::corp());
    let padded = okta().claim("filler", "x".repeat(20_000)).sign(keys::corp());
    vec![
        of_token("token_malformed", "ya29.a0AfB_byC-opaque-token-of-some-length".to_owned()),
        of_token("token_malformed", format!("{whole}.{}.{}", "a".repeat(40), "b".repeat(40))),
        of_token("token_malformed", okta().unsigned()),
        of_token("token_malformed", format!(" {whole}")),
        of_token("token_malformed", format!("{whole}\n\n")),
        of_token("token_too_large", padded),
        of_token("token_too_large", "a".repeat(65_536)),
    ]
}

fn of_the_header() -> Vec<Case> {
    let sign = |token: oauth_validator_fixtures::TokenBuilder| token.sign(keys::corp());
    let modulus = keys::corp().public_pem();
    vec![
        of_token("token_malformed", sign(okta().header("crit", json!(["exp"])))),
        of_token("token_type", sign(okta().header("typ", "logout+jwt"))),
        with_lines("token_type", "token_types = [\"at+jwt\"]", sign(okta())),
        of_token("algorithm", okta().header("alg", "RS512").sign(keys::corp())),
        of_token("algorithm", okta().sign_hmac(modulus.as_bytes())),
        of_token("key_unknown", okta().sign(keys::partner())),
        of_token("signature_invalid", okta().sign(&keys::partner().with_kid("corp-rsa"))),
        with_lines(
            "token_revoked",
            "keys = { jwks_file = \"corp.jwks.json\", deny_kids = [\"corp-rsa\"] }",
            sign(okta()),
        ),
    ]
}

fn of_the_claims() -> Vec<Case> {
    let sign = |token: oauth_validator_fixtures::TokenBuilder| token.sign(keys::corp());
    let clients = "clients = { claims = [\"$.cid\"], allow = [\"0oaOTHER\"] }";
    vec![
        of_token("issuer_mismatch", sign(okta().issuer("https://acme.okta.example/oauth2/aus000001/"))),
        of_token("audience_mismatch", sign(okta().audience("api://postgres/"))),
        of_token("audience_mismatch", sign(okta().without("aud"))),
        with_lines("client_not_allowed", clients, sign(okta())),
        with_lines("client_not_allowed", clients, sign(okta().without("cid"))),
        of_token("audience_mismatch", sign(okta().audience("account"))),
        of_token("issuer_mismatch", sign(okta().without("iss"))),
        of_token("expired", sign(okta().without("exp"))),
        with_lines("lifetime_too_long", "max_lifetime = \"59min\"", sign(okta())),
        of_token("sender_constrained", sign(okta().claim("cnf", json!({"jkt": "x"})))),
        of_token("actor_not_allowed", sign(okta().claim("act", json!({"sub": "eve"})))),
        of_token("id_token", sign(okta().claim("nonce", "n"))),
        of_token("id_token", sign(okta().claim("token_use", "refresh"))),
        with_lines("id_token", "preset = \"entra\"", sign(okta().without("scp"))),
        with_lines("id_token", "preset = \"okta\"", sign(okta().without("scp"))),
        with_lines("token_revoked", "deny_jti = [\"AT.0mP4JKAZ-madeup\"]", sign(okta())),
        of_token("claim_type", sign(okta().claim("exp", "1800003600"))),
    ]
}

fn of_the_grant() -> Vec<Case> {
    let sign = |token: oauth_validator_fixtures::TokenBuilder| token.sign(keys::corp());
    let identity = |value: &str| format!("identity = {{ {value} }}");
    let rule = "require = [{ claim = \"$.tid\", equals = \"TENANT\" }]";
    let verified = identity("claim = \"$.sub\", verified_by = \"$.email_verified\"");
    vec![
        of_token("scope_missing", sign(okta().without("scp"))),
        of_token("scope_missing", sign(okta().claim("scp", json!(["db.connect2", "DB.CONNECT"])))),
        of_token("claim_type", sign(okta().claim("scp", 7))),
        with_lines("rule_failed", rule, sign(okta())),
        of_token("identity_missing", sign(okta().without("uid"))),
        with_lines("identity_ambiguous", &identity("claim = \"$.scp[*]\""), sign(okta())),
        of_token("identity_invalid", sign(okta().claim("uid", "ana\u{1b}[2J\ngranted"))),
        of_token("identity_invalid", sign(okta().claim("uid", 7))),
        with_lines("identity_unverified", &verified, sign(okta().claim("email_verified", "true"))),
        with_lines("identity_denied", "deny_identities = [\"00u000user0000000h7\"]", sign(okta())),
    ]
}

/// The sample's `pg_groups` are `readers`.
fn of_the_delegation() -> Vec<Case> {
    let roles = |value: &str| format!("roles = {{ claim = \"$.pg_groups[*]\", {value} }}");
    let delegated = |code, lines: &str, token: oauth_validator_fixtures::TokenBuilder, args: &[&str]| {
        let args = ["--delegated"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
        Case { args, ..with_lines(code, lines, token.sign(keys::corp())) }
    };
    let exact = roles("exact = true");
    let prefixed = okta().claim("pg_groups", json!(["pg:pg_monitor"]));
    let overage = okta().without("pg_groups").claim("_claim_names", json!({"pg_groups": "src1"}));
    let readers = ["--role", "readers", "--role-attribute"];
    vec![
        delegated("role_not_granted", &exact, okta(), &["--role", "writers"]),
        delegated("role_not_granted", &exact, okta(), &["--role", "Readers"]),
        delegated("role_not_granted", &exact, okta(), &[]),
        delegated("role_not_granted", &roles("map = { writers = [\"readers\"] }"), okta(), &readers[..2]),
        delegated("claim_type", &exact, okta().claim("pg_groups", json!(["readers", 7])), &readers[..2]),
        delegated("role_privileged", &exact, okta(), &[&readers[..], &["superuser"]].concat()),
        delegated("role_privileged", &exact, okta(), &[&readers[..], &["pg_write_all_data"]].concat()),
        delegated("role_privileged", &roles("prefix = \"pg:\""), prefixed, &["--role", "pg_monitor"]),
        delegated(
            "role_denied",
            &roles("exact = true, deny = [\"pg_admins\"]"),
            okta(),
            &[&readers[..], &["pg_admins"]].concat(),
        ),
        delegated("role_denied", &roles("exact = true, allow = [\"writers\"]"), okta(), &readers[..2]),
        delegated(
            "rule_failed",
            &roles(
                "map = { readers = { roles = [\"readers\"], require = [{ claim = \"$.acr\", equals = \"phr\" }] } }",
            ),
            okta(),
            &readers[..2],
        ),
        delegated("groups_overage", &exact, overage, &readers[..2]),
    ]
}

/// What the session would keep.
fn of_the_session() -> Vec<Case> {
    let session = |code, claims: &str, token: oauth_validator_fixtures::TokenBuilder| {
        with_lines(code, &format!("session = {{ claims = {claims} }}"), token.sign(keys::corp()))
    };
    let large = "x".repeat(8000);
    vec![
        session(
            "session_claims_too_large",
            "{ a = \"$.a\", b = \"$.a\", c = \"$.a\" }",
            okta().claim("a", json!(large)),
        ),
        session("session_claim_invalid", "{ groups = \"$.groups\" }", okta().claim("groups", json!(["a", "b"]))),
        session("session_claim_invalid", "{ tenant = \"$.tid\" }", okta().claim("tid", json!("a\u{0}"))),
    ]
}

/// A key document in place of the everyday one.
fn with_keys(code: &'static str, document: &str, token: String) -> Case {
    let case = of_token(code, token);
    case.folder.write("corp.jwks.json", document);
    case
}

/// The token with another member in front of the others of its payload, signed anew.
fn with_another(member: &str) -> String {
    let [head, payload, _] = mint::split(&okta().sign(keys::corp()));
    let payload = String::from_utf8(payload).expect("JSON").replacen('{', &format!("{{{member},"), 1);
    let signature = keys::corp().sign("RS256", mint::signing_input(&head, payload.as_bytes()).as_bytes());
    mint::assemble(&head, payload.as_bytes(), &signature)
}

/// What keys and tokens of real providers look like where they cannot be used.
fn of_the_keys() -> Vec<Case> {
    let whole = okta().sign(keys::corp());
    let nested = {
        let [head, _, signature] = mint::split(&whole);
        mint::assemble(&head, whole.as_bytes(), &signature)
    };
    let mut short = keys::p256().public_jwk();
    short["x"] = json!("AAAA");
    let short = json!({ "keys": [short, keys::corp().public_jwk()] }).to_string();
    let weak = json!({ "keys": [{ "kty": "RSA", "kid": "corp-rsa", "n": "AQAB", "e": "AQAB" }] }).to_string();
    let many: Vec<_> = (0..5).map(|at| keys::TestKey::p256(&format!("k{at}")).public_jwk()).collect();
    let many = json!({ "keys": many }).to_string();
    let nameless = okta().header("alg", "ES256").without_header("kid").sign(keys::p256());
    let certificates = r#"{"f6a1":"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}"#;
    let other = keys::partner().with_kid("corp-rsa");
    let graph = "00000003-0000-0000-c000-000000000000";
    let denied = |key: &keys::TestKey| {
        let print = key.thumbprint();
        format!("keys = {{ jwks_file = \"corp.jwks.json\", deny_kids = [\"{print}\"] }}")
    };
    let second = keys::corp().with_kid("second");
    vec![
        of_token("token_malformed", whole.replace('.', "=.") + "="),
        of_token("token_malformed", nested),
        of_token("token_malformed", with_another("\"sub\":\"eve\"")),
        of_token("token_malformed", with_another("\"cid\":\"eve\"")),
        with_keys("key_unknown", &short, okta().header("alg", "ES256").sign(keys::p256())),
        with_keys("key_unknown", &many, nameless),
        of_token("signature_invalid", okta().header("nonce", "n").sign(&other)),
        of_token("signature_invalid", okta().audience(graph).sign(&other)),
        of_token("audience_mismatch", okta().audience(graph).sign(keys::corp())),
        with_lines("token_revoked", &denied(keys::corp()), okta().sign(keys::corp())),
        with_lines("token_revoked", &denied(keys::corp()), okta().sign(&second)),
        with_keys("keys_unavailable", certificates, whole.clone()),
        with_keys("keys_unavailable", &weak, whole),
    ]
}

#[test]
fn each_reason_is_denied_with_its_code() {
    for case in cases() {
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        let text = case.folder.explain(&case.token, &args);
        let quiet =
            text.stderr.lines().all(|line| case.provider.is_some() && line.starts_with("asking https://localhost:"));
        assert!(text.code == 1 && quiet, "{}: {} {}{}", case.code, text.code, text.stdout, text.stderr);
        let says_code =
            |line: &str| line.strip_prefix("denied: ").and_then(|rest| rest.split(' ').next()) == Some(case.code);
        assert!(text.stdout.lines().any(says_code), "{}: {}", case.code, text.stdout);
        assert!(!text.stdout.contains("granted:") && !text.stdout.contains('\u{1b}'), "{}", text.stdout);

        let json = case.folder.explain(&case.token, &[&args[..], &["--json"]].concat());
        let report = json.json();
        let outcome = (json.code, &report["outcome"], &report["reason"]);
        assert_eq!(outcome, (1, &"denied".into(), &case.code.into()), "{report:#}");
        for field in ["blame", "detail", "hint"] {
            assert!(report[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {report:#}");
        }
    }
}

#[test]
fn a_code_of_the_list_has_a_screen_without_being_told_to() {
    let case = of_the_list("audience_mismatch").expect("a case");
    let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
    let run = case.folder.explain(&case.token, &args);
    assert!(run.code == 1 && run.stdout.contains("\ndenied: audience_mismatch "), "{}{}", run.stdout, run.stderr);
    assert!(of_the_list("internal").is_none());
}

#[test]
fn no_reason_is_forgotten() {
    let seen: BTreeSet<&str> = cases().iter().map(|case| case.code).collect();
    let all: BTreeSet<&str> =
        Reason::ALL.iter().filter(|reason| !NOT_HERE.contains(reason)).map(|reason| reason.code()).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "reasons that no case shows");
}
