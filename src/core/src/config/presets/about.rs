//! What tools and manual say of a preset, out of its file: the comments at its head, and its last table, `[preset]`.
//!
//! The table is data for `init`, `discover`, the README and the manual, and stands at the end because in TOML nothing of the
//! file itself can follow a table. A server never reads it. It must never hold a value that accepts somebody: words in
//! capitals stand for what only a person knows.

use super::super::values::json;
use super::Preset;
use crate::pattern;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

/// The paragraphs at the head of a preset's file, each in one line. What is between grave accents is code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it is for; the first sentence names the provider.
    pub summary: String,
    /// What a profile has to set besides the preset, and why.
    pub sets: String,
    /// What the identity is, and what it looks like.
    pub authn_id: String,
    /// Whether the provider has what `delegate_ident_mapping=1` needs, in a few words up to the first comma or period.
    pub delegation: String,
}

/// The table `[preset]`: what profiles with it look like.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PresetInfo {
    /// An identity of the form that it yields.
    pub identity: String,
    /// A regular expression that the identities of all that the profile lets in match in full, and nothing else does; none
    /// if they have no form that could be relied on.
    pub everybody: Option<String>,
    /// A role to map the example identity to.
    pub role: String,
    /// A role for `everybody`.
    #[serde(default = "PresetInfo::usual_role_of_everybody")]
    pub everybody_role: String,
    /// How its issuers are spelled; the issuer itself where there is but one, which the preset names.
    pub issuer: String,
    /// What stands for the issuer in access tokens, where that is another one: profiles have to say it, as `token_issuers`.
    pub token_issuer: Option<String>,
    /// What stands for the audience; none where tokens have none.
    pub audience: Option<String>,
    /// The claims that name the client, one of which is in a token; none where there is no client.
    #[serde(default)]
    pub clients: Vec<String>,
    /// Whether the accepted clients have to be named, because the audience tells no service from another.
    #[serde(default)]
    pub needs_clients: bool,
    /// The usual rule, without which everybody at the provider would be let in.
    pub rule: Option<RuleExample>,
    /// What clients request: scopes that tokens have, or a formality where they have none.
    pub scope: String,
    /// Whether scopes have the audience in front, as the clients request them.
    #[serde(default)]
    pub scope_has_audience: bool,
    /// What clients may request besides, and tokens need not repeat; of no use where the preset itself ignores scopes.
    #[serde(default = "PresetInfo::usual_unlisted")]
    pub unlisted: Vec<String>,
    /// Where the provider is asked about tokens, if it has to be, and this differs from one to another.
    pub endpoint: Option<String>,
    /// How this server proves itself there, unless told otherwise.
    #[serde(default = "PresetInfo::usual_auth")]
    pub auth: String,
    /// A regular expression for host and path of the issuers that it is proposed for; none if it is for none. One that fits
    /// every issuer counts last.
    pub recognised: Option<String>,
    /// Issuers that it is proposed for, as examples: tests hold them against `recognised`.
    #[serde(default)]
    pub known: Vec<String>,
    /// What delegation can look like.
    #[serde(default)]
    pub roles: Vec<TableExample>,
}

/// A rule of a profile.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RuleExample {
    /// The claim, as a JSONPath.
    pub claim: String,
    /// Its value, unless being there is enough.
    pub equals: Option<String>,
}

/// Settings of a table, as an example.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TableExample {
    /// Lines of TOML, without the head of the table.
    pub settings: String,
}

impl PresetInfo {
    /// What asks for an ID token, for claims in it, and for a refresh token (OpenID Connect Core sections 3.1.2.1, 5.4, 11).
    /// Whether the access token repeats it differs between providers, and it says nothing about a database.
    pub const UNLISTED: [&'static str; 4] = ["openid", "profile", "email", "offline_access"];

    fn usual_unlisted() -> Vec<String> {
        Self::UNLISTED.map(str::to_owned).into()
    }

    fn usual_auth() -> String {
        "basic".to_owned()
    }

    fn usual_role_of_everybody() -> String {
        "app_reader".to_owned()
    }

    /// Whether it is proposed for an issuer at this host, in small letters, with this path.
    #[must_use]
    pub fn recognises(&self, host: &str, path: &str) -> bool {
        let regex = self.recognised.as_deref().and_then(|recognised| pattern::whole(recognised).ok());
        regex.is_some_and(|regex| regex.is_match(&format!("{host}{path}")))
    }

    /// Whether it is proposed for every issuer, and so for those that nothing else is for.
    #[must_use]
    pub fn is_for_any(&self) -> bool {
        self.recognised.as_deref() == Some(".*")
    }
}

impl Preset {
    /// What tools and manual say of it.
    ///
    /// # Errors
    /// What is wrong with the table. Tests read that of each preset.
    pub fn about(&self) -> Result<PresetInfo, String> {
        let text = format!("[preset]\n{}", self.data);
        let document = DeTable::parse(&text).map_err(|why| why.to_string())?;
        let table = document.get_ref().get("preset").map(Spanned::get_ref).and_then(json);
        serde_json::from_value(table.ok_or("no table [preset]")?).map_err(|why| why.to_string())
    }

    /// What its comments say.
    ///
    /// # Errors
    /// Which paragraph is missing. Tests read those of each preset.
    pub fn head(&self) -> Result<Head, String> {
        let lines = self.text.lines().take_while(|line| line.starts_with('#'));
        let text: Vec<&str> = lines.map(|line| line.trim_start_matches('#').trim_start()).collect();
        let text = text.join(" ");
        let (summary, rest) = text.split_once("The profile sets: ").ok_or("no \"The profile sets: \"")?;
        let (sets, rest) = rest.split_once(" authn_id: ").ok_or("no \"authn_id: \" behind it")?;
        let (authn_id, delegation) = rest.split_once(" Delegation: ").ok_or("no \"Delegation: \" behind it")?;
        let owned = |text: &str| text.trim().to_owned();
        Ok(Head {
            summary: owned(summary),
            sets: owned(sets),
            authn_id: owned(authn_id),
            delegation: owned(delegation),
        })
    }

    /// The claim that becomes the identity.
    #[must_use]
    pub fn identity_claim(&self) -> Option<String> {
        self.value(&["identity", "claim"])
    }

    /// The issuer, where the preset itself names it.
    #[must_use]
    pub fn own_issuer(&self) -> Option<String> {
        self.value(&["issuer"])
    }

    /// The string at these keys.
    fn value(&self, keys: &[&str]) -> Option<String> {
        let document = DeTable::parse(self.settings).ok()?;
        let mut table = document.get_ref();
        let (last, tables) = keys.split_last()?;
        for key in tables {
            table = table.get(*key)?.get_ref().as_table()?;
        }
        table.get(*last)?.get_ref().as_str().map(str::to_owned)
    }
}
