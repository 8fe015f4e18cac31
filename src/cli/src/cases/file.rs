//! Reads a file of cases: what each login presents, and what must come of it.
//!
//! Everything that is wrong with a file is reported at once, with its place. Must never leave out a case: one that cannot
//! be read is an error of the whole file, since a test that is not run proves nothing.

use super::table_keys::{self, CASE, FILE, TOKEN};
use crate::args::{RoleAttribute, instant, role_attribute};
use crate::findings::Shown;
use oauth_validator_core::config::{json_of_toml, suggest};
use oauth_validator_core::{FindingCode, Reason, UnixSeconds};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The members of a JSON object.
pub(crate) type JsonMembers = Map<String, Value>;

/// A file of cases.
#[derive(Debug, Default)]
pub(crate) struct CaseFile {
    /// The configuration that it is about, as written.
    pub(crate) config: Option<String>,
    pub(crate) cases: Vec<TestCase>,
}

/// What a token is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenTemplate {
    pub(crate) header: JsonMembers,
    /// None of a token that says nothing by itself.
    pub(crate) claims: Option<JsonMembers>,
    /// What the provider says of it, if it is asked.
    pub(crate) answer: Option<JsonMembers>,
    /// What its userinfo endpoint says, if claims are looked up.
    pub(crate) userinfo: Option<JsonMembers>,
}

/// One login.
#[derive(Debug)]
pub(crate) struct TestCase {
    pub(crate) name: String,
    /// The line of the file that it begins at, from 1.
    pub(crate) line: usize,
    pub(crate) token: TokenTemplate,
    /// What is never filled in.
    pub(crate) without: Vec<String>,
    pub(crate) without_header: Vec<String>,
    pub(crate) forged: bool,
    pub(crate) line_of: LineOf,
    pub(crate) role: Option<String>,
    pub(crate) role_attributes: Vec<RoleAttribute>,
    pub(crate) database: Option<String>,
    pub(crate) replication: bool,
    /// Seconds since 1970.
    pub(crate) at: Option<UnixSeconds>,
    pub(crate) expected: ExpectedDecision,
}

/// The line of pg_hba.conf.
#[derive(Debug)]
pub(crate) enum LineOf {
    /// The first one of this profile; of the only one, if it has no name.
    Profile { name: Option<String>, scope: Option<String>, delegated: bool },
    /// As it stands there.
    Text(String),
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpectedDecision {
    Granted { authn_id: String },
    Denied(Reason),
}

/// Reads the text of a file; the findings are errors, each of them.
pub(crate) fn read(text: &str) -> Result<CaseFile, Vec<Shown>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = CaseReader { text, findings: Vec::new() };
    for error in errors {
        let message = format!("not valid TOML: {}", error.message());
        let hint = "cases are written as [[case]], each with name and expect";
        reader.add(FindingCode::Syntax, error.span().unwrap_or_default(), message, hint);
    }
    let file = reader.file(document.get_ref());
    if reader.findings.is_empty() { Ok(file) } else { Err(reader.findings) }
}

struct CaseReader<'t> {
    text: &'t str,
    findings: Vec<Shown>,
}

/// A table whose keys are known.
struct CaseTable<'a> {
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> CaseTable<'a> {
    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }
}

impl<'t> CaseReader<'t> {
    fn add(&mut self, code: FindingCode, span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.push(Shown::of_the_machine(code, Some(span), message.into(), hint.into()));
    }

    fn line(&self, offset: usize) -> usize {
        self.text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
    }

    fn file(&mut self, document: &DeTable<'_>) -> CaseFile {
        let root = self.open(FILE, 0..0, document);
        let config = self.text(&root, "config");
        let samples = self.samples(&root);
        let mut cases = Vec::new();
        match root.get("case").map(|value| (value.get_ref(), value.span())) {
            Some((DeValue::Array(array), _)) if !array.is_empty() => {
                for element in array.iter() {
                    match element.get_ref() {
                        DeValue::Table(table) => {
                            let table = self.open(CASE, element.span(), table);
                            cases.extend(self.case(&table, &samples));
                        }
                        _ => self.wrong(element.span(), "case", "written as [[case]]"),
                    }
                }
            }
            Some((_, span)) => self.wrong(span, "case", "written as [[case]]"),
            None => self.add(
                FindingCode::MissingKey,
                0..0,
                "the file has no case",
                "write [[case]] with name, token or claims, and expect",
            ),
        }
        self.names(&root, &cases);
        CaseFile { config, cases }
    }

