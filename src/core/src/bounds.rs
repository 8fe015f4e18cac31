//! The ceiling of everything that a stranger can make large, in one place.
//!
//! Every limit here is tested at its value and one above it. None of them may depend on a token. The ranges of settings are
//! in the table of settings.

use crate::time::UnixSeconds;

/// The longest bearer token looked at, in bytes: PostgreSQL itself reads no longer SASL message
/// (`PG_MAX_AUTH_TOKEN_LENGTH`, `src/include/libpq/auth.h`).
pub const MAX_TOKEN_BYTES: usize = 65_535;

/// The longest JOSE header of a token, in bytes after decoding. Real ones are under 300 bytes; the room is
/// for providers that put certificates into it.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// How deeply objects and arrays of a JSON document may nest. Claims of real providers nest four levels.
pub const MAX_JSON_DEPTH: usize = 32;

/// The longest `kid` that is looked up, in bytes.
pub const MAX_KID_BYTES: usize = 1024;

/// The longest text of `token_issuers`, in bytes.
pub const MAX_ISSUER_BYTES: usize = 2048;

/// The longest identity reported to the server as `authn_id`, in bytes of UTF-8.
pub const MAX_IDENTITY_BYTES: usize = 1024;

/// The most keys that are tried on a token whose header does not name one. A provider that signs with two keys in turn, while
/// it replaces both, has four.
pub const MAX_TRIED_KEYS: usize = 4;

/// The largest key document (JWKS or PEM), in bytes.
pub const MAX_KEY_DOCUMENT_BYTES: usize = 256 * 1024;

/// The longest answer of somebody who is asked for claims that a token lacks, in bytes.
pub const MAX_LOOKUP_BYTES: usize = 64 * 1024;

/// The most keys read from one document.
pub const MAX_KEYS: usize = 256;

/// The smallest RSA modulus that may verify a signature, in bits (RFC 7518 section 3.3).
pub const MIN_RSA_BITS: usize = 2048;

/// The largest RSA modulus that may verify a signature, in bits: the time of a check grows with its square.
pub const MAX_RSA_BITS: usize = 8192;

/// The latest instant a NumericDate may name: the end of the year 9999. A larger number is
/// nearly always a time in milliseconds.
pub const MAX_NUMERIC_DATE: UnixSeconds = UnixSeconds::new(253_402_300_799);

/// The most that SQL may read of one token, in bytes of JSON: the names, the values and what is between them.
pub const MAX_SESSION_CLAIMS_BYTES: usize = 16 * 1024;

/// The longest name of a token, client or issuer that a session keeps, in bytes.
pub const MAX_SESSION_NAME_BYTES: usize = 1024;

/// The longest value printed for a claim in a trace, in characters.
pub const MAX_PRINTED_VALUE: usize = 200;
