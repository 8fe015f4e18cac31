//! Sends a response, or what a fault makes of it.
//!
//! It must never wait longer than the client or the provider's shutdown lets it: each wait here ends when the
//! socket is shut down, or is a wait for the shutdown itself.

use std::io::{self, Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::fault::Fault;
use crate::http::HttpResponse;
use crate::shutdown::Shutdown;

/// Between two bytes of the slow faults.
const SLOW: Duration = Duration::from_secs(1);
/// What `ContentLengthTooLong` promises too much.
const MISSING_BYTES: usize = 100;

/// Sends the response under this fault. An error means that the client has gone, which no one has to handle.
pub(crate) fn send(
    stream: &mut (impl Read + Write),
    response: HttpResponse,
    fault: &Fault,
    shutdown: &Shutdown,
) -> io::Result<()> {
    match fault {
        Fault::HangAfterTls => hang(stream),
        Fault::SlowHeaders => drip(stream, &response.bytes(), shutdown),
        Fault::SlowBody => {
            stream.write_all(&response.head(&response.framing()))?;
            drip(stream, &response.body, shutdown)
        }
        Fault::EndlessChunks => endless(stream, &response),
        Fault::ContentLengthTooLong => {
            let promised = response.body.len() + MISSING_BYTES;
            stream.write_all(&response.head(&format!("Content-Length: {promised}")))?;
            stream.write_all(&response.body)
        }
        Fault::Raw(bytes) => stream.write_all(bytes),
        _ => stream.write_all(&changed(response, fault).bytes()),
    }?;
    stream.flush()
}

/// Reads, and says nothing, until the client gives up or the provider stops.
pub(crate) fn hang(stream: &mut impl Read) -> io::Result<()> {
    let mut ignored = [0; 4096];
    loop {
        match stream.read(&mut ignored) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The response with the one thing wrong that the fault names.
fn changed(mut response: HttpResponse, fault: &Fault) -> HttpResponse {
    match fault {
        Fault::Huge(size) => pad(&mut response.body, *size),
        Fault::Status(status) => response.status = *status,
        Fault::Redirect(status, location) => {
            response.status = *status;
            response.set("Location", location);
        }
        Fault::ContentType(value) if value.is_empty() => response.unset("Content-Type"),
        Fault::ContentType(value) => response.set("Content-Type", value),
        Fault::Body(body) => {
            response.status = 200;
            response.set("Content-Type", "application/json");
            response.body.clone_from(body);
        }
        Fault::Gzip(size) => {
            pad(&mut response.body, *size);
            response.set("Content-Encoding", "gzip");
            response.body = gzip(&response.body);
        }
        _ => {}
    }
    response
}

/// Spaces behind a JSON document leave it the same document.
fn pad(body: &mut Vec<u8>, size: usize) {
    body.resize(size.max(body.len()), b' ');
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every byte")
}

fn drip(stream: &mut impl Write, bytes: &[u8], shutdown: &Shutdown) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte])?;
        stream.flush()?;
        if shutdown.wait(SLOW) {
            break;
        }
    }
    Ok(())
}

fn endless(stream: &mut impl Write, response: &HttpResponse) -> io::Result<()> {
    stream.write_all(&response.head("Transfer-Encoding: chunked"))?;
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    loop {
        stream.write_all(chunk.as_bytes())?;
    }
}
