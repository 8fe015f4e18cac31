//! Starting, stopping and dropping: prompt whatever the connections are doing.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use serde_json::json;

use crate::client::{ExchangeEnd, TestClient};

/// Generous for a busy machine, and far below every wait that a fault could cause.
const PROMPT: Duration = Duration::from_secs(3);

#[test]
fn a_stopped_provider_refuses_and_comes_back_as_it_was() {
    let provider = MockProvider::start();
    provider.set_keys(json!({ "keys": [{ "kid": "kept" }] }));
    let (port, url) = (provider.port(), provider.base_url());
    assert_eq!(TestClient::of(&provider).get("/jwks").status(), 200);
    for _ in 0..3 {
        provider.stop();
        provider.stop();
        assert_eq!(TestClient::of(&provider).get("/jwks").end, ExchangeEnd::Refused);
        provider.restart();
        assert_eq!((provider.port(), provider.base_url()), (port, url.clone()));
        assert_eq!(TestClient::of(&provider).get("/jwks").json(), json!({ "keys": [{ "kid": "kept" }] }));
    }
    provider.restart();
    assert_eq!(provider.request_count("/jwks"), 4);
    assert_eq!(provider.connection_count(), 4, "the provider does not count what wakes it up");
}

#[test]
fn dropping_ends_every_kind_of_connection() {
    let slow = [Fault::HangAfterTls, Fault::SlowHeaders, Fault::SlowBody, Fault::EndlessChunks];
    for fault in slow.into_iter().chain([Fault::HangBeforeTls]) {
        let provider = MockProvider::start();
        provider.set_fault(ALL, fault.clone());
        thread::scope(|scope| {
            let client = scope.spawn(|| TestClient { limit: usize::MAX, ..TestClient::of(&provider) }.get("/jwks").end);
            wait_until(|| provider.connection_count() == 1 && arrived(&provider, &fault));
            let started = Instant::now();
            provider.stop();
            assert!(started.elapsed() < PROMPT, "{fault:?}: {:?}", started.elapsed());
            let end = client.join().expect("the client");
            assert!(matches!(end, ExchangeEnd::Dropped | ExchangeEnd::Closed), "{fault:?}: {end:?}");
        });
    }
}

#[test]
fn silent_clients_do_not_delay_the_end() {
    let provider = MockProvider::start();
    let address = ("127.0.0.1", provider.port());
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(address).expect("a connection")).collect();
    wait_until(|| provider.connection_count() == silent.len());
    assert_eq!(TestClient::of(&provider).get("/jwks").status(), 200, "others are served meanwhile");
    let started = Instant::now();
    drop(provider);
    assert!(started.elapsed() < PROMPT);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_client_that_does_not_read_does_not_delay_the_end() {
    let provider = MockProvider::start_without_tls();
    provider.set_fault("/jwks", Fault::Huge(100_000_000));
    let mut socket = TcpStream::connect(("127.0.0.1", provider.port())).expect("a connection");
    std::io::Write::write_all(&mut socket, b"GET /jwks HTTP/1.1\r\n\r\n").expect("a request");
    wait_until(|| provider.request_count("/jwks") == 1);
    let started = Instant::now();
    drop(provider);
    assert!(started.elapsed() < PROMPT);
}

#[test]
fn many_clients_are_served_at_once() {
    let provider = MockProvider::start();
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..40).map(|_| scope.spawn(|| TestClient::of(&provider).get("/jwks").status())).collect();
        assert!(clients.into_iter().all(|client| client.join().expect("a client") == 200));
    });
    assert_eq!(provider.request_count("/jwks"), 40);
}

/// Whether the connection has reached the state in which the fault holds it.
fn arrived(provider: &MockProvider, fault: &Fault) -> bool {
    *fault == Fault::HangBeforeTls || provider.request_count("/jwks") == 1
}

fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(10), "what the test waits for does not happen");
        thread::sleep(Duration::from_millis(2));
    }
}
