//! Who is asked: a provider over TLS, by the tool's helper, a process for each fetch as in a server.
//!
//! Hundreds of servers put few different questions: what they know already, to a provider that is as it is. Each is put once
//! to the real ones, and the answer and the number of requests that it took hold for all who put the same.

use super::scenes::MAX_AGE;
use super::{Asked, State};
use oauth_validator_core::protocol::{HelperAnswer, HelperFailure, HelperReply, HelperRequest, PROTOCOL_VERSION, Task};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A real one.
pub struct ByHelper {
    provider: MockProvider,
    helper: PathBuf,
    state: State,
    /// By the state of the provider and the entity tag of what is known.
    answers: HashMap<(State, Option<String>), (HelperReply, u32)>,
}

impl ByHelper {
    /// A provider on a port of its own, and the tool that asks it.
    #[must_use]
    pub fn start(helper: PathBuf) -> Self {
        let provider = MockProvider::start();
        provider.set_header("/jwks", "Cache-Control", &format!("max-age={}", MAX_AGE.as_secs()));
        provider.set_header("/jwks", "ETag", "\"1\"");
        Self { provider, helper, state: State { away: false, keys: 1 }, answers: HashMap::new() }
    }

    fn answer(&self, request: &HelperRequest) -> std::io::Result<HelperReply> {
        let mut helper = Command::new(&self.helper);
        helper.arg("helper").env_clear().current_dir("/");
        let mut child = helper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        // Its input stays open until it has answered: the end of it would mean that nobody waits any more.
        let mut input = child.stdin.take();
        if let Some(input) = &mut input {
            input.write_all(&request.to_line())?;
        }
        let mut line = Vec::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_until(b'\n', &mut line)?;
        }
        child.wait()?;
        drop(input);
        let answer = HelperAnswer::from_line(&line).map_err(|error| std::io::Error::other(format!("{error:?}")))?;
        assert!(answer.version <= PROTOCOL_VERSION, "the tool is of another version: make tool");
        Ok(answer.outcome)
    }
}

impl Asked for ByHelper {
    fn set(&mut self, state: State) {
        self.state = state;
        let keys = [keys::corp(), keys::partner()];
        self.provider.set_keys(keys::jwks(&keys[..state.keys]));
        self.provider.set_header("/jwks", "ETag", &format!("\"{}\"", state.keys));
        self.provider.set_fault(ALL, if state.away { Fault::Status(503) } else { Fault::None });
    }

    fn ask(&mut self, request: &HelperRequest) -> (HelperReply, u32) {
        let known = match &request.task {
            Task::Keys { known, .. } => known.as_ref().map(|known| known.etag.clone()),
            other => panic!("nobody asks for {other:?}"),
        };
        let question = (self.state, known);
        if let Some(answer) = self.answers.get(&question) {
            return answer.clone();
        }
        let before = self.provider.connection_count();
        let outcome = self.answer(request).unwrap_or_else(|error| {
            let hint = "make tool".to_owned();
            HelperReply::Failed(HelperFailure { code: "helper".to_owned(), message: error.to_string(), hint })
        });
        let requests = self.provider.connection_count() - before;
        let answer = (outcome, u32::try_from(requests).unwrap_or(u32::MAX));
        self.answers.insert(question, answer.clone());
        answer
    }

    fn issuer(&self) -> (String, Option<Vec<u8>>) {
        let authority = std::fs::read(self.provider.ca_file()).expect("the CA file of the provider");
        (self.provider.issuer(), Some(authority))
    }
}
