//! A server that does not do what a server does, as the client and the log hear of it.

use super::{LoginProgress, login};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

const ASK: &[u8] = b"R\0\0\0\x15\0\0\0\x0aOAUTHBEARER\0\0";
const OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";

/// What becomes of a login with a server that says this and hangs up: what the client is told besides, and the outcome.
fn with(said: &[u8]) -> (Vec<u8>, Result<bool, (String, String)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let ((mut server, mut outer), (client, mut inner)) = (duplex(4096), duplex(4096));
        server.write_all(said).await.expect("a pipe");
        server.shutdown().await.expect("a pipe");
        let outcome = login(&mut outer, &mut inner, b"startup", b"response").await.expect("both streams are there");
        drop(inner);
        let mut passed_on = Vec::new();
        { client }.read_to_end(&mut passed_on).await.expect("a pipe");
        let outcome = outcome.map(|login| matches!(login, LoginProgress::Ready(_)));
        (passed_on, outcome.map_err(|why| (why.sqlstate.to_owned(), why.message)))
    })
}

#[test]
fn a_server_that_hangs_up_is_said_at_whatever_step() {
    let parameter = b"S\0\0\0\x0ca\0bcdef\0";
    for said in [
        &b""[..],
        b"R",
        b"R\0\0",
        ASK,
        &[ASK, b"R\0\0\0\x0c"].concat(),
        &[ASK, OK].concat(),
        &[ASK, OK, parameter].concat(),
    ] {
        let (_, outcome) = with(said);
        let (sqlstate, message) = outcome.expect_err("no session");
        assert_eq!(sqlstate, "08006", "{said:?}");
        assert_eq!(message, "the gateway's server ended the connection in the middle of the login");
    }
}

#[test]
fn what_is_no_message_is_said_too() {
    for said in [&b"R\xff\xff\xff\xff"[..], b"HTTP/1.1 400 Bad Request", &[ASK, b"R\0\0\0\0"].concat()] {
        let (_, outcome) = with(said);
        let (sqlstate, message) = outcome.expect_err("no session");
        assert!(sqlstate == "28000" && message.contains("does not speak PostgreSQL's protocol"), "{said:?}: {message}");
    }
}

#[test]
fn a_servers_own_error_goes_on_as_it_is_and_ends_the_login() {
    let error = b"E\0\0\0\x10SFATAL\0Mno\0\0";
    let (passed_on, outcome) = with(&[ASK, error].concat());
    assert_eq!((passed_on.as_slice(), outcome), (&error[..], Ok(false)));
    let (passed_on, outcome) = with(&[ASK, OK, error].concat());
    assert_eq!((passed_on.as_slice(), outcome), ([OK, error].concat().as_slice(), Ok(false)));
    let ready = b"Z\0\0\0\x05I";
    let (passed_on, outcome) = with(&[ASK, OK, ready].concat());
    assert_eq!((passed_on.as_slice(), outcome), ([OK, ready].concat().as_slice(), Ok(true)));
}
