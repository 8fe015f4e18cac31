//! Slots: what is written is read, whole or not at all, also while others write; and the epoch that no login slips past.

use super::super::{KeptText, Region, SlotEntry, SlotRecord};
use super::memory;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const EMPTY: SlotEntry<'_> = SlotEntry {
    pid: 1,
    started_at: 2,
    authenticated_at: 3,
    expires_at: None,
    ends_at: None,
    role: "app",
    profile: "corp",
    authn_id: "alice",
    client: None,
    token_id: None,
    jti: None,
    kid: None,
    thumbprint: None,
};

fn published(entry: SlotEntry<'_>) -> SlotRecord {
    let words = memory(1);
    let slot = Region::new(&words).unwrap().slot(0).unwrap();
    slot.publish(&entry);
    let record = slot.read().expect("somebody is there");
    assert_eq!(Some(&record), entry.as_kept().as_ref());
    record
}

#[test]
fn what_was_written_is_read() {
    let record = published(SlotEntry {
        expires_at: Some(-4),
        ends_at: Some(i64::MAX),
        client: Some(""),
        token_id: Some("t"),
        kid: Some("k"),
        thumbprint: Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        pid: i32::MAX,
        ..EMPTY
    });
    assert_eq!((record.pid, record.started_at, record.authenticated_at), (i32::MAX, 2, 3));
    assert_eq!((record.expires_at, record.ends_at), (Some(-4), Some(i64::MAX)));
    let said = |text: &Option<KeptText>| text.as_ref().map(ToString::to_string);
    assert_eq!(said(&record.client).as_deref(), Some(""), "empty is not absent");
    assert_eq!(said(&record.token_id).as_deref(), Some("t"));
    assert_eq!(said(&record.jti), None);
    assert_eq!(said(&record.thumbprint).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
}

#[test]
fn a_cleared_slot_is_free_and_has_nothing_left_in_it() {
    let words = memory(1);
    let slot = Region::new(&words).unwrap().slot(0).unwrap();
    slot.publish(&EMPTY);
    slot.clear();
    assert_eq!(slot.read(), None);
    let left = words.iter().skip(Region::words(0) + 1).filter(|word| word.load(Ordering::Relaxed) != 0).count();
    assert_eq!(left, 0);
    slot.publish(&EMPTY);
    assert!(slot.read().is_some(), "the next one has it");
}

#[test]
fn a_text_that_fits_to_the_last_byte_is_whole_and_the_next_one_is_cut() {
    let whole = "x".repeat(320);
    assert!(published(SlotEntry { authn_id: &whole, ..EMPTY }).authn_id.to_string() == whole);
    let long = "x".repeat(321);
    let cut = published(SlotEntry { authn_id: &long, ..EMPTY }).authn_id;
    assert!(cut.to_string().starts_with(&"x".repeat(288)) && cut.to_string().contains("... (SHA-256 "), "{cut}");
    assert!(cut.is(&long));
    // The beginning alone is nobody.
    let others = [whole, "x".repeat(288), "x".repeat(322), format!("{}y", "x".repeat(320)), cut.to_string()];
    assert!(others.iter().all(|other| !cut.is(other)));
    assert!(!cut.is_one_of(&others) && cut.is_one_of(&[others[0].clone(), long]));
}

#[test]
fn the_longest_identities_are_told_apart_and_letters_are_not_torn() {
    let umlauts = "ä".repeat(512);
    let other = format!("{}ö", "ä".repeat(511));
    let kept = published(SlotEntry { authn_id: &umlauts, ..EMPTY }).authn_id;
    assert!(kept.is(&umlauts) && !kept.is(&other));
    let odd = format!("x{}", "ä".repeat(300));
    assert!(published(SlotEntry { authn_id: &odd, ..EMPTY }).authn_id.is(&odd));
}

/// As 100 logins and departures a second are for ten readers, only faster: a reader sees one session or none.
#[test]
fn readers_never_see_a_mixture() {
    let words = memory(4);
    let region = Region::new(&words).unwrap();
    let done = AtomicBool::new(false);
    let names: Vec<String> = (0..50).map(|n| format!("{n}-{}", "n".repeat(n * 9))).collect();
    thread::scope(|scope| {
        for backend in 0..4_usize {
            let (names, done) = (&names, &done);
            scope.spawn(move || {
                let slot = region.slot(backend).unwrap();
                for round in 0..1_500 {
                    let name = &names[(round + backend) % names.len()];
                    let time = i64::try_from(name.len()).unwrap();
                    slot.publish(&SlotEntry {
                        pid: i32::try_from(name.len()).unwrap(),
                        started_at: time,
                        authenticated_at: time,
                        expires_at: Some(time),
                        ends_at: Some(time),
                        authn_id: name,
                        client: Some(name),
                        token_id: Some(name),
                        jti: Some(name),
                        kid: Some(name),
                        ..EMPTY
                    });
                    if round % 3 == 0 {
                        slot.clear();
                    }
                    thread::yield_now();
                }
                done.store(true, Ordering::Relaxed);
            });
        }
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut seen = 0_u64;
                    while !done.load(Ordering::Relaxed) {
                        for record in (0..4).filter_map(|backend| region.slot(backend).unwrap().read()) {
                            assert_is_one(&record, &names);
                            seen += 1;
                        }
                    }
                    seen
                })
            })
            .collect();
        let seen: u64 = readers.into_iter().map(|reader| reader.join().expect("no mixture")).sum();
        assert!(seen > 0, "readers read");
    });
}

/// All of it is of one name.
fn assert_is_one(record: &SlotRecord, names: &[String]) {
    let name = names.iter().find(|name| record.authn_id.is(name)).expect("a whole name");
    let time = i64::try_from(name.len()).unwrap();
    assert_eq!((i64::from(record.pid), record.started_at, record.authenticated_at), (time, time, time));
    assert_eq!((record.expires_at, record.ends_at), (Some(time), Some(time)));
    for text in [&record.client, &record.token_id, &record.jti, &record.kid] {
        assert!(text.as_ref().is_some_and(|text| text.is(name)), "{record:?}");
    }
    assert!(record.role.is("app") && record.profile.is("corp"));
}

/// Either the one that enforces sees the session, or the session sees the epoch.
#[test]
fn no_login_slips_between_the_epoch_and_the_scan() {
    for _ in 0..500 {
        let words = memory(1);
        let region = Region::new(&words).unwrap();
        let (began_after, login_knows, scan_sees) = thread::scope(|scope| {
            let login = scope.spawn(move || {
                let before = region.epoch();
                region.slot(0).unwrap().publish(&EMPTY);
                (before == 1, region.epoch() != before)
            });
            let enforce = scope.spawn(move || {
                region.raise_epoch();
                region.slot(0).unwrap().read().is_some()
            });
            let (began_after, login_knows) = login.join().unwrap();
            (began_after, login_knows, enforce.join().unwrap())
        });
        // One that began after the epoch was raised reads the new text.
        assert!(began_after || login_knows || scan_sees);
    }
}
