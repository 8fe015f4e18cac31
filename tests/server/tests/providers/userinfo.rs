//! Claims that a provider's access tokens lack, from its own userinfo endpoint: the right person, another `sub`, and a
//! provider that is away.
//!
//! What the provider says is its own in each case. For another `sub` something stands between that asks it about another of
//! its users.

use crate::driver::DriverReady;
use crate::folder::LookedUp;
use crate::logins::{Scene, TrialOutcome};
use crate::profile::TrialFiles;
use std::io::{Read, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The claim is looked up for a rule, as the configuration says, by way of `endpoint`.
fn config(files: &TrialFiles, looked_up: &LookedUp, value: &str, endpoint: &str) -> String {
    let claim = &looked_up.claim;
    let rule = format!("claim = \"$.{claim}\"\nequals = {value:?}");
    let table = format!("kind = \"userinfo\"\nclaims = [\"{claim}\"]\nendpoint = \"{endpoint}\"");
    files.config_with_tables(&[("require", &rule)], &[("lookup", &table)])
}

/// What becomes of the user's token: each with what must have become of it, in words that go into the list of what is wrong.
pub fn tried(
    place: &Scene,
    files: &TrialFiles,
    looked_up: &LookedUp,
    ready: &DriverReady,
    endpoint: &str,
) -> Vec<(String, TrialOutcome)> {
    let token = &ready.tokens["user"];
    let stranger = ready.stranger.as_deref().expect("[trial.lookup] needs the token of a stranger");
    let mut all = Vec::new();
    let mut show = |value: &str, endpoint: &str, wanted: &str| {
        place.set_config(&config(files, looked_up, value, endpoint));
        all.push((wanted.to_owned(), place.show(token)));
    };
    show(&looked_up.value, endpoint, "granted");
    show("somebody else's", endpoint, "rule_failed");
    show(&looked_up.value, &relay(endpoint, stranger), "lookup_mismatch");
    show(&looked_up.value, &relay(endpoint, "no token"), "lookup_refused");
    all
}

/// What becomes of it once the provider is gone.
pub fn away(
    place: &Scene,
    files: &TrialFiles,
    looked_up: &LookedUp,
    ready: &DriverReady,
    endpoint: &str,
) -> TrialOutcome {
    place.set_config(&config(files, looked_up, &looked_up.value, endpoint));
    place.show(&ready.tokens["user"])
}

/// Asks `endpoint` with this token, whoever comes with whatever, for as long as the test runs; where it is.
fn relay(endpoint: &str, token: &str) -> String {
    let (host, path) =
        endpoint.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("http, with a path");
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    let host = host.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut buffer = [0; 4096];
            while !head.ends_with(b"\r\n\r\n") {
                match client.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => head.extend_from_slice(&buffer[..count]),
                }
            }
            let mut provider = TcpStream::connect(&host).expect("the provider");
            provider.write_all(request.as_bytes()).expect("a request");
            // A client that leaves before its end has had what it wanted.
            let _ = copy(&mut provider, &mut client);
        }
    });
    format!("http://{own}/{path}")
}
