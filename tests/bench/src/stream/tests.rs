//! A server without TLS, one that speaks something else, and a real one.

use super::{PORT, Way};
use crate::tls::BenchTls;
use rustls::version::TLS12;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;

/// What the client says of a server that answers SSLRequest so, and shows no certificate behind it.
fn error_after(number: u8, answer: &'static [u8]) -> String {
    let address = Ipv4Addr::new(127, 78, 0, number);
    let listener = TcpListener::bind((address, PORT)).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(answer).unwrap();
        request
    });
    let way = Way::Tls(address, BenchTls::new("somebody").unwrap().client(true).unwrap());
    let error = way.connect().and_then(|mut stream| stream.write_all(b"startup")).unwrap_err();
    // 80877103.
    assert_eq!(server.join().unwrap(), [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
    error.to_string()
}

#[test]
fn a_server_without_tls_gets_nothing() {
    assert_eq!(error_after(1, b"N"), "the server does without TLS");
    // An ErrorResponse, as a server of another protocol has it.
    assert_eq!(error_after(2, b"E"), "the server does without TLS");
    assert_eq!(error_after(3, b""), "failed to fill whole buffer");
}

#[test]
fn what_is_no_tls_is_refused() {
    assert!(error_after(4, b"Splain text, and more of it").contains("InvalidContentType"));
}

/// A server's end of TLS, and what the client says of it.
fn handshake(number: u8, shown: rustls::ServerConfig, client: Arc<rustls::ClientConfig>) -> Result<(), String> {
    let address = Ipv4Addr::new(127, 78, 0, number);
    let listener = TcpListener::bind((address, PORT)).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(b"S").unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(shown)).unwrap();
        while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
    });
    let said = Way::Tls(address, client).connect().and_then(|mut stream| stream.write_all(b"startup"));
    server.join().unwrap();
    said.map_err(|error| error.to_string())
}

#[test]
fn the_server_is_verified_and_the_version_is_the_newest() {
    let (own, other) = (BenchTls::new("somebody").unwrap(), BenchTls::new("somebody").unwrap());
    let client = own.client(false).unwrap();
    handshake(5, own.server.server_config(), client.clone()).unwrap();
    // Of another run.
    let error = handshake(6, other.server.server_config(), client.clone()).unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
    let expired = oauth_validator_mock_provider::LocalhostCertificate::expired();
    assert!(handshake(7, expired.server_config(), client.clone()).is_err());
    let error = handshake(8, own.server.server_config_in(&[&TLS12]), client).unwrap_err();
    assert!(error.contains("ProtocolVersion"), "{error}");
}
