//! What must hold for every input, not only for those that somebody thought of.

use super::support::{Login, token};
use oauth_validator_core::{ClaimPath, Config, Decision, Reason};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use serde_json::json;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_ever_let_in(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(matches!(Login::new().decide(&bytes), Decision::Denied(_)));
    }

    #[test]
    fn no_changed_byte_is_ever_let_in(at in any::<u16>(), flip in 1_u8..128) {
        let mut bytes = token(json!({})).into_bytes();
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(matches!(Login::new().decide(&bytes), Decision::Denied(_)), "byte {at}");
    }

    #[test]
    fn scopes_are_set_inclusion(
        required in btree_set("[a-c]{1,2}", 1..4),
        granted in btree_set("[a-c]{1,2}", 0..6),
    ) {
        let words = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        let login = Login::new().request(|request| request.hba_scope = words(&required));
        let decision = login.decide(token(json!({"scope": words(&granted)})).as_bytes());
        let included = required.is_subset(&granted);
        match decision {
            Decision::Granted(_) => prop_assert!(included),
            Decision::Denied(denial) => {
                prop_assert!(!included);
                prop_assert_eq!(denial.reason, Reason::ScopeMissing);
            }
        }
    }

    #[test]
    fn joined_identities_are_those_of_one_tuple_only(
        first in ["[ab:-]{1,4}", "[ab:-]{1,4}"],
        second in ["[ab:-]{1,4}", "[ab:-]{1,4}"],
        separator in "[:-]{1,3}",
    ) {
        let login = Login::with_profile(&format!(
            "identity = {{ claims = {{ a = \"$.a\", b = \"$.b\" }}, format = \"{{a}}{separator}{{b}}\" }}\n"
        ));
        let identity = |[a, b]: &[String; 2]| match login.decide(token(json!({"a": a, "b": b})).as_bytes()) {
            Decision::Granted(grant) => Some(grant.authn_id().to_owned()),
            Decision::Denied(_) => None,
        };
        if let (Some(one), Some(other)) = (identity(&first), identity(&second)) {
            prop_assert_eq!(one == other, first == second);
        }
    }

    #[test]
    fn no_rule_is_lost_in_merging(own in 0_usize..6, preset in 0_usize..13) {
        let preset = &oauth_validator_core::config::presets::ALL[preset];
        let rule = |kind: &str, at: usize| format!("[[profiles.p.{kind}]]\nclaim = \"$.own{at}\"\npresent = true\n");
        let rules: String = (0..own).map(|at| rule("require", at) + &rule("access_token", at)).collect();
        let text = format!(
            "[profiles.p]\npreset = \"{}\"\nmode = \"jwt\"\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n\
             keys = {{ jwks_file = \"k\" }}\n[profiles.p.scope]\nclaim = \"$.scope\"\n{rules}",
            preset.name
        );
        let parsed = Config::parse(text.as_bytes(), "f");
        let config = parsed.config.unwrap_or_else(|| panic!("{text}\n{:#?}", parsed.findings));
        let profile = &config.profiles()[0];
        prop_assert_eq!(profile.require.len(), own + preset.text.matches("\n[[require]]").count());
        prop_assert_eq!(profile.access_token.len(), own + preset.text.matches("\n[[access_token]]").count());
    }

    #[test]
    fn no_path_panics(path in "\\$[.a-c\\[\\]*'\"0-9:,?@ ()=<>!&|-]{0,24}", deep in any::<u8>()) {
        if let Ok(path) = ClaimPath::parse(&path) {
            let claims = json!({"a": {"b": [1, "c", null, {"c": deep}]}, "b": [[], {}], "c": "text", "0": 1.5});
            let _ = path.select(&claims);
        }
    }

    #[test]
    fn any_text_is_a_configuration_or_has_an_error(text in "\\PC{0,200}") {
        let parsed = Config::parse(text.as_bytes(), "f");
        prop_assert_eq!(parsed.config.is_none(), parsed.findings.iter().any(oauth_validator_core::Finding::is_error));
    }

    #[test]
    fn any_bytes_are_a_configuration_or_have_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let parsed = Config::parse(&bytes, "f");
        prop_assert_eq!(parsed.config.is_none(), parsed.findings.iter().any(oauth_validator_core::Finding::is_error));
    }
}
