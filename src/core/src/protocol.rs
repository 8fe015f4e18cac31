//! What a server and the helper that it starts say to each other: one line of JSON each way.
//!
//! The two may be of different versions, since a server keeps the library it has mapped while packages are upgraded. So
//! each side accepts its own version and the one before, and says so when it sees another. Members that are not known
//! are refused: what one side means and the other does not understand must never be dropped.

use crate::introspection::{ClientAuth, OnlineAnswer, OnlineCheck};
use crate::keys::KeySet;
use crate::keys::source::{Location, ProviderKeys};
use crate::token::BearerToken;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// What the helper is told to be, as its only argument.
pub const HELPER_COMMAND: &str = "helper";

/// The newest version: it has `basic_raw` and `public`, which the first one had not.
pub const PROTOCOL_VERSION: u32 = 2;

/// The versions that are understood: this one and the one before. Answers are the same in both.
const UNDERSTOOD: RangeInclusive<u32> = PROTOCOL_VERSION - 1..=PROTOCOL_VERSION;

/// The longest request, in bytes with its newline: room for a file of certificates.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The longest answer, in bytes with its newline: room for the largest key document.
pub const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// The longest text of a failure that is taken over from a helper, in characters.
const MAX_TEXT_CHARS: usize = 600;

/// What the helper is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelperRequest {
    /// The oldest version that has all that is asked: a helper of before, which an upgrade leaves beside a newer library,
    /// goes on with what it knows.
    pub version: u32,
    /// How long the helper may take for everything, in milliseconds.
    pub deadline_ms: u64,
    /// How long it may take to connect, in milliseconds.
    pub connect_timeout_ms: u64,
    /// The certificates to trust instead of the system's, in PEM.
    pub ca_pem: Option<String>,
    /// `http://HOST:PORT`.
    pub proxy: Option<String>,
    /// Whether http to a loopback address is accepted.
    pub insecure_http: bool,
    /// The work.
    pub task: Task,
}

/// A helper's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// To fetch an issuer's keys.
    Keys {
        /// As discovery must spell it.
        issuer: String,
        /// Where the metadata is, if not at the well-known URLs.
        discovery_url: Option<String>,
        /// Where the keys are, if no metadata is to be asked for.
        jwks_url: Option<String>,
        /// Hosts besides the issuer's that the metadata may point to.
        allowed_hosts: Vec<String>,
        /// What is had already: the answer may be that it still holds.
        known: Option<KnownDocument>,
    },
    /// To ask the provider about a token, by POST with a form.
    Introspect {
        /// Where.
        endpoint: String,
        /// How this server proves itself there.
        authorization: Authorization,
        /// The form field that holds the token.
        token_param: String,
        /// The token.
        token: Secret,
    },
}

/// How the helper proves itself to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Authorization {
    /// HTTP Basic, with both parts percent-encoded (RFC 6749 section 2.3.1).
    Basic {
        /// The client's name.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// HTTP Basic, with both parts as they are. Since version 2.
    BasicRaw {
        /// The client's name, without a colon.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// Both in the form.
    Post {
        /// The client's name.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// A bearer token of this server's own.
    Bearer {
        /// That token.
        secret: Secret,
    },
    /// A client's name in the form, and no secret. Since version 2.
    Public {
        /// The client's name.
        client_id: String,
    },
    /// Nothing.
    None,
}

impl Authorization {
    /// The oldest version of the protocol that has it.
    const fn version(&self) -> u32 {
        match self {
            Self::BasicRaw { .. } | Self::Public { .. } => 2,
            Self::Basic { .. } | Self::Post { .. } | Self::Bearer { .. } | Self::None => 1,
        }
    }
}

/// A text that is wiped when it is dropped, and that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A key document that was fetched before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDocument {
    /// Where it came from.
    pub url: String,
    /// Its entity tag (RFC 9110 section 8.8.3).
    pub etag: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelperAnswer {
    /// The version of the request: whoever asked understands that.
    pub version: u32,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a helper's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The keys.
    Keys(FetchedKeys),
    /// The known document still holds.
    Unchanged(Freshness),
    /// What an endpoint says about a token.
    Answer(OnlineAnswer),
    /// There is nothing to be had.
    Failed(Failure),
}

/// Keys as they were fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchedKeys {
    /// Where the key document is.
    pub url: String,
    /// Its entity tag.
    pub etag: Option<String>,
    /// What the provider says about keeping it.
    pub freshness: Freshness,
    /// Its usable keys; at least one.
    pub keys: KeySet,
}

/// What Cache-Control says about the time that an answer may be kept (RFC 9111 section 5.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// `max-age`, in seconds.
    pub max_age: Option<u64>,
    /// `no-cache` or `no-store`: ask again each time.
    pub no_cache: bool,
}

