//! Many logins at once: no more helpers than there are places, and nobody is let in without an answer.

use crate::support::Scene;
use oauth_validator_server_tests::{Login, LoginOutcome, ProcessId, nothing_is_left};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const LOGINS: usize = 200;
const MAX_HELPERS: usize = 3;

/// Children of this cluster's backends that are called as the helper is, zombies included.
fn helpers(place: &Scene) -> usize {
    let data = place.cluster.data_dir();
    let is_own = |parent: i32| fs::read_link(format!("/proc/{parent}/cwd")).is_ok_and(|folder| folder == data);
    let all = ProcessId::all();
    all.iter().filter(|process| process.name.starts_with("oauth-validator") && is_own(process.parent)).count()
}

#[test]
fn two_hundred_logins_at_once_stay_within_the_places() {
    let place = Scene::with(&format!("max_connections = 250\noauth_validator.max_helpers = {MAX_HELPERS}\n"));
    let incarnation = place.cluster.incarnation();
    let token = place.good();
    let mark = place.cluster.log_mark();
    let (over, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (accepted, refused) = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(helpers(&place), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        let login = || {
            let login = Login::new("ana", "postgres").token(&token).timeout(Duration::from_secs(120));
            match place.cluster.login(&login).outcome {
                LoginOutcome::Accepted(_) => true,
                LoginOutcome::Refused(error) if error.sqlstate == "28000" => false,
                other => panic!("{other:?}"),
            }
        };
        let logins: Vec<_> = (0..LOGINS).map(|_| scope.spawn(login)).collect();
        let ended: Vec<_> = logins.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        let accepted = ended.into_iter().filter(|ended| *ended.as_ref().expect("no panic")).count();
        (accepted, LOGINS - accepted)
    });
    let most = most.into_inner();
    println!(
        "{LOGINS} logins at once: {accepted} let in, {refused} refused, at most {most} helpers, {} requests",
        place.asked()
    );
    assert!((1..=MAX_HELPERS).contains(&most), "{most} helpers at once");
    assert_eq!(place.asked(), accepted, "one request for each that was let in, and none for the others");
    assert!(accepted >= 1);
    let log = place.cluster.log_since(mark);
    let taken = log.matches("denied: lookup_unavailable (profile \"corp\")").count();
    assert_eq!(taken, refused, "every refusal says why");
    nothing_is_left(&place.cluster);
    place.lets_in("ana", &token);
    assert_eq!(place.cluster.incarnation(), incarnation);
}
