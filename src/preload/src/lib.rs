//! `liboauth_token.so`, for `LD_PRELOAD`: every libpq of the process, 18 or newer, shows the token of a file.
//!
//! `hook` is what libpq calls in place of its own `PQdefaultAuthDataHook`; `libpq` asks the very libpq that calls about its
//! connection; `judge` decides whether that connection may get the token; oauth-validator-token-file reads it. The token goes to nobody but a
//! server that `judge` has let pass, and a refusal is a text that names the variable to look at.
//!
//! Must never open a connection, start a thread, unwind into libpq, or keep a token longer than libpq needs it.
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by a panic"))]

mod hook;
mod judge;
mod libpq;
