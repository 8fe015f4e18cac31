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
    /// An identity of the form that it yields, for examples.
    pub identity: &'static str,
}

macro_rules! presets {
    ($($name:literal => $identity:literal),+) => {
        /// Every preset, in the order of their names.
        pub const ALL: &[Preset] =
            &[$(Preset {
                name: $name,
                text: include_str!(concat!("../../presets/", $name, ".toml")),
                identity: $identity,
            }),+];
    };
}

presets!(
    "auth0" => "auth0|6553da60a54af58e29493993",
    "cognito" => "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    "dex" => "Cg0wLTM4NS0yODA4OS0wEgRtb2Nr",
    "entra" => "5d5d5d5d-3333-4444-8555-666666666666",
    "github-actions" => "74",
    "gitlab-ci" => "20",
    "google" => "112010400000000710080",
    "google-id-token" => "112010400000000710080",
    "hydra" => "4f1c2d3e-5f60-4172-8839-4a5b6c7d8e9f",
    "keycloak" => "6f0c1d2e-3f40-4152-8637-485960718293",
    "kubernetes" => "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798",
    "okta" => "00u000user0000000h7",
    "okta-org" => "00u000user0000000h7",
    "pingone" => "cf025143-501a-4d70-9c80-95d69121d7b3",
    "rfc9068" => "248289761001",
    "zitadel" => "77776025198584418",
    "zitadel-opaque" => "77776025198584418"
);

impl Preset {
    /// The file without the comments at its head, which are most of it: a server parses it in its logins.
    fn settings(&self) -> &'static str {
        self.text.split_once("\n\n").map_or(self.text, |(_, settings)| settings)
    }
}

/// Every preset with its name, for [`super::section::Section::word`].
pub(super) fn by_name() -> Vec<(&'static str, &'static Preset)> {
    ALL.iter().map(|preset| (preset.name, preset)).collect()
}

/// Presets that were parsed for one file, each at most once.
pub(super) struct Parsed {
    tables: Vec<OnceCell<Option<Spanned<DeTable<'static>>>>>,
}

impl Default for Parsed {
    fn default() -> Self {
        Self { tables: ALL.iter().map(|_| OnceCell::new()).collect() }
    }
}

impl Parsed {
    /// The table of a preset of [`ALL`]; `None` if it is no TOML, by which the caller must deny. Tests parse each of them.
    pub(super) fn table(&self, preset: &Preset) -> Option<&DeTable<'static>> {
        let (_, table) = ALL.iter().zip(&self.tables).find(|(known, _)| known.name == preset.name)?;
        table.get_or_init(|| DeTable::parse(preset.settings()).ok()).as_ref().map(Spanned::get_ref)
    }
}
