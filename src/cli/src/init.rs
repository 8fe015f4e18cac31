//! `oauth-validator init`: a profile, by a preset or for a token at hand, and the lines that the server's files need for it.
//!
//! Must never change a file that is there, nor hand out a profile that `check` would refuse together with what the
//! configuration holds already.

mod of_token;

use crate::args::InitOptions;
use crate::config_file::{ConfigFile, NamedBy};
use crate::draft::{Draft, VerifiedBy, absolute};
use crate::layouts::PresetLayout;
use crate::login::word;
use crate::output::{CommandFailure, CommandReport, visible};
use crate::proposal::name_for;
use crate::sample::Fitted;
use oauth_validator_core::{Config, ConfigFolder, Denial, Finding, FolderFile, ParsedFiles, folder_of};
use oauth_validator_store::{ServerUser, is_folder_file};
use serde_json::json;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The mode with which packages install the file: the server's user has to read it, and there is no secret in it.
const MODE: u32 = 0o644;

/// Runs the command.
pub(crate) fn run(options: &InitOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    match options.token_file.as_deref() {
        Some(token) => for_token(options, token, as_json),
        None => by_preset(options, as_json),
    }
}

/// A profile that is handed out.
struct New<'a> {
    preset: Option<&'a str>,
    name: &'a str,
    profile: &'a str,
    lines: ServerFileLines,
    /// What became of the tokens at hand.
    fitted: Option<&'a Fitted>,
}

fn by_preset(options: &InitOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let Some(layout) = options.preset.as_deref().and_then(PresetLayout::of) else {
        return Err(CommandFailure::new("there is no such preset").with_hint("see oauth-validator preset list"));
    };
    complete(options, layout)?;
    let draft = draft(options, layout);
    let profile = draft.profile();
    let existing = existing(options)?;
    let issuer = judge(&existing, &profile, &draft.name, options)?;
    if let Some(path) = &options.output {
        create(path, &profile)?;
    }
    let about = &layout.about;
    let ident = format!("{}   {}   {}", draft.name, about.identity, about.role);
    let lines = ServerFileLines::new(draft.hba(&issuer), ident, options);
    let new = New { preset: options.preset.as_deref(), name: &draft.name, profile: &profile, lines, fitted: None };
    Ok(hand_out(&new, &existing, options, as_json))
}

/// A profile that does not do with the tokens what it should is shown, and not handed out.
fn for_token(options: &InitOptions, token: &Path, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let (name, fitted) = of_token::fitted(options, token)?;
    let existing = existing(options)?;
    if fitted.fine {
        judge(&existing, &fitted.profile, &name, options)?;
        if let Some(path) = &options.output {
            create(path, &fitted.profile)?;
        }
    }
    let identity = fitted.authn_id.as_deref().and_then(word).unwrap_or_else(|| "IDENTITY".to_owned());
    let lines = ServerFileLines::new(fitted.hba.clone(), format!("{name}   {identity}   ROLE"), options);
    let (preset, profile) = (fitted.preset, fitted.profile.as_str());
    let new = New { preset, name: &name, profile, lines, fitted: Some(&fitted) };
    Ok(hand_out(&new, &existing, options, as_json))
}

fn hand_out(new: &New<'_>, existing: &Existing, options: &InitOptions, as_json: bool) -> CommandReport {
    let fine = new.fitted.is_none_or(|fitted| fitted.fine);
    if !as_json {
        let text = match new.fitted.filter(|fitted| !fitted.fine) {
            Some(fitted) => refused(new.profile, fitted),
            None => to_text(new, existing, options),
        };
        return CommandReport { text, fine };
    }
    let report = json!({
        "preset": new.preset,
        "name": new.name,
        "profile": new.profile,
        "written": options.output.as_ref().filter(|_| fine),
        "postgresql_conf": new.lines.postgresql_conf,
        "hba": new.lines.hba,
        "ident": new.lines.ident,
        "tokens": new.fitted.map(Fitted::to_json),
    });
    CommandReport { text: format!("{report:#}\n"), fine }
}

/// What became of the tokens, and the profile in comments: whoever appends this has changed nothing.
fn refused(profile: &str, fitted: &Fitted) -> String {
    let lines: String = profile.lines().map(|line| format!("#   {line}\n").replace("#   \n", "#\n")).collect();
    format!("{}# No profile is proposed. This one would do as above:\n{lines}", fitted.comments())
}

