//! A line of pg_hba.conf (`parse_hba_line` of hba.c).
//!
//! Refuses what the server refuses, in its words. Only values of OAuth options are looked at: those of other methods,
//! and what depends on how the server was built, are taken as they are.

mod words;

use super::address::{self, Address};
use super::names::{self, HbaName};
use super::settings::is_our_library;
use super::tokens::{HbaToken, Line};
use super::{FilePosition, Problem};
use crate::config::Profile;
use crate::line::HBA_PROFILE_OPTION;
use crate::serving::Served;
use words::{METHODS, OPTIONS};

/// Which connections a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionType {
    /// Unix sockets.
    Local,
    /// TCP, encrypted or not.
    Host,
    /// TCP with TLS.
    HostSsl,
    /// TCP without TLS.
    HostNoSsl,
    /// TCP with GSSAPI encryption.
    HostGssEnc,
    /// TCP without GSSAPI encryption.
    HostNoGssEnc,
}

impl ConnectionType {
    const ALL: [Self; 6] =
        [Self::Local, Self::Host, Self::HostSsl, Self::HostNoSsl, Self::HostGssEnc, Self::HostNoGssEnc];

    /// The word for it in pg_hba.conf.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Host => "host",
            Self::HostSsl => "hostssl",
            Self::HostNoSsl => "hostnossl",
            Self::HostGssEnc => "hostgssenc",
            Self::HostNoGssEnc => "hostnogssenc",
        }
    }
}

/// What the server's other settings say about its lines.
#[derive(Debug, Clone, Default)]
pub struct HbaContext {
    /// `oauth_validator_libraries`, if it is known.
    pub libraries: Option<Vec<String>>,
    /// The server's major version, if it is known.
    pub major: Option<u32>,
}

/// A line that the server takes.
#[derive(Debug, Clone)]
pub struct HbaLine {
    /// Where it is.
    pub place: FilePosition,
    /// Which connections it is for.
    pub connection: ConnectionType,
    /// Where the connection is named.
    pub connection_place: FilePosition,
    /// For which databases; never empty.
    pub databases: Vec<HbaName>,
    /// For which roles; never empty.
    pub roles: Vec<HbaName>,
    /// From where; none for Unix sockets.
    pub address: Option<Address>,
    /// How clients authenticate.
    pub method: String,
    options: Vec<(String, String, FilePosition)>,
}

impl HbaLine {
    /// Whether clients authenticate by a bearer token.
    #[must_use]
    pub fn is_oauth(&self) -> bool {
        self.method == "oauth"
    }

    /// The value of an option; the last one if it is there twice, as in the server.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(option, ..)| option == name).map(|(_, value, _)| value.as_str())
    }

    /// The first option that a later one of the same name takes the place of: its name, and where it is.
    #[must_use]
    pub fn option_twice(&self) -> Option<(&str, &FilePosition)> {
        let later = |at: usize, name: &str| self.options.iter().skip(at + 1).any(|(other, ..)| other == name);
        let overruled = self.options.iter().enumerate().find(|(at, (name, ..))| later(*at, name));
        overruled.map(|(_, (name, _, place))| (name.as_str(), place))
    }

    /// Where an option is written; else the line.
    #[must_use]
    pub fn option_place(&self, name: &str) -> &FilePosition {
        self.options.iter().rev().find(|(option, ..)| option == name).map_or(&self.place, |(.., place)| place)
    }

    /// The validator that the line names, if that is not this one.
    #[must_use]
    pub fn other_validator(&self) -> Option<&str> {
        self.option("validator").filter(|library| !is_our_library(library))
    }

    /// Whether this validator decides about logins by this line. One that names none is for the server's only one.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.is_oauth() && self.other_validator().is_none()
    }

    /// The issuer of an OAuth line.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.option("issuer").unwrap_or_default()
    }

    /// The scope of an OAuth line.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.option("scope").unwrap_or_default()
    }

    /// The map of pg_ident.conf; an empty one is none (`check_usermap`).
    #[must_use]
    pub fn map(&self) -> Option<&str> {
        self.option("map").filter(|map| !map.is_empty())
    }

    /// Whether the validator decides about the role as well.
    #[must_use]
    pub fn is_delegated(&self) -> bool {
        self.option("delegate_ident_mapping") == Some("1")
    }

    /// The profiles that PostgreSQL 19's `validator.profile` names, as written.
    #[must_use]
    pub fn profiles(&self) -> Option<&str> {
        self.option(HBA_PROFILE_OPTION)
    }

    /// Whether a profile that is for this line serves any of its connections.
    pub(crate) fn is_served_by(&self, profile: &Profile) -> bool {
        names::served_by(&self.databases, profile)
    }

    /// What of its connections a profile serves; `None` if there is nothing.
    pub(crate) fn leaves_to<'p>(&self, profile: &'p Profile) -> Option<Served<'p>> {
        names::leave_to(&self.databases, profile)
    }

    /// Whether every connection that `other` is for is for this line.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.covers_but_for_roles(other) && names::cover(&self.roles, &other.roles, |_| true)
    }

    /// Whether every connection that `other` is for is for this line, if roles are left aside.
    pub(super) fn covers_but_for_roles(&self, other: &Self) -> bool {
        // `all` is every database, which replication has none of.
        let database = |name: &HbaName| !name.is_keyword("replication");
        self.covers_clients(other) && names::cover(&self.databases, &other.databases, database)
    }

    /// Whether every connection that `other` is for is for this line, if databases and roles are left aside.
    pub(super) fn covers_clients(&self, other: &Self) -> bool {
        let address = match (&self.address, &other.address) {
            (None, None) => true,
            (Some(own), Some(others)) => own.covers(others),
            _ => false,
        };
        let host = self.connection == ConnectionType::Host && other.connection != ConnectionType::Local;
        address && (self.connection == other.connection || host)
    }
}

