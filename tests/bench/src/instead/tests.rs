//! What counts as a refusal, which rows a server cannot have, and that no two have one name.

use super::{Kind, refused};
use crate::client::{Credential, RepeatedLogin};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::thread;

/// What comes of a login without the proof at a server that says this.
fn outcome(answer: &'static [u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 256]).unwrap();
        stream.write_all(answer).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // What the client says when it leaves has a reader.
        let _ = stream.read(&mut [0; 256]);
    });
    let outcome = refused(&RepeatedLogin::new(folder.path(), "stranger", Credential::Nothing), "cert");
    server.join().unwrap();
    outcome.map_err(|error| error.to_string())
}

#[test]
fn only_a_refusal_is_one() {
    outcome(b"E\0\0\0\x13MNobody is in\0\0").unwrap();
    let let_in = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    assert_eq!(outcome(let_in).unwrap_err(), "cert: a login without the proof went through");
    // A server that breaks off has not judged, nor one that asks for what the client has not.
    for (answer, error) in [
        (&b"R\0\0\0\x08\0"[..], "the server closed the connection"),
        (b"R\0\0\0\x08\0\0\0\x03", "authentication request 3 does not belong to this login"),
    ] {
        let expected = format!("cert: a login without the proof ended otherwise: {error}");
        assert_eq!(outcome(answer).unwrap_err(), expected);
    }
}

#[test]
fn what_the_server_is_built_without_is_named() {
    let none = "'--prefix=/usr' '--with-icu'";
    let why: Vec<_> = Kind::ALL.iter().map(|kind| kind.missing(none).unwrap()).collect();
    let without = |option| format!("this server is built without --with-{option}");
    assert_eq!(why, ["openssl", "pam", "ldap"].map(without));
    for configured in ["'--with-openssl'", "'--with-ssl=openssl'"] {
        assert_ne!(Kind::Tls.missing(configured), Some(without("openssl")), "{configured}");
        assert_eq!(Kind::Ldap.missing(configured), Some(without("ldap")));
    }
}

/// What the report calls them tells them apart.
#[test]
fn no_two_rows_have_one_name() {
    let mut names: Vec<&str> = Kind::ALL.iter().flat_map(|kind| kind.rows()).copied().collect();
    names.extend(["no-op", "no-op, preloaded", "trust", "scram-sha-256"]);
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
