//! What must hold for every input, not only for those that somebody thought of.

use super::support::{Login, token};
use oauth_validator_core::{Config, Decision, Reason};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use serde_json::json;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

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
