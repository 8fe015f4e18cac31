//! The safe half of the callbacks: reads the configuration, and has a login judged by it.
//!
//! It grants nothing itself: only the core makes grants. Any trouble on the way is a denial.

use crate::catalog;
use crate::clock;
use crate::guc;
use crate::hba::AuthConnection;
use crate::helper_runner::{self, HelperRunner};
use crate::report;
use crate::request::request;
use oauth_validator_core::{
    BearerToken, Config, Denial, KeptChoice, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys,
    OnlineAnswer, OnlineCheck, Privileges, Profile, ProviderKeys, Reason, Request, Resolver, UnixSeconds, Verdict,
    decide_with, kept_form,
};
use oauth_validator_store::{
    FolderTexts, KeptConfiguration, KeptPlace, ServerUser, UnreadableConfig, load_keys, read_configuration,
};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// What a login is judged by.
pub(crate) enum Policy {
    /// The configuration, and the file it came from.
    Ready(Box<Config>, PathBuf),
    /// What was made of it before, if a login can be decided by that, and the file it came from.
    Kept(RefCell<KeptConfiguration>, PathBuf),
    /// Why nobody gets in.
    Refused(Denial),
}

/// Finds what was made of the configuration, or reads it, for one login that shows its token now.
pub(crate) fn load() -> Policy {
    let file = guc::config_file();
    let now = SystemTime::now();
    let kept = guc::keep_configuration().then(|| kept_place(&file, now, |place| place.open(now))).flatten();
    match kept {
        Some(kept) => Policy::Kept(RefCell::new(kept), file),
        None => load_text(false).map_or_else(Policy::Refused, |(config, file)| Policy::Ready(config, file)),
    }
}

/// Does something with the place of the kept form, as the settings have it.
fn kept_place<T>(file: &Path, now: SystemTime, act: impl FnOnce(KeptPlace<'_>) -> T) -> T {
    let (directory, folder) = (guc::config_directory(), guc::cache_directory());
    act(KeptPlace {
        main: file,
        config_directory: directory.as_deref(),
        folder: &folder,
        create_folder: guc::cache_directory_is_default(),
        user: ServerUser::current(),
        booted: now.checked_sub(clock::since_boot()).unwrap_or(now),
    })
}

/// Reads the configuration as the settings say where it is, and keeps what came of it; what was kept is worth nothing if it is
/// `damaged`.
pub(crate) fn load_text(damaged: bool) -> Result<(Box<Config>, PathBuf), Denial> {
    let file = guc::config_file();
    let config = read(&file, guc::config_directory().as_deref(), damaged)?;
    Ok((Box::new(config), file))
}

/// Reads the configuration for what shows or enforces all of it, and refuses one of which a file or a profile is denied: the
/// rest would be a part that looks like the whole.
pub(crate) fn load_whole() -> Result<(Box<Config>, PathBuf), Denial> {
    let (config, file) = load_text(false)?;
    match config.troubles().first() {
        Some(trouble) => Err(trouble.denial()),
        None => Ok((config, file)),
    }
}

fn read(file: &Path, folder: Option<&Path>, damaged: bool) -> Result<Config, Denial> {
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
        files.folder = FolderTexts::unreadable(relative, UnreadableConfig { why, hint });
        files.settled = false;
    }
    let name = file.display().to_string();
    let parsed = files.folder.judged(|folder| Config::parse_all(&files.main, &name, folder));
    let config = parsed.config.ok_or_else(|| Denial::config_invalid(&name, &parsed.findings))?;
    if guc::keep_configuration() {
        let kept = kept_place(file, SystemTime::now(), |place| {
            place.keep(&files, damaged, |made_of| kept_form(&config, made_of))
        });
        report::kept(kept);
    }
    Ok(config)
}

/// Judges the login of `connection` with `token`. No `connection` means that the server did not describe it.
pub(crate) fn judge(policy: &Policy, connection: Option<AuthConnection>, token: &BearerToken) -> Verdict {
    if let Policy::Refused(denial) = policy {
        return Verdict::denied(denial.clone());
    }
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
    match policy {
        Policy::Ready(config, file) => decide(config, file, &request, token),
        Policy::Kept(kept, file) => decide_by_kept(kept, file, &request, token),
        Policy::Refused(denial) => Verdict::denied(denial.clone()),
    }
}

/// Decides by the kept form of the configuration, where that can say it; else by the texts, as they are now.
fn decide_by_kept(kept: &RefCell<KeptConfiguration>, file: &Path, request: &Request, token: &BearerToken) -> Verdict {
    let chosen = kept.borrow_mut().choose(request);
    let damaged = matches!(chosen, KeptChoice::Damaged);
    if let KeptChoice::Part(part) = chosen {
        report::decided_by_kept();
        let verdict = decide(&part, file, request, token);
        if !verdict.unsure {
            return verdict;
        }
    }
    match load_text(damaged) {
        Ok((config, file)) => decide(&config, &file, request, token),
        Err(denial) => Verdict::denied(denial),
    }
}

fn decide(config: &Config, file: &Path, request: &Request, token: &BearerToken) -> Verdict {
    decide_with(
        &mut BackendResolver { file, config, waited: Duration::ZERO },
        report::tracing(),
        request,
        token,
        config,
    )
}

/// What a decision needs, as a backend that authenticates a client looks it up. `file` is the configuration's.
struct BackendResolver<'f> {
    file: &'f Path,
    config: &'f Config,
    /// How long the login has waited for its provider: one `keys.timeout` is for all of it.
    waited: Duration,
}

impl BackendResolver<'_> {
    fn profile(&self, name: &str) -> Option<&Profile> {
        self.config.profiles().iter().find(|known| known.name == name)
    }

    /// Does something that may wait for the provider.
    fn waiting<T>(&mut self, errand: impl FnOnce(&Self) -> T) -> T {
        let began = Instant::now();
        let outcome = errand(self);
        self.waited += began.elapsed();
        outcome
    }
}

impl Resolver for BackendResolver<'_> {
    fn now(&mut self) -> UnixSeconds {
        clock::now()
    }

    fn keys(&mut self, _profile: &str, source: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        load_keys(source, self.file, ServerUser::current())
    }

    fn provider_keys(&mut self, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        self.waiting(|own| {
            helper_runner::with_order(profile, source, own.file, |order| order.usable(&mut HelperRunner))
        })
    }

    fn newer_keys(&mut self, profile: &str, source: &ProviderKeys) -> NewerKeys {
        self.waiting(|own| helper_runner::with_order(profile, source, own.file, |order| order.newer(&mut HelperRunner)))
    }

    fn online_answer(
        &mut self,
        profile: &str,
        check: &OnlineCheck,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.waiting(|own| helper_runner::ask_about(token, check, own.profile(profile), own.file))
    }

    fn looked_up(
        &mut self,
        profile: &str,
        lookup: &Lookup,
        about: &LookupSubject,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let left = lookup.reach.timeout.saturating_sub(self.waited);
        helper_runner::look_up(token, (lookup, about), self.profile(profile), self.file, left)
    }

    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial> {
        catalog::privileges(role)
    }
}
