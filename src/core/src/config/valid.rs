//! A configuration without errors in its main file, as decisions read it.

use super::folder::{ConfigFolder, folder_of};
use super::origin::{At, Origin};
use super::outline::{DeniedProfile, Outline};
use super::part::Rest;
use super::profile::{KeySource, Profile};
use crate::decision::Denial;
use crate::keys::KeyFile;
use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The profiles that let people in, in the order of their names, and what is denied.
#[derive(Debug, Clone)]
pub struct Config {
    names: Names,
    profiles: Vec<Profile>,
    denied: Vec<DeniedProfile>,
    troubles: Vec<FolderTrouble>,
    reserved_prefixes: At<Vec<String>>,
    /// What has to be known of profiles that are not here, where these are a part.
    rest: Option<Rest>,
}

/// What denies the profiles of a file of the folder, or one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderTrouble {
    /// The file, as messages call it.
    pub file: String,
    /// What is wrong, with its place: sentences.
    pub detail: String,
    /// What to do.
    pub hint: String,
}

impl Config {
    /// Only where the main file has no errors; each of `denied` names one of the troubles.
    pub(super) fn new(
        names: Names,
        mut profiles: Vec<Profile>,
        denied: Vec<DeniedProfile>,
        troubles: Vec<FolderTrouble>,
        reserved_prefixes: At<Vec<String>>,
    ) -> Self {
        profiles.sort_by(|one, other| one.name.cmp(&other.name));
        Self { names, profiles, denied, troubles, reserved_prefixes, rest: None }
    }

    /// A part, of which [`Rest`] says what it stands for.
    pub(super) fn part(self, rest: Rest) -> Self {
        Self { rest: Some(rest), ..self }
    }

    /// The profiles, in the order of their names.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profiles that let nobody in, because of an error in a file of the folder.
    #[must_use]
    pub fn denied(&self) -> &[DeniedProfile] {
        &self.denied
    }

    /// What is wrong with files of the folder, in their order; then what denies single profiles.
    #[must_use]
    pub fn troubles(&self) -> &[FolderTrouble] {
        &self.troubles
    }

    /// What others have to reckon with of each profile, denied or not; of a part, of those that are here.
    pub(super) fn outlines(&self) -> impl Iterator<Item = Outline<'_>> {
        self.profiles.iter().map(Outline::from).chain(self.denied.iter().map(Outline::from))
    }

    /// Whether no profile is written anywhere, and nothing is wrong that one could be hidden behind.
    pub(crate) fn trusts_nobody(&self) -> bool {
        self.troubles.is_empty() && self.rest.as_ref().map_or(self.profiles.is_empty(), |rest| rest.has_no_profile)
    }

    /// Whether any profile, denied or not, has its provider asked about tokens.
    pub(crate) fn somebody_asks(&self) -> bool {
        self.rest.as_ref().map_or_else(|| self.outlines().any(|profile| profile.asks), |rest| rest.somebody_asks)
    }

    /// Whether this is a part, and what it says of others' prefixes covers more than is theirs: an identity that is refused
    /// for one may not be when all of the configuration is asked.
    pub(crate) fn is_coarse(&self) -> bool {
        self.rest.as_ref().is_some_and(Rest::is_coarse)
    }

    /// Every prefix of identities, of any profile, with which one can begin that has the prefix `own`, and whether the profile
    /// is denied. What of them a part has may stand for several.
    pub(crate) fn prefixes_before(&self, own: &str) -> impl Iterator<Item = (bool, &str)> {
        let of_rest = self.rest.as_ref().map(|rest| rest.prefixes_before(own));
        let of_all = self.rest.is_none().then(|| {
            self.outlines()
                .flat_map(|one| one.prefix.into_iter().chain(one.fallback_prefix).map(move |text| (one.denied, text)))
        });
        of_rest.into_iter().flatten().chain(of_all.into_iter().flatten())
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The denial of a login that only this denied profile could serve.
    pub(crate) fn denial_of(&self, denied: &DeniedProfile) -> Denial {
        let denial = self.troubles.get(denied.trouble).map(FolderTrouble::denial);
        denial
            .unwrap_or_else(|| Denial::new(Reason::ConfigInvalid, "The profile has errors."))
            .for_profile(denied.name())
    }

    /// This configuration, with keys that are written into it asked for like those of a file: for tests of a configuration with
    /// tokens that the tester signs. A signature is verified as before, by the keys that the tester hands over.
    #[must_use]
    pub fn with_keys_asked_for(mut self) -> Self {
        for profile in &mut self.profiles {
            if let KeySource::Inline(_) = profile.keys {
                profile.keys = KeySource::File(KeyFile::Jwks("keys.jwks".to_owned()));
            }
        }
        self
    }

    /// Prefixes of identities that only profiles may give whose own prefix begins with one of them.
    #[must_use]
    pub fn reserved_prefixes(&self) -> &At<Vec<String>> {
        &self.reserved_prefixes
    }

    /// The main file's name as given.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.names.file(0)
    }

    /// Where profiles can be, for a person: the main file, and the folder if there are files in it.
    #[must_use]
    pub fn whole_name(&self) -> String {
        match self.names.files.len() {
            0 | 1 => self.file_name().to_owned(),
            _ => format!("{} and {}", self.file_name(), self.names.folder),
        }
    }

    /// Where something was written, for a person: `oauth-validator.toml:12`, a preset, or that it is built in.
    #[must_use]
    pub fn place(&self, origin: Origin) -> String {
        self.names.place(origin)
    }
}

impl FolderTrouble {
    /// The denial of a login because of it.
    #[must_use]
    pub fn denial(&self) -> Denial {
        Denial::new(Reason::ConfigInvalid, &self.detail).with_hint(&self.hint)
    }
}

/// What messages call the files of a configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Names {
    folder: String,
    /// The main file, and then those of the folder.
    files: Vec<String>,
}

impl Names {
    pub(super) fn of(main: &str, folder: ConfigFolder<'_>) -> Self {
        let files = std::iter::once(main).chain(folder.files.iter().map(|file| file.name)).map(str::to_owned).collect();
        Self { folder: folder.name.to_owned(), files }
    }

    /// The name of a file as given; 0 is the main one.
    pub(super) fn file(&self, file: usize) -> &str {
        self.files.get(file).map_or("", String::as_str)
    }

    /// See [`Config::place`]. A file of the folder is called with the folder's own name.
    pub(super) fn place(&self, origin: Origin) -> String {
        match origin {
            Origin::BuiltIn => "the built-in default".to_owned(),
            Origin::Preset(name) => format!("preset \"{name}\""),
            Origin::Line { file, line } => {
                format!("{}:{line}", last_parts(self.file(file), if file == 0 { 1 } else { 2 }))
            }
        }
    }

    /// The command that reports what is wrong.
    pub(super) fn check_command(&self) -> String {
        let main = self.file(0);
        let is_default = self.folder.is_empty() || folder_of(Path::new(main)) == Path::new(&self.folder);
        let folder = if is_default { String::new() } else { format!(" --config-directory {}", self.folder) };
        format!("oauth-validator check {main}{folder}")
    }
}

/// The last components of a path.
fn last_parts(path: &str, parts: usize) -> &str {
    let start = path.rmatch_indices('/').nth(parts - 1).map_or(0, |(at, _)| at + 1);
    path.get(start..).unwrap_or(path)
}
