//! `oauth-validator check`: everything that is wrong or doubtful in a configuration file.
//!
//! Judges the file as the server would, but for the whole of it: its permissions, its contents, the other files that it
//! names, and, if they are named, the server's own files beside it. Must never stop at the first finding, and must
//! never write anything but its report.

use crate::args::CheckOptions;
use crate::config_file::{self, ConfigFile};
use crate::effective;
use crate::findings::{self, Page, Shown};
use crate::library::{self, Build};
use crate::net::{self, Wording};
use crate::output::{self, CommandFailure, CommandReport};
use crate::server_check;
use crate::server_files::{ServerFiles, config_directory, config_path, open_config};
use crate::toml_positions::TomlPositions;
use oauth_validator_core::config::KeySource;
use oauth_validator_core::server_files::GucSettings;
use oauth_validator_core::{
    Config, DeniedProfile, FilePath, FindingCode, KeyFile, KeysUnavailable, LeftOut, OnlineCheck, Pem, Profile, Reach,
    Reason, Source,
};
use oauth_validator_store::{
    Refusal, bearer_of, load_keys, lookup_secret, read_certificate, read_secret, resolve, with_files,
};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Runs the command.
pub(crate) fn run(options: &CheckOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let user = config_file::server_user_of(&options.server, options.pgdata.as_deref())?;
    let server = ServerFiles::read(options.pgdata.as_deref(), &options.files, user)?;
    let file = open(options, server.as_ref().and_then(ServerFiles::settings))?;
    let (config, found) = judge(&file, options);
    let page = |(at, found): (usize, Vec<Shown>)| {
        let (name, text) = file.part(at);
        Page { name, text: Cow::Borrowed(text), found }
    };
    let mut pages: Vec<Page<'_>> = found.into_iter().enumerate().map(page).collect();
    let own_pages = pages.len();
    let whole = config.as_ref().filter(|config| config.troubles().is_empty());
    if let Some(server) = &server {
        let found = server_check::judge(server, whole, &file);
        for (at, shown) in found.of_config {
            if let Some(page) = pages.get_mut(at) {
                page.found.push(shown);
            }
        }
        pages.extend(found.pages);
        pages.extend(options.pgdata.as_deref().and_then(other_build));
    }
    let tables = match &config {
        Some(config) if options.effective => Some(effective::tables(config, &file, options.profile.as_deref())?),
        _ => None,
    };
    let fine = pages.iter().all(|page| page.errors() == 0);
    let profiles: Vec<&str> = config.iter().flat_map(Config::profiles).map(|profile| profile.name.as_str()).collect();
    let denied: Vec<&str> = config.iter().flat_map(Config::denied).map(DeniedProfile::name).collect();
    let server = server.as_ref();
    let compared = whole.is_some();
    let seen = SeenFiles {
        file: &file.name,
        pages: &pages,
        own_pages,
        profiles: &profiles,
        denied: &denied,
        server,
        compared,
    };
    let text = if as_json {
        let mut document = seen.to_json(fine);
        if options.effective {
            output::put(
                &mut document,
                "effective",
                tables.as_deref().map_or(Value::Null, |tables| effective::to_json(tables, &file)),
            );
        }
        format!("{document:#}\n")
    } else {
        let mut text = seen.to_text();
        match &tables {
            Some(tables) => text.push_str(&effective::to_text(tables, &file)),
            None if options.effective => text.push_str("no setting holds while the file has errors\n"),
            None => {}
        }
        text
    };
    Ok(CommandReport { text, fine })
}

/// The text that is to be judged.
fn open(options: &CheckOptions, settings: Option<&GucSettings>) -> Result<ConfigFile, CommandFailure> {
    let user = config_file::server_user_of(&options.server, options.pgdata.as_deref())?;
    let path = config_path(options.file(), settings)?;
    let folder = config_directory(options.config_directory.as_deref(), &path, settings)?;
    let folder = folder.as_deref();
    match options.file() {
        Some(path) if path.as_os_str() == "-" => ConfigFile::on_stdin(folder, user),
        _ if options.syntax => ConfigFile::text_of(&path, folder, user),
        option => open_config(&path, folder, option, settings, user),
    }
}

/// All that was seen, to be reported. The first pages are the configuration's own, that of the main file before all others.
struct SeenFiles<'s> {
    file: &'s str,
    pages: &'s [Page<'s>],
    own_pages: usize,
    profiles: &'s [&'s str],
    /// Names of profiles that let nobody in.
    denied: &'s [&'s str],
    /// Whether lines of the server's files were compared with profiles.
    compared: bool,
    server: Option<&'s ServerFiles>,
}

