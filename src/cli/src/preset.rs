//! `oauth-validator preset`: the built-in layouts of providers, as they are.
//!
//! Must never change a preset's text: its comments say what its safety rests on. A terminal may break their lines elsewhere.

use crate::args::PresetCommand;
use crate::output::{self, CommandFailure, CommandReport};
use oauth_validator_core::config::presets::{self, Preset};
use serde_json::{Value, json};

/// Runs the command.
pub(crate) fn run(command: &PresetCommand, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let text = match command {
        PresetCommand::List if as_json => {
            let listed: Vec<Value> =
                presets::ALL.iter().map(|preset| json!({ "name": preset.name, "summary": summary(preset) })).collect();
            format!("{:#}\n", json!({ "presets": listed }))
        }
        PresetCommand::List => output::prose(&list()),
        PresetCommand::Show { name } => show(find(name)?, as_json),
    };
    Ok(CommandReport { text, fine: true })
}

fn list() -> String {
    let width = presets::ALL.iter().map(|preset| preset.name.len()).max().unwrap_or(0);
    presets::ALL.iter().map(|preset| format!("{:width$}  {}\n", preset.name, summary(preset))).collect()
}

fn show(preset: &Preset, as_json: bool) -> String {
    if as_json {
        format!("{:#}\n", json!({ "name": preset.name, "text": preset.text }))
    } else {
        output::with_comments(preset.text)
    }
}

/// The command line takes the names of presets only.
fn find(name: &str) -> Result<&'static Preset, CommandFailure> {
    let named = presets::ALL.iter().find(|preset| preset.name == name);
    named.ok_or_else(|| CommandFailure::new(format!("there is no preset \"{name}\"")))
}

/// The first sentence of its comments.
fn summary(preset: &Preset) -> String {
    let summary = preset.head().map(|head| head.summary).unwrap_or_default();
    summary.find(". ").and_then(|end| summary.get(..=end)).unwrap_or(&summary).to_owned()
}

#[cfg(test)]
mod tests {
    use super::summary;
    use oauth_validator_core::config::presets;
    use std::collections::BTreeSet;

    #[test]
    fn each_preset_begins_with_a_sentence_of_its_own() {
        let mut seen = BTreeSet::new();
        for preset in presets::ALL {
            let summary = summary(preset);
            assert!(summary.contains(' ') && summary.ends_with('.'), "{}: {summary:?}", preset.name);
            assert!(seen.insert(summary.clone()), "{}: {summary:?}", preset.name);
        }
    }
}
