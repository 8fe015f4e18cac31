//! `oauth-validator explain`: what the server would decide about a token, and on which grounds.
//!
//! Runs the core's `decide` and nothing beside it: an explanation of its own would one day lie. Must never guess which
//! pg_hba.conf line is meant where several could be, and must always say what it assumed.

use crate::args::{ExplainOptions, RoleAttribute};
use crate::config_file::{self, ConfigFile};
use crate::explanation::{Explanation, Style};
use crate::fetch::Foreground;
use crate::findings::{self, Shown};
use crate::key_place::KeyPlace;
use crate::output::{self, Failure, Report};
use crate::provider_keys::Supply;
use crate::token_input;
use oauth_validator_core::{
    Answer, BearerToken, Config, Decision, Denial, Known, Needs, Privileges, Reason, Request, RoleAttributes, Verdict,
    decide,
};
use oauth_validator_store::{TokenOrder, load_keys};

/// Runs the command.
pub(crate) fn run(options: &ExplainOptions, as_json: bool) -> Result<Report, Failure> {
    let place = KeyPlace::find(&options.folder)?;
    let user = match &place {
        Some(place) if options.server.server_user.is_none() => place.owner,
        _ => config_file::server_user(&options.server)?,
    };
    let file = ConfigFile::open(&options.config, user)?;
    let explanation = explain(options, &file, place.as_ref())?;
    let text = if as_json {
        format!("{:#}\n", explanation.to_json(findings::to_json(&explanation.findings, &file.text)))
    } else {
        let colour = output::colour();
        let rendered = findings::render(&explanation.findings, &file.name, &file.text, colour);
        let style = Style { ascii: options.ascii || !output::utf8_locale(), colour };
        rendered + &explanation.to_text(style)
    };
    Ok(Report { text, fine: explanation.is_granted() })
}

/// The decision; a configuration that the server would not use decides before any token is read.
fn explain(options: &ExplainOptions, file: &ConfigFile, place: Option<&KeyPlace>) -> Result<Explanation, Failure> {
    if let Some(refusal) = &file.refusal {
        let denial = Denial::new(Reason::ConfigUnreadable, format!("{refusal}.")).with_hint(refusal.hint());
        return Ok(Explanation::new(options, Verdict::denied(denial)));
    }
    let parsed = Config::parse(&file.text, &file.name);
    let Some(config) = &parsed.config else {
        let denial = Denial::config_invalid(&file.name, &parsed.findings);
        let mut explanation = Explanation::new(options, Verdict::denied(denial));
        explanation.findings = parsed.findings.iter().map(Shown::from).collect();
        return Ok(explanation);
    };
    let mut notes = Vec::new();
    let request = request(options, config, &mut notes)?;
    let token = token_input::read(options.token_file.as_deref())?;
    let mut supply = Supply::new(file, place);
    let (verdict, left_out) = judge(options, &request, &token, config, &mut supply, &mut notes)?;
    notes.append(&mut supply.notes);
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
fn request(options: &ExplainOptions, config: &Config, notes: &mut Vec<String>) -> Result<Request, Failure> {
    let hba_issuer = match &options.hba_issuer {
        Some(issuer) => issuer.clone(),
        // Nothing depends on it then.
        None if options.hba_profile.is_some() => String::new(),
        None => only_issuer(config, notes)?,
    };
    if options.hba_scope.is_none() {
        notes.push("no --hba-scope given: as if the pg_hba.conf line named no scope".to_owned());
    }
    if options.delegated && options.role.is_none() {
        notes.push(
            "no --role given: as if the client asked for a role without a name, which no token grants".to_owned(),
        );
    }
    Ok(Request {
        hba_issuer,
        hba_profiles: options.hba_profile.clone(),
        hba_scope: options.hba_scope.clone().unwrap_or_default(),
        delegate_ident_mapping: options.delegated,
        role: options.role.clone().unwrap_or_default(),
        database: options.database.clone().unwrap_or_default(),
        replication: options.replication,
    })
}

/// The issuer of the only profile: with several, a guess could explain another line than the one in question.
fn only_issuer(config: &Config, notes: &mut Vec<String>) -> Result<String, Failure> {
    match config.profiles() {
        [] => Ok(String::new()),
        [profile] => {
            let issuer = profile.hba_issuers.value.first().cloned().unwrap_or_default();
            notes.push(format!(
                "no --hba-issuer given: as if the pg_hba.conf line had that of the only profile, \"{issuer}\""
            ));
            Ok(issuer)
        }
        profiles => {
            let choices: Vec<String> = profiles
                .iter()
                .map(|profile| format!("{} ({})", profile.hba_issuers.value.join(", "), profile.name))
                .collect();
            let what = format!("which pg_hba.conf line is meant? {} has several profiles", config.file_name());
            Err(Failure::new(what).with_hint(format!(
                "give the line's issuer with --hba-issuer, or its validator.profile with --hba-profile; there are {}",
                choices.join("; ")
            )))
        }
    }
}

/// The server's own decision, with what it asks for; also why keys of the documents are not used.
fn judge(
    options: &ExplainOptions,
    request: &Request,
    token: &BearerToken,
    config: &Config,
    supply: &mut Supply<'_>,
    notes: &mut Vec<String>,
) -> Result<(Verdict, Vec<String>), Failure> {
    let now = options.at.unwrap_or_else(|| jiff::Timestamp::now().as_second());
    let mut known = Known::default();
    let mut left_out = Vec::new();
    loop {
        match decide(request, token, config, &known, now) {
            Answer::Decided(verdict) => return Ok((verdict, left_out)),
            Answer::Needs(Needs::Keys { profile, file: source }) => {
                let keys = load_keys(&source, &supply.file.path, supply.file.user);
                if let Ok(keys) = &keys {
                    left_out.extend_from_slice(keys.left_out());
                }
                known.insert_keys(profile, keys);
            }
            Answer::Needs(Needs::ProviderKeys { profile, source, wanted }) => {
                supply.supply(&mut known, profile, &source, wanted);
                left_out = supply.left_out().to_vec();
            }
            Answer::Needs(Needs::OnlineAnswer { profile, check }) => {
                notes.push(format!(
                    "the provider was asked about the token for this explanation, at {}",
                    check.endpoint
                ));
                let order = TokenOrder { check: &check, config_path: &supply.file.path, user: supply.file.user };
                known.insert_online_answer(profile, order.ask(token, &mut Foreground::default()));
            }
            Answer::Needs(Needs::Privileges { role }) => {
                let privileges = privileges(&role, &options.role_attribute, notes);
                known.insert_privileges(role, privileges);
            }
            Answer::Needs(other) => {
                return Err(Failure::new(format!("the decision needs what this tool cannot supply: {other:?}")));
            }
        }
    }
}

/// What `role` can become as far as was told, since there are no catalogs to look it up in.
fn privileges(role: &str, told: &[RoleAttribute], notes: &mut Vec<String>) -> Privileges {
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
