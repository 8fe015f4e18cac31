//! The safe half of the callbacks: reads the configuration, and has a login judged by it.
//!
//! It grants nothing itself: only the core makes grants. Any trouble on the way is a denial.

use crate::catalog;
use crate::clock;
use crate::errands::{self, Errands};
use crate::guc;
use crate::hba::Connection;
use crate::report;
use crate::request::request;
use oauth_validator_core::{
    BearerToken, Config, Denial, KeyFile, KeySet, KeysUnavailable, NewerKeys, OnlineAnswer, OnlineCheck, Privileges,
    ProviderKeys, Reason, Resolver, UnixSeconds, Verdict, decide_with,
};
use oauth_validator_store::{FolderTexts, ServerUser, Unreadable, load_keys, read_configuration};
use std::path::{Path, PathBuf};

/// What `startup_cb` leaves for `validate_cb`.
pub(crate) enum Policy {
    /// The configuration, and the file it came from.
    Ready(Box<Config>, PathBuf),
    /// Why nobody gets in.
    Refused(Denial),
}

/// Reads the configuration as the settings say where it is. Also runs for the first round trip of libpq, which has no token, so it logs nothing: a
/// denial waits for somebody who asks to be let in.
pub(crate) fn load() -> Policy {
    let file = guc::config_file();
    match read(&file, guc::config_directory().as_deref()) {
        Ok(config) => Policy::Ready(Box::new(config), file),
        Err(denial) => Policy::Refused(denial),
    }
}

/// Reads the configuration for what shows or enforces all of it, and refuses one of which a file or a profile is denied: the
/// rest would be a part that looks like the whole.
pub(crate) fn load_whole() -> Policy {
    match load() {
        Policy::Ready(config, file) => match config.troubles().first() {
            Some(trouble) => Policy::Refused(trouble.denial()),
            None => Policy::Ready(config, file),
        },
        refused => refused,
    }
}

fn read(file: &Path, folder: Option<&Path>) -> Result<Config, Denial> {
    if !file.is_absolute() {
        return Err(Denial::new(
            Reason::ConfigUnreadable,
            format!("oauth_validator.config_file is \"{}\", which is not an absolute path.", file.display()),
        )
        .with_hint("Set oauth_validator.config_file to an absolute path and reload the server."));
    }
    // A relative path is refused as a whole, and so are its profiles.
    let absolute = folder.filter(|folder| folder.is_absolute());
    let mut files = read_configuration(file, absolute, ServerUser::current())
        .map_err(|refusal| Denial::new(Reason::ConfigUnreadable, format!("{refusal}.")).with_hint(refusal.hint()))?;
    if let Some(relative) = folder.filter(|_| absolute.is_none()) {
        let why =
            format!("oauth_validator.config_directory is \"{}\", which is not an absolute path.", relative.display());
        let hint = "Set oauth_validator.config_directory to an absolute path and reload the server.".to_owned();
        files.folder = FolderTexts::unreadable(relative, Unreadable { why, hint });
    }
    let name = file.display().to_string();
    let parsed = files.folder.judged(|folder| Config::parse_all(&files.main, &name, folder));
    parsed.config.ok_or_else(|| Denial::config_invalid(&name, &parsed.findings))
}

/// Judges the login of `connection` with `token`. No `connection` means that the server did not describe it.
pub(crate) fn judge(policy: &Policy, connection: Option<Connection>, token: &BearerToken) -> Verdict {
    let (config, file) = match policy {
        Policy::Ready(config, file) => (config, file),
        Policy::Refused(denial) => return Verdict::denied(denial.clone()),
    };
    let Some(connection) = connection else {
        return Verdict::denied(Denial::new(
            Reason::Internal,
            "The server described no OAuth connection to the validator.",
        ));
    };
    let request = match request(connection) {
        Ok(request) => request,
        Err(denial) => return Verdict::denied(denial),
    };
    decide_with(&mut Backend { file, config }, report::tracing(), &request, token, config)
}

/// What a decision needs, as a backend that authenticates a client looks it up. `file` is the configuration's.
struct Backend<'f> {
    file: &'f Path,
    config: &'f Config,
}

impl Resolver for Backend<'_> {
    fn now(&mut self) -> UnixSeconds {
        clock::now()
    }

    fn keys(&mut self, _profile: &str, source: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        load_keys(source, self.file, ServerUser::current())
    }

    fn provider_keys(&mut self, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        errands::with_order(profile, source, self.file, |order| order.usable(&mut Errands))
    }

    fn newer_keys(&mut self, profile: &str, source: &ProviderKeys) -> NewerKeys {
        errands::with_order(profile, source, self.file, |order| order.newer(&mut Errands))
    }

    fn online_answer(
        &mut self,
        profile: &str,
        check: &OnlineCheck,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let profile = self.config.profiles().iter().find(|known| known.name == profile);
        errands::ask_about(token, check, profile, self.file)
    }

    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial> {
        catalog::privileges(role)
    }
}
