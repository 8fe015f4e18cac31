//! One case, decided: by the core's `decide_with`, as a login is, with what the case hands over.
//!
//! There is no way around the signature here: a token is signed with a key of this run, and its profile has that key. Must
//! never read a file or ask a provider.

use super::file::{ExpectedDecision, JsonMembers, LineOf, TestCase};
use super::sign::{CaseSigner, Signed};
use crate::explain::privileges;
use crate::output::CommandFailure;
use crate::words;
use oauth_validator_core::server_files::{FileReader, FileSystem, HbaContext, UnreadableFile};
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys,
    OnlineAnswer, OnlineCheck, OnlineKind, Privileges, Profile, ProviderKeys, Request, Resolver, Source, Tracing,
    UnixSeconds, Verdict, decide_with,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What an opaque token of a case looks like.
const OPAQUE: &str = "an-opaque-token-of-a-test";

/// How long a token is good for, before and after the time of its case, in seconds: less than any `max_lifetime` that
/// somebody uses.
const VALID: i64 = 60;

/// What became of a case.
pub(crate) struct CaseOutcome {
    pub(crate) verdict: Verdict,
    pub(crate) passed: bool,
    /// Whose decision it was, if it came to that.
    pub(crate) profile: Option<String>,
}

/// Decides one case.
///
/// # Errors
/// If the case does not say which line is meant, or its line is none.
pub(crate) fn run(case: &TestCase, config: &Config, signer: &mut CaseSigner) -> Result<CaseOutcome, CommandFailure> {
    let request = request(case, config)?;
    let at = case.at.unwrap_or_else(|| default_time(case));
    let signed = match &case.token.claims {
        None => None,
        Some(claims) => {
            let claims = timed(claims, &case.without, at);
            let profile = meant(case, &claims, config);
            Some(signer.sign(&case.token, &claims, &case.without_header, profile, case.forged)?)
        }
    };
    let token = signed.as_ref().map_or(OPAQUE, |signed| &signed.token);
    let token = BearerToken::new(token.as_bytes());
    let mut resolver = CaseResolver { case, at, signed: signed.as_ref() };
    let verdict = decide_with(&mut resolver, Tracing::Values, &request, &token, config);
    let (passed, profile) = match (&verdict.decision, &case.expected) {
        (Decision::Granted(grant), expected) => {
            let wanted = matches!(expected, ExpectedDecision::Granted { authn_id } if authn_id == grant.authn_id());
            (wanted, Some(grant.profile().to_owned()))
        }
        (Decision::Denied(denial), expected) => {
            (*expected == ExpectedDecision::Denied(denial.reason), denial.profile.clone())
        }
    };
    Ok(CaseOutcome { verdict, passed, profile })
}

/// The profile whose key signs: the case's own, or the one whose issuer the token names.
fn meant<'c>(case: &TestCase, claims: &JsonMembers, config: &'c Config) -> Option<&'c Profile> {
    let named = match &case.line_of {
        LineOf::Profile { name: Some(name), .. } => config.profiles().iter().find(|profile| profile.name == *name),
        _ => None,
    };
    let issuer = claims.get("iss").and_then(Value::as_str);
    let of_issuer = |profile: &&Profile| profile.token_issuers().iter().any(|own| Some(own.as_str()) == issuer);
    named.or_else(|| config.profiles().iter().find(of_issuer)).or_else(|| config.profiles().first())
}

/// A minute after the token was issued, so that a sample of any age can be used; now, if it does not say when.
fn default_time(case: &TestCase) -> UnixSeconds {
    let seconds = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let of = |members: &Option<JsonMembers>| {
        let members = members.as_ref()?;
        let issued = members.get("iat").and_then(seconds);
        issued
            .map(|at| at.saturating_add(VALID))
            .or_else(|| Some(members.get("exp").and_then(seconds)?.saturating_sub(VALID)))
    };
    of(&case.token.claims).or_else(|| of(&case.token.answer)).map_or_else(words::now, UnixSeconds::new)
}

/// The claims with `iat` and `exp` around the time of the case, where it says nothing of these.
fn timed(claims: &JsonMembers, without: &[String], at: UnixSeconds) -> JsonMembers {
    let (at, mut claims) = (at.get(), claims.clone());
    for (name, value) in [("iat", at.saturating_sub(VALID)), ("exp", at.saturating_add(VALID))] {
        if !claims.contains_key(name) && !without.iter().any(|left| left == name) {
            claims.insert(name.to_owned(), Value::from(value));
        }
    }
    claims
}

fn request(case: &TestCase, config: &Config) -> Result<Request, CommandFailure> {
    let of_client = Request {
        role: case.role.clone().unwrap_or_default(),
        database: case.database.clone().unwrap_or_default(),
        replication: case.replication,
        ..Request::default()
    };
    match &case.line_of {
        LineOf::Profile { name, scope, delegated } => Ok(Request {
            hba_issuer: issuer_of(case, name.as_deref(), config)?,
            hba_scope: scope.clone().unwrap_or_default(),
            delegate_ident_mapping: *delegated,
            ..of_client
        }),
        LineOf::Text(line) => of_line(case, line, of_client),
    }
}

