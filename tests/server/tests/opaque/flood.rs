//! Tokens that nobody issued, by the hundred: they cost a few processes at a time, and no other profile its logins.

use crate::support::{Scene, denials, jwt};
use oauth_validator_server_tests::{Login, LoginOutcome, ProcessId, eventually, nothing_is_left};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TOKENS: usize = 500;
const AT_ONCE: usize = 8;
const MAX_HELPERS: usize = 3;

/// How much longer a login may take than beside as many connections that cost no helper. Far more than it is, which the
/// test prints: this only tells logins that go on from logins that starve, on whichever machine.
const MOST: f64 = 10.0;

/// How long a login of the other profile takes, with a valid JWT.
fn login(place: &Scene, token: &str) -> Duration {
    let attempt = place.cluster.login(&Login::new("kim", "postgres").token(token));
    let elapsed = attempt.elapsed;
    match attempt.outcome {
        LoginOutcome::Accepted(_) => elapsed,
        other => panic!("kim was not let in: {other:?}"),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Children of this cluster's backends that are called as the helper is, zombies included.
fn helpers(place: &Scene) -> usize {
    let data = place.cluster.data_dir();
    let is_own = |parent: i32| fs::read_link(format!("/proc/{parent}/cwd")).is_ok_and(|folder| folder == data);
    let all = ProcessId::all();
    all.iter().filter(|process| process.name.starts_with("oauth-validator") && is_own(process.parent)).count()
}

/// Shows so many tokens of nobody as this role while kim logs in; returns her times.
fn flood(place: &Scene, role: &str, kim: &str) -> Vec<Duration> {
    let (shown, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let attackers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    while shown.fetch_add(1, Ordering::Relaxed) < TOKENS {
                        let attempt = place.cluster.login(&Login::new(role, "postgres").token(place.unknown()));
                        assert_eq!(attempt.refused().sqlstate, "28000");
                    }
                })
            })
            .collect();
        let kims = scope.spawn(|| {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                times.push(login(place, kim));
                thread::sleep(Duration::from_millis(5));
            }
            times
        });
        let ended: Vec<_> = attackers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "an attacker was not refused as it should be");
        kims.join().expect("kim is let in")
    })
}

#[test]
fn five_hundred_tokens_of_nobody_keep_nobody_else_out() {
    let place = Scene::with(&format!("max_connections = 60\noauth_validator.max_helpers = {MAX_HELPERS}\n"));
    let kim = jwt("https://keys.example", "kim");
    place.forbid(&kim, "kim");
    let incarnation = place.cluster.incarnation();
    let alone = median((0..40).map(|_| login(&place, &kim)).collect());
    // What so many connections cost by themselves: at kim's own line the same tokens are none.
    let otherwise = median(flood(&place, "kim", &kim));

    let mark = place.cluster.log_mark();
    let (over, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    let started = Instant::now();
    let times = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(helpers(&place), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
            }
        });
        let times = flood(&place, "ana", &kim);
        over.store(true, Ordering::Relaxed);
        times
    });
    let (took, logins, longest) = (started.elapsed(), times.len(), times.iter().max().copied().unwrap_or_default());
    let meanwhile = median(times);
    let ratio = meanwhile.as_secs_f64() / otherwise.as_secs_f64();
    let most = most.into_inner();
    let asked = place.asked();
    println!("{TOKENS} opaque tokens of nobody in {took:?}: {asked} asked about, at most {most} helpers at once.");
    println!("{logins} logins with a JWT meanwhile: median {meanwhile:?}, longest {longest:?};");
    println!("{ratio:.1} times {otherwise:?}, the median beside {TOKENS} logins that are refused without asking.");
    println!("Alone on the machine it was {alone:?}.");
    assert!((1..=MAX_HELPERS).contains(&most), "{most} helpers at once");
    assert!(logins >= 20, "{logins} logins");
    assert!(ratio < MOST, "{meanwhile:?} instead of {otherwise:?}");
    assert!(longest < Duration::from_secs(5), "{longest:?}");

    let denied = denials(&place.cluster.log_since(mark));
    let inactive = denied.matches("denied: introspection_inactive (profile \"corp\")").count();
    let refused = denied.matches("denied: introspection_unavailable (profile \"corp\")").count();
    assert_eq!((inactive + refused, inactive), (TOKENS, asked), "each was asked about or had no place");
    let words = format!(
        "Every place for asking a provider about a token is taken, {MAX_HELPERS} in all (oauth_validator.max_helpers)."
    );
    assert_eq!(denied.matches(&words).count(), refused);
    assert!(refused > 0, "there was no flood");

    nothing_is_left(&place.cluster);
    eventually("the end of all logins", Duration::from_secs(5), || {
        let sql = "SELECT 1 FROM pg_stat_activity WHERE state = 'starting'";
        place.cluster.sql(sql).expect("pg_stat_activity").is_empty().then_some(())
    });
    place.lets_ana_in(&place.good());
    login(&place, &kim);
    assert_eq!(place.cluster.incarnation(), incarnation);
}
