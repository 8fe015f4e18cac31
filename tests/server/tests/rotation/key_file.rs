//! Key files that are not what the profile's settings would have made, and servers that share them: what a stranger
//! could have put there, or another configuration, never lets anybody in.

use crate::support::{LONG, Party, Scene, assert_kept_secret, denials, set_mode};
use oauth_validator_fixtures::{TestKey, jwks, keys};
use oauth_validator_mock_provider::MockProvider;
use oauth_validator_server_tests::{Cluster, ClusterOptions, SOON, eventually, needs_root, tool_path};
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// A file of the server's own.
fn put(cluster: &Cluster, path: &Path, contents: &[u8]) {
    let beside = path.with_extension("put");
    fs::write(&beside, contents).expect("a file");
    let (uid, gid) = cluster.server_user();
    chown(&beside, Some(uid), Some(gid)).expect("an owner");
    set_mode(&beside, 0o600);
    fs::rename(&beside, path).expect("a name");
}

/// Puts this in the key file's place: the provider is asked again, the keys there are believed and no others, and the
/// log has these words.
#[track_caller]
fn counts_as_absent(place: &Scene, contents: &[u8], words: &str) {
    let asked = place.party.requests();
    thread::sleep(Duration::from_millis(1100));
    put(&place.cluster, &place.key_file(), contents);
    let mark = place.cluster.log_mark();
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    assert_eq!(place.party.requests(), (asked.0 + 1, asked.1 + 1), "{words}");
    let log = place.cluster.log_since(mark);
    assert!(log.contains(words), "no {words:?} in {log}");
    place.lets_in(keys::p256());
    assert_eq!(place.party.requests(), (asked.0 + 1, asked.1 + 1), "{words}");
}

#[test]
fn what_is_no_key_file_is_replaced() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let good = fs::read_to_string(place.key_file()).expect("UTF-8");
    let none = "is not a key file of this version; it counts as absent";
    for contents in [
        &b""[..],
        b"rubbish",
        b"{}",
        b"\xff\xfe",
        b"null",
        &good.as_bytes()[..good.len() / 2],
        &good.as_bytes()[..good.len() - 3],
        good.replace("\"version\": 1", "\"version\": 2").as_bytes(),
        good.replace("\"fetched_at\"", "\"fetched\"").as_bytes(),
        (good.clone() + &good).as_bytes(),
        (good.clone() + "\0").as_bytes(),
    ] {
        counts_as_absent(&place, contents, none);
    }
    counts_as_absent(&place, &[b' '; 600_000], "and has more than the 524288 bytes allowed; it counts as absent");
    assert!(!place.cluster.log().contains("rubbish"), "nothing of a file is logged");
    assert_eq!(place.cluster.log().matches("counts as absent").count(), 12, "each is told of once");
}

#[test]
fn names_that_lead_elsewhere_are_not_followed() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let other = place.folder().join("elsewhere.json");
    fs::rename(place.key_file(), &other).expect("another name");
    symlink(&other, place.key_file()).expect("a link");
    thread::sleep(Duration::from_millis(1100));
    let mark = place.cluster.log_mark();
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    place.cluster.wait_for_log(mark, "is a symbolic link owned by ");
    assert!(fs::symlink_metadata(place.key_file()).expect("a file").is_file(), "replaced, not followed");
    place.lets_in(keys::p256());
    assert_eq!(place.party.requests(), (2, 2));

    // Nobody waits for a lock that somebody else could hold for ever.
    let lock = place.key_file().with_extension("lock");
    fs::remove_file(&lock).expect("a lock");
    symlink("/dev/null", &lock).expect("a link");
    place.lets_in(keys::corp());
    let denial = place.refuses(&TestKey::p256("new"), "keys_unavailable");
    assert!(denial.detail.contains("corp.lock") && denial.detail.contains("symbolic link"), "{denial:?}");
    fs::remove_file(&lock).expect("a link");
    place.refuses(&TestKey::p256("new"), "key_unknown");

    if needs_root("names_that_lead_elsewhere_are_not_followed: a file of root's") {
        chown(place.key_file(), Some(0), Some(0)).expect("an owner");
        let mark = place.cluster.log_mark();
        thread::sleep(Duration::from_millis(1100));
        place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
        place.cluster.wait_for_log(mark, "is a file owned by root (uid 0), mode 0600; it must be owned by ");
    }
}