/// Reads a line; on an error, what the server says of it.
pub(super) fn parse(line: Line, context: &HbaContext) -> Result<HbaLine, Problem> {
    let whole = line.place.clone();
    match line.error {
        Some(message) => Err(Problem::of(whole, message)),
        None => parse_fields(&whole, line.fields, context).map_err(|problem| Problem { line: whole, ..problem }),
    }
}

/// The fields of a line, one after the other.
struct HbaFields<'l> {
    line: &'l FilePosition,
    rest: std::vec::IntoIter<Vec<HbaToken>>,
}

impl HbaFields<'_> {
    fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::of(self.line.clone(), message)
    }

    fn next(&mut self, what: &str) -> Result<Vec<HbaToken>, Problem> {
        self.rest.next().ok_or_else(|| self.problem(format!("end-of-line before {what}")))
    }

    fn single(&mut self, what: &str, called: &str) -> Result<HbaToken, Problem> {
        let mut tokens = self.next(what)?.into_iter();
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => Ok(token),
            (_, second) => {
                let place = second.map_or_else(|| self.line.clone(), |token| token.place);
                Err(Problem::of(place, format!("multiple values specified for {called}")))
            }
        }
    }
}

fn parse_fields(place: &FilePosition, fields: Vec<Vec<HbaToken>>, context: &HbaContext) -> Result<HbaLine, Problem> {
    let mut fields = HbaFields { line: place, rest: fields.into_iter() };
    let kind = fields.single("connection type", "connection type")?;
    let Some(connection) = ConnectionType::ALL.into_iter().find(|connection| connection.keyword() == kind.text) else {
        let message = format!("invalid connection type \"{}\"", kind.text);
        return Err(Problem::of(kind.place, message));
    };
    let databases = fields.next("database specification")?.into_iter().map(HbaName::parse).collect::<Result<_, _>>()?;
    let roles = fields.next("role specification")?.into_iter().map(HbaName::parse).collect::<Result<_, _>>()?;
    let address = if connection == ConnectionType::Local { None } else { Some(self::address(&mut fields)?) };
    let method = method(&mut fields, connection)?;
    let mut line = HbaLine {
        place: place.clone(),
        connection,
        connection_place: kind.place,
        databases,
        roles,
        address,
        method,
        options: Vec::new(),
    };
    for token in fields.rest.flatten() {
        option(&mut line, token, context)?;
    }
    if line.is_oauth() {
        check_oauth(&line, context).map_err(|message| Problem::of(place.clone(), message))?;
    }
    Ok(line)
}