/// Why there is nothing to be had, in the words of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// A stable code, such as `connect`.
    pub code: String,
    /// One sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Why a line is not one of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// It is of this version, which is not understood.
    Version(u32),
    /// It is no message at all.
    Malformed,
}

impl HelperRequest {
    /// The request for the keys of `source`, whose `ca_file` holds `ca_pem`.
    #[must_use]
    pub fn for_keys(
        source: &ProviderKeys,
        ca_pem: Option<String>,
        known: Option<KnownDocument>,
        deadline_ms: u64,
    ) -> Self {
        let (discovery_url, jwks_url) = match &source.settings.location {
            Location::Issuer => (None, None),
            Location::Metadata(url) => (Some(url.clone()), None),
            Location::Jwks(url) => (None, Some(url.clone())),
        };
        Self {
            version: 1,
            deadline_ms,
            connect_timeout_ms: millis(source.settings.timing.connect_timeout),
            ca_pem,
            proxy: source.settings.proxy.clone(),
            insecure_http: source.settings.insecure_http,
            task: Task::Keys {
                issuer: source.issuer.clone(),
                discovery_url,
                jwks_url,
                allowed_hosts: source.settings.allowed_hosts.clone(),
                known,
            },
        }
    }

    /// The request for what the provider says of `token`, or `None` if that is no text.
    #[must_use]
    pub fn for_token(
        check: &OnlineCheck,
        ca_pem: Option<String>,
        secret: Option<Secret>,
        token: &BearerToken,
        deadline_ms: u64,
    ) -> Option<Self> {
        let authorization = match (&check.auth, secret) {
            (ClientAuth::None, _) => Authorization::None,
            (ClientAuth::Public { client_id }, _) => Authorization::Public { client_id: client_id.clone() },
            (ClientAuth::Basic(client), Some(secret)) => {
                Authorization::Basic { client_id: client.client_id.clone(), secret }
            }
            (ClientAuth::BasicRaw(client), Some(secret)) => {
                Authorization::BasicRaw { client_id: client.client_id.clone(), secret }
            }
            (ClientAuth::Post(client), Some(secret)) => {
                Authorization::Post { client_id: client.client_id.clone(), secret }
            }
            (ClientAuth::Bearer { .. }, Some(secret)) => Authorization::Bearer { secret },
            (_, None) => return None,
        };
        let token = std::str::from_utf8(token.untrusted_bytes()).ok()?;
        Some(Self {
            version: authorization.version(),
            deadline_ms,
            connect_timeout_ms: millis(check.connect_timeout),
            ca_pem,
            proxy: check.proxy.clone(),
            insecure_http: check.insecure_http,
            task: Task::Introspect {
                endpoint: check.endpoint.clone(),
                authorization,
                token_param: check.token_param.clone(),
                token: Secret::new(token.to_owned()),
            },
        })
    }

    /// As it is sent: one line. It may hold a token, and is wiped when it is dropped.
    #[must_use]
    pub fn to_line(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(to_line(self))
    }

    /// Reads a line.
    ///
    /// # Errors
    /// Whatever is not a request of a version that is understood.
    pub fn from_line(line: &[u8]) -> Result<Self, ProtocolError> {
        from_line(line)
    }
}

impl HelperAnswer {
    /// An answer to a request of version `asked`, or in the version next to it that is understood here.
    #[must_use]
    pub fn new(asked: u32, outcome: Outcome) -> Self {
        Self { version: asked.clamp(*UNDERSTOOD.start(), *UNDERSTOOD.end()), outcome }
    }

    /// As it is sent: one line.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }

