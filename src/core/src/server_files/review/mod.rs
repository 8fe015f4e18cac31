//! What is wrong or doubtful about the server's files together with the configuration.
//!
//! Looks at OAuth lines of this validator alone: other methods are not its business. Which profiles serve a line, which
//! can meet there and which are apart is asked of the functions that the decision asks (`serving`, `identity_overlap`). Must never
//! drop the last finding of a kind, however many there are.

mod earlier;
mod maps;
mod profiles;
mod superuser;

use super::hba::{ConnectionType, HbaLine};
use super::ident::IdentLine;
use super::settings::{GucSettings, LIBRARY};
use super::{FilePosition, SourceFile, place_in};
use crate::config::Config;
use crate::finding::{FindingCode, MOST_ALIKE};
use crate::serving::ByIssuer;
use earlier::EarlierLines;
use profiles::MeantProfiles;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// In one of the server's files.
    At(FilePosition),
    /// About one of the server's files as a whole: its index.
    File(usize),
    /// The table of this profile in the configuration.
    Profile(String),
}

/// One thing that is wrong or doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFinding {
    /// The kind.
    pub code: FindingCode,
    /// Where.
    pub spot: Spot,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// A line, and the profiles that serve some of its connections: the same ones as of many other lines, mostly.
type ServedLine<'a> = (&'a HbaLine, Rc<MeantProfiles<'a>>);

/// Everything that was read, to be judged together.
struct Review<'a> {
    config: &'a Config,
    by_issuer: ByIssuer<'a>,
    by_name: HashMap<&'a str, usize>,
    /// Whom lines are for that say the same of it.
    meant: HashMap<(Option<&'a str>, &'a str), Rc<MeantProfiles<'a>>>,
    sources: &'a [SourceFile],
    /// The findings, of each kind no more than are shown.
    found: Vec<ServerFinding>,
    /// How many there are of each kind.
    counts: BTreeMap<FindingCode, usize>,
}

/// Judges the lines that the server takes. `ident` and `settings` are absent where these files were not read.
#[must_use]
pub fn review<'a>(
    config: &'a Config,
    sources: &'a [SourceFile],
    hba: &'a [HbaLine],
    ident: Option<&[IdentLine]>,
    settings: Option<(&GucSettings, usize)>,
) -> Vec<ServerFinding> {
    let by_name = config.profiles().iter().enumerate().map(|(at, profile)| (profile.name.as_str(), at)).collect();
    let by_issuer = ByIssuer::of(config.profiles());
    let (meant, found, counts) = (HashMap::new(), Vec::new(), BTreeMap::new());
    let mut review = Review { config, by_issuer, by_name, meant, sources, found, counts };
    if let Some((settings, source)) = settings {
        review.library(settings, source);
    }
    let mut own = Vec::new();
    for line in hba.iter().filter(|line| line.is_oauth()) {
        match line.other_validator() {
            Some(library) => review.of_another(line, library),
            None => own.push(line),
        }
    }
    let maps: Option<BTreeSet<&str>> = ident.map(|ident| ident.iter().map(|line| line.map.as_str()).collect());
    let lines = EarlierLines::of(hba);
    let mut served = Vec::with_capacity(own.len());
    for line in own.iter().copied() {
        let profiles = review.served(line);
        review.connection(line, settings.map(|(settings, _)| settings));
        review.mapping(line, &profiles, maps.as_ref());
        review.options(line);
        review.names(line);
        review.shadowed(line, &lines);
        served.push((line, profiles));
    }
    review.unreached(&served);
    review.shared_maps(&served);
    if let Some(ident) = ident {
        review.patterns(&own, ident);
        review.superusers(&own, &lines, ident);
    }
    review.bounded()
}

impl<'a> Review<'a> {
    /// What was found: of one kind the first ones, and how many more there are.
    fn bounded(self) -> Vec<ServerFinding> {
        let mut seen: BTreeMap<FindingCode, usize> = BTreeMap::new();
        let mut found = self.found;
        for finding in &mut found {
            let number = seen.entry(finding.code).or_default();
            *number += 1;
            let more = self.counts.get(&finding.code).map_or(0, |count| count - MOST_ALIKE.min(*count));
            if *number == MOST_ALIKE + 1 {
                finding.message =
                    format!("{more} more findings of this kind, the first of them here: {}", finding.message);
            }
        }
        found
    }

    /// Counts so many findings of a kind. How many of them are shown, which the caller puts together and adds: there can be
    /// a hundred million, and a message can be as long as the configuration.
    fn count(&mut self, code: FindingCode, number: usize) -> usize {
        let count = self.counts.entry(code).or_default();
        let room = (MOST_ALIKE + 1).saturating_sub(*count);
        *count += number;
        room.min(number)
    }

    fn add(&mut self, code: FindingCode, spot: Spot, message: String, hint: impl Into<String>) {
        if self.count(code, 1) > 0 {
            self.show(code, spot, message, hint);
        }
    }

    /// Adds a finding that was counted.
    fn show(&mut self, code: FindingCode, spot: Spot, message: String, hint: impl Into<String>) {
        self.found.push(ServerFinding { code, spot, message, hint: hint.into() });
    }

    fn at(&mut self, code: FindingCode, place: &FilePosition, message: String, hint: impl Into<String>) {
        self.add(code, Spot::At(place.clone()), message, hint);
    }

