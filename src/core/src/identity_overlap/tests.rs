//! Which prefixes keep two profiles apart, and that the short way of finding those that are not agrees with the long one.

use super::*;
use crate::config::{ConfigFolder, FolderFile};
use crate::finding::FindingCode;
use std::collections::BTreeSet;

/// A profile of each table of `identity` and further settings, in a file of its own.
fn profiles(of: &[(&str, &str)]) -> Vec<Profile> {
    let of = of.iter().enumerate().map(|(at, (identity, further))| one(at, identity, further));
    of.collect()
}

fn one(at: usize, identity: &str, further: &str) -> Profile {
    let text = format!(
        "[profiles.p{at:03}]\nissuer = \"https://i{at}.example\"\nidentity = {{ {identity} }}\naudience = [\"pg\"]\n\
         keys = {{ jwks_file = \"k\" }}\n{further}\n"
    );
    let parsed = Config::parse(text.as_bytes(), "f");
    parsed.config.unwrap_or_else(|| panic!("{text}{:?}", parsed.findings)).profiles()[0].clone()
}

fn prefixed(prefix: &str, fallback: Option<&str>) -> String {
    let fallback = fallback.map(|prefix| format!(", fallback = {{ claim = \"$.azp\", prefix = \"{prefix}\" }}"));
    format!("claim = \"$.uid\", prefix = \"{prefix}\"{}", fallback.unwrap_or_default())
}

#[test]
fn every_prefix_of_one_must_keep_to_itself_beside_every_one_of_the_other() {
    for (a, b, expected) in [
        (("corp:", None), ("partner:", None), true),
        (("", None), ("partner:", None), false),
        (("", None), ("", None), false),
        (("a:", None), ("a:", None), false),
        (("a:", None), ("a:b:", None), false),
        (("corp:", Some("app:")), ("partner:", Some("app:")), false),
        (("corp:", Some("svc:")), ("svc:", None), false),
        (("corp:", Some("p")), ("partner:", None), false),
        (("corp:", Some("partner:app:")), ("partner:", None), false),
        (("corp:", Some("app:")), ("partner:", Some("app:p:")), false),
        (("corp:", Some("app:")), ("", None), false),
        (("corp:", Some("app:")), ("partner:", Some("bot:")), true),
        // Byte by byte, as PostgreSQL compares identities: neither case nor Unicode is folded.
        (("corp:", Some("app:")), ("CORP:", Some("APP:")), true),
        (("\u{e9}:", None), ("e\u{301}:", None), true),
        (("\u{e9}", None), ("\u{e9}\u{301}:", None), false),
    ] {
        let pair = profiles(&[(&prefixed(a.0, a.1), ""), (&prefixed(b.0, b.1), "")]);
        for (first, second) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            assert_eq!(apart(first, second), expected, "{a:?} {b:?}");
            assert_eq!(cause(first, second).is_none(), expected, "{a:?} {b:?}");
        }
    }
}

#[test]
fn what_is_wrong_names_the_settings() {
    let pair = profiles(&[(&prefixed("corp:", Some("p")), ""), (&prefixed("partner:", None), "")]);
    let said = "\"p000\" has identity.fallback.prefix = \"p\", and \"p001\" has identity.prefix = \"partner:\"";
    assert_eq!(cause(&pair[0], &pair[1]).as_deref(), Some(said));
    assert_eq!(remedy(&pair[0], &pair[1]), format!("{said}; {CURE}"));
    let bare = profiles(&[("claim = \"$.uid\"", ""), (&prefixed("", Some("app:")), "")]);
    let said = "\"p000\" has no identity.prefix, and \"p001\" has no identity.prefix";
    assert_eq!(cause(&bare[0], &bare[1]).as_deref(), Some(said));
}

fn outlines<'p>(profiles: &[&'p Profile]) -> Vec<Outline<'p>> {
    profiles.iter().map(|profile| Outline::from(*profile)).collect()
}

