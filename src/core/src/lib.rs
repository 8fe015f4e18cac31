//! Decides whether a bearer token may log in to PostgreSQL, and as whom.
//!
//! This crate decides and cannot act: it has no files, sockets, clock, environment or PostgreSQL. Everything comes in
//! as an argument, and everything it wants done goes out as a value.
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::string_slice,
        reason = "a test fails by a panic, and reads files and clocks"
    )
)]
#![cfg_attr(
    not(feature = "server-files"),
    allow(dead_code, reason = "some questions are asked by server_files alone; with it, nothing is dead")
)]
#![forbid(unsafe_code)]

mod algorithm;
pub mod bounds;
pub mod build;
mod claim_path;
mod claims;
mod compare;
pub mod config;
mod decide;
mod decision;
mod driver;
mod finding;
mod header;
mod identity;
mod identity_overlap;
mod introspection;
mod json;
mod jws;
mod keys;
mod line;
mod lookup;
mod malformed;
mod media_type;
mod overage;
mod pattern;
pub mod protocol;
mod reach;
mod reason;
mod roles;
mod rules;
mod scope;
#[cfg(feature = "server-files")]
pub mod server_files;
mod serving;
mod session;
pub mod shared;
mod time;
mod token;
mod token_kind;
mod trace;

pub use algorithm::{Algorithm, warm_up};
pub use claim_path::{BadPath, ClaimPath, Unsearchable};
pub use config::{
    Config, ConfigFolder, DeniedProfile, FolderFile, FolderTrouble, FormInMemory, KeptChoice, ParsedFiles, Pieces,
    Profile, Unread, choose, folder_of, kept_form,
};
pub use decide::{decide, decide_for};
pub use decision::{
    Decision, DecisionState, Denial, Grant, Known, Needs, NewerKeys, Privileges, Request, RoleAttributes, Verdict,
};
pub use driver::{Resolver, decide_with};
pub use finding::{Finding, FindingCode, Position, Related, Severity};
pub use introspection::{ClientAuth, ClientCertificate, ClientSecret, OnlineAnswer, OnlineCheck, OnlineKind};
pub use json::strict_json_object;
pub use keys::asking::{self, KeysWanted};
pub use keys::record::{self, KeyRecord, KeyStatus};
pub use keys::source::{KeyTiming, Location, ProviderKeys, ProviderSettings, sha256_hex};
pub use keys::{KeyFile, KeySet, KeySetError, KeysUnavailable, LeftOut, PublicKey};
pub use lookup::{
    GROUPS_OF_A_REQUEST, Graph, Lookup, LookupSubject, MAX_GROUPS, Source, Userinfo, batch_path, member_groups,
};
pub use reach::{FilePath, Pem, Reach};
pub use reason::{Blame, Reason};
pub use serving::is_well_known_of;
pub use session::{ClaimText, SessionGrant, login_line};
pub use time::UnixSeconds;
pub use token::BearerToken;
pub use trace::{Fact, RuleSeen, Step, Trace, TraceStep, Tracing};
