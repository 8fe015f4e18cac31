//! Secrets of this server in files: for introspection endpoints, and for providers that show their keys to nobody else.
//!
//! A file is judged like the configuration: whoever can write it decides who this server is. Must never put a byte of it into a
//! message.

use crate::trusted::{MAX_KEY_FILE_BYTES, read_trusted, resolve};
use crate::users::ServerUser;
use oauth_validator_core::protocol::{Secret, TlsClient};
use oauth_validator_core::{ClientCertificate, KeysUnavailable};
use std::path::Path;

/// The longest file with a secret, in bytes.
const MAX_SECRET_BYTES: usize = 4096;

/// The secret in the file that `setting` names, without the newline that editors leave behind it.
///
/// # Errors
/// If the file cannot be trusted or read, is empty, or is not text of one line.
pub fn read_secret(setting: &str, path: &str, config_path: &Path, user: ServerUser) -> Result<Secret, KeysUnavailable> {
    let path = resolve(config_path, path);
    let content = read_trusted(&path, MAX_SECRET_BYTES, user)
        .map_err(|refusal| KeysUnavailable::new(format!("{setting}: {refusal}."), refusal.hint()))?;
    let text = Secret::new(String::from_utf8(content).unwrap_or_default());
    let line = text.expose().strip_suffix('\n').unwrap_or(text.expose());
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.chars().any(char::is_control) {
        let detail = format!("{setting}: {path:?} does not hold one line of text in UTF-8.");
        return Err(KeysUnavailable::new(detail, "Put the secret into it, and nothing else."));
    }
    Ok(Secret::new(line.to_owned()))
}

/// The certificate that this server shows, and its private key, as the files have them now.
///
/// # Errors
/// If a file cannot be trusted or read, or is not text. What is in the PEM blocks is not looked at.
pub fn read_certificate(
    certificate: &ClientCertificate,
    config_path: &Path,
    user: ServerUser,
) -> Result<TlsClient, KeysUnavailable> {
    let read = |setting: &str, path: &str| {
        let path = resolve(config_path, path);
        let content = read_trusted(&path, MAX_KEY_FILE_BYTES, user)
            .map_err(|refusal| KeysUnavailable::new(format!("{setting}: {refusal}."), refusal.hint()))?;
        String::from_utf8(content)
            .map(Secret::new)
            .map_err(|_| KeysUnavailable::new(format!("{setting}: {path:?} is not text."), "It must hold PEM blocks."))
    };
    Ok(TlsClient {
        cert_pem: read("keys.client_cert_file", &certificate.cert_file)?,
        key_pem: read("keys.client_key_file", &certificate.key_file)?,
    })
}
