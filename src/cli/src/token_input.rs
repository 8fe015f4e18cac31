//! Reads the token that is to be explained: from a file or from standard input, never from an argument.
//!
//! What may stand around a copied token is taken off; nothing else is mended, since the server mends nothing either.

use crate::output::{Failure, complain};
use oauth_validator_core::BearerToken;
use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Room for the longest token, and for enough more to see that one is longer.
const MAX_INPUT_BYTES: usize = MAX_TOKEN_BYTES + 1024;

const SCHEME: &[u8] = b"bearer ";

/// The token in `file`, or on standard input.
pub(crate) fn read(file: Option<&Path>) -> Result<BearerToken, Failure> {
    match file.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let failed = |error| Failure::new(format!("cannot read the token from {path:?}: {error}"));
            read_from(File::open(path).map_err(failed)?).map_err(failed)
        }
        None => {
            let stdin = io::stdin().lock();
            if stdin.is_terminal() {
                // The line discipline of Linux cuts longer lines (N_TTY_BUF_SIZE).
                complain(
                    "Paste the access token, then press Enter and Ctrl-D; over 4095 characters, use --token-file.",
                );
            }
            read_from(stdin).map_err(|error| Failure::new(format!("cannot read the token: {error}")))
        }
    }
}

fn read_from(source: impl Read) -> io::Result<BearerToken> {
    // The capacity keeps the buffer where it is: a moved one would leave a copy that is not wiped.
    let mut input = Zeroizing::new(Vec::with_capacity(MAX_INPUT_BYTES + 64));
    source.take(u64::try_from(MAX_INPUT_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut input)?;
    Ok(BearerToken::new(bare(&input)))
}

/// Without one newline at the end, and without the scheme in front (case-insensitive, RFC 9110 section 11.1).
fn bare(input: &[u8]) -> &[u8] {
    let line = input.strip_suffix(b"\n").unwrap_or(input);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn what_surrounds_a_copied_token_is_taken_off() {
        for input in ["a.b.c", "a.b.c\n", "a.b.c\r\n", "Bearer a.b.c\n", "bearer a.b.c"] {
            assert_eq!(bare(input.as_bytes()), b"a.b.c", "{input:?}");
        }
    }

    #[test]
    fn nothing_else_is_mended() {
        for (input, kept) in [("a\n\n", "a\n"), (" a", " a"), ("Bearer  a", " a"), ("BearerXa", "BearerXa"), ("", "")] {
            assert_eq!(bare(input.as_bytes()), kept.as_bytes(), "{input:?}");
        }
    }
}
