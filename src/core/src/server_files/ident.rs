//! A line of pg_ident.conf, and what a map makes of an identity (`parse_ident_line`, `check_usermap` of hba.c).

use super::names::{FileMatch, HbaName};
use super::pattern;
use super::tokens::{HbaToken, Line};
use super::{FilePosition, Problem};

/// A line that the server takes.
#[derive(Debug, Clone)]
pub struct IdentLine {
    /// Where it is.
    pub place: FilePosition,
    /// The map that it belongs to.
    pub map: String,
    /// The identity, or a regular expression for some.
    pub identity: HbaName,
    /// The role, or what stands for some.
    pub role: HbaName,
}

/// What a map says about a login.
#[derive(Debug)]
pub enum Mapping<'l> {
    /// This line lets the identity log in as the role.
    Granted(&'l IdentLine),
    /// No line does.
    Denied,
    /// The server stops at this line with an error, and denies the login.
    Broken(&'l IdentLine, String),
    /// It depends on something that the files do not say: this line decides, and a phrase that begins with "whether".
    Unknown(&'l IdentLine, String),
}

/// What roles an identity has by a line of its map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolesOfIdentity {
    /// This one.
    One(String),
    /// Those of this description.
    Some(String),
}

/// Reads a line; on an error, what the server says of it.
pub(super) fn parse(line: Line) -> Result<IdentLine, Problem> {
    let place = line.place;
    let problem = |message: &str| Problem::of(place.clone(), message);
    if let Some(message) = line.error {
        return Err(Problem::of(place, message));
    }
    let mut fields = line.fields.into_iter();
    let mut single = || -> Result<HbaToken, Problem> {
        let mut tokens = fields.next().ok_or_else(|| problem("missing entry at end of line"))?.into_iter();
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => Ok(token),
            _ => Err(problem("multiple values in ident field")),
        }
    };
    let (map, identity, role) = (single()?, single()?, single()?);
    let name = |token| HbaName::parse(token).map_err(|problem| Problem { line: place.clone(), ..problem });
    let (identity, role) = (name(identity)?, name(role)?);
    Ok(IdentLine { place, map: map.text, identity, role })
}

/// Whether `map` lets `identity` log in as `role`: the first line that does, or that keeps the server from going on.
#[must_use]
pub fn map_identity<'l>(lines: &'l [IdentLine], map: &str, identity: &str, role: &str) -> Mapping<'l> {
    let mut unknown = None;
    for line in lines.iter().filter(|line| line.map == map) {
        let wanted = match wanted_role(line, identity) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => continue,
            Err(NoRole::Broken(why)) => return unknown.unwrap_or(Mapping::Broken(line, why)),
            // It may be what the server stops at, whatever follows.
            Err(NoRole::Unknown(why)) if line.is_substituted() => {
                return unknown.unwrap_or(Mapping::Unknown(line, why));
            }
            Err(NoRole::Unknown(why)) => {
                unknown.get_or_insert(Mapping::Unknown(line, why));
                continue;
            }
        };
        match wanted.means_role(role) {
            FileMatch::Yes => return Mapping::Granted(line),
            FileMatch::No => {}
            FileMatch::Unknown(why) => {
                unknown.get_or_insert(Mapping::Unknown(line, why));
            }
        }
    }
    unknown.unwrap_or(Mapping::Denied)
}

/// The roles that `map` lets `identity` log in as, each with its line.
#[must_use]
pub fn roles_of<'l>(lines: &'l [IdentLine], map: &str, identity: &str) -> Vec<(&'l IdentLine, RolesOfIdentity)> {
    let mut roles = Vec::new();
    for line in lines.iter().filter(|line| line.map == map) {
        let described = match wanted_role(line, identity) {
            Ok(None) => continue,
            Ok(Some(role)) if role.is_keyword("all") => RolesOfIdentity::Some("every role".to_owned()),
            Ok(Some(role)) => match role.group() {
                Some(group) => RolesOfIdentity::Some(format!("every member of \"{group}\"")),
                None if role.pattern().is_some() => {
                    RolesOfIdentity::Some(format!("every role that matches {}", role.text))
                }
                None => RolesOfIdentity::One(role.text),
            },
            Err(NoRole::Unknown(why)) => RolesOfIdentity::Some(format!("unknown: {why}")),
            // The server goes no further.
            Err(NoRole::Broken(_)) => break,
        };
        roles.push((line, described));
    }
    roles
}

/// Why a line has no role for an identity, though it may match.
enum NoRole {
    Broken(String),
    Unknown(String),
}

impl IdentLine {
    /// Whether `\1` in the role stands for a part of the identity.
    pub(super) fn is_substituted(&self) -> bool {
        self.role.group().is_none() && self.role.pattern().is_none() && self.role.text.contains("\\1")
    }
}

/// The role of a line whose identity is this one; `None` if it is about another.
fn wanted_role(line: &IdentLine, identity: &str) -> Result<Option<HbaName>, NoRole> {
    let pattern = match line.identity.pattern() {
        None => return Ok((line.identity.text == identity).then(|| line.role.clone())),
        Some(Ok(pattern)) => pattern,
        Some(Err(why)) => {
            let what = format!("whether the identity matches {} ({why})", line.identity.text);
            return Err(NoRole::Unknown(what));
        }
    };
    let Some(found) = pattern.captures(identity) else { return Ok(None) };
    if !line.is_substituted() {
        return Ok(Some(line.role.clone()));
    }
    let has_group = pattern.captures_len() > 1;
    let expression = line.identity.expression();
    if has_group && !pattern::captures_alike(expression) {
        let what = format!("what \\1 is: {} does not say it without doubt", line.identity.text);
        return Err(NoRole::Unknown(what));
    }
    let Some(group) = found.get(1) else {
        let why = format!(
            "regular expression \"{expression}\" has no subexpressions as requested by backreference in \"{}\"",
            line.role.text
        );
        return Err(NoRole::Broken(why));
    };
    let role = line.role.text.replacen("\\1", group.as_str(), 1);
    Ok(Some(HbaName::literal(role, line.role.place.clone())))
}
