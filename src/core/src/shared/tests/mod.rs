//! The region that all backends share, where it begins and ends; and, in files of their own, what is in it.

mod answer_cache;
mod counters;
mod enforce;
mod slots;

use super::Region;
use std::sync::atomic::AtomicU64;

/// Memory as a server gives it: zeros.
fn memory(backends: usize) -> Vec<AtomicU64> {
    std::iter::repeat_with(AtomicU64::default).take(Region::words(backends)).collect()
}

#[test]
fn a_region_has_room_for_its_backends_and_no_more() {
    assert_eq!(Region::words(10_000) * 8, 10_000 * 1024 + 557_312, "10 MB for 10,000 backends");
    let words = memory(3);
    let region = Region::new(&words).unwrap();
    assert!(region.slot(2).is_some());
    assert!(region.slot(3).is_none() && region.slot(usize::MAX).is_none());
    let bare = Region::words(0);
    assert!(Region::new(&words[..bare]).is_some_and(|region| region.slot(0).is_none()));
    assert!(Region::new(&words[..bare - 1]).is_none());
    assert!(Region::new(&[]).is_none());
    assert!(Region::words(usize::MAX) == usize::MAX, "no backend count makes it small again");
}

#[test]
fn nothing_has_happened_in_zeros() {
    let words = memory(2);
    let region = Region::new(&words).unwrap();
    assert_eq!(region.counts(), []);
    assert_eq!(region.helper_counts(), super::HelperCounts::default());
    assert_eq!(region.epoch(), 0);
    assert!((0..2).all(|backend| region.slot(backend).unwrap().read().is_none()));
}
