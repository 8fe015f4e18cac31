//! Runs a real PostgreSQL with the module, and logs in to it over the wire.
//!
//! [`Postgres`] finds or installs a server, [`Cluster`] runs one in a folder of its own, and [`Login`]
//! speaks SASL OAUTHBEARER to it byte by byte, so that tests can also send what libpq never would.
//! Nothing here knows what the module decides: that is for the tests to state.
//!
//! ```no_run
//! use oauth_validator_server_tests::{Cluster, ClusterOptions, Login};
//!
//! let cluster = Cluster::start(ClusterOptions {
//!     config: Some("# trusts nobody\n".into()),
//!     hba: r#"local all all oauth issuer="https://issuer.example" scope="db.connect""#.into(),
//!     ..ClusterOptions::with_module()
//! });
//! let mark = cluster.log_mark();
//! let attempt = cluster.login(&Login::new("alice", "postgres").token("not a token"));
//! assert_eq!(attempt.refused().sqlstate, "28000");
//! cluster.wait_for_log(mark, "oauth_validator: denied: hba_issuer_unknown");
//! ```

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

mod account;
mod clients;
mod cluster;
mod conf;
mod error;
mod folder;
mod folders;
mod install;
mod libclang;
mod log;
mod login;
mod memory;
mod mount;
mod paths;
mod process;
mod server;
mod template;
mod usage;
mod watch;
mod wheel;
mod wire;

pub use account::Account;
pub use clients::{asyncpg_wheel, pg8000_wheels, psycopg_wheel};
pub use cluster::{Cluster, ClusterOptions, Incarnation};
pub use error::{HarnessError, Result};
pub use folders::{target_dir, workspace_root};
pub use install::Postgres;
pub use libclang::Libclang;
pub use login::{FinishedLogin, Login, LoginOutcome, PendingLogin};
pub use memory::is_in_memory;
pub use mount::Mount;
pub use paths::{faulty_module_path, module_for, module_path, preload_path, tool_path};
pub use process::{ProcessId, may_mount, may_unshare};
pub use usage::{PostmasterUsage, own_memory, page_faults, processor_time};
pub use watch::{
    AT_ONCE, Ending, SOON, eventually, helpers_of, needs_release, needs_root, nothing_is_left, now, waiting,
};
pub use wire::{ClientSession, ErrorResponse, ResultRow, WireError};
