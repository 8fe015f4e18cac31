//! Built-in layouts of providers: TOML files in the language that users write, merged under their profiles.
//!
//! A preset is a claim about security: what it rests on is written in the file. It never names an audience that
//! would accept a token made for somebody else, and never a client.

use std::cell::OnceCell;
use toml::Spanned;
use toml::de::DeTable;

/// A built-in layout.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name that profiles use.
    pub name: &'static str,
    /// The file, with comments.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal),+) => {
        /// Every preset, in the order of their names.
        pub const ALL: &[Preset] =
            &[$(Preset { name: $name, text: include_str!(concat!("../../presets/", $name, ".toml")) }),+];
    };
}

presets!(
    "auth0",
    "cognito",
    "dex",
    "entra",
    "github-actions",
    "gitlab-ci",
    "google",
    "google-id-token",
    "hydra",
    "keycloak",
    "kubernetes",
    "okta",
    "okta-org",
    "pingone",
    "rfc9068",
    "zitadel",
    "zitadel-opaque"
);

/// Presets that were parsed for one file, each at most once.
pub(super) struct Parsed {
    tables: Vec<OnceCell<Spanned<DeTable<'static>>>>,
}

impl Default for Parsed {
    fn default() -> Self {
        Self { tables: ALL.iter().map(|_| OnceCell::new()).collect() }
    }
}

impl Parsed {
    /// The table of a preset of [`ALL`].
    pub(super) fn table(&self, preset: &Preset) -> &DeTable<'static> {
        let at = ALL.iter().position(|known| known == preset).expect("a preset of ALL");
        self.tables[at].get_or_init(|| DeTable::parse(ALL[at].text).expect("presets are tested")).get_ref()
    }
}