#[test]
fn an_identity_that_begins_with_the_prefix_of_a_rival_belongs_elsewhere() {
    let rivals = profiles(&[(&prefixed("", Some("p")), ""), (&prefixed("partner:", Some("bot:")), "")]);
    let [own, rival] = [&rivals[0], &rivals[1]];
    let alone = Config::parse(b"", "f").config.expect("an empty file is valid");
    let elsewhere = |identity: &str, source, rivals: &[&Profile]| {
        belongs_elsewhere(identity, source, own, &alone, &outlines(rivals))
    };
    for source in [IdentityOrigin::Primary, IdentityOrigin::Fallback] {
        for identity in ["partner:root", "partner:", "bot:x"] {
            assert!(elsewhere(identity, source, &[own, rival]), "{identity}");
            assert!(!elsewhere(identity, source, &[own]), "{identity}: it is no rival");
        }
        assert!(!elsewhere("partner", source, &[own, rival]));
        assert!(!elsewhere("Partner:root", source, &[own, rival]));
    }
    // By who it is, and not by what its prefix is.
    let twins = profiles(&[(&prefixed("a:", None), ""), (&prefixed("a:", None), "")]);
    assert!(belongs_elsewhere("a:x", IdentityOrigin::Primary, &twins[0], &alone, &outlines(&[&twins[0], &twins[1]])));
    assert!(!belongs_elsewhere("a:x", IdentityOrigin::Primary, &twins[0], &alone, &outlines(&[&twins[0]])));
}

#[test]
fn what_is_denied_for_the_main_files_sake_cannot_take_its_prefix_away() {
    let of = |name: &str, prefix: &str| {
        format!(
            "[profiles.{name}]\nissuer = \"https://i.example\"\nidentity = {{ prefix = \"{prefix}\" }}\naudience = [\"pg\"]\n\
             keys = {{ jwks_file = \"k\" }}\n"
        )
    };
    let (main, copy, below) = (of("corp", "corp:"), of("copy", "co"), of("below", "corp:x:"));
    let in_folder = |main: &str, texts: &[&str]| {
        let files: Vec<FolderFile<'_>> =
            texts.iter().map(|text| FolderFile { name: "/d/x.toml", text: Ok(text.as_bytes()) }).collect();
        Config::parse_all(main.as_bytes(), "f", ConfigFolder { name: "/d", files: &files })
            .config
            .expect("a sound main file")
    };
    let beside = in_folder(&main, &[&copy, &below]);
    let rivals: Vec<Outline<'_>> =
        beside.profiles().iter().map(Outline::from).chain(beside.denied().iter().map(Outline::from)).collect();
    assert_eq!(beside.denied().len(), 2);
    let corp = &beside.profiles()[0];
    let elsewhere = |identity, profile| belongs_elsewhere(identity, IdentityOrigin::Primary, profile, &beside, &rivals);
    assert!(!elsewhere("corp:ana", corp), "the prefix is its own");
    assert!(elsewhere("corp:x:ana", corp), "what is below it is the other's");
    let own = in_folder("", &[&main]);
    assert!(elsewhere("corp:ana", &own.profiles()[0]), "a file of the folder has no such right");
}

#[test]
fn of_profiles_that_do_not_meet_other_prefixes_are_taken_from_users_alone() {
    let text = |name: &str, identity: &str| {
        format!(
            "[profiles.{name}]\nissuer = \"https://{name}.example\"\nidentity = {{ {identity} }}\naudience = [\"pg\"]\n\
             keys = {{ jwks_file = \"k\" }}\n"
        )
    };
    let file = text("corp", &prefixed("a:", Some("p"))) + &text("partner", &prefixed("partner:", Some("a:")));
    let config = Config::parse(file.as_bytes(), "f").config.expect("they serve two lines");
    let corp = &config.profiles()[0];
    for (identity, source, expected) in [
        ("partner:x", IdentityOrigin::Primary, true),
        ("p:x", IdentityOrigin::Primary, true),
        ("a:x", IdentityOrigin::Primary, false),
        ("partner:x", IdentityOrigin::Fallback, false),
        ("a:x", IdentityOrigin::Fallback, false),
    ] {
        let found = belongs_elsewhere(identity, source, corp, &config, &outlines(&[corp]));
        assert_eq!(found, expected, "{identity} {source:?}");
    }
}

