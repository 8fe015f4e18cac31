//! Where a client's token comes from: options of the command line, over a profile of the client's own file.
//!
//! Judges everything before anybody is asked. The file is `oauth-validator/client.toml` in `$XDG_CONFIG_HOME` or `~/.config`,
//! and has no secrets in it, but names the files that have.

use super::NoToken;
use crate::args::SourceOptions;
use crate::net::{Ca, Plain, SafeUrl};
use crate::output::CommandFailure;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The type of a token to be exchanged that is not said: what pods, CI jobs and providers have is a JWT.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The largest file of profiles, or secret.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// How the token is got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GrantType {
    /// RFC 8628.
    Device,
    /// RFC 6749 section 4.4.
    ClientCredentials,
    /// RFC 6749 section 6, with the file that has the refresh token.
    Refresh(PathBuf),
    /// RFC 8693, with the file that has the other token, and the type of that.
    Exchange(PathBuf, String),
    /// A command of the user's prints the token.
    Command(String),
}

/// How the client proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientProof {
    /// The client proves nothing: it is a public one.
    None,
    /// The client has the secret in this file.
    Secret(PathBuf),
    /// The client signs a JWT with the key in this file, under this ID (RFC 7523).
    Key(PathBuf, Option<String>),
}

/// Everything about a token's origin, judged.
#[derive(Debug, Clone)]
pub(crate) struct TokenOrigin {
    /// Empty only where a command gives the token.
    pub(crate) issuer: String,
    /// Empty only where a command gives the token, or where one is exchanged for a client that has no name.
    pub(crate) client_id: String,
    pub(crate) scope: Vec<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) grant: GrantType,
    pub(crate) proof: ClientProof,
    pub(crate) takes_id_token: bool,
    pub(crate) ca: Ca,
    pub(crate) proxy: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) shows_qr: bool,
    /// For `run`.
    pub(crate) hosts: Option<String>,
}

/// One profile of the client's file; each key is the option of that name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientProfile {
    issuer: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
    resource: Option<String>,
    grant: Option<GrantName>,
    client_secret_file: Option<PathBuf>,
    client_key_file: Option<PathBuf>,
    client_key_id: Option<String>,
    refresh_token_file: Option<PathBuf>,
    exchange_file: Option<PathBuf>,
    exchange_type: Option<String>,
    command: Option<String>,
    #[serde(default)]
    id_token: bool,
    ca_file: Option<PathBuf>,
    proxy: Option<String>,
    hosts: Option<String>,
}

/// The value of `grant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GrantName {
    Device,
    ClientCredentials,
    RefreshToken,
    TokenExchange,
    Command,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfilesDocument {
    #[serde(default)]
    profiles: BTreeMap<String, ClientProfile>,
}

impl TokenOrigin {
    /// What options and profile say together.
    ///
    /// # Errors
    /// What is missing, what contradicts another, a file that cannot be used.
    pub(crate) fn of(options: &SourceOptions) -> Result<Self, CommandFailure> {
        let profile = match &options.profile {
            Some(name) => read_profile(options.client_config.as_deref(), name)?,
            None if options.client_config.is_some() => {
                return Err(CommandFailure::new("--client-config has no use without --profile"));
            }
            None => ClientProfile::default(),
        };
        let name = named(options, &profile)?;
        // A grant on the command line takes the place of the profile's, with the files that go with it.
        let secret = options.client_secret_file.clone().or(profile.client_secret_file);
        let key = options.client_key_file.clone().or(profile.client_key_file);
        let key_id = options.client_key_id.clone().or(profile.client_key_id);
        let proof = match (secret, key) {
            (None, None) if key_id.is_some() => return Err(needs("client_key_id", "client_key_file")),
            (None, None) => ClientProof::None,
            (Some(secret), None) => ClientProof::Secret(secret),
            (None, Some(key)) => ClientProof::Key(key, key_id),
            (Some(_), Some(_)) => return Err(CommandFailure::new("a client has either a secret or a key, not both")),
        };
        let lacks = |what: &str| needs(&format!("the grant {}", name.words()), what);
        let grant = match name {
            GrantName::Device => GrantType::Device,
            GrantName::ClientCredentials if proof == ClientProof::None => {
                return Err(lacks("client_secret_file or client_key_file"));
            }
            GrantName::ClientCredentials => GrantType::ClientCredentials,
            GrantName::RefreshToken => {
                let file = options.refresh_token_file.clone().or(profile.refresh_token_file);
                GrantType::Refresh(file.ok_or_else(|| lacks("refresh_token_file"))?)
            }
            GrantName::TokenExchange => {
                let file = options.exchange_file.clone().or(profile.exchange_file);
                let kind = options.exchange_type.clone().or(profile.exchange_type).unwrap_or_else(|| JWT.to_owned());
                GrantType::Exchange(file.ok_or_else(|| lacks("exchange_file"))?, kind)
            }
            GrantName::Command => {
                let command = options.command.clone().or(profile.command).filter(|text| !text.trim().is_empty());
                GrantType::Command(command.ok_or_else(|| lacks("command"))?)
            }
        };
        let text =
            |option: &Option<String>, own: Option<String>| option.clone().or(own).filter(|text| !text.is_empty());
        let source = Self {
            issuer: text(&options.issuer, profile.issuer).unwrap_or_default(),
            client_id: text(&options.client_id, profile.client_id).unwrap_or_default(),
            scope: scopes(text(&options.scope, profile.scope).as_deref().unwrap_or_default()),
            audience: text(&options.audience, profile.audience),
            resource: text(&options.resource, profile.resource),
            grant,
            proof,
            takes_id_token: options.id_token || profile.id_token,
            ca: options.ca_file.clone().or(profile.ca_file).map_or(Ca::Environment, Ca::File),
            proxy: text(&options.proxy, profile.proxy),
            timeout: options.timeout,
            shows_qr: !options.no_qr,
            hosts: text(&None, profile.hosts),
        };
        source.judge()?;
        Ok(source)
    }