fn issuer_of(case: &TestCase, name: Option<&str>, config: &Config) -> Result<String, CommandFailure> {
    let first = |profile: &Profile| profile.hba_issuers().first().cloned().unwrap_or_default();
    let names = || config.profiles().iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, config.profiles()) {
        (Some(name), profiles) => profiles.iter().find(|profile| profile.name == name).map(first).ok_or_else(|| {
            CommandFailure::new(format!("case \"{}\": {} has no profile \"{name}\"", case.name, config.file_name()))
                .with_hint(format!("there are: {}", names()))
        }),
        (None, [profile]) => Ok(first(profile)),
        (None, _) => Err(CommandFailure::new(format!("case \"{}\" does not say by which line", case.name))
            .with_hint(format!("write profile = \"NAME\" or hba = \"...\"; there are: {}", names()))),
    }
}

/// The login by a line as it stands in pg_hba.conf.
fn of_line(case: &TestCase, line: &str, of_client: Request) -> Result<Request, CommandFailure> {
    let mut text = CaseConfigText(line);
    let mut reader = FileReader::new(&mut text);
    let failed = |why: &str| CommandFailure::new(format!("case \"{}\": hba is {why}", case.name));
    let lines = reader.hba(Path::new("hba"), &HbaContext::default()).map_err(|error| failed(&error.why))?;
    let read = match lines.as_slice() {
        [Ok(line)] if line.is_ours() => line,
        [Ok(_)] => return Err(failed("no line for oauth_validator").with_hint("write a line with the method oauth")),
        [Err(problem)] => return Err(failed("no line that the server takes").with_hint(problem.message.clone())),
        _ => return Err(failed("not one line").with_hint("each case is one login, by one line")),
    };
    Ok(Request {
        hba_issuer: read.issuer().to_owned(),
        hba_profiles: read.profiles().map(str::to_owned),
        hba_scope: read.scope().to_owned(),
        delegate_ident_mapping: read.is_delegated(),
        ..of_client
    })
}

/// One line, which includes nothing.
struct CaseConfigText<'t>(&'t str);

impl FileSystem for CaseConfigText<'_> {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile> {
        match path == Path::new("hba") {
            true => Ok(format!("{}\n", self.0.trim_end()).into_bytes()),
            false => Err(unreadable(path)),
        }
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, UnreadableFile> {
        Err(unreadable(folder))
    }
}

fn unreadable(path: &Path) -> UnreadableFile {
    UnreadableFile { missing: true, why: format!("to include {:?}, which a case cannot", PathBuf::from(path)) }
}

/// What the decision needs, out of the case.
struct CaseResolver<'c> {
    case: &'c TestCase,
    at: UnixSeconds,
    signed: Option<&'c Signed>,
}

impl CaseResolver<'_> {
    fn own_keys(&self) -> Result<KeySet, KeysUnavailable> {
        self.signed.map(|signed| signed.keys.clone()).ok_or_else(|| {
            KeysUnavailable::new(
                "The case has no claims, so it has no key.",
                "Write claims for a token that is signed.",
            )
        })
    }
}

impl Resolver for CaseResolver<'_> {
    fn now(&mut self) -> UnixSeconds {
        self.at
    }

    fn keys(&mut self, _profile: &str, _source: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        self.own_keys()
    }

    fn provider_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        self.own_keys()
    }

    fn newer_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> NewerKeys {
        self.own_keys().map_or_else(NewerKeys::Unavailable, NewerKeys::Found)
    }

    fn online_answer(
        &mut self,
        profile: &str,
        check: &OnlineCheck,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let Some(answer) = &self.case.token.answer else {
            let what = format!(
                "The provider of profile \"{profile}\" is asked about the token, and the case has no answer of it."
            );
            return Err(KeysUnavailable::new(what, "Write answer."));
        };
        // Google answers 400 about a token that it does not know, in a document with `error`.
        let refused = check.kind == OnlineKind::Tokeninfo && answer.contains_key("error");
        let status = if refused { 400 } else { 200 };
        Ok(OnlineAnswer { status, body: Value::Object(answer.clone()).to_string() })
    }

    fn looked_up(
        &mut self,
        profile: &str,
        lookup: &Lookup,
        _about: &LookupSubject,
        _token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let Some(answer) = &self.case.token.userinfo else {
            let names = lookup.claims.join(", ");
            let what = format!("Profile \"{profile}\" looks up {names}, and the case has no userinfo.");
            let hint = match &lookup.source {
                Source::Userinfo(_) => "Write userinfo, with the sub of the token.",
                Source::Graph(_) => "Write userinfo, with the user's groups.",
            };
            return Err(KeysUnavailable::new(what, hint));
        };
        let groups = answer.get("groups").and_then(Value::as_array);
        let is_in = |group: &str| groups.is_some_and(|groups| groups.iter().any(|own| own.as_str() == Some(group)));
        Ok(match &lookup.source {
            Source::Userinfo(_) => OnlineAnswer { status: 200, body: Value::Object(answer.clone()).to_string() },
            // Nobody but Graph knows of other groups than those that it is asked about.
            Source::Graph(graph) => graph.answer(is_in),
        })
    }

    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial> {
        Ok(privileges(role, &self.case.role_attributes, &mut Vec::new()))
    }
}