/// Two profiles on one server; each provider has a key of the same name, which is another key.
#[test]
fn a_key_file_of_another_profile_is_none() {
    let (ours, theirs) = (Party::new("ours"), Party::new("theirs"));
    let stranger = keys::partner().with_kid(keys::corp().kid());
    theirs.provider.set_keys(jwks(&[&stranger]));
    let cluster = Cluster::start(ClusterOptions {
        helper: Some(tool_path()),
        config: Some(ours.config(LONG) + &theirs.config(LONG)),
        hba: ours.hba() + &theirs.hba(),
        ..ClusterOptions::with_module()
    });
    for party in [&ours, &theirs] {
        party.move_in(&cluster);
    }
    ours.lets_in(&cluster, keys::corp());
    theirs.lets_in(&cluster, &stranger);
    let file = |name: &str| cluster.data_dir().join(format!("oauth_validator/{name}.json"));
    let copied = fs::read(file("theirs")).expect("a key file");
    thread::sleep(Duration::from_millis(1100));
    put(&cluster, &file("ours"), &copied);
    // Signed with the key that the copy has, in our issuer's name.
    ours.refuses(&cluster, &stranger, "signature_invalid");
    ours.lets_in(&cluster, keys::corp());
    // Nor while our provider is down.
    ours.provider.stop();
    thread::sleep(Duration::from_millis(1100));
    put(&cluster, &file("ours"), &copied);
    ours.refuses(&cluster, &stranger, "keys_unavailable");
    ours.refuses(&cluster, keys::corp(), "keys_unavailable");
    theirs.lets_in(&cluster, &stranger);
    assert_kept_secret(&cluster, [&ours, &theirs]);
}

#[test]
fn keys_of_another_authority_or_another_issuer_are_given_up() {
    let mut place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let good = fs::read(place.party.provider.ca_file()).expect("an authority");
    let other = MockProvider::start();
    let foreign = fs::read(other.ca_file()).expect("an authority");
    thread::sleep(Duration::from_millis(1100));
    place.cluster.write_file("corp.pem", &foreign);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("tls: ") && denial.hint.contains("keys.ca_file"), "{denial:?}");
    for (contents, words) in [(&b""[..], "ca_file"), (b"no PEM", "ca_file"), (b"\xff", "is not text")] {
        place.take_new_profile(LONG);
        place.cluster.write_file("corp.pem", contents);
        let denial = place.refuses(keys::corp(), "keys_unavailable");
        assert!(denial.detail.contains(words), "{denial:?}");
    }
    let path = place.cluster.write_file("corp.pem", &good);
    set_mode(&path, 0o666);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("keys.ca_file: ") && denial.detail.contains("mode 0666"), "{denial:?}");
    fs::remove_file(&path).expect("a file");
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("keys.ca_file: ") && denial.detail.contains("does not exist"), "{denial:?}");
    place.cluster.write_file("corp.pem", &good);
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
}

/// A profile keeps its name and gets another issuer, whose key has the name of the first one's.
#[test]
fn a_profile_that_changes_its_issuer_believes_the_new_one_alone() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let stranger = keys::partner().with_kid(keys::corp().kid());
    let next = Party::new("corp");
    next.provider.set_keys(jwks(&[&stranger]));
    place.cluster.write_file("corp.pem", fs::read(next.provider.ca_file()).expect("an authority"));
    place.cluster.write_config(&next.config(LONG));
    place.cluster.set_hba(&next.hba());
    place.cluster.reload();
    next.lets_in_soon(&place.cluster, &stranger, &["keys_unavailable"]);
    next.refuses(&place.cluster, keys::corp(), "signature_invalid");
    let mark = place.cluster.log_mark();
    place.cluster.login(&place.party.login(&place.party.token(keys::corp()))).refused();
    let log = place.cluster.wait_for_log(mark, "FATAL:");
    assert_eq!(denials(&log)[0].code, "issuer_mismatch", "the old issuer's token: {log}");
    assert_eq!(next.requests(), (1, 1));
}

/// Two servers with one configuration and one folder of keys, by mistake or not: one lock, one fetch.
#[test]
fn two_servers_may_share_what_they_have() {
    let first = Scene::start(LONG);
    let start = |cache: Option<&Path>| {
        let mut conf = format!("oauth_validator.config_file = '{}'\n", first.cluster.config_path().display());
        if let Some(cache) = cache {
            conf += &format!("oauth_validator.cache_directory = '{}'\n", cache.display());
        }
        let cluster = Cluster::start(ClusterOptions {
            helper: Some(tool_path()),
            hba: first.party.hba(),
            conf,
            ..ClusterOptions::with_module()
        });
        cluster.sql("CREATE ROLE corp LOGIN").expect("a role");
        cluster
    };
    let own_folder = start(None);
    first.lets_in(keys::corp());
    first.party.lets_in(&own_folder, keys::corp());
    assert_eq!(first.party.requests(), (2, 2), "each has its own keys");

    let shared = start(Some(&first.folder()));
    first.party.lets_in(&shared, keys::corp());
    assert_eq!(first.party.requests(), (2, 2), "the keys are there already");
    // A new key is found by one of them, for both.
    let new = TestKey::p256("new");
    first.party.provider.set_keys(jwks(&[&new]));
    thread::sleep(Duration::from_millis(1100));
    thread::scope(|scope| {
        for cluster in [&first.cluster, &shared] {
            let (party, new) = (&first.party, &new);
            scope.spawn(move || {
                eventually("the new key", SOON, || {
                    let attempt = cluster.login(&party.login(&party.token(new)));
                    matches!(attempt.outcome, oauth_validator_server_tests::LoginOutcome::Accepted(_)).then_some(())
                });
            });
        }
    });
    assert_eq!(first.party.requests(), (3, 3));
    for cluster in [&first.cluster, &shared] {
        first.party.refuses(cluster, keys::corp(), "key_unknown");
        assert_kept_secret(cluster, [&first.party]);
    }
}
