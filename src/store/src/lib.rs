//! Local files that decide who gets in: opens them, judges them, reads them.
//!
//! Nothing here talks to the network, and nothing here writes. All of it may run inside a PostgreSQL backend, so
//! nothing panics, blocks, or reads more than a named limit.

#![forbid(unsafe_code)]

mod keys;
mod refusal;
#[cfg(test)]
mod tests;
mod trusted;
pub mod users;
mod walk;

pub use keys::load_keys;
pub use refusal::{Found, Refusal};
pub use trusted::{MAX_CONFIG_BYTES, MAX_KEY_FILE_BYTES, read_trusted, resolve};
pub use users::ServerUser;
