//! Another build of the library takes the place of the one that a server runs: what one build kept is nothing to the other, and
//! no login fails meanwhile.
//!
//! The other build is the same library with another number for its sources, by which it takes itself for another one.

use crate::support::{By, SETTLED, Scene, config};
use oauth_validator_server_tests::{LoginOutcome, module_path};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Where in the head of a form it says of which build it is: behind a line and a length come the version, the commit, the
/// compiler and the number of the sources, each with its length before it.
const SOURCE: usize = 3;

/// The number of the sources of the build that made the form which is there.
#[track_caller]
fn source_of_form(scene: &Scene) -> Vec<u8> {
    let form = fs::read(scene.kept_file()).expect("a form");
    let start = form.iter().position(|byte| *byte == b'\n').expect("a first line") + 1;
    let mut rest = &form[start + 8..];
    let mut next = || {
        let (length, behind) = rest.split_first_chunk::<8>().expect("a length");
        let (part, behind) = behind.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("a small number"));
        rest = behind;
        part.to_vec()
    };
    let parts: Vec<Vec<u8>> = (0..=SOURCE).map(|_| next()).collect();
    assert!(parts[SOURCE].len() == 16 && parts[SOURCE].iter().all(u8::is_ascii_hexdigit), "{parts:?}");
    parts[SOURCE].clone()
}

/// Two builds of the library, each with the number of its sources.
struct Builds {
    one: (Vec<u8>, Vec<u8>),
    other: (Vec<u8>, Vec<u8>),
}

impl Builds {
    /// The one that the server has, and another one.
    fn new(scene: &Scene) -> Self {
        let (library, source) = (fs::read(module_path()).expect("the library"), source_of_form(scene));
        let other: Vec<u8> = source.iter().map(|digit| if *digit == b'0' { b'1' } else { b'0' }).collect();
        let at = library.windows(source.len()).position(|part| part == source).expect("its number in the library");
        let mut built = library.clone();
        built[at..at + other.len()].copy_from_slice(&other);
        Self { one: (library, source), other: (built, other) }
    }
}

/// As packages do it: beside the old one, and renamed.
fn install(scene: &Scene, build: &(Vec<u8>, Vec<u8>)) {
    scene.cluster.write_library(&build.0);
}

#[test]
fn each_build_uses_its_own_form_alone() {
    let scene = Scene::settled("");
    let builds = Builds::new(&scene);
    for build in [&builds.other, &builds.one, &builds.other] {
        install(&scene, build);
        assert_eq!(
            [scene.login(None), scene.login(None)],
            [By::TextAndKept, By::Kept],
            "the other build's is replaced"
        );
        assert_eq!(source_of_form(&scene), build.1);
    }
    // A text that changes together with the library.
    scene.cluster.write_config(&config("other"));
    install(&scene, &builds.one);
    assert_eq!(scene.login(Some("audience_mismatch")), By::Text);
    assert_eq!(source_of_form(&scene), builds.other.1);
    thread::sleep(SETTLED);
    let refused = || scene.login(Some("audience_mismatch"));
    assert_eq!([refused(), refused()], [By::TextAndKept, By::Kept]);
    assert_eq!(source_of_form(&scene), builds.one.1);
    install(&scene, &builds.other);
    assert_eq!([refused(), refused()], [By::TextAndKept, By::Kept]);
    scene.assert_quiet();
}

#[test]
fn a_preloaded_library_goes_on_until_the_server_is_restarted() {
    let mut scene = Scene::settled("shared_preload_libraries = 'oauth_validator'");
    let builds = Builds::new(&scene);
    install(&scene, &builds.other);
    assert_eq!(
        [scene.login(None), scene.login(None)],
        [By::Kept; 2],
        "it is mapped, and the file of its path is another one"
    );
    assert_eq!(source_of_form(&scene), builds.one.1);
    scene.cluster.write_config(&config("other"));
    assert_eq!(scene.login(Some("audience_mismatch")), By::Text);
    thread::sleep(SETTLED);
    assert_eq!(scene.login(Some("audience_mismatch")), By::TextAndKept);
    assert_eq!(source_of_form(&scene), builds.one.1);

    scene.cluster.restart();
    let refused = || scene.login(Some("audience_mismatch"));
    assert_eq!([refused(), refused()], [By::TextAndKept, By::Kept]);
    assert_eq!(source_of_form(&scene), builds.other.1);
    scene.cluster.write_config(&config("pg"));
    assert_eq!(scene.login(None), By::Text);
    scene.assert_quiet();
}

#[test]
fn clients_log_in_while_the_library_is_replaced() {
    let scene = Scene::settled("");
    let builds = Builds::new(&scene);
    let done = AtomicBool::new(false);
    let logins: usize = thread::scope(|scope| {
        let log_in = || {
            let mut logins = 0;
            while !done.load(Ordering::SeqCst) {
                let outcome = scene.attempt().outcome;
                assert!(matches!(outcome, LoginOutcome::Accepted(_)), "{outcome:?}");
                logins += 1;
            }
            logins
        };
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(log_in)).collect();
        for number in 0..20 {
            install(&scene, if number % 2 == 0 { &builds.other } else { &builds.one });
            thread::sleep(Duration::from_millis(50));
        }
        done.store(true, Ordering::SeqCst);
        clients.into_iter().map(|client| client.join().expect("each login succeeds")).sum()
    });
    println!("{logins} logins while the library was replaced 20 times");
    assert!(logins > 20, "{logins}");
    assert_eq!(scene.login(None), By::Kept);
    assert_eq!(source_of_form(&scene), builds.one.1);
    scene.assert_quiet();
}
