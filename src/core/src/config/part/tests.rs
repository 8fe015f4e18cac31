//! What a part says of others' prefixes, against all of them.

use super::{MANY, Prefixes};
use proptest::prelude::{ProptestConfig, prop, proptest};

/// What the decision asks: whether an identity begins with a prefix that is not its source's own.
fn whole(all: &[(bool, String)], own: &str, denied: bool, identity: &str) -> bool {
    let of_others = all.iter().filter(|(is, text)| *is == denied && !text.is_empty() && text != own);
    of_others.into_iter().any(|(_, text)| identity.starts_with(text.as_str()))
}

fn prefixes(all: &[(bool, String)]) -> Prefixes<'_> {
    Prefixes::of(all.iter().map(|(denied, text)| (*denied, text.as_str())))
}

fn sound(all: impl Iterator<Item = String>) -> Vec<(bool, String)> {
    all.map(|text| (false, text)).collect()
}

fn begins(texts: &[(bool, String)], denied: bool, identity: &str) -> bool {
    texts.iter().any(|(is, text)| *is == denied && identity.starts_with(text.as_str()))
}

#[test]
fn few_prefixes_are_all_there() {
    let all = [(false, "b:"), (true, "a:x"), (false, "a:"), (false, ""), (false, "a:y:"), (false, "c")];
    let all: Vec<(bool, String)> = all.iter().map(|(denied, text)| (*denied, (*text).to_owned())).collect();
    let before = prefixes(&all).before("");
    assert!(!before.coarse);
    let texts: Vec<(bool, &str)> = before.texts.iter().map(|(denied, text)| (*denied, text.as_str())).collect();
    assert_eq!(texts, [(false, "a:"), (false, "b:"), (false, "c"), (true, "a:x")]);
    let before = prefixes(&all).before("a:y:z");
    let texts: Vec<(bool, &str)> = before.texts.iter().map(|(denied, text)| (*denied, text.as_str())).collect();
    assert_eq!((texts.as_slice(), before.coarse), (&[(false, "a:"), (false, "a:y:")][..], false));
    assert!(prefixes(&all).before("b:").texts.is_empty());
}

#[test]
fn of_many_their_beginnings_stand_for_them() {
    let all = sound((0..10_000).map(|number| format!("other-{number}:")));
    let before = prefixes(&all).before("");
    assert!(before.coarse && before.texts.len() < 2 * MANY, "{}", before.texts.len());
    assert!(!begins(&before.texts, false, "rs256-2") && !begins(&before.texts, false, "other"));
    assert!(begins(&before.texts, false, "other-77:ana") && begins(&before.texts, false, "other-9999:ana"));
    // One that is the beginning of all others is enough, and exact.
    let all =
        sound((0..10_000).map(|number| format!("o{}", if number == 0 { String::new() } else { number.to_string() })));
    let before = prefixes(&all).before("");
    assert_eq!((before.texts, before.coarse), (vec![(false, "o".to_owned())], false));
}

#[test]
fn no_text_is_its_own_prefix_or_nothing_however_many_characters_follow() {
    let all = sound((0x4e00..0x5000).map(|code| format!("a{}:", char::from_u32(code).unwrap())));
    for own in ["", "a"] {
        let before = prefixes(&all).before(own);
        assert!(before.texts.iter().all(|(_, text)| text.len() > own.len()), "{own}");
        assert_eq!(before.coarse, own.is_empty() && before.texts.len() == 1, "{own}: {}", before.texts.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_passes_that_all_of_them_refuse(
        all in prop::collection::vec((prop::bool::weighted(0.2), "[abé:]{0,4}"), 0..200),
        own in "[abé:]{0,3}",
        value in "[abé:]{0,5}",
    ) {
        let before = prefixes(&all).before(&own);
        let identity = format!("{own}{value}");
        for denied in [false, true] {
            let (part, whole) = (begins(&before.texts, denied, &identity), whole(&all, &own, denied, &identity));
            assert!(part || !whole, "{own:?} {identity:?} {before:?}");
            assert!(before.coarse || part == whole, "{own:?} {identity:?} {before:?}");
        }
    }
}
