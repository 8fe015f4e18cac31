//! Local files that decide who gets in: opens them, judges them, reads them.
//!
//! Nothing here talks to the network, and nothing writes but the folder of key files (`cache.rs`), as its owner alone.
//! All of it may run inside a PostgreSQL backend, so nothing panics, waits for another process, or reads more of a file
//! than a named limit.
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by a panic"))]
#![forbid(unsafe_code)]

mod answers;
mod cache;
mod cache_files;
mod configuration;
mod found;
mod kept;
mod key_file;
mod key_state;
mod locks;
mod provider;
mod provider_request;
mod readable;
mod refusal;
mod search;
mod secret;
#[cfg(test)]
mod tests;
mod trouble;
mod trusted;
pub mod users;
mod walk;

pub use cache::{CacheTrouble, HelperSlot, KeyFolder, KeyLock, Operation};
pub use configuration::{
    ConfigurationFiles, FolderText, FolderTexts, MAX_FOLDER_FILE_BYTES, MAX_FOLDER_FILES, UnreadableConfig,
    folder_texts, is_folder_file, read_configuration,
};
pub use found::{PathStatus, Stamp};
pub use kept::{KeptConfiguration, KeptPlace};
pub use key_file::load_keys;
pub use key_state::KeyState;
pub use provider::{ClientLeft, Environment, KeyRefresh, bearer_of, with_files};
pub use provider_request::{ClaimLookup, HelperSlots, TokenCheck, lookup_secret};
pub use readable::{list_readable, open_readable};
pub use refusal::Refusal;
pub use secret::{read_certificate, read_secret};
pub use trusted::{MAX_CONFIG_BYTES, MAX_KEY_FILE_BYTES, judge_executable, read_trusted, resolve};
pub use users::ServerUser;
