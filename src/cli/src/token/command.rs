//! A token by a command of the user's: `az account get-access-token ...`, `gcloud auth print-identity-token`, `oidc-token NAME`.
//!
//! Takes what such commands print: the token alone, or a JSON object with it. Must never repeat the output, whatever it is.

use super::NoToken;
use super::assertion::life_of;
use super::given::Token;
use super::source::Source;
use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use oauth_validator_core::{BearerToken, strict_json_object};
use serde_json::{Map, Value};
use std::io::{IsTerminal, Read};
use std::process::{Command, Stdio};
use std::time::Duration;
use zeroize::Zeroizing;

/// The members that have the token: of RFC 6749, of `az`, and of `gcloud` and Kubernetes.
const MEMBERS: [&str; 3] = ["access_token", "accessToken", "token"];

/// Room for a document around the longest token.
const MAX_OUTPUT: usize = MAX_TOKEN_BYTES * 2;

/// Runs it by the shell, with this process's terminal, so that it can ask somebody. What comes by a pipe or a file is for the
/// program that `run` starts, and not for this one.
pub(super) fn run(command: &str, source: &Source) -> Result<Token, NoToken> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(if std::io::stdin().is_terminal() { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| NoToken::here(format!("cannot start the shell for the command: {error}")))?;
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT + 1));
    if let Some(stdout) = child.stdout.take() {
        let limit = u64::try_from(MAX_OUTPUT + 1).unwrap_or(u64::MAX);
        stdout.take(limit).read_to_end(&mut output).map_err(|error| NoToken::here(format!("the command: {error}")))?;
    }
    let status = child.wait().map_err(|error| NoToken::here(format!("the command: {error}")))?;
    if !status.success() {
        return Err(NoToken::passing(format!("the command for the token ended with {status}")));
    }
    read(&output, source.takes_id_token)
}

fn read(output: &[u8], takes_id_token: bool) -> Result<Token, NoToken> {
    let none = |why: &str| NoToken::passing(format!("the command printed {why}"));
    if output.len() > MAX_OUTPUT {
        return Err(none("more than a token"));
    }
    let text = std::str::from_utf8(output.trim_ascii()).map_err(|_| none("something that is no token"))?;
    let (text, told) = match text.starts_with('{') {
        false => (Zeroizing::new(text.to_owned()), None),
        true => {
            let document =
                strict_json_object(text.as_bytes()).ok_or_else(|| none("something that is no JSON object"))?;
            let found = member(&document, takes_id_token).ok_or_else(|| none("JSON without a token"))?;
            (Zeroizing::new(found.to_owned()), document.get("expires_in").and_then(Value::as_u64))
        }
    };
    if BearerToken::new(text.as_bytes()).to_client_response().is_none() {
        return Err(none("something that is no bearer token: it must print the token alone, or JSON with it"));
    }
    let life = life_of(&text).or(told.map(Duration::from_secs));
    Ok(Token { text, life, refresh: None })
}

fn member(document: &Map<String, Value>, takes_id_token: bool) -> Option<&str> {
    let names: &[&str] = if takes_id_token { &["id_token"] } else { &MEMBERS };
    let text = |name: &&str| document.get(*name).and_then(Value::as_str);
    // A TokenRequest of Kubernetes has it in its status.
    let status = || document.get("status")?.get("token")?.as_str();
    names.iter().find_map(text).or_else(|| if takes_id_token { None } else { status() })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_such_commands_print_is_taken() {
        for output in [
            "abc.def",
            " abc.def\r\n",
            "{\"access_token\":\"abc.def\",\"expires_in\":10}",
            "{\"accessToken\":\"abc.def\",\"expiresOn\":\"x\"}\n",
            "{\"token\":\"abc.def\"}",
            "{\"status\":{\"token\":\"abc.def\"}}",
        ] {
            let token = read(output.as_bytes(), false).unwrap_or_else(|error| panic!("{output}: {}", error.what));
            assert_eq!(*token.text, "abc.def", "{output}");
        }
        assert_eq!(
            read(b"{\"token\":\"a\",\"id_token\":\"b\"}", true).map(|token| token.text.to_string()).ok(),
            Some("b".into())
        );
    }

    #[test]
    fn anything_else_is_refused_and_not_shown() {
        for output in [
            "",
            "\n",
            "sentinel sentinel",
            "ERROR: sentinel",
            "{\"access_token\":5}",
            "{\"access_token\":\"\"}",
            "{\"access_token\":\"sentinel\",\"access_token\":\"sentinel\"}",
            "{\"id_token\":\"sentinel\"}",
            "{\"sentinel\"",
        ] {
            let error = read(output.as_bytes(), false).map(|_| ()).expect_err(output);
            assert!(error.passing && !error.what.contains("sentinel"), "{}", error.what);
        }
        assert!(read(&vec![b'x'; 200_000], false).is_err());
        assert!(read(b"abc\xff", false).is_err());
        assert!(read(b"{\"token\":\"a\"}", true).is_err());
    }
}
