//! The table of settings: every key of the configuration file, in one place.
//!
//! The parser refuses keys that are not here, and the documentation is checked against it. The JSON Schema for editors
//! is made from it.

use std::borrow::Cow;

/// One key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The table it stands in, such as `profiles.*.scope`; `*` is a profile's name.
    pub table: &'static str,
    /// Its name.
    pub key: &'static str,
    /// What is written there, with the range of a duration or a size.
    pub kind: Kind,
    /// What holds when it is absent; `required` if nothing does.
    pub default: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
}

impl Setting {
    /// What limits its value besides `kind`: whether a text, a list or a table of the user's own names may be empty.
    /// `None` where every value of that kind is one, such as every duration between the two that `kind` names.
    #[must_use]
    pub fn range(&self) -> Option<&'static str> {
        let list = matches!(self.kind, Strings | StringsOrNone | Words(_) | Urls | Hosts | JsonPaths | Jsons);
        let other = matches!(self.kind, Text | Path | NamedJsonPaths | NamedStrings);
        (list || other).then(|| if self.may_be_empty() { "may be empty" } else { "not empty" })
    }

    /// Whether a text or a list may be empty: only where it is so when absent. An empty list of any other would match
    /// nothing, and let nobody in.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        ["\"\"", "[]"].contains(&self.default)
    }

    /// Whether a list of strings may hold an empty one. Of any other, it could only match what nobody meant.
    #[must_use]
    pub fn may_hold_empty_string(&self) -> bool {
        self.key == "token_types"
    }
}

/// What is written for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table with keys of this table of settings.
    Table,
    /// One such table for each profile's name.
    Profiles,
    /// An array of such tables, `[[...]]` in the file.
    Rules,
    /// A table of JSONPaths, with names of the user's own.
    NamedJsonPaths,
    /// A table of arrays of strings, with names of the user's own.
    NamedStrings,
    /// `true` or `false`.
    Boolean,
    /// Nothing but `true`.
    True,
    /// A string with a duration in whole seconds, from the first to the second.
    Duration(&'static str, &'static str),
    /// A string with a size in bytes, from the first to the second.
    Size(&'static str, &'static str),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// An array of these strings.
    Words(&'static [&'static str]),
    /// The name of a preset.
    Preset,
    /// A string.
    Text,
    /// An array of strings.
    Strings,
    /// An array of strings, or the string `none`.
    StringsOrNone,
    /// A URL that is asked or compared.
    Url,
    /// An array of such URLs.
    Urls,
    /// The URL of an HTTP proxy.
    Proxy,
    /// An array of hosts, without port.
    Hosts,
    /// The path of a file, relative to the configuration's folder.
    Path,
    /// A regular expression.
    Regex,
    /// A JSONPath of RFC 9535.
    JsonPath,
    /// The same, or the string `none`.
    JsonPathOrNone,
    /// An array of JSONPaths.
    JsonPaths,
    /// Any value that JSON has.
    Json,
    /// An array of them.
    Jsons,
}

use Kind::*;

impl Kind {
    /// What it is, for a person: `array of strings`.
    #[must_use]
    pub fn words(self) -> Cow<'static, str> {
        let words = match self {
            Table => "table",
            Profiles => "table of tables",
            Rules => "array of tables",
            NamedJsonPaths => "table of JSONPaths",
            NamedStrings => "table of arrays of strings",
            Boolean => "boolean",
            True => "true",
            Duration(from, to) => return format!("duration, {from} to {to}").into(),
            Size(from, to) => return format!("size, {from} to {to}").into(),
            Word(words) => return one_of(words).into(),
            Words(words) => return format!("array of {}", words.join(" ")).into(),
            Preset => "name of a preset",
            Text => "string",
            Strings => "array of strings",
            StringsOrNone => "array of strings, or \"none\"",
            Url => "https URL",
            Urls => "array of https URLs",
            Proxy => "URL, http://HOST:PORT",
            Hosts => "array of hosts",
            Path => "path",
            Regex => "regular expression",
            JsonPath => "JSONPath",
            JsonPathOrNone => "JSONPath, or \"none\"",
            JsonPaths => "array of JSONPaths",
            Json => "any value",
            Jsons => "array of any values",
        };
        words.into()
    }
}

