//! A client that takes its time.

use super::{FOR_CLIENT, serve};
use crate::cancel::CancelKeys;
use crate::secret::TokenSource;
use crate::settings::{GatewaySettings, Listen, Upstream};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, pause};

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn settings() -> GatewaySettings {
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let servers = vec![("db.example".to_owned(), 5432)];
    GatewaySettings {
        listen: Listen::Tcp { address: "127.0.0.1:0".parse().expect("an address"), tls: None },
        upstream: Upstream { servers, tls: Arc::new(tls), timeout: Duration::from_secs(1) },
        token: TokenSource::Password,
        tell: |line| TOLD.lock().expect("nobody panicked").push(line.to_owned()),
    }
}

async fn until_it_ends(mut client: DuplexStream, gateway: DuplexStream, sent: &[u8]) -> (Duration, Vec<u8>) {
    let begun = Instant::now();
    client.write_all(sent).await.expect("a pipe");
    serve(Box::new(gateway), &settings(), &CancelKeys::default()).await.expect("an end");
    let mut answered = Vec::new();
    client.read_to_end(&mut answered).await.expect("a pipe");
    (begun.elapsed(), answered)
}

#[test]
fn whoever_does_not_say_who_he_is_is_sent_away_and_that_is_said() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        // The clock jumps to whatever is waited for next.
        pause();
        let startup = [&[0, 0, 0, 20, 0, 3, 0, 0][..], b"user\0alice\0\0"].concat();
        let asked = b"R\0\0\0\x08\0\0\0\x03";
        for (sent, expected) in [(&b""[..], &b""[..]), (b"\0\0", b""), (&startup, asked)] {
            let (client, gateway) = duplex(1024);
            let (took, answered) = until_it_ends(client, gateway, sent).await;
            assert_eq!((took.as_secs(), answered.as_slice()), (FOR_CLIENT.as_secs(), expected), "{sent:?}");
        }
    });
    let told = TOLD.lock().expect("nobody panicked");
    assert_eq!(*told, vec!["a client did not log in within 60 s, and was sent away"; 3]);
}