    /// Reads a line. Texts of a failure are cut to what a line of a log can take.
    ///
    /// # Errors
    /// Whatever is not an answer of a version that is understood.
    pub fn from_line(line: &[u8]) -> Result<Self, ProtocolError> {
        let mut answer: Self = from_line(line)?;
        if let Outcome::Failed(failure) = &mut answer.outcome {
            for text in [&mut failure.code, &mut failure.message, &mut failure.hint] {
                if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
                    text.truncate(end);
                }
            }
        }
        Ok(answer)
    }
}

fn to_line<T: Serialize>(message: &T) -> Vec<u8> {
    // One piece of memory from the start: a line that outgrows it would leave a copy behind.
    let mut line = Vec::with_capacity(MAX_ANSWER_BYTES);
    // Structures with names for members and no foreign types: there is nothing that could fail.
    if serde_json::to_writer(&mut line, message).is_err() {
        line.clear();
    }
    line.push(b'\n');
    line
}

fn millis(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}

fn from_line<T: DeserializeOwned>(line: &[u8]) -> Result<T, ProtocolError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_slice(line).map_err(|_| ProtocolError::Malformed)?;
    if !UNDERSTOOD.contains(&version) {
        return Err(ProtocolError::Version(version));
    }
    serde_json::from_slice(line).map_err(|_| ProtocolError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::{Failure, Freshness, HelperAnswer, HelperRequest, KnownDocument, Outcome, ProtocolError, Secret};
    use crate::introspection::{ClientAuth, ClientSecret, OnlineAnswer, OnlineCheck, OnlineKind};
    use crate::keys::KeySet;
    use crate::keys::source::{Location, ProviderKeys, ProviderSettings};
    use crate::token::BearerToken;

    fn request() -> HelperRequest {
        let settings = ProviderSettings {
            location: Location::Metadata("https://idp.example/meta?x".to_owned()),
            allowed_hosts: vec!["keys.example".to_owned()],
            ca_file: Some("ca.pem".to_owned()),
            proxy: None,
            insecure_http: false,
            timing: crate::config::BUILT_IN_TIMES,
        };
        let source = ProviderKeys { issuer: "https://idp.example".to_owned(), settings: settings.into() };
        let known = KnownDocument { url: "https://keys.example/jwks".to_owned(), etag: "\"1\"".to_owned() };
        HelperRequest::for_keys(&source, Some("PEM\n".to_owned()), Some(known), 4500)
    }

    fn check() -> OnlineCheck {
        OnlineCheck {
            kind: OnlineKind::Introspection,
            endpoint: "https://idp.example/i".to_owned(),
            auth: ClientAuth::Bearer { secret_file: "s".to_owned() },
            token_param: "token".to_owned(),
            scope_separator: None,
            ca_file: None,
            proxy: None,
            insecure_http: false,
            connect_timeout: 2,
            timeout: 5,
        }
    }

    #[test]
    fn a_request_is_one_line_and_comes_back_as_it_was() {
        let line = request().to_line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(HelperRequest::from_line(&line), Ok(request()));
        assert_eq!(request().connect_timeout_ms, 2000);
    }

    #[test]
    fn another_version_is_named_even_if_nothing_else_is_understood() {
        assert_eq!(HelperAnswer::from_line(b"{\"version\":3,\"surprise\":[]}"), Err(ProtocolError::Version(3)));
        assert_eq!(HelperRequest::from_line(b"{\"version\":0}"), Err(ProtocolError::Version(0)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let good = String::from_utf8(request().to_line().to_vec()).unwrap();
        for line in [
            String::new(),
            "null".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            "{\"version\":1}".to_owned(),
            "{\"version\":\"1\"}".to_owned(),
            "{\"version\":-1}".to_owned(),
            good.replace("\"proxy\"", "\"prxy\""),
            good.replace("\"allowed_hosts\"", "\"denied_hosts\":[],\"allowed_hosts\""),
            format!("{good}{good}"),
        ] {
            assert_eq!(HelperRequest::from_line(line.as_bytes()), Err(ProtocolError::Malformed), "{line}");
        }
        for line in [
            "{\"version\":1,\"outcome\":\"keys\"}",
            "{\"version\":1,\"outcome\":{\"keys\":{\"url\":\"u\",\"etag\":null,\"freshness\":{\"max_age\":null,\"no_cache\":false},\"keys\":{\"keys\":[]}}}}",
            "{\"version\":1,\"outcome\":{\"failed\":{\"code\":\"x\"}}}",
        ] {
            assert_eq!(HelperAnswer::from_line(line.as_bytes()), Err(ProtocolError::Malformed), "{line}");
        }
    }

    #[test]
    fn a_token_travels_and_no_debug_output_shows_it() {
        let check = check();
        let token = BearerToken::new(b"opaque-token");
        let secret = || Some(Secret::new("hush".to_owned()));
        let request = HelperRequest::for_token(&check, None, secret(), &token, 4000).unwrap();
        let line = request.to_line();
        assert!(String::from_utf8_lossy(&line).contains("opaque-token"));
        assert_eq!(HelperRequest::from_line(&line), Ok(request.clone()));
        let shown = format!("{request:?}");
        assert!(!shown.contains("opaque-token") && !shown.contains("hush"), "{shown}");
        assert_eq!(HelperRequest::for_token(&check, None, None, &token, 4000), None, "without its secret");
        assert_eq!(HelperRequest::for_token(&check, None, secret(), &BearerToken::new(b"\xff"), 4000), None);
    }

    #[test]
    fn an_answer_about_a_token_is_not_shown_either() {
        let answer = OnlineAnswer { status: 200, body: "{\"sub\":\"ana\"}".to_owned() };
        let line = HelperAnswer::new(1, Outcome::Answer(answer.clone())).to_line();
        let back = HelperAnswer::from_line(&line).unwrap();
        assert_eq!(back.outcome, Outcome::Answer(answer));
        assert!(!format!("{back:?}").contains("ana"), "{back:?}");
    }

    /// An older helper goes on with all that it knows, and refuses the rest.
    #[test]
    fn a_request_has_the_oldest_version_that_says_it() {
        assert_eq!(request().version, 1);
        let client = || ClientSecret { client_id: "pg".into(), secret_file: "s".into() };
        for (auth, version) in [
            (ClientAuth::Basic(client()), 1),
            (ClientAuth::Post(client()), 1),
            (ClientAuth::Bearer { secret_file: "s".into() }, 1),
            (ClientAuth::None, 1),
            (ClientAuth::BasicRaw(client()), 2),
            (ClientAuth::Public { client_id: "pg".into() }, 2),
        ] {
            let check = OnlineCheck { auth, ..check() };
            let (secret, token) = (Some(Secret::new("hush".to_owned())), BearerToken::new(b"t"));
            let request = HelperRequest::for_token(&check, None, secret, &token, 4000).unwrap();
            assert_eq!(request.version, version, "{:?}", check.auth);
            assert_eq!(HelperRequest::from_line(&request.to_line()), Ok(request));
        }
    }

    #[test]
    fn an_answer_has_the_version_of_its_request_or_the_next_one() {
        let version = |asked| HelperAnswer::new(asked, Outcome::Unchanged(Freshness::default())).version;
        assert_eq!([0, 1, 2, 3, u32::MAX].map(version), [1, 1, 2, 2, 2]);
    }

    #[test]
    fn a_long_failure_is_cut_between_characters() {
        let failure = Failure { code: "x".to_owned(), message: "\u{e4}".repeat(1000), hint: "h".to_owned() };
        let line = HelperAnswer::new(1, Outcome::Failed(failure)).to_line();
        let Ok(HelperAnswer { outcome: Outcome::Failed(failure), .. }) = HelperAnswer::from_line(&line) else {
            panic!("no failure");
        };
        assert_eq!(failure.message.chars().count(), 600);
    }

    #[test]
    fn keys_survive_the_way_and_what_was_left_out_is_told() {
        let document = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA","x5c":["AA"],"x5t":"sha1","x5t#S256":"sha2","issuer":"https://i/{tenantid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty":"oct","k":"AA"}]}"#;
        let keys = KeySet::from_jwks(document).unwrap();
        let text = serde_json::to_string(&keys).unwrap();
        assert!(!text.contains("x5c") && text.contains(r#""x5t":"sha1","x5t#S256":"sha2""#), "{text}");
        let back: KeySet = serde_json::from_str(&text).unwrap();
        assert_eq!(back, keys);
        assert_eq!(back.left_out().len(), 1);
    }
}
