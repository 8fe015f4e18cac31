//! The keys of a profile that names a file: `keys.jwks_file` and `keys.pem_file`.
//!
//! The file is judged like the configuration itself, since whoever writes it signs tokens. Must never fall back to
//! another source of keys, and never put a part of the file into a message.

use crate::trusted::{MAX_KEY_FILE_BYTES, read_trusted, resolve};
use crate::users::ServerUser;
use oauth_validator_core::{KeyFile, KeySet, KeysUnavailable};
use std::path::Path;

/// Reads and parses the key source of a profile that is a file; `config_path` is the TOML's own path, to whose folder a
/// relative path is relative.
///
/// # Errors
///
/// The detail names the key of the configuration and the file, and says why it was refused, as [`crate::Refusal`] does,
/// or why it holds no usable key; the hint says what to do.
pub fn load_keys(source: &KeyFile, config_path: &Path, user: ServerUser) -> Result<KeySet, KeysUnavailable> {
    let (setting, wanted) = match source {
        KeyFile::Jwks(_) => {
            ("keys.jwks_file", "It must be a JSON Web Key Set, as the issuer's jwks_uri serves it (RFC 7517).")
        }
        KeyFile::Pem(_) => {
            ("keys.pem_file", "It must hold PEM blocks that begin with -----BEGIN PUBLIC KEY----- (RFC 7468).")
        }
    };
    let path = resolve(config_path, source.path());
    let contents = read_trusted(&path, MAX_KEY_FILE_BYTES, user)
        .map_err(|refusal| KeysUnavailable::new(format!("{setting}: {refusal}."), refusal.hint()))?;
    let keys = match source {
        KeyFile::Jwks(_) => KeySet::from_jwks(&contents),
        KeyFile::Pem(_) => KeySet::from_pem(&contents),
    };
    keys.map_err(|error| {
        let detail = format!("{setting}: {path:?} cannot be used: {error}.");
        KeysUnavailable::new(detail, error.hint().unwrap_or(wanted))
    })
}