/// Whether all is there that a profile with this preset needs; else which options are missing.
fn complete(options: &InitOptions, layout: &PresetLayout) -> Result<(), CommandFailure> {
    let about = &layout.about;
    let asked = &options.introspection;
    let auth = asked.introspection_auth.as_deref().unwrap_or(&about.auth);
    let secret = about.endpoint.is_some() && auth != "none";
    let client = secret && auth != "bearer";
    // A JSONPath may have either quotation mark; between these, a shell replaces nothing.
    let rule = about.rule.as_ref().map(|rule| {
        let claim = rule.claim.replace('\'', "\"");
        rule.equals.as_ref().map_or_else(|| format!("'{claim}'"), |value| format!("'{claim}={value}'"))
    });
    let needs = [
        ("--issuer", options.issuer.is_none() && layout.preset.own_issuer().is_none(), Some(about.issuer.clone())),
        ("--token-issuer", options.token_issuer.is_none(), about.token_issuer.clone()),
        ("--audience", options.audience.is_empty(), about.audience.clone()),
        ("--client", options.client.is_empty() && about.needs_clients, Some("CLIENT-ID".to_owned())),
        ("--require", options.require.is_empty(), rule),
        ("--introspection-endpoint", asked.introspection_endpoint.is_none(), about.endpoint.clone()),
        ("--introspection-client-id", client && asked.introspection_client_id.is_none(), Some("CLIENT-ID".to_owned())),
        (
            "--introspection-secret-file",
            secret && asked.introspection_secret_file.is_none(),
            Some("/etc/postgresql/oauth-validator.secret".to_owned()),
        ),
    ];
    let missing: Vec<(&str, String)> = needs
        .into_iter()
        .filter(|(_, missing, _)| *missing)
        .filter_map(|(option, _, example)| Some((option, example?)))
        .collect();
    let Some((last, others)) = missing.split_last() else { return Ok(()) };
    let others: Vec<&str> = others.iter().map(|(option, _)| *option).collect();
    let and = if others.is_empty() { "" } else { " and " };
    let examples: String = missing.iter().map(|(option, example)| format!(" {option} {example}")).collect();
    let why = format!("preset \"{}\" needs {}{and}{}", layout.preset.name, others.join(", "), last.0);
    let see = format!("what that is: oauth-validator preset show {}", layout.preset.name);
    Err(CommandFailure::new(why).with_hint(format!("add{examples}; {see}")))
}

fn draft<'a>(options: &'a InitOptions, layout: &'static PresetLayout) -> Draft<'a> {
    let host = options.issuer.as_deref().and_then(host_of).unwrap_or_default().to_ascii_lowercase();
    let prefix = options.audience.first().and_then(|audience| layout.scope_prefix(audience));
    Draft {
        layout,
        way: VerifiedBy::Preset {
            algorithms: Vec::new(),
            jwks_file: options.jwks_file.as_deref(),
            introspection: Some(&options.introspection),
        },
        name: options.profile.clone().unwrap_or_else(|| name_for(layout, &host)),
        issuer: options.issuer.as_deref(),
        token_issuer: options.token_issuer.as_deref(),
        audience: options.audience.clone(),
        clients: options.client.clone(),
        scope: options.scope.as_deref().unwrap_or(&layout.about.scope),
        scope_prefix: options.scope_prefix.clone().or(prefix),
        reach: &options.reach,
        rules: options.require.clone(),
    }
}

fn host_of(issuer: &str) -> Option<&str> {
    issuer.split_once("://")?.1.split(['/', ':']).next()
}

/// What the configuration holds already.
enum Existing {
    /// There is none, or a new one is to be written.
    Nothing,
    /// Its files, and the names of its profiles.
    Files(Box<ConfigFile>, Vec<String>),
    /// The files of a configuration in whose folder the new file is to be.
    Folder(Box<ConfigFile>),
    /// It is there, and not for the one who asks.
    Hidden,
}

