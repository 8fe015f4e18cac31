//! What presets say to do about a denial.

use super::ALL;
use crate::reason::Reason;

/// A line of the server's log has the reason's own remedy as well.
const LONGEST: usize = 200;

#[test]
fn hints_are_for_reasons_that_there_are_and_fit_into_a_log() {
    let mut tried = 0;
    for preset in ALL {
        for (code, hint) in preset.hints {
            let reason = Reason::ALL.iter().find(|reason| reason.code() == *code);
            assert_eq!(reason.and_then(|reason| preset.hint(*reason)), Some(*hint), "{}: {code}", preset.name);
            assert!(hint.len() <= LONGEST && hint.is_ascii() && hint.ends_with('.'), "{}: {hint}", preset.name);
            assert!(hint.contains(": ") || hint.contains(" writes no typ"), "it names the provider: {hint}");
            tried += 1;
        }
        let codes: Vec<&str> = preset.hints.iter().map(|(code, _)| *code).collect();
        let others = Reason::ALL.iter().filter(|reason| !codes.contains(&reason.code()));
        assert!(others.into_iter().all(|reason| preset.hint(*reason).is_none()), "{}", preset.name);
        assert!(!preset.text.contains("[preset") && preset.about().is_ok(), "{}", preset.name);
    }
    assert!(tried >= 60, "{tried}");
}
