//! What only the libpq that calls knows of its connection: where it leads, and whether it has TLS.
//!
//! A process can have several libpqs (a driver's own beside the system's), whose connections differ in memory: the one
//! that is asked is always that of the caller, found by the address it returns to. Nothing here is linked: where a function
//! is missing, nothing is known, and the caller is refused.

use crate::judge::{LibpqConnection, TransportKind};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr::{self, NonNull};

/// libpq's, whose inside differs by release.
#[repr(C)]
pub struct PGconn {
    _inside: [u8; 0],
}

/// `PQconninfoOption` of libpq-fe.h.
#[repr(C)]
struct Option_ {
    keyword: *const c_char,
    envvar: *const c_char,
    compiled: *const c_char,
    val: *const c_char,
    label: *const c_char,
    dispchar: *const c_char,
    dispsize: c_int,
}

/// The libpq that the caller is, or is linked to.
pub(crate) struct Libpq {
    /// `None`: whatever the program itself sees.
    handle: Option<NonNull<c_void>>,
}

impl Libpq {
    /// That of the code at this address; `None` where no library has it.
    pub(crate) fn of_caller(address: *const c_void) -> Option<Self> {
        // SAFETY: Dl_info is plain pointers, for which zero is a value.
        let mut info: libc::Dl_info = unsafe { mem::zeroed() };
        // SAFETY: dladdr takes any address, and fills in a structure that is ours.
        let found = unsafe { libc::dladdr(address, &raw mut info) };
        if found == 0 || info.dli_fname.is_null() {
            return None;
        }
        // SAFETY: a string of the dynamic linker's, which lives as long as the library; RTLD_NOLOAD runs none of its code.
        let handle = unsafe { libc::dlopen(info.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        // The program itself cannot be opened like that, and sees what is linked to it.
        Some(Self { handle: NonNull::new(handle) })
    }

    fn function(&self, name: &CStr) -> Option<NonNull<c_void>> {
        let handle = self.handle.map_or(libc::RTLD_DEFAULT, NonNull::as_ptr);
        // SAFETY: an open handle, or the one that dlsym names itself, and a string that ends.
        NonNull::new(unsafe { libc::dlsym(handle, name.as_ptr()) })
    }

    /// What it says of a connection; `None` where it lacks a function that libpq has had for long.
    ///
    /// # Safety
    /// `conn` is a connection of this libpq.
    pub(crate) unsafe fn describe(&self, conn: *mut PGconn) -> Option<LibpqConnection> {
        // SAFETY: as the caller promises.
        let (host, port, way) = unsafe { (self.text(c"PQhost", conn)?, self.text(c"PQport", conn)?, self.way(conn)?) };
        // SAFETY: as the caller promises.
        let address = unsafe { if self.has_address(conn)? { Some(self.text(c"PQhostaddr", conn)?) } else { None } };
        Some(LibpqConnection { host, address, port, way, in_server: is_server() })
    }

    /// Whether the options name an address (`hostaddr`), be it by the environment or a service file.
    ///
    /// # Safety
    /// As [`Libpq::describe`].
    unsafe fn has_address(&self, conn: *mut PGconn) -> Option<bool> {
        type Conninfo = unsafe extern "C" fn(*mut PGconn) -> *mut Option_;
        type Free = unsafe extern "C" fn(*mut Option_);
        let (conninfo, free) = (self.function(c"PQconninfo")?, self.function(c"PQconninfoFree")?);
        // SAFETY: these are the types in libpq-fe.h of all releases that have OAuth.
        let (conninfo, free) = unsafe {
            (
                mem::transmute::<*mut c_void, Conninfo>(conninfo.as_ptr()),
                mem::transmute::<*mut c_void, Free>(free.as_ptr()),
            )
        };
        // SAFETY: as the caller promises.
        let options = unsafe { conninfo(conn) };
        if options.is_null() {
            return None;
        }
        let mut found = false;
        let mut option = options;
        // SAFETY: the array ends with an option without keyword (PQconninfo in "Connection Status Functions"), and all
        // keywords and values are strings or null.
        unsafe {
            while !(*option).keyword.is_null() {
                let is_set = !(*option).val.is_null() && *(*option).val != 0;
                found |= is_set && CStr::from_ptr((*option).keyword) == c"hostaddr";
                option = option.add(1);
            }
            free(options);
        }
        Some(found)
    }

    /// # Safety
    /// As [`Libpq::describe`].
    unsafe fn way(&self, conn: *mut PGconn) -> Option<TransportKind> {
        // SAFETY: as the caller promises.
        let (has_tls, socket) = unsafe { (self.number(c"PQsslInUse", conn)?, self.number(c"PQsocket", conn)?) };
        Some(match (has_tls, is_unix(socket)) {
            (0, true) => TransportKind::UnixSocket,
            (0, false) => TransportKind::Clear,
            _ => TransportKind::Tls,
        })
    }

    /// # Safety
    /// As [`Libpq::describe`]; the function takes a connection and returns an int.
    unsafe fn number(&self, name: &CStr, conn: *mut PGconn) -> Option<c_int> {
        type Number = unsafe extern "C" fn(*const PGconn) -> c_int;
        let function = self.function(name)?;
        // SAFETY: as the caller promises.
        Some(unsafe { mem::transmute::<*mut c_void, Number>(function.as_ptr())(conn) })
    }

    /// A text in UTF-8; none counts as an empty one.
    ///
    /// # Safety
    /// As [`Libpq::describe`]; the function takes a connection and returns a string.
    unsafe fn text(&self, name: &CStr, conn: *mut PGconn) -> Option<String> {
        type TextFunction = unsafe extern "C" fn(*const PGconn) -> *const c_char;
        let function = self.function(name)?;
        // SAFETY: as the caller promises.
        let text = unsafe { mem::transmute::<*mut c_void, TextFunction>(function.as_ptr())(conn) };
        if text.is_null() {
            return Some(String::new());
        }
        // SAFETY: a string of the connection's, which nobody changes while its hook runs.
        unsafe { CStr::from_ptr(text) }.to_str().ok().map(str::to_owned)
    }
}

impl Drop for Libpq {
    fn drop(&mut self) {
        if let Some(handle) = self.handle {
            // SAFETY: opened here, and closed once; the library stays, since its own caller is in it.
            unsafe { libc::dlclose(handle.as_ptr()) };
        }
    }
}

/// Whether the kernel says that nothing of this socket leaves the machine.
fn is_unix(socket: c_int) -> bool {
    let mut domain: c_int = 0;
    let Ok(mut length) = libc::socklen_t::try_from(mem::size_of::<c_int>()) else { return false };
    // SAFETY: a number of a socket, which the kernel checks, and memory of the length that is given.
    let done = unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_DOMAIN, ptr::from_mut(&mut domain).cast(), &raw mut length)
    };
    done == 0 && domain == libc::AF_UNIX
}

/// Whether this process is a PostgreSQL server, which shows its symbols to the libraries that it loads.
fn is_server() -> bool {
    let of_server = |name: &CStr| {
        // SAFETY: a handle that dlsym names itself, and a string that ends.
        !unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }.is_null()
    };
    of_server(c"PostgresMain") || of_server(c"IsUnderPostmaster")
}

#[cfg(test)]
mod tests {
    use super::{Libpq, PGconn, is_server, is_unix};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::ptr;

    #[test]
    fn the_kernel_knows_what_stays_on_the_machine() {
        let (one, _other) = UnixStream::pair().expect("sockets");
        assert!(is_unix(one.as_raw_fd()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        assert!(!is_unix(stream.as_raw_fd()));
        assert!(!is_unix(-1));
    }

    #[test]
    fn a_caller_without_libpq_is_told_nothing() {
        assert!(!is_server());
        assert!(Libpq::of_caller(ptr::null()).is_none());
        let libpq = Libpq::of_caller(is_server as fn() -> bool as *const _).expect("this program");
        let mut conn = PGconn { _inside: [] };
        // SAFETY: there is no libpq in this program, so nobody looks at the connection.
        assert!(unsafe { libpq.describe(&raw mut conn) }.is_none());
    }
}