fn existing(options: &InitOptions) -> Result<Existing, CommandFailure> {
    if let Some(path) = options.output.as_deref().filter(|path| path.exists()) {
        return Err(unwritten(path, &ErrorKind::AlreadyExists.into()));
    }
    let main = options.output.as_deref().map(main_of);
    let path = match &main {
        Some(None) => return Ok(Existing::Nothing),
        Some(Some(main)) => main,
        None => &options.config,
    };
    let readable =
        fs::metadata(path).and_then(|found| if found.is_file() { File::open(path).map(drop) } else { Ok(()) });
    match readable.map_err(|error| error.kind()) {
        Err(ErrorKind::NotFound) => return Ok(Existing::Nothing),
        Err(ErrorKind::PermissionDenied) => return Ok(Existing::Hidden),
        _ => {}
    }
    let file = ConfigFile::open(path, Some(&folder_of(path)), ServerUser::current(), NamedBy::Asker)?;
    let parsed = file.parsed();
    let Some(config) = parsed.config else {
        let denial = Denial::config_invalid(&file.name, &parsed.findings);
        return Err(CommandFailure::new(denial.detail.trim_end_matches('.')).with_hint(denial.hint));
    };
    if main.is_some() {
        return Ok(Existing::Folder(Box::new(file)));
    }
    let denied = config.denied().iter().map(|denied| denied.name().to_owned());
    let names = config.profiles().iter().map(|profile| profile.name.clone()).chain(denied).collect();
    Ok(Existing::Files(Box::new(file), names))
}

/// The main file of the configuration that reads a new file, if it is for a folder of one that is there.
fn main_of(output: &Path) -> Option<PathBuf> {
    let folder = output.parent().filter(|folder| folder.extension().is_some_and(|end| end == "d"))?;
    let main = folder.with_extension("toml");
    (folder_of(&main) == folder && main.exists()).then_some(main)
}

/// The issuer of the profile, if the configuration with it is valid.
fn judge(existing: &Existing, profile: &str, name: &str, options: &InitOptions) -> Result<String, CommandFailure> {
    let parsed = match existing {
        Existing::Files(_, names) if names.iter().any(|known| known == name) => {
            let what = format!("{:?} has a profile \"{name}\" already", options.config);
            return Err(CommandFailure::new(what).with_hint("choose another name: --profile NAME"));
        }
        Existing::Files(file, _) => with_text(file, profile)?,
        Existing::Folder(file) => with_file(file, profile, options.output.as_deref())?,
        _ => Config::parse(profile.as_bytes(), ""),
    };
    let profile = parsed.config.as_ref().and_then(|config| config.profiles().iter().find(|one| one.name == name));
    profile.map(|profile| profile.issuer.value.clone()).ok_or_else(|| {
        // Those of the new file first.
        let all = parsed.findings.iter().chain(parsed.folder.iter().rev().flatten());
        let errors: Vec<&Finding> = all.filter(|finding| finding.is_error()).collect();
        let messages: Vec<&str> = errors.iter().map(|finding| finding.message.as_str()).collect();
        let failure = CommandFailure::new(format!("the profile would not be valid: {}", messages.join("; ")));
        match errors.iter().find_map(|finding| finding.hint.as_deref()) {
            Some(hint) => failure.with_hint(hint),
            None => failure.with_hint("correct the option of that name"),
        }
    })
}

/// The configuration with a profile at the end of its main file. What that would deny of other files is an error.
fn with_text(file: &ConfigFile, profile: &str) -> Result<ParsedFiles, CommandFailure> {
    let text = format!("{}\n{profile}", String::from_utf8_lossy(&file.text));
    let parsed = |text: &str| file.folder.judged(|folder| Config::parse_all(text.as_bytes(), &file.name, folder));
    let after = parsed(&text);
    let troubles =
        |parsed: &ParsedFiles| parsed.config.iter().flat_map(|config| config.troubles().to_vec()).collect::<Vec<_>>();
    let before = troubles(&file.parsed());
    match troubles(&after).into_iter().find(|trouble| !before.contains(trouble)) {
        Some(trouble) => {
            let what =
                format!("the profile does not go with one of another file: {}", trouble.detail.trim_end_matches('.'));
            Err(CommandFailure::new(what).with_hint("choose another name, issuer or prefix"))
        }
        None => Ok(after),
    }
}

