//! The table of settings: every key of the configuration file, in one place.
//!
//! The parser takes ranges and defaults from it and refuses keys that are not in it; the schema for editors, what
//! `check --effective` shows, the sample file and the types in the manual are made from it. A key is one row of `rows`.

mod kind;
mod rows;
mod value;

use crate::claim_path::ClaimPath;
use rows::ROWS;
use std::borrow::Cow;
use std::time::Duration;

pub use kind::{Merge, ValueKind};
pub(super) use rows::{
    clients, defaults, fallback, identity, introspection, keys, lookup, profile, require, role_map, roles, root, scope,
    session,
};
pub use value::{Bytes, Default, Span};

/// The table of a profile.
pub(super) const PROFILE: &str = profile::ISSUER.table;

/// What the names of the tables begin with that hold for profiles that say nothing.
const DEFAULTS: &str = "defaults";

/// One key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The table it stands in, such as `profiles.*.scope`; `*` is a profile's name.
    pub table: &'static str,
    /// Its name.
    pub key: &'static str,
    /// What is written there, with the range of a duration or a size.
    pub kind: ValueKind,
    /// What holds when it is absent.
    pub default: Default,
    /// A valid value, as TOML, which is not always the default.
    pub example: &'static str,
    /// What its table needs beside it in a file that is valid: keys and values.
    pub beside: &'static [(&'static str, &'static str)],
    /// What it takes for the key to mean anything.
    pub counts: AppliesTo,
    /// Whether a built-in preset may have it: not what is about one server, its people or its clients.
    pub may_be_preset: bool,
    /// Whether a preset of the file's own may have it: not what is refused from now on, which a profile's own list would take
    /// the place of, and not what makes a rule deny nobody.
    pub may_be_own_preset: bool,
    /// Whether a list of strings may hold an empty one. Of any other, it could only match what nobody meant.
    pub may_hold_empty_string: bool,
    /// What it means, in one line; where `holds_for` has a name, it means that for profiles that do not have it.
    meaning: &'static str,
    /// The table whose key this one is the default of.
    holds_for: Option<&'static str>,
    /// Another table that has the same key.
    also: Option<&'static str>,
}

/// What it takes for a key to mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppliesTo {
    /// It always does.
    Always,
    /// Signatures are verified, wherever the keys come from.
    Keys,
    /// Signatures are verified, and this key says where the keys come from: a profile has one such key.
    Source,
    /// A provider is asked for its keys.
    Fetched,
    /// A provider is asked, for its keys or about tokens.
    Asked,
    /// A provider is asked about tokens.
    Online,
}

impl Setting {
    const fn new(
        table: &'static str,
        key: &'static str,
        kind: ValueKind,
        default: Default,
        meaning: &'static str,
        example: &'static str,
    ) -> Self {
        Self {
            table,
            key,
            kind,
            default,
            example,
            beside: &[],
            counts: AppliesTo::Always,
            may_be_preset: true,
            may_be_own_preset: true,
            may_hold_empty_string: false,
            meaning,
            holds_for: None,
            also: None,
        }
    }

    const fn beside(self, beside: &'static [(&'static str, &'static str)]) -> Self {
        Self { beside, ..self }
    }

    const fn counts(self, counts: AppliesTo) -> Self {
        Self { counts, ..self }
    }

    /// Says that another table has this key as well: `[defaults]`, for profiles that do not have it, or a table of rules.
    const fn also_in(self, table: &'static str) -> Self {
        Self { also: Some(table), ..self }
    }

    const fn of_profiles_alone(self) -> Self {
        Self { may_be_preset: false, ..self }
    }

    const fn of_no_preset(self) -> Self {
        Self { may_be_own_preset: false, ..self.of_profiles_alone() }
    }

    const fn holding_empty_strings(self) -> Self {
        Self { may_hold_empty_string: true, ..self }
    }

