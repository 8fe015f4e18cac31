//! Asking a provider about a token: with the secret and the authorities that the configuration names, and by a few logins
//! at a time.
//!
//! The places are locks in the folder of key files, so that a flood of tokens that mean nothing cannot fill the machine
//! with processes. Nothing is kept here: whether an answer may be used once more is for those who have the memory for it.
//! Must never put the token, the secret or the answer into a message.

use crate::cache::KeyFolder;
use crate::provider::{ClientLeft, Environment, HELPER_MARGIN, gone, no_folder, sentence, with_files};
use crate::secret::{read_certificate, read_secret};
use crate::users::ServerUser;
use oauth_validator_core::protocol::{HelperReply, HelperRequest, Secret};
use oauth_validator_core::{BearerToken, KeysUnavailable, Lookup, LookupSubject, OnlineAnswer, OnlineCheck, Source};
use std::path::Path;
use std::time::Duration;

/// The setting that names the file with the secret.
const SECRET_SETTING: &str = "introspection.client_secret_file";

/// About whose token a provider is asked, and how.
#[derive(Debug, Clone, Copy)]
pub struct TokenCheck<'a> {
    /// How.
    pub check: &'a OnlineCheck,
    /// The configuration's own path, to whose folder other paths are relative.
    pub config_path: &'a Path,
    /// Whose files are trusted.
    pub user: ServerUser,
}

impl TokenCheck<'_> {
    /// The question about `token`, with the secret and the authorities as the files have them now.
    ///
    /// # Errors
    /// What is wrong with these files.
    pub fn request(&self, token: &BearerToken) -> Result<HelperRequest, KeysUnavailable> {
        let reach = with_files(&self.check.reach, self.config_path, self.user)?;
        let secret = match self.check.auth.secret_file() {
            Some(path) => Some(read_secret(SECRET_SETTING, path, self.config_path, self.user)?),
            None => None,
        };
        let limit = reach.timeout.saturating_sub(HELPER_MARGIN);
        let certificate = match &self.check.certificate {
            Some(certificate) => Some(read_certificate(certificate, self.config_path, self.user)?),
            None => None,
        };
        HelperRequest::for_token(self.check, reach.within(limit), secret, token)
            .map(|request| request.with_certificate(certificate))
            .ok_or_else(|| KeysUnavailable::new("The request for the provider could not be made.", ""))
    }

    /// Asks the question, if one of `places` is free.
    ///
    /// # Errors
    /// What is wrong with the folder, or with the provider; that all places are taken.
    pub fn ask_in_turn(
        &self,
        request: &HelperRequest,
        places: HelperSlots<'_>,
        world: &mut dyn Environment,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let limit = self.check.reach.timeout;
        places.in_turn(self.user, || ask(request, limit, world, ABOUT_THE_TOKEN))
    }

    /// Asks the question.
    ///
    /// # Errors
    /// What is wrong with the provider.
    pub fn ask(&self, request: &HelperRequest, world: &mut dyn Environment) -> Result<OnlineAnswer, KeysUnavailable> {
        ask(request, self.check.reach.timeout, world, ABOUT_THE_TOKEN)
    }
}

const ABOUT_THE_TOKEN: &str = "The provider cannot be asked about the token";

/// What could not be done, where claims cannot be looked up.
const FOR_CLAIMS: &str = "The provider cannot be asked for claims";

/// The setting that names the file with the secret by which claims are looked up.
const LOOKUP_SECRET_SETTING: &str = "lookup.client_secret_file";

/// For whose token claims are looked up, and how.
#[derive(Debug, Clone, Copy)]
pub struct ClaimLookup<'a> {
    /// How.
    pub lookup: &'a Lookup,
    /// Whom it is about.
    pub about: &'a LookupSubject,
    /// The configuration's own path, to whose folder other paths are relative.
    pub config_path: &'a Path,
    /// Whose files are trusted.
    pub user: ServerUser,
    /// How much of the profile's time is left for it: a login may have waited for keys before.
    pub left: Duration,
}

