//! Key files and folders as people and faults leave them.

use super::{ProviderSetup, answer, never, new_keys, nobody_answers, now, old_keys, says, world};
use crate::KeyRefresh;
use crate::tests::{SECRET, STRANGER, give, needs_root, set_mode};
use oauth_validator_core::{FilePath, KeyStatus, Pem, UnixSeconds};
use std::fs;
use std::path::Path;
use std::time::Duration;

#[test]
fn what_cannot_be_saved_is_used_and_complained_of_and_not_asked_for_by_each_login() {
    let setup = ProviderSetup::new();
    fs::create_dir(setup.file()).unwrap();
    let mut first = world(|_| answer(old_keys()));
    assert_eq!(setup.usable(&mut first), Ok(old_keys()));
    assert_eq!((first.fetches, first.complaints.len()), (1, 2), "{:?}", first.complaints);
    assert!(first.complaints[0].contains("it counts as absent"), "{:?}", first.complaints);
    assert!(
        first.complaints[1].starts_with("the keys of profile \"corp\" cannot be saved: "),
        "{:?}",
        first.complaints
    );
    says(setup.usable(&mut never()), &["asked again in 60 s at the earliest. Its last answer could not be saved."]);
}

#[test]
fn a_key_file_that_somebody_removed_is_fetched_again() {
    let setup = ProviderSetup::new();
    assert_eq!(setup.usable(&mut world(|_| answer(old_keys()))), Ok(old_keys()));
    fs::remove_file(setup.file()).unwrap();
    assert_eq!(setup.usable(&mut world(|_| answer(new_keys()))), Ok(new_keys()));
}

#[test]
fn key_files_of_others_are_no_key_files() {
    let original = ProviderSetup::new().with_keys_aged(0);
    let contents = fs::read(original.file()).unwrap();
    let half = &contents[..contents.len() / 2];
    let changed_issuer = |setup: &mut ProviderSetup| setup.source.issuer = "https://partner.example".into();
    let same = |_: &mut ProviderSetup| {};
    type Change = fn(&mut ProviderSetup);
    let cases: [(&[u8], Change, usize); 5] = [
        (half, same, 1),
        (b"", same, 1),
        (b"{\"version\": 1}", same, 1),
        (b"\xff\xfe\x00", same, 1),
        (&contents, changed_issuer, 0),
    ];
    for (contents, change, complaints) in cases {
        let mut setup = ProviderSetup::new();
        change(&mut setup);
        setup.write(contents);
        assert!(!setup.standing().is_usable());
        let mut dead = world(|_| nobody_answers());
        says(setup.usable(&mut dead), &["nobody answers"]);
        assert_eq!(dead.complaints.len(), complaints, "{:?}", dead.complaints);
        fs::remove_file(setup.folder.join("corp.lock")).unwrap();
        assert_eq!(setup.usable(&mut world(|_| answer(new_keys()))), Ok(new_keys()), "replaced");
        assert_eq!(setup.usable(&mut never()), Ok(new_keys()));
    }
}

#[test]
fn keys_from_the_future_are_none() {
    let setup = ProviderSetup::new().with_keys_of(UnixSeconds::of(now() + Duration::from_secs(3600)));
    assert_eq!(setup.standing(), KeyStatus::FromTheFuture);
    says(setup.usable(&mut world(|_| nobody_answers())), &["nobody answers"]);
}

#[test]
fn another_content_of_ca_file_gives_the_keys_up() {
    let mut setup = ProviderSetup::new();
    let ca = setup.place.file("ca.pem", 0o600);
    setup.settings().reach.ca = Some(FilePath(ca.to_string_lossy().into_owned()));
    let mut first = world(|request| {
        assert_eq!(request.reach.ca, Some(Pem(SECRET.to_owned())));
        answer(old_keys())
    });
    assert_eq!(setup.usable(&mut first), Ok(old_keys()));
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
    fs::write(&ca, "another authority").unwrap();
    says(setup.usable(&mut world(|_| nobody_answers())), &["nobody answers"]);
    fs::remove_file(&ca).unwrap();
    says(setup.usable(&mut never()), &["keys.ca_file", "does not exist"]);
    fs::write(&ca, [0xff]).unwrap();
    says(setup.usable(&mut never()), &["keys.ca_file", "is not text"]);
    set_mode(&ca, 0o666);
    says(setup.usable(&mut never()), &["keys.ca_file", "mode 0666"]);
}

#[test]
fn an_untrusted_folder_is_never_asked_for() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    set_mode(&setup.folder, 0o770);
    says(setup.usable(&mut never()), &["0770"]);
    set_mode(&setup.folder, 0o700);
    let moved = setup.place.path("elsewhere");
    fs::rename(&setup.folder, &moved).unwrap();
    says(setup.usable(&mut never()), &["oauth_validator"]);
    std::os::unix::fs::symlink(&moved, &setup.folder).unwrap();
    says(setup.usable(&mut never()), &["symbolic link"]);
    if needs_root("an_untrusted_folder_is_never_asked_for") {
        fs::remove_file(&setup.folder).unwrap();
        fs::rename(&moved, &setup.folder).unwrap();
        give(&setup.folder, STRANGER, STRANGER);
        says(setup.usable(&mut never()), &["owned by"]);
    }
}

#[test]
fn the_default_folder_is_made_and_another_one_is_not() {
    let setup = ProviderSetup::new();
    fs::remove_dir(&setup.folder).unwrap();
    says(setup.usable(&mut never()), &["oauth_validator"]);
    let order = KeyRefresh { create_folder: true, ..setup.order() };
    assert_eq!(order.usable(&mut world(|_| answer(old_keys()))), Ok(old_keys()));
}

#[test]
fn paths_are_relative_to_the_configuration() {
    let mut setup = ProviderSetup::new();
    let config = setup.place.file("oauth-validator.toml", 0o600);
    setup.place.file("ca.pem", 0o600);
    setup.settings().reach.ca = Some(FilePath("ca.pem".into()));
    let order = KeyRefresh { config_path: Path::new(&config), ..setup.order() };
    assert_eq!(order.usable(&mut world(|_| answer(old_keys()))), Ok(old_keys()));
}