impl SeenFiles<'_> {
    /// What the findings of the main file amount to, and who lets people in.
    fn summary(&self, page: &Page<'_>) -> String {
        let (file, found): (&str, Vec<&Shown>) = (self.file, page.found.iter().collect());
        let warned = if found.is_empty() { String::new() } else { format!(", {}", counts(&found)) };
        if page.errors() > 0 {
            return format!("{file}: {}", counts(&found));
        }
        match self.profiles.len() {
            0 if self.denied.is_empty() => format!("{file}: valid{warned}, but trusts nobody"),
            0 => format!("{file}: valid{warned}"),
            several => format!("{file}: valid{warned}; {}: {}", count(several, "profile"), self.profiles.join(", ")),
        }
    }

    fn to_json(&self, fine: bool) -> Value {
        let findings = self.pages.iter().flat_map(|page| findings::to_json(&page.found, &page.name, &page.text));
        let mut document = json!({
            "file": self.file,
            "valid": fine,
            "profiles": self.profiles,
            "findings": findings.collect::<Vec<_>>(),
        });
        if self.own_pages > 1 {
            let names: Vec<&str> = self.pages.iter().take(self.own_pages).map(|page| page.name.as_str()).collect();
            output::put(&mut document, "files", json!(names));
            output::put(&mut document, "denied", json!(self.denied));
        }
        if let Some(server) = self.server {
            output::put(&mut document, "server", server_check::to_json(server));
        }
        document
    }

    fn to_text(&self) -> String {
        let colour = output::colour();
        let rendered = self.pages.iter().map(|page| findings::render(&page.found, &page.name, &page.text, colour));
        let mut text = output::prose(&rendered.collect::<String>());
        let mut say = |line: String| text.push_str(&output::prose(&format!("{}\n", output::visible(&line, false))));
        let (own, others) = self.pages.split_at(self.own_pages.min(self.pages.len()));
        own.first().iter().for_each(|page| say(self.summary(page)));
        own.iter().skip(1).filter(|page| !page.found.is_empty()).for_each(|page| {
            say(format!("{}: {}", page.name, counts(&page.found.iter().collect::<Vec<_>>())));
        });
        if !self.denied.is_empty() {
            say(format!("denied until that is mended: {}", self.denied.join(", ")));
        }
        if let Some(server) = self.server {
            let found: Vec<&Shown> = others.iter().flat_map(|page| &page.found).collect();
            let lines = count(server_check::oauth_lines(server), "OAuth line");
            say(format!("{}: {lines}; the server's files have {}", server.hba_path.display(), counts(&found)));
            if !self.compared {
                say("the lines were not compared with profiles, since the configuration has errors".to_owned());
            }
        }
        text
    }
}

/// The configuration, if its text has no errors, and all that was found: in the text, and on this machine unless the
/// text alone is judged.
fn judge(file: &ConfigFile, options: &CheckOptions) -> (Option<Config>, Vec<Vec<Shown>>) {
    let mut own: Vec<Shown> = file.refusal.iter().map(|refusal| refused(refusal, options)).collect();
    let parsed = file.parsed();
    own.extend(parsed.findings.iter().map(Shown::from));
    let mut found = vec![own];
    for (part, findings) in file.folder.files.iter().zip(&parsed.folder) {
        let unread = part.text.as_ref().err().map(|why| Shown::unread(&why.why, &why.hint));
        found.push(unread.into_iter().chain(findings.iter().map(Shown::from)).collect());
    }
    let places = if options.syntax { Vec::new() } else { TomlPositions::of_all(file) };
    for profile in parsed.config.iter().filter(|_| !options.syntax).flat_map(Config::profiles) {
        if let Some((page, places)) = found.get_mut(profile.file).zip(places.get(profile.file)) {
            page.extend(files_of(profile, file, places));
        }
    }
    (parsed.config, found)
}

/// Where nobody says whose server it is for, it may be a copy that none reads.
fn refused(refusal: &Refusal, options: &CheckOptions) -> Shown {
    let hint = match options.pgdata.is_some() || options.server.server_user.is_some() {
        true => refusal.hint(),
        false => format!("of a copy that no server reads, --syntax judges the text alone; else: {}", refusal.hint()),
    };
    Shown::refused(refusal, hint)
}

/// The other files that a profile needs, as far as they cannot be used.
fn files_of(profile: &Profile, file: &ConfigFile, places: &TomlPositions<'_>) -> Vec<Shown> {
    let place = |setting: &str| places.setting(&profile.name, "keys", setting);
    let unavailable = |setting: &str, why: &KeysUnavailable| {
        Shown::unavailable(Reason::KeysUnavailable, &profile.name, place(setting), why)
    };
    let keys = |setting: &str, source: &KeyFile| match load_keys(source, &file.path, file.user) {
        Err(why) => vec![unavailable(setting, &why)],
        Ok(keys) => keys.malformed_keys().into_iter().map(|why| left_out(setting, place(setting), &why)).collect(),
    };
    // Elsewhere they are judged with the provider that is asked anyway.
    let beside = profile.lookup.as_ref().filter(|_| matches!(profile.keys, KeySource::File(_) | KeySource::Inline(_)));
    let beside = beside.and_then(|lookup| authorities(&lookup.value.reach, file).err());
    let beside = beside.map(|why| Shown::unavailable(Reason::LookupUnavailable, &profile.name, place("ca_file"), &why));
    let of_keys = match &profile.keys {
        KeySource::File(source @ KeyFile::Jwks(_)) => keys("jwks_file", source),
        KeySource::File(source @ KeyFile::Pem(_)) => keys("pem_file", source),
        KeySource::Provider(source) => {
            let authorities = authorities(&source.settings.reach, file);
            let bearer = bearer_of(source, &file.path, file.user).err();
            let bearer = bearer.map(|why| unavailable("bearer_token_file", &why));
            authorities.err().map(|why| unavailable("ca_file", &why)).into_iter().chain(bearer).collect()
        }
        KeySource::Inline(_) => Vec::new(),
        KeySource::Online(check) => online_files(check, profile, file, places),
    };
    of_keys.into_iter().chain(beside).chain(lookup_files(profile, file, places)).collect()
}