impl ClaimLookup<'_> {
    /// The question, with the secret and the authorities as the files have them now. It is the same however much time is left.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn request(&self, token: &BearerToken) -> Result<HelperRequest, KeysUnavailable> {
        let reach = with_files(&self.lookup.reach, self.config_path, self.user)?;
        let secret = lookup_secret(self.lookup, self.config_path, self.user)?;
        let limit = reach.timeout.saturating_sub(HELPER_MARGIN);
        HelperRequest::for_lookup(self.lookup, reach.within(limit), secret, self.about, token)
            .ok_or_else(|| KeysUnavailable::new("The request for the provider could not be made.", ""))
    }

    /// Asks the question in the time that is left, if one of `places` is free; without any, whatever else is under way.
    ///
    /// # Errors
    /// That the time is over; what is wrong with the folder or with the provider; that all places are taken.
    pub fn ask(
        &self,
        request: &HelperRequest,
        places: Option<HelperSlots<'_>>,
        world: &mut dyn Environment,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let limit = self.lookup.reach.timeout.min(self.left);
        let Some(own) = limit.checked_sub(HELPER_MARGIN).filter(|own| !own.is_zero()) else {
            let detail = format!("{FOR_CLAIMS}: keys.timeout was over before, with the provider's other answers.");
            return Err(KeysUnavailable::new(detail, "Raise keys.timeout, or see why the provider is so slow."));
        };
        let request = HelperRequest { reach: request.reach.clone().within(own), ..request.clone() };
        match places {
            Some(places) => places.in_turn(self.user, || ask(&request, limit, world, FOR_CLAIMS)),
            None => ask(&request, limit, world, FOR_CLAIMS),
        }
    }
}

/// The secret by which this server asks for claims, if it needs one.
///
/// # Errors
/// What is wrong with its file.
pub fn lookup_secret(lookup: &Lookup, config_path: &Path, user: ServerUser) -> Result<Option<Secret>, KeysUnavailable> {
    match &lookup.source {
        Source::Userinfo(_) => Ok(None),
        Source::Graph(graph) => read_secret(LOOKUP_SECRET_SETTING, &graph.secret_file, config_path, user).map(Some),
    }
}

/// The few places for asking a provider about tokens.
#[derive(Debug, Clone, Copy)]
pub struct HelperSlots<'a> {
    /// The folder of key files.
    pub folder: &'a Path,
    /// Whether that folder may be made; see [`KeyFolder::open`].
    pub create_folder: bool,
    /// How many there are.
    pub slots: u32,
}

impl HelperSlots<'_> {
    /// Does something while one of them is taken for it.
    fn in_turn<T>(
        self,
        user: ServerUser,
        ask: impl FnOnce() -> Result<T, KeysUnavailable>,
    ) -> Result<T, KeysUnavailable> {
        let Self { folder, create_folder, slots } = self;
        let folder = KeyFolder::open(folder, user, create_folder).map_err(no_folder)?;
        let Some(_slot) = folder.try_slot(slots).map_err(no_folder)? else {
            return Err(KeysUnavailable::new(
                format!(
                    "Every place for asking a provider about a token is taken, {slots} in all (oauth_validator.max_helpers)."
                ),
                "Try again. If this goes on, see whether the provider is slow or somebody floods the server with tokens; then raise oauth_validator.max_helpers.",
            ));
        };
        ask()
    }
}

/// Asks a question; `what` could not be done if there is no answer.
fn ask(
    request: &HelperRequest,
    limit: Duration,
    world: &mut dyn Environment,
    what: &str,
) -> Result<OnlineAnswer, KeysUnavailable> {
    match world.ask(request, limit) {
        Ok(HelperReply::Answer(answer)) => Ok(answer),
        Ok(HelperReply::Failed(failure)) => {
            let detail = format!("{what}: {}: {}.", failure.code, failure.message);
            Err(KeysUnavailable::new(detail, sentence(&failure.hint)))
        }
        Ok(HelperReply::Keys(_) | HelperReply::Unchanged(_)) => Err(KeysUnavailable::new(
            "The helper answered another question than it was asked.",
            "Install the helper and the library of one version.",
        )),
        Err(ClientLeft) => Err(gone()),
    }
}