fn address(fields: &mut HbaFields<'_>) -> Result<Address, Problem> {
    let token = fields.single("IP address specification", "host address")?;
    let keyword = |word: &str| !token.quoted && token.text == word;
    let wrong = |message: String| Problem::of(token.place.clone(), message);
    if keyword("all") {
        return Ok(Address::All);
    } else if keyword("samehost") {
        return Ok(Address::SameHost);
    } else if keyword("samenet") {
        return Ok(Address::SameNet);
    }
    let (text, length) = match token.text.split_once('/') {
        Some((text, length)) => (text, Some(length)),
        None => (token.text.as_str(), None),
    };
    match (address::numeric(text), length) {
        (None, None) => Ok(Address::Host(text.to_owned())),
        (None, Some(_)) => {
            Err(wrong(format!("specifying both host name and CIDR mask is invalid: \"{}\"", token.text)))
        }
        (Some(address), Some(length)) => {
            let mask = address::cidr_mask(address, length);
            let mask = mask.ok_or_else(|| wrong(format!("invalid CIDR mask in address \"{}\"", token.text)))?;
            Ok(Address::Net { address, mask })
        }
        (Some(address), None) => {
            let written = fields.single("netmask specification", "netmask")?;
            let invalid = || format!("invalid IP mask \"{}\": Name or service not known", written.text);
            let mask = address::numeric(&written.text);
            let mask = mask.ok_or_else(|| Problem::of(written.place.clone(), invalid()))?;
            if mask.is_ipv4() != address.is_ipv4() {
                return Err(Problem::of(written.place, "IP address and mask do not match"));
            }
            Ok(Address::Net { address, mask })
        }
    }
}

fn method(fields: &mut HbaFields<'_>, connection: ConnectionType) -> Result<String, Problem> {
    let token = fields.single("authentication method", "authentication type")?;
    let local = connection == ConnectionType::Local;
    let message = match token.text.as_str() {
        unknown if !METHODS.contains(&unknown) => format!("invalid authentication method \"{unknown}\""),
        "gss" if local => "gssapi authentication is not supported on local sockets".to_owned(),
        "peer" if !local => "peer authentication is only supported on local sockets".to_owned(),
        "cert" if connection != ConnectionType::HostSsl => {
            "cert authentication is only supported on hostssl connections".to_owned()
        }
        // `ident` on a Unix socket is what peer was called before it had a name of its own.
        "ident" if local => return Ok("peer".to_owned()),
        _ => return Ok(token.text),
    };
    Err(Problem::of(token.place, message))
}

fn option(line: &mut HbaLine, token: HbaToken, context: &HbaContext) -> Result<(), Problem> {
    let Some((name, value)) = token.text.split_once('=') else {
        let message = format!("authentication option not in name=value format: {}", token.text);
        return Err(Problem::of(token.place, message));
    };
    let only_for =
        |methods: &str| format!("authentication option \"{name}\" is only valid for authentication methods {methods}");
    let tls_only = line.connection != ConnectionType::HostSsl;
    let message = match OPTIONS.iter().find(|(names, ..)| names.contains(&name)) {
        Some((_, methods, _)) if methods.contains(&line.method.as_str()) => None,
        Some((.., words)) => Some(only_for(words)),
        None if matches!(name, "clientcert" | "clientname") && tls_only => {
            Some(format!("{name} can only be configured for \"hostssl\" rows"))
        }
        None if matches!(name, "clientcert" | "clientname") => None,
        // PostgreSQL 19 hands such options to the validator, which names those that it knows.
        None if name.starts_with("validator.") && context.major.is_none_or(|major| major >= 19) => {
            (!line.is_oauth()).then(|| only_for("oauth"))
        }
        None => Some(format!("unrecognized authentication option name: \"{name}\"")),
    };
    if let Some(message) = message {
        return Err(Problem::of(token.place, message));
    }
    line.options.push((name.to_owned(), value.to_owned(), token.place));
    Ok(())
}

/// What an OAuth line must have (`check_oauth_validator` of auth-oauth.c).
fn check_oauth(line: &HbaLine, context: &HbaContext) -> Result<(), String> {
    for name in ["scope", "issuer"] {
        if line.option(name).is_none() {
            return Err(format!("authentication method \"oauth\" requires argument \"{name}\" to be set"));
        }
    }
    match (context.libraries.as_deref(), line.option("validator")) {
        (None, _) | (Some([_]), None) => {}
        (Some([]), _) => {
            return Err("oauth_validator_libraries must be set for authentication method oauth".to_owned());
        }
        (Some(_), None) => {
            let why = "authentication method \"oauth\" requires argument \"validator\" to be set when \
                       oauth_validator_libraries contains multiple options";
            return Err(why.to_owned());
        }
        (Some(libraries), Some(named)) if !libraries.iter().any(|library| library == named) => {
            return Err(format!("validator \"{named}\" is not permitted by oauth_validator_libraries"));
        }
        (Some(_), Some(_)) => {}
    }
    if line.is_delegated() && line.option("map").is_some() {
        return Err("map cannot be used in combination with delegate_ident_mapping".to_owned());
    }
    Ok(())
}