/// The configuration with one more file in its folder.
fn with_file(file: &ConfigFile, profile: &str, output: Option<&Path>) -> Result<ParsedFiles, CommandFailure> {
    let path = output.unwrap_or(Path::new(""));
    if !path.file_name().is_some_and(is_folder_file) {
        let what = format!(
            "{path:?} would not be read: a file of the folder is *.toml, and its name does not begin with a dot"
        );
        return Err(CommandFailure::new(what).with_hint("choose such a name"));
    }
    let name = path.to_string_lossy();
    file.folder.judged(|folder| {
        let new = FolderFile { name: &name, text: Ok(profile.as_bytes()) };
        let mut all: Vec<FolderFile<'_>> = folder.files.to_vec();
        all.push(new);
        Ok(Config::parse_all(&file.text, &file.name, ConfigFolder { name: folder.name, files: &all }))
    })
}

/// Writes a new file; one that is there stays as it is, and of one that cannot be written nothing stays.
fn create(path: &Path, profile: &str) -> Result<(), CommandFailure> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| unwritten(path, &error))?;
    let written = file
        .write_all(profile.as_bytes())
        .and_then(|()| file.set_permissions(Permissions::from_mode(MODE)))
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _ = fs::remove_file(path);
        unwritten(path, &error)
    })
}

fn unwritten(path: &Path, error: &io::Error) -> CommandFailure {
    match error.kind() {
        ErrorKind::AlreadyExists => CommandFailure::new(format!("{path:?} exists, and is left as it is")).with_hint(format!(
            "with --config {path:?} in place of --output the profile is printed: append that to a copy of the file, check the \
             copy, and mv it into place"
        )),
        ErrorKind::NotFound => {
            CommandFailure::new(format!("cannot write {path:?}: {error}")).with_hint("make its folder, owned by root, first")
        }
        _ => CommandFailure::new(format!("cannot write {path:?}: {error}")),
    }
}

/// What belongs into the server's own files.
struct ServerFileLines {
    postgresql_conf: Vec<String>,
    hba: String,
    ident: String,
}

impl ServerFileLines {
    fn new(hba: String, ident: String, options: &InitOptions) -> Self {
        let main = options.output.as_deref().and_then(main_of);
        let path = absolute(main.as_ref().or(options.output.as_ref()).unwrap_or(&options.config));
        let mut postgresql_conf = vec!["oauth_validator_libraries = 'oauth_validator'".to_owned()];
        if path != Path::new(crate::args::DEFAULT_CONFIG) {
            let path = path.to_string_lossy().replace('\'', "''");
            postgresql_conf.push(format!("oauth_validator.config_file = '{path}'"));
        }
        Self { postgresql_conf, hba, ident }
    }

    /// The lines with `mark` in front of each.
    fn to_text(&self, mark: &str) -> String {
        let shown = |line: &String| format!("{mark}  {}\n", visible(line, false));
        format!(
            "{mark}postgresql.conf, and a reload of the server:\n{}\
             {mark}pg_hba.conf, before other lines for the same connections:\n{}\
             {mark}pg_ident.conf, a line for each user; the identity is an example of its form:\n{}",
            self.postgresql_conf.iter().map(shown).collect::<String>(),
            shown(&self.hba),
            shown(&self.ident)
        )
    }
}

/// With `--output`, what was written and what is left to do; else the profile, ready to be appended.
fn to_text(new: &New<'_>, existing: &Existing, options: &InitOptions) -> String {
    let New { name, profile, lines, fitted, .. } = new;
    let remarks = fitted.map(Fitted::comments).unwrap_or_default();
    let file = options.output.as_ref().unwrap_or(&options.config).to_string_lossy();
    let file = visible(&file, false);
    if options.output.is_some() {
        let lines = lines.to_text("");
        let main = options
            .output
            .as_deref()
            .and_then(main_of)
            .map_or(file.to_string(), |main| visible(&main.to_string_lossy(), false).into_owned());
        return format!(
            "{file} is written, with the profile \"{name}\".\n\n{remarks}{lines}Then: oauth-validator check {main}\n"
        );
    }
    let place = match existing {
        Existing::Nothing => ", which does not exist yet.".to_owned(),
        Existing::Files(_, names) if names.is_empty() => ": append it to a copy.".to_owned(),
        Existing::Files(_, names) => {
            format!(": append it to a copy.\n# Profiles that are there: {}", names.join(", "))
        }
        Existing::Folder(_) => String::new(),
        Existing::Hidden => ": append it to a copy.\n# It cannot be read here, so check the copy.".to_owned(),
    };
    format!("\n# For {file}{place}\n{profile}\n{remarks}{}", lines.to_text("# "))
}
