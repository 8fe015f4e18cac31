//! The keys of a file of cases: one table, by which the file is read, its schema is made, and its manual is tested.

use crate::output::put;
use oauth_validator_core::Reason;
use serde_json::{Map, Value, json};

/// What may be written under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaseKeyKind {
    /// A text that is not empty.
    Text,
    /// A list of such texts.
    Texts,
    /// `true` or `false`.
    Boolean,
    /// A moment: RFC 3339, or seconds since 1970.
    Instant,
    /// A table, or an object of JSON in a text.
    Object,
    /// `granted`, or a reason code.
    Outcome,
    /// Tables with names of the user's own, of the keys in `tokens.*`.
    Tokens,
    /// `[[case]]` tables.
    Cases,
}

/// A key.
#[derive(Debug)]
pub(crate) struct CaseKey {
    /// Where it stands: the file itself, `tokens.*` or `case`.
    pub(crate) table: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: CaseKeyKind,
    pub(crate) meaning: &'static str,
}

/// The table of the whole file.
pub(crate) const FILE: &str = "";
/// A sample token.
pub(crate) const TOKEN: &str = "tokens.*";
/// A case.
pub(crate) const CASE: &str = "case";

const fn key(table: &'static str, name: &'static str, kind: CaseKeyKind, meaning: &'static str) -> CaseKey {
    CaseKey { table, name, kind, meaning }
}

/// Every key there is.
pub(crate) const KEYS: &[CaseKey] = &[
    key(FILE, "config", CaseKeyKind::Text, "The configuration that is tested; relative to the folder of this file."),
    key(FILE, "tokens", CaseKeyKind::Tokens, "Samples of tokens, by names of your own, which cases begin with."),
    key(FILE, "case", CaseKeyKind::Cases, "One login each, and what must come of it."),
    key(TOKEN, "header", CaseKeyKind::Object, "The members of its JOSE header."),
    key(TOKEN, "claims", CaseKeyKind::Object, "Its claims. Without any it is opaque."),
    key(TOKEN, "answer", CaseKeyKind::Object, "What the provider says of it, if the profile has it asked."),
    key(
        TOKEN,
        "userinfo",
        CaseKeyKind::Object,
        "What its userinfo endpoint says, with sub, or Microsoft Graph, with groups, if the profile looks up claims.",
    ),
    key(CASE, "name", CaseKeyKind::Text, "What the case shows, in a few words that no other case has."),
    key(CASE, "token", CaseKeyKind::Text, "The sample that the token is made from."),
    key(CASE, "header", CaseKeyKind::Object, "Members that take the place of the sample's, or are added."),
    key(CASE, "claims", CaseKeyKind::Object, "Claims that take the place of the sample's, or are added."),
    key(
        CASE,
        "answer",
        CaseKeyKind::Object,
        "Members that take the place of those of the sample's answer, or are added.",
    ),
    key(CASE, "userinfo", CaseKeyKind::Object, "The same for members of the sample's userinfo."),
    key(CASE, "without", CaseKeyKind::Texts, "Claims, and members of the answer, that are left out."),
    key(CASE, "without_header", CaseKeyKind::Texts, "Members of the header that are left out."),
    key(CASE, "forged", CaseKeyKind::Boolean, "The token is signed by another key than the profile's."),
    key(
        CASE,
        "profile",
        CaseKeyKind::Text,
        "The login is by a line with the first issuer of this profile's hba_issuers.",
    ),
    key(CASE, "scope", CaseKeyKind::Text, "The scope of that line."),
    key(CASE, "delegated", CaseKeyKind::Boolean, "That line says delegate_ident_mapping=1."),
    key(CASE, "hba", CaseKeyKind::Text, "A whole line of pg_hba.conf, in place of these three."),
    key(CASE, "role", CaseKeyKind::Text, "The role that the client asks for."),
    key(CASE, "role_attributes", CaseKeyKind::Texts, "What the role is, as for explain --role-attribute."),
    key(CASE, "database", CaseKeyKind::Text, "The database that the client asks for."),
    key(CASE, "replication", CaseKeyKind::Boolean, "It is a connection for replication."),
    key(CASE, "at", CaseKeyKind::Instant, "When; by default a minute after the token was issued."),
    key(CASE, "expect", CaseKeyKind::Outcome, "granted, or the code with which the login is denied."),
    key(CASE, "authn_id", CaseKeyKind::Text, "The identity that is reported; needed where the login is granted."),
];

/// The keys of a table.
pub(crate) fn of(table: &str) -> impl Iterator<Item = &'static CaseKey> {
    KEYS.iter().filter(move |key| key.table == table)
}

/// The words that `expect` takes.
pub(crate) fn outcomes() -> impl Iterator<Item = &'static str> {
    std::iter::once("granted").chain(Reason::ALL.iter().map(|reason| reason.code()))
}

/// The JSON Schema of a file of cases, for editors.
pub(crate) fn schema() -> Value {
    let mut schema = table(FILE, &["case"]);
    put(&mut schema, "$schema", json!("http://json-schema.org/draft-07/schema#"));
    put(&mut schema, "title", json!("Cases of oauth-validator test"));
    schema
}

fn table(name: &str, required: &[&str]) -> Value {
    let properties: Map<String, Value> = of(name).map(|key| (key.name.to_owned(), property(key))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn property(key: &CaseKey) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let mut schema = match key.kind {
        CaseKeyKind::Text => text,
        CaseKeyKind::Texts => json!({ "type": "array", "items": text }),
        CaseKeyKind::Boolean => json!({ "type": "boolean" }),
        CaseKeyKind::Instant => json!({ "type": ["string", "integer"] }),
        CaseKeyKind::Object => json!({ "type": ["object", "string"] }),
        CaseKeyKind::Outcome => json!({ "enum": outcomes().collect::<Vec<_>>() }),
        CaseKeyKind::Tokens => json!({ "type": "object", "additionalProperties": table(TOKEN, &[]) }),
        CaseKeyKind::Cases => json!({ "type": "array", "minItems": 1, "items": table(CASE, &["name", "expect"]) }),
    };
    put(&mut schema, "description", json!(key.meaning));
    schema
}