/// The secret by which a profile has claims looked up.
fn lookup_files(profile: &Profile, file: &ConfigFile, places: &TomlPositions<'_>) -> Option<Shown> {
    let lookup = &profile.lookup.as_ref()?.value;
    let span = places.setting(&profile.name, "lookup", "client_secret_file");
    match (lookup_secret(lookup, &file.path, file.user), &lookup.source) {
        (Err(why), _) => Some(Shown::unavailable(Reason::LookupUnavailable, &profile.name, span, &why)),
        (Ok(_), Source::Graph(graph)) => readable_by_others(&graph.secret_file, profile, file, span),
        (Ok(_), Source::Userinfo(_)) => None,
    }
}

/// What this tool says of a configuration is true of a library of its own build.
fn other_build(pgdata: &Path) -> Option<Page<'static>> {
    let library = library::of_server(pgdata)?;
    let (build, own) = (library.build?, Build::own());
    let of = |one: &Build| if build.version == own.version { one.in_short() } else { one.version.clone() };
    let what = format!("the library is {}, and this tool is {}", of(&build), of(&own));
    let hint = "install both from one build: another one may judge the configuration otherwise".to_owned();
    own.differs_from(&build).then(|| Page {
        name: library.path.to_string_lossy().into_owned(),
        text: Cow::Borrowed(&[]),
        found: vec![Shown::of_the_machine(FindingCode::LibraryDiffers, None, what, hint)],
    })
}

/// A key that no token is verified with is noticed by nobody until the provider uses it.
fn left_out(setting: &str, span: Option<Range<usize>>, why: &str) -> Shown {
    Shown::of_the_machine(FindingCode::KeyLeftOut, span, format!("keys.{setting}: {why}"), LeftOut::HINT.to_owned())
}

/// The authorities and the secret of a profile that asks its provider.
fn online_files(check: &OnlineCheck, profile: &Profile, file: &ConfigFile, places: &TomlPositions<'_>) -> Vec<Shown> {
    let place = |table: &str, key: &str| places.setting(&profile.name, table, key);
    let unavailable =
        |span, why: &KeysUnavailable| Shown::unavailable(Reason::IntrospectionUnavailable, &profile.name, span, why);
    let mut found = Vec::new();
    if let Err(why) = authorities(&check.reach, file) {
        found.push(unavailable(place("keys", "ca_file"), &why));
    }
    if let Some(certificate) = &check.certificate {
        let read = read_certificate(certificate, &file.path, file.user);
        let judged = read.and_then(|files| {
            net::judge_identity(&files)
                .map_err(|error| KeysUnavailable::new(format!("{error}."), error.hint(Wording::Configuration)))
        });
        let span = place("keys", "client_key_file");
        match judged {
            Err(why) => found.push(unavailable(span, &why)),
            Ok(()) => found.extend(readable_by_others(&certificate.key_file, profile, file, span)),
        }
    }
    let Some(secret) = check.auth.secret_file() else { return found };
    let span = place("introspection", "client_secret_file");
    match read_secret("introspection.client_secret_file", secret, &file.path, file.user) {
        Err(why) => found.push(unavailable(span, &why)),
        Ok(_) => found.extend(readable_by_others(secret, profile, file, span)),
    }
    found
}

/// Whoever can read the secret can ask the provider in this server's name.
fn readable_by_others(secret: &str, profile: &Profile, file: &ConfigFile, span: Option<Range<usize>>) -> Option<Shown> {
    let path = resolve(&file.path, secret);
    let mode = fs::metadata(&path).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        let message = format!("the secret of profile \"{}\" can be read by everybody on this machine", profile.name);
        Shown::of_the_machine(FindingCode::SecretReadable, span, message, format!("chmod o-r {}", path.display()))
    })
}

/// Whether those that a provider's certificate has to lead to can be had; the system's are not looked at.
fn authorities(reach: &Reach<FilePath>, file: &ConfigFile) -> Result<(), KeysUnavailable> {
    with_files(reach, &file.path, file.user)?
        .ca
        .map_or(Ok(()), |Pem(text)| net::judge_authorities(&text))
        .map_err(|error| KeysUnavailable::new(error.to_string(), error.hint(Wording::Configuration)))
}

fn counts(found: &[&Shown]) -> String {
    let errors = found.iter().filter(|shown| shown.is_error()).count();
    match (errors, found.len() - errors) {
        (0, 0) => "no findings".to_owned(),
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}