/// The members of a line, each with its own databases.
fn company(profiles: &[Profile]) -> LineProfiles<'_> {
    let member = |(place, profile)| LineProfile { place, profile, served: Served::by(profile) };
    LineProfiles::of(profiles.iter().enumerate().map(member))
}

#[test]
fn members_meet_where_a_database_is_served_by_both() {
    let databases = |list: &str| format!("databases = [{list}]");
    for (a, b, met) in [
        ("", String::new(), true),
        ("", databases("\"x\""), true),
        ("\"x\"", databases("\"x\""), true),
        ("\"x\", \"y\"", databases("\"z\", \"y\""), true),
        ("\"x\"", databases("\"X\""), false),
        ("\"x\"", databases("\"y\""), false),
    ] {
        let a = if a.is_empty() { String::new() } else { databases(a) };
        let pair = profiles(&[("claim = \"$.sub\"", &a), ("claim = \"$.sub\"", &b)]);
        let expected = [Collision { later: 1, earlier: 0, text: "" }];
        assert_eq!(company(&pair).mistakable(), &expected[..usize::from(met)], "{a} {b}");
        let shared = company(&pair).sharing(|_| vec!["a", "b"]);
        assert_eq!(shared.len(), if met { 2 } else { 0 }, "{a} {b}");
    }
    assert!(company(&profiles(&[(&prefixed("a:", Some("a:x")), "")])).mistakable().is_empty(), "nobody meets himself");
}

#[test]
fn the_short_way_finds_whom_the_long_way_finds() {
    // Few letters and few databases, so that much goes wrong; a generator of our own, so that it goes wrong again.
    let mut state = 1u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..150 {
        let mut text = |least: u64| -> String {
            let length = least + next(4);
            (0..length).map(|_| char::from(b"ab"[usize::try_from(next(2)).unwrap_or(0)])).collect()
        };
        let drawn: Vec<(String, Option<String>, Vec<String>)> = (0..6)
            .map(|_| {
                let (prefix, fallback, databases) = (text(0), text(1), [text(1), text(1)]);
                let fallback = (!prefix.starts_with(&fallback) && fallback.len() > 1).then_some(fallback);
                let mut databases = if databases[0].len() > 2 { Vec::new() } else { databases.to_vec() };
                databases.dedup();
                (prefix, fallback, databases)
            })
            .collect();
        let all: Vec<Profile> = drawn
            .iter()
            .enumerate()
            .map(|(at, (prefix, fallback, databases))| {
                let databases = if databases.is_empty() { String::new() } else { format!("databases = {databases:?}") };
                one(at, &prefixed(prefix, fallback.as_deref()), &databases)
            })
            .collect();
        let meet = |a: &Profile, b: &Profile| match (&a.databases, &b.databases) {
            (Some(a), Some(b)) => a.iter().any(|name| b.contains(name)),
            _ => true,
        };
        let pairs = || (0..all.len()).flat_map(|later| (0..later).map(move |earlier| (later, earlier)));
        let long: BTreeSet<(usize, usize)> =
            pairs().filter(|(x, y)| meet(&all[*x], &all[*y]) && !apart(&all[*x], &all[*y])).collect();
        let company = company(&all);
        let short = company.collisions(all_prefixes, begins);
        assert!(short.iter().all(|found| long.contains(&(found.later, found.earlier))), "{drawn:?} {short:?}");
        let concerned = |pairs: &BTreeSet<(usize, usize)>| -> BTreeSet<usize> {
            pairs.iter().flat_map(|(later, earlier)| [*later, *earlier]).collect()
        };
        // Whoever begins like somebody else is found; who is begun with has been found with one of those.
        let begun = |at: usize| {
            (0..all.len()).any(|other| {
                let both = || {
                    all_prefixes(&all[other])
                        .into_iter()
                        .flat_map(|o| all_prefixes(&all[at]).into_iter().map(move |own| (own, o)))
                };
                other != at
                    && meet(&all[other], &all[at])
                    && both().any(|(own, other)| own.starts_with(other) && own != other)
            })
        };
        let found = concerned(&short.iter().map(|found| (found.later, found.earlier)).collect());
        assert!((0..all.len()).filter(|at| begun(*at)).all(|at| found.contains(&at)), "{drawn:?} {short:?}");
        assert_eq!(company.mistakable().is_empty(), long.is_empty(), "{drawn:?}");
        let later: Vec<usize> = company.mistakable().iter().map(|found| found.later).collect();
        assert!(later.windows(2).all(|two| two[0] < two[1]), "one of each, in order: {later:?}");
    }
}

