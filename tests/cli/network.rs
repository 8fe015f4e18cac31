//! What `discover` and `helper` have in common: a provider to ask, and the answers that both must refuse.
//!
//! No test leaves this machine.

use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{Fault, MockProvider};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

/// Where the OpenID form of a provider without a path has its metadata.
pub const METADATA: &str = "/.well-known/openid-configuration";

/// In bodies that are refused, and never in a report.
pub const SENTINEL: &str = "sentinel-5f1c";

/// What a provider does wrong, the code of the refusal, and words of its message.
pub type RefusedFetch = (Fault, &'static str, String);

/// A provider with one RSA key and one on P-256.
pub fn provider() -> MockProvider {
    with_keys(MockProvider::start())
}

pub fn with_keys(provider: MockProvider) -> MockProvider {
    provider.set_keys(jwks(&[keys::corp(), keys::p256()]));
    provider
}

/// A provider in whose metadata `member` is `value`; null takes it out.
pub fn with_member(member: &str, value: Value) -> MockProvider {
    let provider = provider();
    let mut metadata = provider.metadata();
    metadata[member] = value;
    if metadata[member].is_null() {
        metadata.as_object_mut().expect("an object").remove(member);
    }
    provider.set_metadata(metadata);
    provider
}

/// A provider with its keys at another name for the same host, and where they are.
pub fn with_keys_elsewhere() -> (MockProvider, String) {
    let provider = provider();
    let elsewhere = format!("https://127.0.0.1:{}/jwks", provider.port());
    let mut metadata = provider.metadata();
    metadata["jwks_uri"] = json!(elsewhere);
    provider.set_metadata(metadata);
    (provider, elsewhere)
}

/// For every path.
pub fn bad_certificates() -> Vec<RefusedFetch> {
    [
        (Fault::WrongNameCertificate, "for another name"),
        (Fault::ExpiredCertificate, "has expired"),
        (Fault::NotYetValidCertificate, "not valid yet"),
        (Fault::UntrustedCertificate, "an authority that is not trusted"),
    ]
    .map(|(fault, words)| (fault, "tls", words.to_owned()))
    .to_vec()
}

/// Redirects, one of each status, to all kinds of places.
pub fn redirects() -> Vec<RefusedFetch> {
    let targets = ["/jwks", "https://other.example/", "http://169.254.169.254/latest/meta-data/"];
    let of = |status: u16| {
        targets.map(|target| {
            (Fault::Redirect(status, format!("{target}?{SENTINEL}")), "redirect", format!("status {status}"))
        })
    };
    [301, 302, 303, 307, 308].into_iter().flat_map(of).collect()
}

/// Other statuses than 200.
pub fn bad_statuses() -> Vec<RefusedFetch> {
    let of = |status| (Fault::Status(status), "http_status", format!("status {status}, not 200"));
    [201, 204, 304, 400, 403, 429, 500, 503].map(of).to_vec()
}

/// Answers of status 200 that cannot be used.
pub fn bad_answers() -> Vec<RefusedFetch> {
    let long_header = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", SENTINEL.repeat(10_000));
    let other_protocol = format!("SSH-2.0-{SENTINEL}\r\n\r\n");
    let mut answers = vec![
        (Fault::Huge(256 * 1024 + 1), "too_large", "exceeds 262144 bytes"),
        (Fault::Huge(10 * 1024 * 1024), "too_large", "exceeds 262144 bytes"),
        (Fault::EndlessChunks, "too_large", "exceeds 262144 bytes"),
        (Fault::Raw(long_header.into_bytes()), "too_large", "headers of the answer exceed 32768 bytes"),
        (Fault::ContentLengthTooLong, "incomplete", "ends before its announced end"),
        (Fault::Raw(other_protocol.into_bytes()), "incomplete", "not HTTP/1.1"),
        (Fault::Gzip(10 * 1024 * 1024), "content_encoding", "is compressed"),
    ];
    for content_type in ["text/html; charset=utf-8", "text/plain", "application/octet-stream", ""] {
        let fault = Fault::ContentType(content_type.to_owned());
        answers.push((fault, "content_type", "does not say that it is JSON"));
    }
    let html = format!("<!DOCTYPE html><title>{SENTINEL}</title>");
    let twice = format!("{{\"keys\":[],\"keys\":[],\"x\":\"{SENTINEL}\"}}");
    let invalid = [b"{\"issuer\":\"\xff\xfe", SENTINEL.as_bytes(), b"\"}"].concat();
    for body in [html.as_bytes(), twice.as_bytes(), &invalid, b"", b"[]", b"null", b"\xef\xbb\xbf{}", b"{} {}"] {
        answers.push((Fault::Body(body.to_vec()), "not_json", "not one JSON object"));
    }
    answers.into_iter().map(|(fault, code, words)| (fault, code, words.to_owned())).collect()
}

/// Values of jwks_uri, and words of the refusal.
pub fn bad_places() -> Vec<(Value, &'static str)> {
    let long = format!("https://localhost/{}", "a".repeat(2048));
    vec![
        (json!("/jwks"), "is no absolute URL"),
        (json!("http://localhost/jwks"), "is not https"),
        (json!("http://127.0.0.1/jwks"), "is not https"),
        (json!("https://localhost@evil.example/jwks"), "has a user name"),
        (json!("https://localhost/jwks#x"), "has a fragment"),
        (json!("https://localhost/jwks\r\nX: y"), "percent-encoded"),
        (json!("file:///etc/passwd"), "is no"),
        (json!("gopher://localhost/"), "neither https nor"),
        (json!("https://169.254.169.254/latest"), "another host than the issuer's, 169.254.169.254"),
        (json!("https://2130706433/jwks"), "another host than the issuer's, 2130706433"),
        (json!("https://localhost.evil.example/jwks"), "another host than the issuer's, localhost.evil.example"),
        (json!(long), "longer than 2048 bytes"),
        (json!(null), "is missing"),
        (json!(["https://localhost/jwks"]), "is not a string"),
    ]
}

/// Values of issuer, and words of the refusal.
pub fn bad_issuers() -> Vec<(Value, &'static str)> {
    vec![
        (json!("https://evil.example"), "https://evil.example"),
        (json!(format!("\u{1b}[2J{SENTINEL}")), "about another issuer"),
        (json!("https://login.example/{tenantid}/v2.0"), "that of all tenants"),
        (json!(null), "names no issuer"),
        (json!(1), "names no issuer"),
        (json!(["https://localhost"]), "names no issuer"),
    ]
}

/// Providers in whose metadata a member that counts comes twice.
pub fn with_members_twice() -> Vec<MockProvider> {
    let of = |member: &str| {
        let provider = provider();
        let metadata = provider.metadata().to_string();
        let value = if member == "issuer" { provider.issuer() } else { format!("{}/jwks", provider.base_url()) };
        let twice = metadata.replacen('{', &format!("{{\"{member}\":\"{value}\","), 1);
        provider.set_fault(METADATA, Fault::Body(twice.into_bytes()));
        provider
    };
    ["issuer", "jwks_uri", "\\u006awks_uri"].map(of).into()
}

/// Key documents without a key that can be used, and words of the refusal.
pub fn bad_keys() -> Vec<(Value, &'static str)> {
    let key = jwks(&[keys::corp()])["keys"][0].clone();
    vec![
        (json!({ "keys": [] }), "it is empty"),
        (json!({}), "no array \"keys\""),
        (json!({ "keys": [{ "kty": "oct", "k": SENTINEL }] }), "has no usable key (key 1: it has private members"),
        (json!({ "keys": vec![json!({ "kty": "EC" }); 300] }), "it has 300 keys, more than 256"),
        (json!({ "keys": vec![key; 300] }), "it has 300 keys, more than 256"),
    ]
}

/// What takes minutes if nobody puts an end to it; each with its path.
pub fn slow_faults() -> Vec<(&'static str, Fault)> {
    vec![
        (oauth_validator_mock_provider::ALL, Fault::HangBeforeTls),
        (METADATA, Fault::HangAfterTls),
        (METADATA, Fault::SlowHeaders),
        (METADATA, Fault::SlowBody),
        ("/jwks", Fault::SlowBody),
    ]
}

/// A server for one connection, which answers once it has read enough; then nobody listens there any more.
pub fn answering(answer: &str, enough: fn(&[u8]) -> bool) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let answer = answer.to_owned();
    let serve = move || {
        let (mut client, _) = listener.accept().expect("a connection");
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        while !enough(&read) {
            let length = client.read(&mut buffer).expect("the client sends");
            assert!(length > 0, "the client ended after {} bytes", read.len());
            read.extend_from_slice(&buffer[..length]);
        }
        client.write_all(answer.as_bytes()).expect("the client reads");
    };
    (address, thread::spawn(serve))
}

