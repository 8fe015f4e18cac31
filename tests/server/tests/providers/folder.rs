//! What a provider's folder says: its version, how its driver is started, what a person fills in, and what must come of each
//! token.
//!
//! Must never take silence for an answer: a kind of token that is not tried has its reason in the file.

use oauth_validator_server_tests::{target_dir, workspace_root};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

/// The kinds of tokens that each provider is asked for. `service` acts for itself; the last three come from the tokens of a
/// user.
const KINDS: [&str; 9] =
    ["user", "service", "id", "refresh", "other_client", "other_audience", "expired", "revoked", "rotated"];

/// A folder of `tests/providers`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderFolder {
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// What is run, and where it comes from.
    pub package: String,
    /// Its version, which the driver has to name as well.
    pub version: String,
    /// The driver, in the folder where it is installed.
    pub run: Vec<String>,
    /// Whether it is run without being named.
    pub by_default: bool,
    /// What is tried.
    #[serde(rename = "trial")]
    pub trials: Vec<Trial>,
}

/// One start of the driver, and what must come of its tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What is special about it, such as the kind of its tokens.
    pub name: String,
    /// For the driver.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Which of the profiles that `discover` proposes: by keys, or the one that has the provider asked; or that of a preset.
    pub profile: JudgedBy,
    /// Where `discover` cannot know the provider: the code that it ends with, and what `init` is told instead.
    pub instead: Option<Instead>,
    /// The words in capitals of the proposal, and what a person writes in their place.
    pub fill: BTreeMap<String, String>,
    /// What the proposal cannot know, and a person has to add.
    #[serde(default)]
    pub settings: toml::Table,
    /// The scopes of the line, if the provider has none of the name that is proposed.
    pub scope: Option<String>,
    /// The provider's word for a kind, where OAuth's does not fit.
    #[serde(default)]
    pub called: BTreeMap<String, String>,
    /// What becomes of each token: `granted`, or the code of the denial.
    pub tokens: BTreeMap<String, String>,
    /// The code of the denial while this server proves itself by a wrong secret.
    pub wrong_secret: Option<String>,
    /// What the userinfo endpoint says of the user that the token does not.
    pub lookup: Option<LookedUp>,
    /// Why a kind of token is not tried.
    #[serde(default)]
    pub absent: BTreeMap<String, String>,
}

/// A profile that a person makes from a preset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// The code of `discover`.
    pub discover_says: String,
    /// Options of `init` besides the issuer.
    pub init: Vec<String>,
}

/// A claim of the user's at the userinfo endpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookedUp {
    pub claim: String,
    pub value: String,
}

/// How tokens are judged.
#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum JudgedBy {
    Keys,
    Introspection,
    Preset,
}

impl ProviderFolder {
    /// Those that `PROVIDERS` names, separated by spaces; without it, those that say so themselves.
    pub fn chosen() -> Vec<Self> {
        let wanted = env::var("PROVIDERS").unwrap_or_default();
        let all = Self::all();
        let known = |name: &&str| all.iter().any(|provider| provider.name == **name);
        let unknown: Vec<&str> = wanted.split_whitespace().filter(|name| *name != "all" && !known(name)).collect();
        assert!(unknown.is_empty(), "PROVIDERS names what is not in tests/providers: {unknown:?}");
        let is_wanted = |provider: &Self| match wanted.trim() {
            "" => provider.by_default,
            "all" => true,
            names => names.split_whitespace().any(|name| name == provider.name),
        };
        all.into_iter().filter(is_wanted).collect()
    }

    fn all() -> Vec<Self> {
        let folders = workspace_root().join("tests/providers");
        let entries = fs::read_dir(&folders).expect("tests/providers").flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path().join("provider.toml")).collect();
        files.retain(|file| file.is_file());
        files.sort();
        files.iter().map(Self::read).collect()
    }

    fn read(file: &PathBuf) -> Self {
        let text = fs::read_to_string(file).expect("a file");
        let mut provider: Self = toml::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        let name = file.parent().and_then(|folder| folder.file_name()).expect("a folder");
        provider.name = name.to_string_lossy().into_owned();
        for trial in &provider.trials {
            trial.says_all(&provider.name);
        }
        provider
    }

    /// Where `make test-providers` has put it.
    pub fn installed(&self) -> PathBuf {
        target_dir().join("tools/providers").join(&self.name)
    }
}

impl Trial {
    fn says_all(&self, provider: &str) {
        let said = |kind: &str| (self.tokens.contains_key(kind), self.absent.contains_key(kind));
        for kind in KINDS {
            let (tried, absent) = said(kind);
            assert!(tried != absent, "{provider}, {}: {kind} is one of [trial.tokens] or of [trial.absent]", self.name);
        }
        let asked = self.profile == JudgedBy::Introspection;
        assert_eq!(self.wrong_secret.is_some(), asked, "{provider}, {}: wrong_secret is for introspection", self.name);
        let by_preset = self.profile == JudgedBy::Preset;
        assert_eq!(self.instead.is_some(), by_preset, "{provider}, {}: instead is for a preset", self.name);
    }
}