/// `"a", "b" or "c"`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

const ALGORITHMS: Kind =
    Words(&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]);

const ROOT: &str = "";
const DEFAULTS: &str = "defaults";
const PROFILE: &str = "profiles.*";
const CLIENTS: &str = "profiles.*.clients";
const IDENTITY: &str = "profiles.*.identity";
const SCOPE: &str = "profiles.*.scope";
const INTROSPECTION: &str = "profiles.*.introspection";
const RULE: &str = "profiles.*.require";
const KEYS: &str = "profiles.*.keys";
const ACCESS_TOKEN: &str = "profiles.*.access_token";
const DEFAULT_KEYS: &str = "defaults.keys";
const FALLBACK: &str = "profiles.*.identity.fallback";
const ROLES: &str = "profiles.*.roles";
const SESSION: &str = "profiles.*.session";
const DEFAULT_SESSION: &str = "defaults.session";

const fn setting(
    table: &'static str,
    key: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { table, key, kind, default, meaning }
}

/// Every key, in the order of the documentation.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting(ROOT, "defaults", Table, "{}", "values for profiles that do not set their own; nothing here grants anything"),
    setting(ROOT, "profiles", Profiles, "{}", "one table per issuer; its name appears in logs"),
    setting(DEFAULTS, "clock_skew", Duration("0s", "5min"), "\"30s\"", "clock_skew of profiles that have none"),
    setting(DEFAULTS, "max_lifetime", Duration("1s", "10 years"), "\"24h\"", "max_lifetime of profiles that have none"),
    setting(DEFAULTS, "max_token_size", Size("1B", "65535B"), "\"16kB\"", "max_token_size of profiles that have none"),
    setting(DEFAULTS, "keys", Table, "{}", "times of key sources of profiles that set none"),
    setting(DEFAULT_KEYS, "min_ttl", Duration("1s", "24h"), "\"5min\"", "keys.min_ttl of profiles that have none"),
    setting(DEFAULT_KEYS, "max_ttl", Duration("1s", "7d"), "\"24h\"", "keys.max_ttl of profiles that have none"),
    setting(DEFAULT_KEYS, "stale_max", Duration("0s", "7d"), "\"24h\"", "keys.stale_max of profiles that have none"),
    setting(DEFAULT_KEYS, "kid_cooldown", Duration("1s", "1h"), "\"60s\"", "keys.kid_cooldown of profiles that have none"),
    setting(DEFAULT_KEYS, "connect_timeout", Duration("1s", "1min"), "\"2s\"", "keys.connect_timeout of profiles that have none"),
    setting(DEFAULT_KEYS, "timeout", Duration("1s", "1min"), "\"5s\"", "keys.timeout of profiles that have none"),
    setting(DEFAULTS, "session", Table, "{}", "when sessions end, of profiles that do not say it"),
    setting(DEFAULT_SESSION, "end", Word(&["never", "token"]), "\"never\"", "session.end of profiles that have none"),
    setting(DEFAULT_SESSION, "grace", Duration("0s", "7d"), "\"0s\"", "session.grace of profiles that have none"),
    setting(DEFAULT_SESSION, "max", Duration("1s", "10 years"), "none", "session.max of profiles that have none"),
    setting(PROFILE, "preset", Preset, "none", "a built-in layout of a provider, which the profile's own keys override"),
    setting(PROFILE, "issuer", Url, "required", "the issuer, spelled as its discovery document spells it"),
    setting(PROFILE, "hba_issuers", Urls, "[issuer]", "issuers of pg_hba.conf lines that this profile serves; their well-known URLs count as well"),
    setting(PROFILE, "token_issuers", StringsOrNone, "[issuer]", "exact iss values of the issuer's tokens, any text; \"none\", with introspection only, also takes JWTs without iss"),
    setting(PROFILE, "audience", StringsOrNone, "required", "accepted aud values; \"none\" only with clients"),
    setting(PROFILE, "clients", Table, "any client", "which clients the token may have been issued to"),
    setting(PROFILE, "mode", Word(&["jwt", "introspection", "tokeninfo"]), "\"jwt\"", "how tokens are verified: with the issuer's keys, or by asking the provider about each of them"),
    setting(PROFILE, "algorithms", ALGORITHMS, "[\"RS256\", \"ES256\"]", "accepted alg values"),
    setting(PROFILE, "token_types", Strings, "[\"at+jwt\"]", "accepted typ values of the header; \"\" stands for a header without typ"),
    setting(PROFILE, "token_kind", Word(&["access", "any"]), "\"access\"", "\"any\" lets ID tokens in as well; refresh, logout and other tokens never"),
    setting(PROFILE, "clock_skew", Duration("0s", "5min"), "\"30s\"", "how far the clocks of issuer and server may differ"),
    setting(PROFILE, "max_lifetime", Duration("1s", "10 years"), "\"24h\"", "longest validity a token may have"),
    setting(PROFILE, "max_token_size", Size("1B", "65535B"), "\"16kB\"", "longest token that is looked at"),
    setting(PROFILE, "databases", Strings, "all", "databases this profile serves; with it, no physical replication"),
    setting(PROFILE, "replication", Boolean, "false", "whether it serves replication connections"),
    setting(PROFILE, "actor", Word(&["deny", "allow"]), "\"deny\"", "tokens with act or may_act, by which somebody acts for somebody else"),
    setting(PROFILE, "deny_jti", Strings, "[]", "tokens that are refused from now on, by their jti"),
    setting(PROFILE, "deny_identities", Strings, "[]", "identities that are refused from now on"),
    setting(PROFILE, "access_token", Rules, "[]", "rules that every access token of the issuer meets; what fails one is refused as id_token"),
    setting(PROFILE, "identity", Table, "{}", "the claim that becomes authn_id"),
    setting(PROFILE, "scope", Table, "{}", "the claim that holds the scopes, and which are required"),
    setting(PROFILE, "require", Rules, "[]", "rules that must hold besides; those of a preset hold as well"),
    setting(PROFILE, "roles", Table, "none", "which roles a token grants where pg_hba.conf says delegate_ident_mapping=1"),
    setting(PROFILE, "session", Table, "{}", "when a session ends by itself, and which claims SQL may read in it"),
    setting(PROFILE, "keys", Table, "{}", "where the issuer's public keys are"),
    setting(PROFILE, "introspection", Table, "none", "where and how the provider is asked about a token; needed unless mode is \"jwt\""),
    setting(CLIENTS, "claims", JsonPaths, "required", "claims that name the client; exactly one of them must be in the token"),
    setting(CLIENTS, "allow", Strings, "required", "accepted clients"),
    setting(IDENTITY, "claim", JsonPath, "\"$.sub\"", "the identity: must select exactly one value"),
    setting(IDENTITY, "claims", NamedJsonPaths, "none", "several claims instead of one, named for format"),
    setting(IDENTITY, "format", Text, "none", "how claims are joined, such as \"{tid}:{oid}\"; a value that holds what separates them is refused"),
    setting(IDENTITY, "type", Word(&["string", "integer"]), "\"string\"", "the type of the claims; an integer becomes a plain decimal"),
    setting(IDENTITY, "verified_by", JsonPath, "none", "a claim that says the identity is verified, such as $.email_verified"),
    setting(IDENTITY, "verified_values", Jsons, "[true]", "values of verified_by that count as verified"),
    setting(IDENTITY, "pattern", Regex, "none", "must match in full; its named group, if it has one, becomes the identity"),
    setting(IDENTITY, "case", Word(&["keep", "lower"]), "\"keep\"", "\"lower\" makes ASCII capitals small"),
    setting(IDENTITY, "prefix", Text, "\"\"", "put in front of the identity"),
    setting(IDENTITY, "fallback", Table, "none", "another claim for tokens in which the first one is absent"),
    setting(FALLBACK, "claim", JsonPath, "required", "the other claim"),
    setting(FALLBACK, "prefix", Text, "required", "put in front of it, so that it never equals a primary identity"),
    setting(FALLBACK, "when", Words(&["absent", "empty"]), "[\"absent\"]", "of which first claim it takes the place: one that is absent, or an empty string"),
    setting(SCOPE, "claim", JsonPathOrNone, "\"$.scope\"", "a string of scopes, or an array of strings; \"none\" only with a [[require]] rule"),
    setting(SCOPE, "separator", Text, "\" \"", "what separates scopes in a string"),
    setting(SCOPE, "prefix", Text, "\"\"", "taken off the scope names of pg_hba.conf before they are compared"),
    setting(SCOPE, "ignore", Strings, "[]", "scopes of pg_hba.conf that providers never put into tokens, such as openid"),
    setting(SCOPE, "required", Strings, "[]", "scopes required besides those of pg_hba.conf"),
    setting(SCOPE, "hba", Word(&["require", "ignore"]), "\"require\"", "whether the scopes of pg_hba.conf are required of the token"),
    setting(RULE, "claim", JsonPath, "required", "what the rule looks at"),
    setting(RULE, "equals", Json, "none", "the one value selected must be this"),
    setting(RULE, "one_of", Jsons, "none", "the one value selected must be among these"),
    setting(RULE, "none_of", Jsons, "none", "the one value selected must be of the type of one of these, and none of them"),
    setting(RULE, "matches", Regex, "none", "the one string selected must match in full"),
    setting(RULE, "contains", Json, "none", "the one list selected must hold this value; a string is the list of it alone"),
    setting(RULE, "contains_none", Strings, "none", "the one list selected must be of strings, and hold none of these; a string is the list of it alone"),
    setting(RULE, "present", True, "none", "at least one value other than null must be selected"),
    setting(RULE, "absent", True, "none", "nothing must be selected"),
    setting(ACCESS_TOKEN, "claim", JsonPath, "required", "what the rule looks at"),
    setting(ACCESS_TOKEN, "equals", Json, "none", "the one value selected must be this"),
    setting(ACCESS_TOKEN, "one_of", Jsons, "none", "the one value selected must be among these"),
    setting(ACCESS_TOKEN, "none_of", Jsons, "none", "the one value selected must be of the type of one of these, and none of them"),
    setting(ACCESS_TOKEN, "matches", Regex, "none", "the one string selected must match in full"),
    setting(ACCESS_TOKEN, "contains", Json, "none", "the one list selected must hold this value; a string is the list of it alone"),
    setting(ACCESS_TOKEN, "contains_none", Strings, "none", "the one list selected must be of strings, and hold none of these; a string is the list of it alone"),
    setting(ACCESS_TOKEN, "present", True, "none", "at least one value other than null must be selected"),
    setting(ACCESS_TOKEN, "absent", True, "none", "nothing must be selected"),
    setting(ROLES, "claim", JsonPath, "none", "the list of values that grant roles, each of them a string; a string is the list of it alone"),
    setting(ROLES, "names_of", JsonPath, "none", "an object the names of whose members grant roles, instead of claim; null, false and empty members do not count"),
    setting(ROLES, "separator", Text, "none", "what separates values where the claim is one string"),
    setting(ROLES, "pattern", Regex, "none", "what a value must match in full to grant anything; its named group is what is mapped"),
    setting(ROLES, "map", NamedStrings, "none", "the roles that each value grants"),
    setting(ROLES, "prefix", Text, "none", "values that begin with it grant the role that follows"),
    setting(ROLES, "exact", True, "none", "values grant the role of their own name"),
    setting(ROLES, "privileged", Word(&["deny", "allow"]), "\"deny\"", "whether superusers, owners of other role attributes and pg_* roles may be granted"),
    setting(SESSION, "end", Word(&["never", "token"]), "\"never\"", "\"token\" ends the session when its token expires, clock_skew and grace later"),
    setting(SESSION, "grace", Duration("0s", "7d"), "\"0s\"", "how much longer than the token the session lives"),
    setting(SESSION, "max", Duration("1s", "10 years"), "none", "the longest that a session lives, whatever the token says"),
    setting(SESSION, "claims", NamedJsonPaths, "none", "claims that SQL may read in the session, by the names it reads them under"),
    setting(SESSION, "token_id", JsonPath, "\"$.jti\"", "the claim that names the token in the log and in SQL"),
    setting(KEYS, "discovery_url", Url, "none", "where the issuer's metadata is, if not at the well-known places below issuer"),
    setting(KEYS, "jwks_url", Url, "none", "where the issuer's JWKS document is, without asking for metadata"),
    setting(KEYS, "jwks_file", Path, "none", "a file with a JWKS document"),
    setting(KEYS, "jwks", Text, "none", "a JWKS document, written here"),
    setting(KEYS, "pem_file", Path, "none", "a file with public keys in PEM"),
    setting(KEYS, "allowed_hosts", Hosts, "[]", "hosts besides the issuer's that its metadata may point to"),
    setting(KEYS, "ca_file", Path, "none", "a PEM file with the authorities to trust instead of the system's"),
    setting(KEYS, "proxy", Proxy, "\"\"", "a proxy to connect through; none is ever taken from the environment"),
    setting(KEYS, "insecure_http", Boolean, "false", "accepts http to a loopback address, for tests"),
    setting(KEYS, "min_ttl", Duration("1s", "24h"), "\"5min\"", "keys are fresh for at least this long, whatever the provider says"),
    setting(KEYS, "max_ttl", Duration("1s", "7d"), "\"24h\"", "keys are fresh for at most this long"),
    setting(KEYS, "stale_max", Duration("0s", "7d"), "\"24h\"", "how much longer keys are used while the provider does not answer"),
    setting(KEYS, "kid_cooldown", Duration("1s", "1h"), "\"60s\"", "least time between two requests because of an unknown kid; failed ones back off up to it"),
    setting(KEYS, "connect_timeout", Duration("1s", "1min"), "\"2s\"", "for connecting to the provider"),
    setting(KEYS, "timeout", Duration("1s", "1min"), "\"5s\"", "for all of a login's waiting for keys, another login's fetch included"),
    setting(KEYS, "deny_kids", Strings, "[]", "keys that are refused from now on, by kid or thumbprint"),
    setting(INTROSPECTION, "endpoint", Url, "required", "where the provider is asked; a token never chooses it"),
    setting(INTROSPECTION, "auth", Word(&["basic", "basic-raw", "post", "bearer", "none"]), "\"basic\"", "how this server proves itself there; \"none\" for tokeninfo"),
    setting(INTROSPECTION, "client_id", Text, "none", "the client that this server is there; for basic, basic-raw and post, and possible with none"),
    setting(INTROSPECTION, "client_secret_file", Path, "none", "a file with the client's secret, or with the bearer token; read for each login"),
    setting(INTROSPECTION, "token_param", Text, "\"token\"", "the form field that holds the token; \"access_token\" for tokeninfo"),
    setting(INTROSPECTION, "scope_separator", Text, "none", "what separates scopes in the answer, where that is not scope.separator"),
];

/// The keys of one table.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter(move |setting| setting.table == table).map(|setting| setting.key)
}

/// Whether a table has this key.
pub(super) fn has(table: &str, key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key == key && setting.table == table)
}
