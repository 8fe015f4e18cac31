//! `oauth-validator explain`: what the server would decide about a token, and on which grounds.
//!
//! Runs the core's `decide` and nothing beside it: an explanation of its own would one day lie. Must never guess which
//! pg_hba.conf line is meant where several could be, and must always say what it assumed.

use crate::args::{ExplainOptions, RoleAttribute};
use crate::config_file::{self, ConfigFile, read_untrusted};
use crate::explanation::{Explanation, Style};
use crate::fetch::Foreground;
use crate::findings::{self, Shown};
use crate::key_place::KeyPlace;
use crate::login::TakenLine;
use crate::output::{self, CommandFailure, CommandReport};
use crate::provider_keys::Supply;
use crate::server_files::{Missing, ServerFiles, config_directory, config_path, open_config};
use crate::token_input;
use crate::words;
use oauth_validator_core::server_files::HbaLine;
use oauth_validator_core::{
    BearerToken, Config, Decision, Denial, KeyFile, KeySet, KeysUnavailable, Lookup, LookupSubject, NewerKeys,
    OnlineAnswer, OnlineCheck, Privileges, ProviderKeys, Reason, Request, Resolver, RoleAttributes, Tracing,
    UnixSeconds, Verdict, decide_with,
};
use oauth_validator_store::{ClaimLookup, TokenCheck, load_keys};
use std::path::Path;

/// Runs the command.
pub(crate) fn run(options: &ExplainOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let found = KeyPlace::find(&options.folder)?;
    let mut notes = Vec::new();
    let server = server_files(options, &mut notes)?;
    let settings = server.as_ref().and_then(ServerFiles::settings);
    let place = found.map(|place| place.or_of_settings(options.folder.pgdata.as_deref(), settings)).transpose()?;
    let user = match &place {
        Some(place) if options.server.server_user.is_none() => place.owner,
        _ => config_file::server_user(&options.server)?,
    };
    let path = config_path(options.config.as_deref(), settings)?;
    let directory = config_directory(options.config_directory.as_deref(), &path, settings)?;
    let file = open_config(&path, directory.as_deref(), options.config.as_deref(), settings, user)?;
    let line = server.as_ref().map(|server| TakenLine::choose(options, server)).transpose()?;
    let mut explanation = explain(options, &file, place.as_ref(), line.as_ref())?;
    notes.extend(line.iter().flat_map(|line| line.notes(options)));
    explanation.notes.splice(0..0, notes);
    explanation.login = line.map(|line| line.report(explanation.grant()));
    let text = if as_json {
        format!("{:#}\n", explanation.to_json(findings::to_json(&explanation.findings, &file.name, &file.text)))
    } else {
        let colour = output::colour();
        let rendered = findings::render(&explanation.findings, &file.name, &file.text, colour);
        let style = Style { ascii: options.ascii || !output::utf8_locale(), colour };
        output::prose(&(rendered + &explanation.to_text(style)))
    };
    Ok(CommandReport { text, fine: explanation.is_fine() })
}

/// The server's files; a data directory without postgresql.conf is enough for its keys.
fn server_files(options: &ExplainOptions, notes: &mut Vec<String>) -> Result<Option<ServerFiles>, CommandFailure> {
    let pgdata = options.folder.pgdata.as_deref();
    let user = config_file::server_user_of(&options.server, pgdata)?;
    match ServerFiles::read(pgdata, &options.files, user) {
        Ok(server) => Ok(server),
        Err(Missing::Conf(folder)) => {
            notes.push(format!(
                "there is no postgresql.conf in {folder:?}, so pg_hba.conf was not looked at; see --postgresql-conf"
            ));
            Ok(None)
        }
        Err(missing) => Err(missing.into()),
    }
}

