//! The sockets and threads: one thread accepts, one more serves each connection.
//!
//! Stopping must be prompt whatever a connection is doing: every open socket is shut down, which ends each
//! blocking call on it, and every thread is joined.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown as Direction, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::answer;
use crate::certificates::Authority;
use crate::fault::Fault;
use crate::http::{HttpRequest, HttpResponse};
use crate::lock;
use crate::shutdown::Shutdown;
use crate::site::{ALL, Site, not_modified};
use crate::stream::ServerStream;

/// A client that is silent for longer than this is dropped, unless a fault keeps it.
const SILENCE: Duration = Duration::from_secs(30);
/// The port of a stopped provider may be taken for a moment by a connection that is just ending.
const BIND_PATIENCE: Duration = Duration::from_secs(5);

/// What all threads of a running server share.
struct Shared {
    site: Arc<Mutex<Site>>,
    tls: Option<Arc<Authority>>,
    shutdown: Shutdown,
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

/// The threads that may still be serving, and how many of the others panicked.
struct Connections {
    threads: Vec<JoinHandle<()>>,
    panics: usize,
}

/// A running server.
pub(crate) struct MockServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: JoinHandle<Connections>,
}

impl MockServer {
    /// Serves on a bound port; without `tls`, plain HTTP.
    pub(crate) fn run(listener: TcpListener, site: Arc<Mutex<Site>>, tls: Option<Arc<Authority>>) -> Self {
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { site, tls, shutdown: Shutdown::default(), open: Mutex::default() });
        let of_thread = Arc::clone(&shared);
        let accepting = thread::spawn(move || accept(&listener, &of_thread));
        Self { shared, address, accepting }
    }

    /// Closes the port and all connections, and waits for the threads.
    pub(crate) fn stop(self) {
        self.shared.shutdown.raise();
        // `accept` cannot be interrupted, but a connection ends it.
        while !self.accepting.is_finished() {
            let _woken = TcpStream::connect_timeout(&self.address, Duration::from_millis(100));
            thread::sleep(Duration::from_millis(1));
        }
        let connections = self.accepting.join();
        for socket in lock(&self.shared.open).values() {
            let _already_closed = socket.shutdown(Direction::Both);
        }
        let panics = connections.map_or(1, |Connections { threads, panics }| {
            panics + threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count()
        });
        assert!(panics == 0 || thread::panicking(), "{panics} threads of the mock provider panicked");
    }
}

/// Binds a port of the loopback; port 0 takes any free one.
pub(crate) fn bind(port: u16) -> TcpListener {
    let started = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && started.elapsed() < BIND_PATIENCE => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("port {port} of 127.0.0.1 cannot be bound: {error}"),
        }
    }
}

/// Accepts until the shutdown.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> Connections {
    let (mut threads, mut panics): (Vec<JoinHandle<()>>, _) = (Vec::new(), 0);
    for number in 0.. {
        let accepted = listener.accept();
        if shared.shutdown.is_raised() {
            break;
        }
        // Such as too many open files, which passes.
        let Ok((socket, _)) = accepted else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let fault = {
            let mut site = lock(&shared.site);
            site.connections += 1;
            site.fault(ALL)
        };
        if fault == Fault::Refuse {
            continue;
        }
        // A thread that has ended keeps its stack until it is joined: ten thousand of them are more than a machine has.
        let ended = threads.extract_if(.., |thread| thread.is_finished()).map(JoinHandle::join);
        panics += ended.filter(Result::is_err).count();
        let Ok(handle) = socket.try_clone() else { continue };
        lock(&shared.open).insert(number, handle);
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || {
            // An error is a client that went away or refused our certificate: nothing to do about it.
            let _ended = serve(socket, &fault, &shared);
            lock(&shared.open).remove(&number);
        }));
    }
    Connections { threads, panics }
}

/// Serves the one request of a connection.
fn serve(mut socket: TcpStream, fault: &Fault, shared: &Shared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(SILENCE))?;
    if *fault == Fault::HangBeforeTls {
        return answer::hang(&mut socket);
    }
    let tls = shared.tls.as_ref().map(|authority| authority.config(fault.certificate()));
    let mut stream = ServerStream::new(socket, tls);
    let request = HttpRequest::read(&mut stream)?;
    let (response, fault) = respond(&mut lock(&shared.site), request);
    answer::send(&mut stream, response, &fault, &shared.shutdown)?;
    stream.finish()
}

/// Notes the request, and finds its response and its fault.
fn respond(site: &mut Site, request: HttpRequest) -> (HttpResponse, Fault) {
    let fault = site.fault(&request.path);
    let mut response = site.response(&request);
    if fault == Fault::None && request.method == "GET" && not_modified(&request, &response) {
        response.status = 304;
    }
    site.requests.push(request);
    (response, fault)
}