/// An address where nobody listens, and nobody else comes to listen while the socket is there.
pub fn refusing() -> (SocketAddr, OwnedFd) {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    let address = getsockname(&socket).expect("its address").try_into().expect("one of the internet");
    (address, socket)
}

/// A port at which connections are neither accepted nor refused, and what keeps it so.
pub fn deaf_port() -> (SocketAddr, OwnedFd, Vec<TcpStream>) {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    listen(&listener, 0).expect("it listens");
    let address = SocketAddr::try_from(getsockname(&listener).expect("its address")).expect("of the internet");
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue has no end");
    }
    (address, listener, waiting)
}

/// The variables that name a proxy, each with one to which nobody can connect.
pub fn proxy_variables() -> Vec<(&'static str, String)> {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy"]
        .map(|name| (name, format!("http://{closed}")))
        .into()
}

/// A proxy for so many connections, and what it was asked: the first line of each.
pub fn connecting_proxy(connections: usize) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let serve = move || (0..connections).map(|_| tunnel(listener.accept().expect("a connection").0)).collect();
    (url, thread::spawn(serve))
}

fn tunnel(mut client: TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("the head of a request");
        head.push(byte[0]);
    }
    let line = String::from_utf8(head).expect("ASCII").lines().next().expect("a line").to_owned();
    let mut server = TcpStream::connect(line.split(' ').nth(1).expect("where to")).expect("the provider");
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("the client listens");
    let (mut from, mut to) = (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
    let up = thread::spawn(move || std::io::copy(&mut from, &mut to));
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(std::net::Shutdown::Both);
    let _ = server.shutdown(std::net::Shutdown::Both);
    let _ = up.join();
    line
}