/// The decision; a configuration that the server would not use decides before any token is read.
fn explain(
    options: &ExplainOptions,
    file: &ConfigFile,
    place: Option<&KeyPlace>,
    line: Option<&TakenLine<'_>>,
) -> Result<Explanation, CommandFailure> {
    if let Some(refusal) = &file.refusal {
        let denial = Denial::new(Reason::ConfigUnreadable, format!("{refusal}.")).with_hint(refusal.hint());
        return Ok(Explanation::new(options, Verdict::denied(denial)));
    }
    let parsed = file.parsed();
    let Some(config) = &parsed.config else {
        let denial = Denial::config_invalid(&file.name, &parsed.findings);
        let mut explanation = Explanation::new(options, Verdict::denied(denial));
        explanation.findings = parsed.findings.iter().map(Shown::from).collect();
        return Ok(explanation);
    };
    // The issuer of which line, if there is none?
    let asked_about = options.hba_issuer.is_some() || options.hba_profile.is_some() || config.profiles().len() < 2;
    if line.is_some_and(|line| line.own().is_none()) && !asked_about {
        return Ok(Explanation::unjudged(options));
    }
    let mut notes = Vec::new();
    let request = request(options, config, line.and_then(TakenLine::own), &mut notes)?;
    let token_input::Input { token, left_out } = token_input::read(options.token_file.as_deref())?;
    notes.extend(left_out.map(|what| {
        format!(
            "{what} was left out: the server refuses a token with it by itself, as a \"malformed OAuth bearer token\", and \
             oauth_validator has no line about that"
        )
    }));
    let given = options.jwks.as_deref().map(given_keys).transpose()?;
    let mut supply = Supply::new(file, place, given);
    let mut resolver = ToolResolver { options, supply: &mut supply, notes: &mut notes, left_out: Vec::new() };
    let verdict = decide_with(&mut resolver, Tracing::Values, &request, &token, config);
    let left_out = resolver.left_out;
    notes.append(&mut supply.notes);
    if supply.is_unused() {
        notes
            .push("the keys of --jwks were not asked for: the decision came before, or needs none of these".to_owned());
    }
    if let Decision::Denied(denial) = &verdict.decision
        && denial.reason == Reason::KeyUnknown
    {
        notes.extend(left_out.into_iter().map(|why| format!("a key of the document is not used: {why}")));
    }
    let mut explanation = Explanation::new(options, verdict);
    explanation.notes = notes;
    Ok(explanation)
}

/// The login that is asked about; what had to be assumed goes into `notes`.
fn request(
    options: &ExplainOptions,
    config: &Config,
    line: Option<&HbaLine>,
    notes: &mut Vec<String>,
) -> Result<Request, CommandFailure> {
    // An issuer that is asked about takes the place of what the line has.
    let of_line = line.filter(|_| options.hba_issuer.is_none()).and_then(HbaLine::profiles);
    let hba_profiles = options.hba_profile.clone().or_else(|| of_line.map(str::to_owned));
    let hba_issuer = match (&options.hba_issuer, line) {
        (Some(issuer), _) => issuer.clone(),
        (None, Some(line)) => line.issuer().to_owned(),
        // Nothing depends on it then.
        (None, None) if hba_profiles.is_some() => String::new(),
        (None, None) => only_issuer(config, notes)?,
    };
    let delegated = options.delegated || line.is_some_and(HbaLine::is_delegated);
    let hba_scope = options.hba_scope.clone().or_else(|| line.map(|line| line.scope().to_owned()));
    if hba_scope.is_none() {
        notes.push("no --hba-scope given: as if the pg_hba.conf line named no scope".to_owned());
    }
    if delegated && options.role.is_none() {
        notes.push(
            "no --role given: as if the client asked for a role without a name, which no token grants".to_owned(),
        );
    }
    // Like libpq, take the role's name for a database that is not named; the line was found by that name as well.
    let own_database = options.role.clone().filter(|_| line.is_some() && !options.replication);
    Ok(Request {
        hba_issuer,
        hba_profiles,
        hba_scope: hba_scope.unwrap_or_default(),
        delegate_ident_mapping: delegated,
        role: options.role.clone().unwrap_or_default(),
        database: options.database.clone().or(own_database).unwrap_or_default(),
        replication: options.replication,
    })
}

/// The keys of a file that somebody has at hand.
pub(crate) fn given_keys(path: &Path) -> Result<KeySet, CommandFailure> {
    let failed = |why: String| CommandFailure::new(format!("cannot use the keys in {path:?}: {why}"));
    let document = read_untrusted(path).map_err(|error| failed(error.to_string()))?;
    KeySet::from_jwks(&document).map_err(|error| {
        failed(error.to_string()).with_hint(
            error.hint().unwrap_or("it must be a JSON Web Key Set, as the issuer's jwks_uri serves it (RFC 7517)"),
        )
    })
}