    /// Two cases of one name cannot be told apart in a report.
    fn names(&mut self, root: &CaseTable<'_>, cases: &[TestCase]) {
        let spans: Vec<Range<usize>> = root
            .get("case")
            .and_then(|value| value.get_ref().as_array())
            .map(|array| array.iter().map(Spanned::span).collect())
            .unwrap_or_default();
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        for (case, span) in cases.iter().zip(spans) {
            if let Some(line) = lines.insert(&case.name, case.line) {
                let message = format!("there are two cases \"{}\"", case.name);
                self.add(FindingCode::Conflict, span, message, format!("the other one is in line {line}"));
            }
        }
    }

    fn open<'a>(&mut self, name: &'static str, span: Range<usize>, table: &'a DeTable<'a>) -> CaseTable<'a> {
        for key in table.keys() {
            let written = key.get_ref().as_ref();
            if !table_keys::of(name).any(|key| key.name == written) {
                let valid: Vec<&str> = table_keys::of(name).map(|key| key.name).collect();
                let message = format!("unknown key \"{written}\"");
                self.add(FindingCode::UnknownKey, key.span(), message, suggest(written, &valid));
            }
        }
        CaseTable { span, table }
    }

    fn samples(&mut self, root: &CaseTable<'_>) -> BTreeMap<String, TokenTemplate> {
        let mut samples = BTreeMap::new();
        let Some(value) = root.get("tokens") else { return samples };
        let DeValue::Table(tokens) = value.get_ref() else {
            self.wrong(value.span(), "tokens", "written as [tokens.NAME]");
            return samples;
        };
        for (name, value) in tokens.iter() {
            let DeValue::Table(table) = value.get_ref() else {
                self.wrong(value.span(), name.get_ref(), "written as [tokens.NAME]");
                continue;
            };
            let table = self.open(TOKEN, value.span(), table);
            samples.insert(name.get_ref().to_string(), self.sample(&table));
        }
        samples
    }

    fn sample(&mut self, table: &CaseTable<'_>) -> TokenTemplate {
        let header = self.object(table, "header").unwrap_or_default();
        let [claims, answer, userinfo] = ["claims", "answer", "userinfo"].map(|key| self.object(table, key));
        TokenTemplate { header, claims, answer, userinfo }
    }

    fn case(&mut self, table: &CaseTable<'_>, samples: &BTreeMap<String, TokenTemplate>) -> Option<TestCase> {
        let name = self.needed(table, "name");
        let mut token = self.begun_with(table, samples);
        let own = self.sample(table);
        let without = self.texts(table, "without");
        let without_header = self.texts(table, "without_header");
        lay_over(&mut token, own, &without, &without_header);
        if token.claims.is_none() && token.answer.is_none() {
            let message = "the case has no token";
            self.add(FindingCode::MissingKey, table.span.clone(), message, "write token, claims or answer");
        }
        let case = TestCase {
            name: String::new(),
            line: self.line(table.span.start),
            token,
            without,
            without_header,
            forged: self.boolean(table, "forged"),
            line_of: self.line_of(table),
            role: self.text(table, "role"),
            role_attributes: self.role_attributes(table),
            database: self.text(table, "database"),
            replication: self.boolean(table, "replication"),
            at: self.at(table),
            expected: ExpectedDecision::Denied(Reason::Internal),
        };
        let expected = self.expected(table);
        Some(TestCase { name: name?, expected: expected?, ..case })
    }

    fn begun_with(&mut self, table: &CaseTable<'_>, samples: &BTreeMap<String, TokenTemplate>) -> TokenTemplate {
        let Some(name) = self.text(table, "token") else { return TokenTemplate::default() };
        samples.get(&name).cloned().unwrap_or_else(|| {
            let valid: Vec<&str> = samples.keys().map(String::as_str).collect();
            let hint = if valid.is_empty() { "write [tokens.NAME]".to_owned() } else { suggest(&name, &valid) };
            let message = format!("there is no [tokens.{name}]");
            self.add(FindingCode::BadValue, span_of(table, "token"), message, hint);
            TokenTemplate::default()
        })
    }

    fn line_of(&mut self, table: &CaseTable<'_>) -> LineOf {
        let name = self.text(table, "profile");
        let scope = self.text(table, "scope");
        let delegated = self.boolean(table, "delegated");
        let Some(line) = self.text(table, "hba") else { return LineOf::Profile { name, scope, delegated } };
        if name.is_some() || scope.is_some() || delegated {
            let message = "hba stands in place of profile, scope and delegated";
            self.add(FindingCode::Conflict, span_of(table, "hba"), message, "keep the line, or these three");
        }
        LineOf::Text(line)
    }

    fn role_attributes(&mut self, table: &CaseTable<'_>) -> Vec<RoleAttribute> {
        let texts = self.texts(table, "role_attributes");
        texts.iter().filter_map(|text| role_attribute(text).ok()).collect()
    }

    fn at(&mut self, table: &CaseTable<'_>) -> Option<UnixSeconds> {
        let value = table.get("at")?;
        let written = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Datetime(moment) => moment.to_string(),
            _ => String::new(),
        };
        match instant(&written) {
            Ok(at) => Some(at),
            Err(why) => {
                self.add(
                    FindingCode::BadValue,
                    value.span(),
                    format!("at is no moment: {why}"),
                    "at = \"2027-01-15T08:00:00Z\"",
                );
                None
            }
        }
    }

    fn expected(&mut self, table: &CaseTable<'_>) -> Option<ExpectedDecision> {
        let authn_id = self.text(table, "authn_id");
        let word = self.needed(table, "expect")?;
        let reason = Reason::ALL.iter().find(|reason| reason.code() == word);
        match (word.as_str(), reason, authn_id) {
            ("granted", _, Some(authn_id)) => Some(ExpectedDecision::Granted { authn_id }),
            ("granted", _, None) => {
                let message = "a case that is granted needs authn_id";
                let hint =
                    "write whom the token is granted to: authn_id = \"...\"; \"oauth-validator explain\" shows it";
                self.add(FindingCode::MissingKey, table.span.clone(), message, hint);
                None
            }
            (_, Some(_), Some(_)) => {
                let message = "authn_id goes with expect = \"granted\"";
                self.add(FindingCode::Conflict, span_of(table, "authn_id"), message, "remove one of the two");
                None
            }
            (_, Some(reason), None) => Some(ExpectedDecision::Denied(*reason)),
            (_, None, _) => {
                let valid: Vec<&str> = table_keys::outcomes().collect();
                let message = format!("\"{word}\" is neither granted nor a reason code");
                self.add(FindingCode::BadValue, span_of(table, "expect"), message, suggest(&word, &valid));
                None
            }
        }
    }

    fn needed(&mut self, table: &CaseTable<'_>, key: &str) -> Option<String> {
        if table.get(key).is_none() {
            let message = format!("{key} is missing");
            self.add(FindingCode::MissingKey, table.span.clone(), message, "each [[case]] has name and expect");
        }
        self.text(table, key)
    }

    fn text(&mut self, table: &CaseTable<'_>, key: &str) -> Option<String> {
        let value = table.get(key)?;
        match value.get_ref().as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.wrong(value.span(), key, "a string that is not empty");
                None
            }
        }
    }

    fn texts(&mut self, table: &CaseTable<'_>, key: &str) -> Vec<String> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let texts = value.get_ref().as_array().map(|array| {
            let texts = array.iter().map(|element| element.get_ref().as_str().filter(|text| !text.is_empty()));
            texts.map(|text| text.map(str::to_owned)).collect::<Option<Vec<String>>>()
        });
        texts.flatten().unwrap_or_else(|| {
            self.wrong(value.span(), key, "an array of strings, none of them empty");
            Vec::new()
        })
    }

    fn boolean(&mut self, table: &CaseTable<'_>, key: &str) -> bool {
        let Some(value) = table.get(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong(value.span(), key, "true or false");
            false
        })
    }

    /// A table, or JSON in a text, as tools print tokens.
    fn object(&mut self, table: &CaseTable<'_>, key: &str) -> Option<JsonMembers> {
        let value = table.get(key)?;
        let object = match value.get_ref() {
            DeValue::String(text) => serde_json::from_str(text).ok(),
            DeValue::Table(_) => json_of_toml(value.get_ref()),
            _ => None,
        };
        match object {
            Some(Value::Object(members)) => Some(members),
            _ => {
                self.wrong(value.span(), key, "a table, or an object of JSON in a string");
                None
            }
        }
    }

    fn wrong(&mut self, span: Range<usize>, key: &str, wanted: &str) {
        self.add(
            FindingCode::WrongType,
            span,
            format!("{key} must be {wanted}"),
            "see FILES OF CASES in oauth-validator(1)",
        );
    }
}

fn span_of(table: &CaseTable<'_>, key: &str) -> Range<usize> {
    table.get(key).map_or_else(|| table.span.clone(), Spanned::span)
}

/// Puts what a case says over the sample that it begins with, member by member.
fn lay_over(token: &mut TokenTemplate, own: TokenTemplate, without: &[String], without_header: &[String]) {
    token.header.extend(own.header);
    token.header.retain(|name, _| !without_header.contains(name));
    // Not of what a token lacks: that is what userinfo is asked for.
    if let Some(own) = own.userinfo {
        token.userinfo.get_or_insert_default().extend(own);
    }
    for (below, above) in [(&mut token.claims, own.claims), (&mut token.answer, own.answer)] {
        if let Some(above) = above {
            below.get_or_insert_default().extend(above);
        }
        if let Some(members) = below {
            members.retain(|name, _| !without.contains(name));
        }
    }
}
