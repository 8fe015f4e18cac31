//! Names of databases and roles in the server's files, and whether they mean one (`check_db`, `check_role` of hba.c).

use super::pattern::{self, Pattern};
use super::tokens::HbaToken;
use super::{FilePosition, Problem, syntax};
use crate::config::Profile;
use crate::serving::Served;

/// Whether something fits, as far as the files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMatch {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The server alone knows; a phrase that begins with "whether".
    Unknown(String),
}

impl From<bool> for FileMatch {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

impl FileMatch {
    /// Whether both fit; the first thing that does not is what counts.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (unknown @ Self::Unknown(_), _) | (_, unknown @ Self::Unknown(_)) => unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Whether any fits.
    fn any(answers: impl Iterator<Item = Self>) -> Self {
        let mut known = Self::No;
        for answer in answers {
            match answer {
                Self::Yes => return Self::Yes,
                Self::Unknown(_) if known == Self::No => known = answer,
                _ => {}
            }
        }
        known
    }
}

/// A name, a keyword, a group or a regular expression.
#[derive(Debug, Clone)]
pub struct HbaName {
    /// What is written, without quotes.
    pub text: String,
    /// Where.
    pub place: FilePosition,
    quoted: bool,
    pattern: Option<Pattern>,
}

impl HbaName {
    /// What is behind the slash of a regular expression; nothing of a plain name.
    pub(super) fn expression(&self) -> &str {
        self.text.strip_prefix('/').unwrap_or_default()
    }

    /// One of a line; on an error, what the server says of it.
    pub(super) fn parse(token: HbaToken) -> Result<Self, Problem> {
        let pattern = match token.text.strip_prefix('/') {
            None => None,
            Some(are) => match syntax::refusal(are) {
                None => Some(pattern::compile(are)),
                Some(why) => {
                    let message = format!("invalid regular expression \"{are}\": {why}");
                    return Err(Problem::of(token.place, message));
                }
            },
        };
        Ok(Self { text: token.text, place: token.place, quoted: token.quoted, pattern })
    }

    /// A name that is nothing but a name.
    pub(super) fn literal(text: String, place: FilePosition) -> Self {
        Self { text, place, quoted: true, pattern: None }
    }

    /// Whether it is this keyword.
    #[must_use]
    pub fn is_keyword(&self, keyword: &str) -> bool {
        !self.quoted && self.text == keyword
    }

    /// The role whose members are meant, if it is a group.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        if self.quoted { None } else { self.text.strip_prefix('+') }
    }

    /// The regular expression, if it is one.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Why a regular expression cannot be judged here, if it is one.
    #[must_use]
    pub fn not_judged(&self) -> Option<&str> {
        self.pattern.as_ref().and_then(|pattern| pattern.as_ref().err()).map(String::as_str)
    }

    /// Whether it means this role (`check_role`, which compares cases for OAuth).
    #[must_use]
    pub fn means_role(&self, role: &str) -> FileMatch {
        if let Some(group) = self.group() {
            return FileMatch::Unknown(format!("whether \"{role}\" is a member of \"{group}\" ({})", self.text));
        }
        if self.is_keyword("all") {
            return FileMatch::Yes;
        }
        self.means(role)
    }

    /// Whether it means this database, for a connection of this role (`check_db`).
    fn means_database(&self, database: &str, role: &str) -> FileMatch {
        if self.is_keyword("all") {
            return FileMatch::Yes;
        }
        if self.is_keyword("sameuser") {
            return (role == database).into();
        }
        if self.is_keyword("samerole") || self.is_keyword("samegroup") {
            return FileMatch::Unknown(format!("whether the role is a member of \"{database}\" ({})", self.text));
        }
        if self.is_keyword("replication") {
            return FileMatch::No;
        }
        self.means(database)
    }

    /// Whether it means this database for some role.
    fn can_mean_database(&self, database: &str) -> bool {
        // The database is the role's own name, which any role may have.
        self.means_database(database, database) != FileMatch::No
    }

    fn means(&self, name: &str) -> FileMatch {
        match &self.pattern {
            None => (self.text == name).into(),
            Some(Ok(pattern)) => pattern.is_match(name).into(),
            Some(Err(why)) => FileMatch::Unknown(format!("whether \"{name}\" matches {} ({why})", self.text)),
        }
    }
}

/// Whether one of the names means this role.
pub(super) fn roles_fit(names: &[HbaName], role: &str) -> FileMatch {
    FileMatch::any(names.iter().map(|name| name.means_role(role)))
}

/// Whether one of the names means this database; `None` is physical replication.
pub(super) fn databases_fit(names: &[HbaName], database: Option<&str>, role: &str) -> FileMatch {
    match database {
        Some(database) => FileMatch::any(names.iter().map(|name| name.means_database(database, role))),
        None => names.iter().any(|name| name.is_keyword("replication")).into(),
    }
}

/// Whether a profile serves any of the connections to these databases. What only the server knows counts as if it were so.
pub(super) fn served_by(names: &[HbaName], profile: &Profile) -> bool {
    let replication = |name: &HbaName| name.is_keyword("replication");
    match &profile.databases {
        Some(databases) => databases.iter().any(|database| can_mean(names, database)),
        None => !names.iter().all(replication) || profile.replication,
    }
}

/// What of the connections to these databases a profile serves; `None` if there is nothing.
pub(super) fn leave_to<'p>(names: &[HbaName], profile: &'p Profile) -> Option<Served<'p>> {
    served_by(names, profile).then(|| {
        let mut served = Served::by(profile);
        if let Some(databases) = &mut served.databases {
            databases.retain(|database| can_mean(names, database));
        }
        served
    })
}

fn can_mean(names: &[HbaName], database: &str) -> bool {
    names.iter().any(|name| name.can_mean_database(database))
}

/// Whether every name of `inner` is covered by one of `outer`; `all` covers those that `in_all` says.
pub(super) fn cover(outer: &[HbaName], inner: &[HbaName], in_all: impl Fn(&HbaName) -> bool) -> bool {
    let covers = |candidate: &HbaName, name: &HbaName| {
        (candidate.is_keyword("all") && in_all(name))
            || (candidate.text == name.text && candidate.quoted == name.quoted)
    };
    inner.iter().all(|name| outer.iter().any(|candidate| covers(candidate, name)))
}