/// The issuer of the only profile: with several, a guess could explain another line than the one in question.
fn only_issuer(config: &Config, notes: &mut Vec<String>) -> Result<String, CommandFailure> {
    match config.profiles() {
        [] => Ok(String::new()),
        [profile] => {
            let issuer = profile.hba_issuers().first().cloned().unwrap_or_default();
            notes.push(format!(
                "no --hba-issuer given: as if the pg_hba.conf line had that of the only profile, \"{issuer}\""
            ));
            Ok(issuer)
        }
        profiles => {
            let choices: Vec<String> = profiles
                .iter()
                .map(|profile| format!("{} ({})", profile.hba_issuers().join(", "), profile.name))
                .collect();
            let what = format!("which pg_hba.conf line is meant? {} has several profiles", config.file_name());
            Err(CommandFailure::new(what).with_hint(format!(
                "give the line's issuer with --hba-issuer, or its validator.profile with --hba-profile; there are {}",
                choices.join("; ")
            )))
        }
    }
}

/// What a decision needs, as it can be had without the server. Remembers what had to be assumed.
struct ToolResolver<'a, 'f> {
    options: &'a ExplainOptions,
    supply: &'a mut Supply<'f>,
    notes: &'a mut Vec<String>,
    /// Why keys of the documents are not used.
    left_out: Vec<String>,
}

impl Resolver for ToolResolver<'_, '_> {
    fn now(&mut self) -> UnixSeconds {
        self.options.at.unwrap_or_else(words::now)
    }

    fn keys(&mut self, _profile: &str, source: &KeyFile) -> Result<KeySet, KeysUnavailable> {
        let keys = match self.supply.given() {
            Some(keys) => Ok(keys),
            None => load_keys(source, &self.supply.file.path, self.supply.file.user),
        };
        if let Ok(keys) = &keys {
            self.left_out.extend(words::all_left_out(keys));
        }
        keys
    }

    fn provider_keys(&mut self, profile: &str, source: &ProviderKeys) -> Result<KeySet, KeysUnavailable> {
        let keys = self.supply.usable(profile, source);
        self.left_out = words::all_left_out(self.supply.known());
        keys
    }

    fn newer_keys(&mut self, _profile: &str, _source: &ProviderKeys) -> NewerKeys {
        self.supply.newer()
    }

    fn online_answer(
        &mut self,
        _profile: &str,
        check: &OnlineCheck,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        let note = format!("the provider was asked about the token for this explanation, at {}", check.endpoint);
        self.notes.push(note);
        let order = TokenCheck { check, config_path: &self.supply.file.path, user: self.supply.file.user };
        order.ask(&order.request(token)?, &mut Foreground::default())
    }

    fn looked_up(
        &mut self,
        _profile: &str,
        lookup: &Lookup,
        about: &LookupSubject,
        token: &BearerToken,
    ) -> Result<OnlineAnswer, KeysUnavailable> {
        self.notes.push(format!("claims were looked up for this explanation, at {}", lookup.place()));
        let (config_path, user) = (&self.supply.file.path, self.supply.file.user);
        let order = ClaimLookup { lookup, about, config_path, user, left: lookup.reach.timeout };
        order.ask(&order.request(token)?, None, &mut Foreground::default())
    }

    fn privileges(&mut self, role: &str) -> Result<Privileges, Denial> {
        Ok(privileges(role, &self.options.role_attribute, self.notes))
    }
}

/// What `role` can become as far as was told, since there are no catalogs to look it up in.
pub(crate) fn privileges(role: &str, told: &[RoleAttribute], notes: &mut Vec<String>) -> Privileges {
    if told.is_empty() {
        notes.push(format!(
            "no --role-attribute given: as if \"{role}\" were an ordinary role. The server looks up the attributes and \
             memberships of the role, and refuses a privileged one unless roles.privileged = \"allow\""
        ));
    }
    let mut own = RoleAttributes { name: role.to_owned(), ..RoleAttributes::default() };
    let mut others = Vec::new();
    for attribute in told {
        match attribute {
            RoleAttribute::Superuser => own.superuser = true,
            RoleAttribute::CreateRole => own.create_role = true,
            RoleAttribute::Replication => own.replication = true,
            RoleAttribute::BypassRls => own.bypass_rls = true,
            RoleAttribute::MemberOf(name) => {
                // A misspelt attribute would pass for such a role.
                if !name.starts_with("pg_") {
                    notes.push(format!(
                        "\"{name}\" is taken for a role without attributes, which \"{role}\" is a member of"
                    ));
                }
                others.push(RoleAttributes { name: name.clone(), ..RoleAttributes::default() });
            }
        }
    }
    others.insert(0, own);
    Privileges { reached: others }
}
