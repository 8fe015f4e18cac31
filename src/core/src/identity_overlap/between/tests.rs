//! The short way finds those whom comparing each with each finds.

use super::{Filed, meetings, takers};
use crate::config::Outline;
use crate::identity_overlap::apart;

/// What one of the profiles has.
struct Drawn {
    file: usize,
    prefix: Option<String>,
    fallback: Option<String>,
    databases: Option<Vec<String>>,
}

impl Drawn {
    fn outline(&self) -> Outline<'_> {
        Outline {
            name: "p",
            hba_issuers: &[],
            token_issuers: &[],
            takes_no_issuer: false,
            databases: self.databases.as_deref(),
            replication: false,
            prefix: self.prefix.as_deref(),
            fallback_prefix: self.fallback.as_deref(),
            asks: false,
            denied: false,
        }
    }
}

/// Few letters, files and databases, so that much goes wrong; the same ones each time.
fn draw(state: &mut u64) -> Vec<Drawn> {
    let mut next = |below: u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((*state >> 33) % below).unwrap()
    };
    let text = |next: &mut dyn FnMut(u64) -> usize| -> String {
        (0..next(4)).map(|_| ["a", "b", "\u{e4}"][next(3)]).collect()
    };
    (0..7)
        .map(|_| Drawn {
            file: next(3),
            prefix: (next(8) > 0).then(|| text(&mut next)),
            fallback: (next(3) == 0).then(|| text(&mut next)),
            databases: (next(3) > 0).then(|| (0..next(3)).map(|_| text(&mut next)).collect()),
        })
        .collect()
}

fn meet(a: &Drawn, b: &Drawn) -> bool {
    match (&a.databases, &b.databases) {
        (Some(a), Some(b)) => a.iter().any(|database| b.contains(database)),
        (Some(one), None) | (None, Some(one)) => !one.is_empty(),
        (None, None) => true,
    }
}

/// Whether one of the two has a prefix that is not empty and by which the primary one of the other goes on.
fn takes(a: &Drawn, b: &Drawn) -> bool {
    let goes_on = |own: &Drawn, other: &Drawn| {
        let further = |text: &&String| {
            !text.is_empty() && own.prefix.as_ref().is_some_and(|own| own != *text && own.starts_with(text.as_str()))
        };
        other.prefix.iter().chain(&other.fallback).any(|text| further(&text))
    };
    goes_on(a, b) || goes_on(b, a)
}

/// Whether `short` has those whom comparing each with each finds, each with one of them; counts these, and the others.
fn compare(all: &[Drawn], short: &[(usize, usize)], long: impl Fn(&Drawn, &Drawn) -> bool, counts: &mut [usize; 2]) {
    for (place, other) in short {
        assert!(long(&all[*place], &all[*other]), "{place} and {other}");
    }
    let found: Vec<usize> = short.iter().map(|(place, _)| *place).collect();
    let wanted: Vec<usize> = (0..all.len()).filter(|one| all.iter().any(|other| long(&all[*one], other))).collect();
    assert_eq!(found, wanted);
    counts[0] += found.len();
    counts[1] += all.len() - found.len();
}

#[test]
fn each_that_has_one_of_another_file_is_found_and_nobody_else() {
    let mut state = 7;
    let mut counts = [0, 0];
    for _ in 0..3000 {
        let all = draw(&mut state);
        let filed: Vec<Filed<'_>> = all
            .iter()
            .enumerate()
            .map(|(place, one)| Filed { place, file: one.file, outline: one.outline() })
            .collect();
        let clashing = |a: &Drawn, b: &Drawn| a.file != b.file && meet(a, b) && !apart(a.outline(), b.outline());
        let taking = |a: &Drawn, b: &Drawn| a.file != b.file && takes(a, b);
        compare(&all, &meetings(&filed), clashing, &mut counts);
        compare(&all, &takers(&filed), taking, &mut counts);
    }
    assert!(counts.iter().all(|count| *count > 1000), "{counts:?}");
}

#[test]
fn many_on_one_line_meet_only_in_their_databases() {
    // Each with each would be twenty thousand million comparisons.
    let databases: Vec<Vec<String>> = (0..200_000).map(|at| vec![format!("d{at}")]).collect();
    let outline = |at: usize| Outline { databases: Some(&databases[at]), ..EMPTY };
    let filed: Vec<Filed<'_>> =
        (0..databases.len()).map(|place| Filed { place, file: place % 2, outline: outline(place) }).collect();
    assert_eq!(meetings(&filed), []);
    assert_eq!(takers(&filed), []);
    let mut twice = filed.clone();
    twice.push(Filed { place: filed.len(), file: 1, outline: outline(0) });
    assert_eq!(meetings(&twice), [(0, filed.len()), (filed.len(), 0)]);
}

const EMPTY: Outline<'static> = Outline {
    name: "p",
    hba_issuers: &[],
    token_issuers: &[],
    takes_no_issuer: false,
    databases: None,
    replication: false,
    prefix: Some(""),
    fallback_prefix: None,
    asks: false,
    denied: false,
};
