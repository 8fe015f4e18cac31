//! Which sessions would be denied now, by which code, and which would not.

use super::super::{SlotEntry, SlotRecord, denied_now};
use crate::config::Config;
use crate::reason::Reason;

const ALICE: SlotEntry<'_> = SlotEntry {
    pid: 1,
    started_at: 0,
    authenticated_at: 0,
    expires_at: None,
    ends_at: None,
    role: "app",
    profile: "corp",
    authn_id: "alice",
    client: Some("psql"),
    token_id: Some("uti-1"),
    jti: Some("jti-1"),
    kid: Some("key-1"),
    thumbprint: Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
};

fn kept(entry: SlotEntry<'_>) -> SlotRecord {
    entry.as_kept().expect("a session")
}

/// With these lines, and these keys beside the source of the keys.
fn config(lines: &str, keys: &str) -> Config {
    let text = format!(
        "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n{lines}\n\
         keys = {{ jwks_url = \"https://idp.example/keys\" {keys} }}\n"
    );
    let parsed = Config::parse(text.as_bytes(), "f");
    parsed.config.unwrap_or_else(|| panic!("{text}\n{:?}", parsed.findings))
}

fn judged(session: SlotEntry<'_>, lines: &str, keys: &str) -> Option<Reason> {
    denied_now(&config(lines, keys), &kept(session), true)
}

#[test]
fn a_session_that_nothing_speaks_against_stays() {
    assert_eq!(judged(ALICE, "", ""), None);
    let others = "deny_identities = [\"alic\", \"alice2\", \"Alice\", \"psql\", \"jti-1\"]\ndeny_jti = [\"alice\", \"jti\", \"uti-1\"]\n\
                  clients = { claims = [\"$.azp\"], allow = [\"psql\"] }";
    assert_eq!(judged(ALICE, others, ", deny_kids = [\"alice\", \"key\", \"jti-1\"]"), None);
}

#[test]
fn each_list_denies_by_its_own_code() {
    assert_eq!(judged(ALICE, "deny_identities = [\"bob\", \"alice\"]", ""), Some(Reason::IdentityDenied));
    assert_eq!(judged(ALICE, "deny_jti = [\"jti-1\"]", ""), Some(Reason::TokenRevoked));
    assert_eq!(judged(ALICE, "", ", deny_kids = [\"key-1\"]"), Some(Reason::TokenRevoked));
    let thumbprint = ", deny_kids = [\"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs\"]";
    assert_eq!(judged(ALICE, "", thumbprint), Some(Reason::TokenRevoked));
    let clients = "clients = { claims = [\"$.azp\"], allow = [\"other\"] }";
    assert_eq!(judged(ALICE, clients, ""), Some(Reason::ClientNotAllowed));
    assert_eq!(judged(SlotEntry { client: None, ..ALICE }, clients, ""), Some(Reason::ClientNotAllowed));
}

#[test]
fn what_a_token_does_not_have_is_not_denied() {
    let bare = SlotEntry { jti: None, kid: None, thumbprint: None, token_id: None, ..ALICE };
    assert_eq!(judged(bare, "deny_jti = [\"jti-1\"]", ", deny_kids = [\"key-1\"]"), None);
}

#[test]
fn an_identity_too_long_for_its_slot_is_denied_whole_or_not_at_all() {
    let long = "x".repeat(1024);
    let session = SlotEntry { authn_id: &long, ..ALICE };
    assert_eq!(judged(session, &format!("deny_identities = [\"{}\"]", "x".repeat(1023)), ""), None);
    assert_eq!(judged(session, &format!("deny_identities = [\"{long}\"]"), ""), Some(Reason::IdentityDenied));
}

/// A client that no session keeps cannot be told from another one like that: nobody is ended by a guess.
#[test]
fn a_client_that_was_not_kept_may_be_an_allowed_one_of_its_kind() {
    let allow = format!("clients = {{ claims = [\"$.azp\"], allow = [\"other\", \"{}\"] }}", "c".repeat(1025));
    assert_eq!(judged(SlotEntry { client: None, ..ALICE }, &allow, ""), None);
    assert_eq!(judged(ALICE, &allow, ""), Some(Reason::ClientNotAllowed));
}

#[test]
fn a_profile_that_is_gone_denies_only_on_demand() {
    let session = kept(SlotEntry { profile: "partner", ..ALICE });
    let config = config("deny_identities = [\"alice\"]", "");
    assert_eq!(denied_now(&config, &session, false), None, "another profile's list");
    assert_eq!(denied_now(&config, &session, true), Some(Reason::ProfileUnknown));
}
