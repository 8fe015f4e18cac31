//! The command line of `oauth-validator preset`.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use oauth_validator_core::config::presets;

pub(super) const HELP: &str = "\
Example: what does a profile with preset = \"entra\" start from?
  oauth-validator preset show entra

A key of the profile takes the place of the preset's; the tables identity, clients and roles do so as a whole. \
[[require]] and [[access_token]] rules are added to those of the preset.";

#[derive(Debug, Subcommand)]
pub(crate) enum PresetCommand {
    /// List the presets, and what each is for.
    List,

    /// Print a preset: TOML, as in a profile, with comments that say what it rests on.
    Show {
        /// The preset.
        #[arg(value_parser = PossibleValuesParser::new(presets::ALL.iter().map(|preset| preset.name)))]
        name: String,
    },
}