#[test]
fn in_a_map_those_are_mistaken_whose_prefixes_are_equal_or_fallbacks_begin_one_another() {
    for (a, b, mistaken) in [
        (("", None), ("", None), true),
        (("a:", None), ("a:", None), true),
        // The decision refuses a user with another source's prefix.
        (("", None), ("partner:", None), false),
        (("a:", None), ("a:b:", None), false),
        (("corp:", Some("p")), ("partner:", None), false),
        (("corp:", Some("svc:")), ("svc:", None), true),
        (("corp:", Some("app:")), ("partner:", Some("app:")), true),
        (("corp:", Some("app:")), ("partner:", Some("app:p:")), true),
        (("corp:", Some("app:")), ("partner:", Some("bot:")), false),
    ] {
        let pair = profiles(&[(&prefixed(a.0, a.1), ""), (&prefixed(b.0, b.1), "")]);
        let found = mistakable_in_a_map(&[&pair[0], &pair[1]]);
        assert_eq!(found.len(), usize::from(mistaken), "{a:?} {b:?}");
    }
}

#[test]
fn two_profiles_of_one_provider_may_have_the_same_people() {
    let own = "token_issuers = [\"https://idp.example\"]";
    let of = |b: &str, further: &str| {
        let pair = profiles(&[("claim = \"$.sub\"", own), (b, further)]);
        mistakable_in_a_map(&[&pair[0], &pair[1]]).is_empty()
    };
    assert!(of("claim = \"$.sub\"", own));
    assert!(!of("claim = \"$.sub\"", ""), "of another provider");
    assert!(!of("claim = \"$.sub\"", "token_issuers = [\"https://idp.example\", \"https://other.example\"]"));
    for made_otherwise in [
        "claim = \"$.email\", verified_by = \"$.email_verified\"",
        "claim = \"$.sub\", verified_by = \"$.v\"",
        "claim = \"$.sub\", verified_by = \"$.v\", verified_values = [1]",
        "claim = \"$.sub\", pattern = 'a(?<id>.*)'",
        "claim = \"$.sub\", case = \"lower\"",
        "claim = \"$.sub\", type = \"integer\"",
        "claim = \"$.sub\", fallback = { claim = \"$.azp\", prefix = \"app:\" }",
    ] {
        assert!(!of(made_otherwise, own), "{made_otherwise}");
    }
}

#[test]
fn a_fallback_that_would_take_every_user_is_a_contradiction() {
    for (prefix, fallback, conflict) in [
        ("app:p:", "app:", true),
        ("app:", "app:", true),
        ("app:", "app:p:", false),
        ("", "app:", false),
        ("b:", "a:", false),
    ] {
        let text = format!(
            "[profiles.p]\nissuer = \"https://i.example\"\nidentity = {{ {} }}\naudience = [\"pg\"]\nkeys = {{ jwks_file = \"k\" }}\n",
            prefixed(prefix, Some(fallback))
        );
        let codes: Vec<FindingCode> =
            Config::parse(text.as_bytes(), "f").findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, &[FindingCode::Conflict][..usize::from(conflict)], "{prefix} {fallback}");
    }
}
