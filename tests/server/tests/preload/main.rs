//! `liboauth_token.so` in programs that somebody else wrote: psql and the tools beside it, psycopg's wheel with a libpq of its
//! own, and dblink inside a server.
//!
//! Each refusal is looked for on the wire as well: whoever is not to have the token must not see a byte of it.

mod dblink;
mod psql;
mod psycopg;
mod scene;
mod strangers;
