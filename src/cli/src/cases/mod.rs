//! `oauth-validator test`: logins that a configuration is meant to let in or to keep out, decided as the server would.
//!
//! The text of the configuration is all that is read of it: no owner, no key file, no provider. Must never pass where a
//! case could not be run: a file that cannot be read as cases, or names no profile, is a failure.

mod coverage;
mod file;
mod junit;
mod report;
mod sign;
pub(crate) mod table_keys;
mod trial;

use crate::args::TestOptions;
use crate::config_file::{ConfigFile, read_untrusted};
use crate::explanation::Style;
use crate::findings;
use crate::output::{self, CommandFailure, CommandReport};
use crate::server_files::config_directory;
use coverage::Coverage;
use file::CaseFile;
use oauth_validator_core::Config;
use oauth_validator_store::{ServerUser, resolve};
use report::{Ran, Suite};
use sign::CaseSigner;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs the command.
pub(crate) fn run(options: &TestOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let mut signer = CaseSigner::default();
    let mut suites = Vec::new();
    for path in &options.files {
        match suite(options, path, &mut signer)? {
            Ok(suite) => suites.push(suite),
            Err(refused) => return Ok(CommandReport { text: refused.text(as_json), fine: false }),
        }
    }
    if let Some(path) = &options.junit {
        fs::write(path, junit::document(&suites))
            .map_err(|error| CommandFailure::new(format!("cannot write {path:?}: {error}")))?;
    }
    let fine = suites.iter().flat_map(|suite| &suite.ran).all(|ran| ran.passed);
    let text = match as_json {
        true => format!("{:#}\n", report::to_json(&suites)),
        false => output::prose(&report::to_text(&suites)),
    };
    Ok(CommandReport { text, fine })
}

/// A file of cases that is none.
struct InvalidCases {
    name: String,
    text: String,
    found: Vec<findings::Shown>,
}

impl InvalidCases {
    fn text(&self, as_json: bool) -> String {
        let (name, text) = (&self.name, self.text.as_bytes());
        if as_json {
            let found = findings::to_json(&self.found, name, text);
            return format!("{:#}\n", serde_json::json!({ "passed": false, "findings": found }));
        }
        let found = findings::render(&self.found, name, text, output::colour());
        output::prose(&format!("{found}{}: no case was run\n", output::visible(name, false)))
    }
}

fn suite(
    options: &TestOptions,
    path: &Path,
    signer: &mut CaseSigner,
) -> Result<Result<Suite, InvalidCases>, CommandFailure> {
    let name = path.to_string_lossy().into_owned();
    let bytes = read_untrusted(path).map_err(|error| {
        CommandFailure::new(format!("cannot read {path:?}: {error}")).with_hint("give a file of [[case]] tables")
    })?;
    let text = String::from_utf8(bytes).map_err(|_| CommandFailure::new(format!("{path:?} is no UTF-8 text")))?;
    let cases = match file::read(&text) {
        Ok(cases) => cases,
        Err(found) => return Ok(Err(InvalidCases { name, text, found })),
    };
    let config_path = config_of(options, path, &cases)?;
    let directory = config_directory(options.config_directory.as_deref(), &config_path, None)?;
    let file = ConfigFile::text_of(&config_path, directory.as_deref(), ServerUser::current())?;
    let config = file.usable()?.with_keys_asked_for();
    decided(&name, &cases, &config, signer).map(Ok)
}

/// The configuration that the cases are about.
fn config_of(options: &TestOptions, path: &Path, cases: &CaseFile) -> Result<PathBuf, CommandFailure> {
    match (&options.config, &cases.config) {
        (Some(config), _) => Ok(config.clone()),
        (None, Some(config)) => Ok(resolve(path, config)),
        (None, None) => Err(CommandFailure::new(format!("{path:?} does not say which configuration is tested"))
            .with_hint("write config = \"oauth-validator.toml\" above its tables, or give --config FILE")),
    }
}

fn decided(name: &str, cases: &CaseFile, config: &Config, signer: &mut CaseSigner) -> Result<Suite, CommandFailure> {
    let style = Style { ascii: !output::utf8_locale(), colour: false };
    let mut coverage = Coverage::default();
    let mut ran = Vec::with_capacity(cases.cases.len());
    for case in &cases.cases {
        let outcome = trial::run(case, config, signer)?;
        coverage.count(&outcome);
        ran.push(Ran::of(case, outcome, style));
    }
    Ok(Suite { file: name.to_owned(), config: config.file_name().to_owned(), ran, gaps: coverage.gaps(config) })
}
