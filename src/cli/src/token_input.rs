//! Reads the token that is to be explained: from a file or from standard input, never from an argument.
//!
//! What may stand around a copied token is taken off; nothing else is mended, since the server mends nothing either.

use crate::output::{CommandFailure, complain};
use oauth_validator_core::BearerToken;
use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Room for the longest token, and for enough more to see that one is longer.
const MAX_INPUT_BYTES: usize = MAX_TOKEN_BYTES + 1024;

const SCHEME: &[u8] = b"bearer ";

const BEARER: &str = "\"Bearer \" in front of the token";

const LINE_END: &str = "a line end behind the token";

/// A token, and what stood around it.
pub(crate) struct Input {
    pub(crate) token: BearerToken,
    /// What the server would not have left out, for a reader whose client sends it.
    pub(crate) left_out: Option<&'static str>,
}

/// The token in `file`, or on standard input.
pub(crate) fn read(file: Option<&Path>) -> Result<Input, CommandFailure> {
    match file.filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            let failed = |error| CommandFailure::new(format!("cannot read the token from {path:?}: {error}"));
            read_from(File::open(path).map_err(failed)?).map_err(failed)
        }
        None => {
            let stdin = io::stdin().lock();
            let typed = stdin.is_terminal();
            if typed {
                // The line discipline of Linux cuts longer lines (N_TTY_BUF_SIZE).
                complain(
                    "Paste the access token, then press Enter and Ctrl-D; over 4095 characters, use --token-file.",
                );
            }
            let input =
                read_from(stdin).map_err(|error| CommandFailure::new(format!("cannot read the token: {error}")))?;
            // A line end is how a person ends a line.
            Ok(Input { left_out: input.left_out.filter(|what| !typed || *what != LINE_END), ..input })
        }
    }
}

/// The bytes of the token in `file`, to be taken apart.
pub(crate) fn read_bytes(file: &Path) -> Result<Zeroizing<Vec<u8>>, CommandFailure> {
    let failed = |error| CommandFailure::new(format!("cannot read the token from {file:?}: {error}"));
    let input = all_of(File::open(file).map_err(failed)?).map_err(failed)?;
    Ok(Zeroizing::new(bare(&input).0.to_vec()))
}

fn read_from(source: impl Read) -> io::Result<Input> {
    let input = all_of(source)?;
    let (token, left_out) = bare(&input);
    Ok(Input { token: BearerToken::new(token), left_out })
}

fn all_of(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // The capacity keeps the buffer where it is: a moved one would leave a copy that is not wiped.
    let mut input = Zeroizing::new(Vec::with_capacity(MAX_INPUT_BYTES + 64));
    source.take(u64::try_from(MAX_INPUT_BYTES).unwrap_or(u64::MAX)).read_to_end(&mut input)?;
    Ok(input)
}

/// The text without one newline at its end, and without the scheme in front (case-insensitive, RFC 9110 section 11.1).
///
/// What was left out is told as well, in words.
fn bare(input: &[u8]) -> (&[u8], Option<&'static str>) {
    let line = input.strip_suffix(b"\n").unwrap_or(input);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let ended = line.len() < input.len();
    match line.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => {
            (token, Some(if ended { "\"Bearer \" in front of the token, and a line end behind it," } else { BEARER }))
        }
        _ => (line, ended.then_some(LINE_END)),
    }
}

#[cfg(test)]
mod tests {
    use super::{BEARER, LINE_END, bare};

    #[test]
    fn what_surrounds_a_copied_token_is_taken_off() {
        for input in ["a.b.c", "a.b.c\n", "a.b.c\r\n", "Bearer a.b.c\n", "bearer a.b.c"] {
            assert_eq!(bare(input.as_bytes()).0, b"a.b.c", "{input:?}");
        }
        for (input, left_out) in [
            ("a.b.c", None),
            ("a.b.c\r\n", Some(LINE_END)),
            ("a.b.c\r", Some(LINE_END)),
            ("BEARER a.b.c", Some(BEARER)),
            ("Bearer a.b.c\n", Some("\"Bearer \" in front of the token, and a line end behind it,")),
        ] {
            assert_eq!(bare(input.as_bytes()).1, left_out, "{input:?}");
        }
    }

    #[test]
    fn nothing_else_is_mended() {
        for (input, kept) in [("a\n\n", "a\n"), (" a", " a"), ("Bearer  a", " a"), ("BearerXa", "BearerXa"), ("", "")] {
            assert_eq!(bare(input.as_bytes()).0, kept.as_bytes(), "{input:?}");
        }
    }
}