    fn library(&mut self, settings: &GucSettings, source: usize) {
        if settings.names_module() {
            return;
        }
        let libraries = settings.libraries();
        let setting = settings.get("oauth_validator_libraries");
        let spot = setting.map_or(Spot::File(source), |setting| Spot::At(setting.place.clone()));
        let message = match (&libraries, setting) {
            (None, _) => "oauth_validator_libraries is not a list of names".to_owned(),
            (_, None) => "oauth_validator_libraries is not set, so that no OAuth login is possible".to_owned(),
            _ => format!("oauth_validator_libraries does not name {LIBRARY}"),
        };
        let hint = match libraries.filter(|libraries| !libraries.is_empty()) {
            Some(others) => format!(
                "add it, as in '{}, {LIBRARY}', and reload the server; an OAuth line then says validator={LIBRARY}",
                others.join(", ")
            ),
            None => format!("set oauth_validator_libraries = '{LIBRARY}', and reload the server"),
        };
        self.add(FindingCode::LibraryMissing, spot, message, hint);
    }

    fn of_another(&mut self, line: &HbaLine, library: &str) {
        let message = format!("the line is for another validator, \"{library}\", and was not judged");
        let hint = format!("if it is meant for {LIBRARY}, say so: validator={LIBRARY}");
        self.at(FindingCode::OtherValidator, line.option_place("validator"), message, hint);
    }

    fn connection(&mut self, line: &HbaLine, settings: Option<&GucSettings>) {
        match line.connection {
            ConnectionType::Host
            | ConnectionType::HostNoSsl
            | ConnectionType::HostNoGssEnc
            | ConnectionType::HostGssEnc => {
                let (message, hint) = without_tls(line);
                self.at(FindingCode::TokenInClear, &line.connection_place, message, hint);
            }
            ConnectionType::HostSsl => {
                let known = self.counts.contains_key(&FindingCode::TlsOff);
                if !known && settings.is_some_and(|settings| !settings.has_tls()) {
                    let message = "hostssl lines take no connection, because ssl is off".to_owned();
                    let hint = "set ssl = on in postgresql.conf, with a certificate";
                    self.at(FindingCode::TlsOff, &line.connection_place, message, hint);
                }
            }
            ConnectionType::Local => {}
        }
    }

    /// Options that say something else than was meant, without a word from the server.
    fn options(&mut self, line: &HbaLine) {
        let value = line.option("delegate_ident_mapping").unwrap_or("0");
        if !line.is_delegated() && !["0", "off", "no", "false"].contains(&value.to_ascii_lowercase().as_str()) {
            let message = format!("delegate_ident_mapping={value} is off: PostgreSQL takes nothing but 1 for on");
            let hint = "write delegate_ident_mapping=1 if the token is to decide about the role, or leave it out";
            self.at(FindingCode::DelegationOff, line.option_place("delegate_ident_mapping"), message, hint);
        }
        if let Some((name, place)) = line.option_twice() {
            let last = line.option(name).unwrap_or_default();
            let message = format!("{name} is there more than once, and PostgreSQL takes the last one, \"{last}\"");
            let hint = "keep one of them; several scopes are one value in double quotes, with spaces between them";
            self.at(FindingCode::OptionTwice, place, message, hint);
        }
        if let Some(scope) = line.scope().split_ascii_whitespace().find(|scope| scope.contains(',')) {
            let message =
                format!("the line asks for one scope, \"{scope}\", since names are separated by spaces alone");
            let written: Vec<&str> = line.scope().split([',', ' ', '\t']).filter(|name| !name.is_empty()).collect();
            let hint = format!(
                "write scope=\"{}\": clients request each name as a whole, and the token has to have it",
                written.join(" ")
            );
            self.at(FindingCode::ScopeComma, line.option_place("scope"), message, hint);
        }
    }

    fn names(&mut self, line: &HbaLine) {
        for name in line.databases.iter().chain(&line.roles) {
            if let Some(why) = name.not_judged() {
                self.not_judged(&name.place, &name.text, why);
            }
        }
    }

    fn not_judged(&mut self, place: &FilePosition, text: &str, why: &str) {
        let hint = "the server's own view shows whether it takes the line: pg_hba_file_rules, pg_ident_file_mappings";
        self.at(FindingCode::NotJudged, place, format!("{text} has {why}"), hint);
    }

    fn shadowed(&mut self, line: &HbaLine, lines: &EarlierLines<'_>) {
        if let Some(earlier) = lines.covering(line) {
            let place = place_in(self.sources, &earlier.place);
            let message = format!("the line is never reached: {place} ({}) takes all its connections", earlier.method);
            self.at(FindingCode::ShadowedLine, &line.place, message, "move it before that line, or remove one of them");
        }
    }
}

/// Who gets a token that a client sends by a line without TLS, and what to write.
fn without_tls(line: &HbaLine) -> (String, &'static str) {
    let word = line.connection.keyword();
    if line.connection == ConnectionType::HostGssEnc {
        let message =
            format!("{word} takes connections without TLS: GSSAPI encrypts them, and no sslmode asks for that");
        return (
            message,
            "write hostssl in its place, unless Kerberos keeps the connections of all these clients safe",
        );
    }
    if line.address.as_ref().is_some_and(super::Address::is_loopback) {
        let message = format!(
            "{word} takes connections without TLS: who listens here while the server is down, or forwards connections, gets \
             the token"
        );
        return (message, "write hostssl in its place, or local for a Unix socket");
    }
    (
        format!("{word} takes connections without TLS, on which everybody on the way can read the token"),
        "write hostssl in its place, and have clients use sslmode=verify-full: with sslmode=prefer, the default of libpq, a \
         token that was refused is sent a second time without TLS where a line takes it",
    )
}