    /// The row of this key in the other table that has it.
    const fn copy(self, table: &'static str) -> Self {
        let of_defaults = matches!(table.as_bytes().first_chunk(), Some(b"defaults"));
        let holds_for = if of_defaults { Some(self.table) } else { None };
        Self { table, beside: if of_defaults { &[] } else { self.beside }, also: None, holds_for, ..self }
    }

    /// A valid file with `key = value` in the table of this setting, as far as the rest of it goes: with what the table
    /// needs beside this key.
    #[must_use]
    pub fn file_with(&self, key: &str, value: &str) -> String {
        let lines = |pairs: &[(&str, &str)]| -> String {
            let others = pairs.iter().filter(|(name, _)| *name != key);
            others.map(|(name, value)| format!("{name} = {value}\n")).collect()
        };
        let own = format!("{key} = {value}\n{}", lines(self.beside));
        let name = self.table.replace('*', "corp");
        let is_rules = |setting: &Setting| matches!(setting.kind, ValueKind::Rules(rules) if rules == self.table);
        let asks = self.counts == AppliesTo::Online || self.table == introspection::ENDPOINT.table;
        let mode = match (asks, self.table == keys::MIN_TTL.table) {
            (true, true) => {
                "mode = \"introspection\"\nintrospection = { endpoint = \"https://idp.example/i\", auth = \"none\" }\n"
            }
            (true, false) => "mode = \"introspection\"\n",
            (false, _) => "",
        };
        let of_role = self.table == role_map::ROLES.table;
        let roles = if of_role { "[profiles.corp.roles]\nclaim = \"$.r[*]\"\n" } else { "" };
        let profile = || format!("[profiles.corp]\n{mode}{}{roles}", lines(profile::ISSUER.beside));
        match self.table {
            "" => own,
            table if table == profile::ISSUER.table => format!("[{name}]\n{mode}{own}"),
            table if table.starts_with(DEFAULTS) => format!("[{name}]\n{own}"),
            _ if SETTINGS.iter().any(is_rules) => format!("{}[[{name}]]\n{own}", profile()),
            _ => format!("{}[{name}]\n{own}", profile()),
        }
    }