    fn judge(&self) -> Result<(), CommandFailure> {
        if matches!(self.grant, GrantType::Command(_)) {
            return Ok(());
        }
        if self.issuer.is_empty() {
            return Err(CommandFailure::new("whose token? Say --issuer, or --profile"));
        }
        SafeUrl::parse(&self.issuer, Plain::Never).map_err(|why| CommandFailure::new(format!("the issuer {why}")))?;
        if self.client_id.is_empty() && !matches!(self.grant, GrantType::Exchange(..)) {
            return Err(CommandFailure::new("as which client? Say --client-id, or client_id in the profile"));
        }
        Ok(())
    }
}

impl GrantName {
    const fn words(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::ClientCredentials => "client_credentials",
            Self::RefreshToken => "refresh_token",
            Self::TokenExchange => "token_exchange",
            Self::Command => "command",
        }
    }
}

/// The grant: what the command line says, else the profile, else what follows from the files that are named.
fn named(options: &SourceOptions, profile: &ClientProfile) -> Result<GrantName, CommandFailure> {
    let given = [
        (options.device, GrantName::Device),
        (options.client_credentials, GrantName::ClientCredentials),
        (options.refresh_token_file.is_some(), GrantName::RefreshToken),
        (options.exchange_file.is_some(), GrantName::TokenExchange),
        (options.command.is_some(), GrantName::Command),
    ];
    let own = [
        (profile.refresh_token_file.is_some(), GrantName::RefreshToken),
        (profile.exchange_file.is_some(), GrantName::TokenExchange),
        (profile.command.is_some(), GrantName::Command),
    ];
    let one = |list: &[(bool, GrantName)]| list.iter().find(|(is_given, _)| *is_given).map(|(_, name)| *name);
    if let Some(name) = one(&given).or(profile.grant) {
        return Ok(name);
    }
    if own.iter().filter(|(is_given, _)| *is_given).count() > 1 {
        return Err(
            CommandFailure::new("the profile names several ways to a token").with_hint("say which: grant = \"...\"")
        );
    }
    let has_proof =
        [&options.client_secret_file, &options.client_key_file, &profile.client_secret_file, &profile.client_key_file];
    let otherwise =
        if has_proof.into_iter().any(Option::is_some) { GrantName::ClientCredentials } else { GrantName::Device };
    Ok(one(&own).unwrap_or(otherwise))
}

fn needs(what: &str, other: &str) -> CommandFailure {
    CommandFailure::new(format!("{what} needs {other}"))
}

fn scopes(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn read_profile(file: Option<&Path>, name: &str) -> Result<ClientProfile, CommandFailure> {
    let path = match file {
        Some(path) => path.to_owned(),
        None => default_file().ok_or_else(|| {
            CommandFailure::new("where is client.toml? Neither XDG_CONFIG_HOME nor HOME is set")
                .with_hint("give --client-config FILE")
        })?,
    };
    let text = read_text(&path, "the client's profiles")?;
    let mut document: ProfilesDocument = toml::from_str(&text)
        .map_err(|error| CommandFailure::new(format!("{}: {}", path.display(), error.to_string().trim_end())))?;
    document.profiles.remove(name).ok_or_else(|| {
        let known: Vec<&str> = document.profiles.keys().map(String::as_str).collect();
        let hint = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        CommandFailure::new(format!("{} has no profile \"{name}\"", path.display())).with_hint(hint)
    })
}

fn default_file() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(config.join("oauth-validator/client.toml"))
}

/// A file's text; `what` it is.
pub(super) fn read_text(path: &Path, what: &str) -> Result<String, CommandFailure> {
    let failed = |why: String| CommandFailure::new(format!("cannot read {what} from {}: {why}", path.display()));
    let found = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !found.is_file() || found.len() > MAX_FILE_BYTES {
        return Err(failed("it is no file, or too large for one".to_owned()));
    }
    fs::read_to_string(path).map_err(|error| failed(error.to_string()))
}

/// A file that cannot be read is for the user to mend: trying again does not help.
pub(super) fn unreadable(failure: CommandFailure) -> NoToken {
    NoToken::here(failure.what().to_owned())
}

#[cfg(test)]
mod tests;
