//! Counters: exact for everybody who counts at once, and one cell for whoever comes too late.

use super::super::{DecisionCode, OTHERS, Region};
use super::memory;
use crate::reason::Reason;
use std::collections::BTreeMap;
use std::thread;

/// Counts by profile and code; the profile of decisions without any is empty.
fn counts(region: Region<'_>) -> BTreeMap<(String, &'static str), u64> {
    let counts = region.counts();
    let number = counts.len();
    let by_name: BTreeMap<_, _> =
        counts.into_iter().map(|count| ((count.profile.unwrap_or_default(), count.code), count.count)).collect();
    assert_eq!(by_name.len(), number, "each pair has one cell");
    by_name
}

#[test]
fn each_profile_and_code_has_a_cell_and_its_latest_time() {
    let words = memory(0);
    let region = Region::new(&words).unwrap();
    region.count(Some("corp"), DecisionCode::Granted, 7);
    region.count(Some("corp"), DecisionCode::Granted, 9);
    region.count(Some("corp"), DecisionCode::Granted, 8);
    region.count(Some("corp"), DecisionCode::Denied(Reason::Expired), 3);
    region.count(None, DecisionCode::Denied(Reason::ConfigInvalid), 4);
    let mut all: Vec<_> = region.counts().into_iter().map(|c| (c.profile, c.code, c.count, c.last_at)).collect();
    all.sort_unstable();
    let corp = || Some("corp".to_owned());
    assert_eq!(all, [(None, "config_invalid", 1, 4), (corp(), "expired", 1, 3), (corp(), "granted", 3, 9)]);
}

#[test]
fn every_code_has_a_number_of_its_own() {
    let words = memory(0);
    let region = Region::new(&words).unwrap();
    let longest = "p".repeat(63);
    for reason in Reason::ALL {
        region.count(Some(&longest), DecisionCode::Denied(*reason), 1);
    }
    region.count(Some(&longest), DecisionCode::Granted, 1);
    region.count(Some(&longest), DecisionCode::ReportOnly, 1);
    let counted = counts(region);
    assert_eq!(counted.get(&(longest.clone(), "report_only")), Some(&1));
    assert_eq!(counted.len(), Reason::ALL.len() + 2);
    for reason in Reason::ALL {
        assert_eq!(counted.get(&(longest.clone(), reason.code())), Some(&1), "{reason}");
    }
}

#[test]
fn nothing_is_lost_when_eight_count_at_once() {
    let words = memory(0);
    let region = Region::new(&words).unwrap();
    let profiles: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    for profile in &profiles {
                        region.count(Some(profile), DecisionCode::Granted, 1);
                        region.count(Some(profile), DecisionCode::Denied(Reason::Expired), 1);
                    }
                }
            });
        }
    });
    let counted = counts(region);
    assert_eq!(counted.len(), 80);
    assert!(counted.values().all(|count| *count == 400), "{counted:?}");
}

/// 10,000 profiles' names: those that came first keep their cells, and all others are one.
#[test]
fn what_has_no_cell_is_counted_among_the_others() {
    let words = memory(0);
    let region = Region::new(&words).unwrap();
    for n in 0..10_000 {
        region.count(Some(&format!("profile-{n}")), DecisionCode::Granted, n);
    }
    region.count(Some("profile-0"), DecisionCode::Granted, 20_000);
    let counted = counts(region);
    assert_eq!(counted.len(), 4096 + 1);
    assert_eq!(counted.get(&(OTHERS.to_owned(), OTHERS)), Some(&(10_000 - 4096)));
    assert_eq!(counted.get(&("profile-0".to_owned(), "granted")), Some(&2));
    assert_eq!(counted.values().sum::<u64>(), 10_001);
}

#[test]
fn the_helper_is_counted_by_itself() {
    let words = memory(0);
    let region = Region::new(&words).unwrap();
    region.count_helper(false, 20);
    region.count_helper(true, 3000);
    let counts = region.helper_counts();
    assert_eq!((counts.requests, counts.failures, counts.milliseconds), (2, 1, 3020));
    assert_eq!((region.epoch(), region.counts().len()), (0, 0));
}