    /// What it means, in one line.
    #[must_use]
    pub fn meaning(&self) -> Cow<'static, str> {
        match self.holds_for {
            None => self.meaning.into(),
            Some(table) => {
                let below = table.strip_prefix("profiles.*").unwrap_or(table).trim_start_matches('.');
                let dot = if below.is_empty() { "" } else { "." };
                format!("{below}{dot}{} of profiles that have none", self.key).into()
            }
        }
    }

    /// The table in which the file says what holds for profiles without this key.
    pub(super) fn defaults_table(&self) -> Option<&'static str> {
        self.also.filter(|table| table.starts_with(DEFAULTS))
    }

    /// What limits its value besides `kind`: whether a text, a list or a table of the user's own names may be empty.
    /// `None` where every value of that kind is one, such as every duration between the two that `kind` names.
    #[must_use]
    pub fn range(&self) -> Option<&'static str> {
        use ValueKind::{
            Alternatives, Hosts, JsonPaths, Jsons, NamedJsonPaths, NamedStrings, Path, RoleMap, Strings, StringsOrNone,
            Text, Urls, Words,
        };
        let list = matches!(self.kind, Strings | StringsOrNone | Words(_) | Urls | Hosts | JsonPaths | Jsons);
        let other = matches!(self.kind, Text | Path | NamedJsonPaths | NamedStrings | RoleMap(_) | Alternatives);
        (list || other).then(|| if self.may_be_empty() { "may be empty" } else { "not empty" })
    }

    /// Whether a text or a list may be empty: only where it is so when absent. An empty list of any other would match
    /// nothing, and let nobody in.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        matches!(self.default, Default::Text("") | Default::Texts([]))
    }

    /// Whether it may last so long; never of a key that is no duration.
    pub(super) fn takes_duration(&self, duration: Duration) -> bool {
        matches!(self.kind, ValueKind::Duration(from, to) if (from.length()..=to.length()).contains(&duration))
    }

    /// Whether a size may have so many bytes; never of a key that is no size.
    pub(super) fn takes_bytes(&self, bytes: usize) -> bool {
        matches!(self.kind, ValueKind::Size(from, to) if (from.bytes..=to.bytes).contains(&bytes))
    }

    /// The ends of the range, for a person: `1s to 24h`.
    pub(super) fn ends(&self) -> String {
        match self.kind {
            ValueKind::Duration(from, to) => format!("{} to {}", from.text, to.text),
            ValueKind::Size(from, to) => format!("{} to {}, which is all that PostgreSQL reads", from.text, to.text),
            other => other.words().into_owned(),
        }
    }

    /// The default of a duration; zero if it has none.
    pub(crate) const fn default_duration(&self) -> Duration {
        match self.default {
            Default::Lasts(span) => span.length(),
            _ => Duration::ZERO,
        }
    }

    /// The default of a size, in bytes; 0 if it has none.
    pub(super) const fn default_bytes(&self) -> usize {
        match self.default {
            Default::Holds(size) => size.bytes,
            _ => 0,
        }
    }

    /// The default of a text or a word; empty if it has none.
    pub(super) const fn default_text(&self) -> &'static str {
        match self.default {
            Default::Text(text) => text,
            _ => "",
        }
    }

    /// The default of a list of texts; empty if it has none.
    pub(super) const fn default_texts(&self) -> &'static [&'static str] {
        match self.default {
            Default::Texts(texts) => texts,
            _ => &[],
        }
    }

    /// The default of a list of booleans; empty if it has none.
    pub(super) const fn default_booleans(&self) -> &'static [bool] {
        match self.default {
            Default::Booleans(values) => values,
            _ => &[],
        }
    }

    /// The default of a boolean; false if it has none.
    pub(super) const fn default_boolean(&self) -> bool {
        matches!(self.default, Default::Boolean(true))
    }

    /// The default of a JSONPath. One without a name selects nothing.
    pub(super) fn default_claim(&self) -> ClaimPath {
        ClaimPath::claim(match self.default {
            Default::Claim(name) => name,
            _ => "",
        })
    }
}

/// How many rows have a copy in another table.
const COPIES: usize = {
    let (mut count, mut rest) = (0, ROWS);
    while let Some((row, after)) = rest.split_first() {
        count += row.also.is_some() as usize;
        rest = after;
    }
    count
};

/// Every key in each of its tables, in the order of the documentation.
pub const SETTINGS: &[Setting] = &all();

/// The copies, and then the rows themselves.
#[allow(clippy::indexing_slicing, reason = "the compiler works it out, and refuses an index out of range")]
const fn all() -> [Setting; ROWS.len() + COPIES] {
    let mut all = [ROWS[0]; ROWS.len() + COPIES];
    let (mut at, mut rest) = (0, ROWS);
    while let Some((row, after)) = rest.split_first() {
        if let Some(table) = row.also {
            all[at] = row.copy(table);
            at += 1;
        }
        rest = after;
    }
    rest = ROWS;
    while let Some((row, after)) = rest.split_first() {
        all[at] = *row;
        at += 1;
        rest = after;
    }
    all
}

/// The keys of one table.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static str> {
    of_table(table).map(|setting| setting.key)
}

/// The settings of one table.
pub(super) fn of_table(table: &str) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.table == table)
}

/// Key and table of each, close together: every login looks for every key of its file among them.
static NAMES: [(&str, &str); SETTINGS.len()] = {
    let mut names = [("", ""); SETTINGS.len()];
    let (mut left, mut rest) = (names.as_mut_slice(), SETTINGS);
    while let (Some((name, names_after)), Some((setting, after))) = (left.split_first_mut(), rest.split_first()) {
        *name = (setting.key, setting.table);
        (left, rest) = (names_after, after);
    }
    names
};

/// Whether a table has this key.
pub(super) fn has(table: &str, key: &str) -> bool {
    NAMES.contains(&(key, table))
}
