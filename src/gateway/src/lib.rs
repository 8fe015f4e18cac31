//! `oauth-validator gateway`: lets clients log in with a token that do not know how, as asyncpg and pgjdbc do not.
//!
//! A client connects here without anything, or with a password; the gateway connects to the server with TLS, shows it the
//! token, and then moves bytes. `settings` says who may come and where it goes, `listen` takes connections, `startup` reads what
//! comes before a login, `session` is one connection from its first byte to its last, `upstream` logs in, `cancel` knows where
//! a request to cancel belongs, `pair` when two streams are over, `wire` is the protocol's messages.
//!
//! Must never send a token to a server that does not ask for one by OAUTHBEARER, or without TLS whose certificate is that
//! server's; never listen where others on the network can connect without TLS; never log a token, or a byte that a client sent.
#![forbid(unsafe_code)]

mod cancel;
mod listen;
mod pair;
mod secret;
mod session;
mod settings;
mod startup;
mod upstream;
mod wire;

pub use listen::serve;
pub use secret::{Password, TokenSource};
pub use settings::{BadSettings, GatewaySettings, Listen, Upstream};
