//! The table of settings: every key of the configuration file, in one place.
//!
//! The parser refuses keys that are not here, and the documentation is checked against it.

/// One key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The table it stands in, such as `profiles.*.scope`; `*` is a profile's name.
    pub table: &'static str,
    /// Its name.
    pub key: &'static str,
    /// What is written there: a type, or the words to choose from, with the range of a duration or a size.
    pub kind: &'static str,
    /// What holds when it is absent; `required` if nothing does.
    pub default: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// Lists that may have no element. An empty one of any other would match nothing, and let nobody in.
const MAY_BE_EMPTY: [&str; 6] = ["allowed_hosts", "deny_identities", "deny_jti", "deny_kids", "ignore", "required"];

impl Setting {
    /// What limits its value besides `kind`: whether a text, a list or a table of the user's own names may be empty.
    /// `None` where every value of that kind is one, such as every duration between the two that `kind` names.
    #[must_use]
    pub fn range(&self) -> Option<&'static str> {
        let may_be_empty = match self.kind {
            kind if kind.starts_with("array of ") && kind != "array of tables" => MAY_BE_EMPTY.contains(&self.key),
            "string" => self.key == "prefix" && [IDENTITY, SCOPE].contains(&self.table),
            "path" | "table of JSONPaths" | "table of arrays of strings" => false,
            _ => return None,
        };
        Some(if may_be_empty { "may be empty" } else { "not empty" })
    }
}

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

const fn setting(
    table: &'static str,
    key: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { table, key, kind, default, meaning }
}

/// Every key, in the order of the documentation.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting(ROOT, "defaults", "table", "{}", "values for profiles that do not set their own; nothing here grants anything"),
    setting(ROOT, "profiles", "table of tables", "{}", "one table per issuer; its name appears in logs"),
    setting(DEFAULTS, "clock_skew", "duration, 0s to 5min", "\"30s\"", "clock_skew of profiles that have none"),
    setting(DEFAULTS, "max_lifetime", "duration, 1s to 10 years", "\"24h\"", "max_lifetime of profiles that have none"),
    setting(DEFAULTS, "max_token_size", "size, 1B to 65535B", "\"16kB\"", "max_token_size of profiles that have none"),
    setting(DEFAULTS, "keys", "table", "{}", "times of key sources of profiles that set none"),
    setting(DEFAULT_KEYS, "min_ttl", "duration, 1s to 24h", "\"5min\"", "keys.min_ttl of profiles that have none"),
    setting(DEFAULT_KEYS, "max_ttl", "duration, 1s to 7d", "\"24h\"", "keys.max_ttl of profiles that have none"),
    setting(DEFAULT_KEYS, "stale_max", "duration, 0s to 7d", "\"24h\"", "keys.stale_max of profiles that have none"),
    setting(DEFAULT_KEYS, "kid_cooldown", "duration, 1s to 1h", "\"60s\"", "keys.kid_cooldown of profiles that have none"),
    setting(DEFAULT_KEYS, "connect_timeout", "duration, 1s to 1min", "\"2s\"", "keys.connect_timeout of profiles that have none"),
    setting(DEFAULT_KEYS, "timeout", "duration, 1s to 1min", "\"5s\"", "keys.timeout of profiles that have none"),
    setting(PROFILE, "preset", "name of a preset", "none", "a built-in layout of a provider, which the profile's own keys override"),
    setting(PROFILE, "issuer", "https URL", "required", "the issuer, spelled as its discovery document spells it"),
    setting(PROFILE, "hba_issuers", "array of https URLs", "[issuer]", "issuers of pg_hba.conf lines that this profile serves; their well-known URLs count as well"),
    setting(PROFILE, "token_issuers", "array of strings", "[issuer]", "exact iss values of the issuer's tokens"),
    setting(PROFILE, "audience", "array of strings, or \"none\"", "required", "accepted aud values; \"none\" only with clients"),
    setting(PROFILE, "clients", "table", "any client", "which clients the token may have been issued to"),
    setting(PROFILE, "mode", "\"jwt\", \"introspection\" or \"tokeninfo\"", "\"jwt\"", "how tokens are verified: with the issuer's keys, or by asking the provider about each of them"),
    setting(PROFILE, "algorithms", "array of RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA", "[\"RS256\", \"ES256\"]", "accepted alg values"),
    setting(PROFILE, "token_types", "array of strings", "[\"at+jwt\"]", "accepted typ values of the header; \"\" stands for a header without typ"),
    setting(PROFILE, "token_kind", "\"access\" or \"any\"", "\"access\"", "\"any\" lets ID tokens in as well"),
    setting(PROFILE, "clock_skew", "duration, 0s to 5min", "\"30s\"", "how far the clocks of issuer and server may differ"),
    setting(PROFILE, "max_lifetime", "duration, 1s to 10 years", "\"24h\"", "longest validity a token may have"),
    setting(PROFILE, "max_token_size", "size, 1B to 65535B", "\"16kB\"", "longest token that is looked at"),
    setting(PROFILE, "databases", "array of strings", "all", "databases this profile serves; with it, no physical replication"),
    setting(PROFILE, "replication", "boolean", "false", "whether it serves replication connections"),
    setting(PROFILE, "actor", "\"deny\" or \"allow\"", "\"deny\"", "tokens with act or may_act, by which somebody acts for somebody else"),
    setting(PROFILE, "deny_jti", "array of strings", "[]", "tokens that are refused from now on, by their jti"),
    setting(PROFILE, "deny_identities", "array of strings", "[]", "identities that are refused from now on"),
    setting(PROFILE, "access_token", "array of tables", "[]", "rules that every access token of the issuer meets; what fails one is refused as id_token, unless token_kind is \"any\""),
    setting(PROFILE, "identity", "table", "{}", "the claim that becomes authn_id"),
    setting(PROFILE, "scope", "table", "{}", "the claim that holds the scopes, and which are required"),
    setting(PROFILE, "require", "array of tables", "[]", "rules that must hold besides; those of a preset hold as well"),
    setting(PROFILE, "roles", "table", "none", "which roles a token grants where pg_hba.conf says delegate_ident_mapping=1"),
    setting(PROFILE, "keys", "table", "{}", "where the issuer's public keys are"),
    setting(PROFILE, "introspection", "table", "none", "where and how the provider is asked about a token; needed unless mode is \"jwt\""),
    setting(CLIENTS, "claims", "array of JSONPaths", "required", "claims that name the client; exactly one of them must be in the token"),
    setting(CLIENTS, "allow", "array of strings", "required", "accepted clients"),
    setting(IDENTITY, "claim", "JSONPath", "\"$.sub\"", "the identity: must select exactly one value"),
    setting(IDENTITY, "claims", "table of JSONPaths", "none", "several claims instead of one, named for format"),
    setting(IDENTITY, "format", "string", "none", "how claims are joined, such as \"{tid}:{oid}\"; a value that holds what separates them is refused"),
    setting(IDENTITY, "type", "\"string\" or \"integer\"", "\"string\"", "the type of the claims; an integer becomes a plain decimal"),
    setting(IDENTITY, "verified_by", "JSONPath", "none", "a claim that says the identity is verified, such as $.email_verified"),
    setting(IDENTITY, "verified_values", "array of any values", "[true]", "values of verified_by that count as verified"),
    setting(IDENTITY, "pattern", "regular expression", "none", "must match in full; its named group, if it has one, becomes the identity"),
    setting(IDENTITY, "case", "\"keep\" or \"lower\"", "\"keep\"", "\"lower\" makes ASCII capitals small"),
    setting(IDENTITY, "prefix", "string", "\"\"", "put in front of the identity"),
    setting(IDENTITY, "fallback", "table", "none", "another claim for tokens in which the first one is absent"),
    setting(FALLBACK, "claim", "JSONPath", "required", "the other claim"),
    setting(FALLBACK, "prefix", "string", "required", "put in front of it, so that it never equals a primary identity"),
    setting(SCOPE, "claim", "JSONPath, or \"none\"", "\"$.scope\"", "a string of scopes, or an array of strings; \"none\" only with a [[require]] rule"),
    setting(SCOPE, "separator", "string", "\" \"", "what separates scopes in a string"),
    setting(SCOPE, "prefix", "string", "\"\"", "taken off the scope names of pg_hba.conf before they are compared"),
    setting(SCOPE, "ignore", "array of strings", "[]", "scopes of pg_hba.conf that providers never put into tokens, such as openid"),
    setting(SCOPE, "required", "array of strings", "[]", "scopes required besides those of pg_hba.conf"),
    setting(SCOPE, "hba", "\"require\" or \"ignore\"", "\"require\"", "whether the scopes of pg_hba.conf are required of the token"),
    setting(RULE, "claim", "JSONPath", "required", "what the rule looks at"),
    setting(RULE, "equals", "any value", "none", "the one value selected must be this"),
    setting(RULE, "one_of", "array of any values", "none", "the one value selected must be among these"),
    setting(RULE, "none_of", "array of any values", "none", "the one value selected must be of the type of one of these, and none of them"),
    setting(RULE, "matches", "regular expression", "none", "the one string selected must match in full"),
    setting(RULE, "contains", "any value", "none", "the one array selected must hold this value"),
    setting(RULE, "present", "true", "none", "at least one value other than null must be selected"),
    setting(RULE, "absent", "true", "none", "nothing must be selected"),
    setting(ACCESS_TOKEN, "claim", "JSONPath", "required", "what the rule looks at"),
    setting(ACCESS_TOKEN, "equals", "any value", "none", "the one value selected must be this"),
    setting(ACCESS_TOKEN, "one_of", "array of any values", "none", "the one value selected must be among these"),
    setting(ACCESS_TOKEN, "none_of", "array of any values", "none", "the one value selected must be of the type of one of these, and none of them"),
    setting(ACCESS_TOKEN, "matches", "regular expression", "none", "the one string selected must match in full"),
    setting(ACCESS_TOKEN, "contains", "any value", "none", "the one array selected must hold this value"),
    setting(ACCESS_TOKEN, "present", "true", "none", "at least one value other than null must be selected"),
    setting(ACCESS_TOKEN, "absent", "true", "none", "nothing must be selected"),
    setting(ROLES, "claim", "JSONPath", "required", "values that grant roles; every value it selects must be a string"),
    setting(ROLES, "map", "table of arrays of strings", "none", "the roles that each value grants"),
    setting(ROLES, "prefix", "string", "none", "values that begin with it grant the role that follows"),
    setting(ROLES, "exact", "true", "none", "values grant the role of their own name"),
    setting(ROLES, "privileged", "\"deny\" or \"allow\"", "\"deny\"", "whether superusers, owners of other role attributes and pg_* roles may be granted"),
    setting(KEYS, "discovery_url", "https URL", "none", "where the issuer's metadata is, if not at the well-known places below issuer"),
    setting(KEYS, "jwks_url", "https URL", "none", "where the issuer's JWKS document is, without asking for metadata"),
    setting(KEYS, "jwks_file", "path", "none", "a file with a JWKS document"),
    setting(KEYS, "jwks", "string", "none", "a JWKS document, written here"),
    setting(KEYS, "pem_file", "path", "none", "a file with public keys in PEM"),
    setting(KEYS, "allowed_hosts", "array of hosts", "[]", "hosts besides the issuer's that its metadata may point to"),
    setting(KEYS, "ca_file", "path", "none", "a PEM file with the authorities to trust instead of the system's"),
    setting(KEYS, "proxy", "URL, http://HOST:PORT", "\"\"", "a proxy to connect through; none is ever taken from the environment"),
    setting(KEYS, "insecure_http", "boolean", "false", "accepts http to a loopback address, for tests"),
    setting(KEYS, "min_ttl", "duration, 1s to 24h", "\"5min\"", "keys are fresh for at least this long, whatever the provider says"),
    setting(KEYS, "max_ttl", "duration, 1s to 7d", "\"24h\"", "keys are fresh for at most this long"),
    setting(KEYS, "stale_max", "duration, 0s to 7d", "\"24h\"", "how much longer keys are used while the provider does not answer"),
    setting(KEYS, "kid_cooldown", "duration, 1s to 1h", "\"60s\"", "least time between two requests because of an unknown kid; failed ones back off up to it"),
    setting(KEYS, "connect_timeout", "duration, 1s to 1min", "\"2s\"", "for connecting to the provider"),
    setting(KEYS, "timeout", "duration, 1s to 1min", "\"5s\"", "for all of a login's waiting for keys, another login's fetch included"),
    setting(KEYS, "deny_kids", "array of strings", "[]", "keys that are refused from now on, by their kid"),
    setting(INTROSPECTION, "endpoint", "https URL", "required", "where the provider is asked; a token never chooses it"),
    setting(INTROSPECTION, "auth", "\"basic\", \"post\", \"bearer\" or \"none\"", "\"basic\"", "how this server proves itself there; \"none\" for tokeninfo"),
    setting(INTROSPECTION, "client_id", "string", "none", "the client that this server is there; for basic and post"),
    setting(INTROSPECTION, "client_secret_file", "path", "none", "a file with the client's secret, or with the bearer token; read for each login"),
    setting(INTROSPECTION, "token_param", "string", "\"token\"", "the form field that holds the token; \"access_token\" for tokeninfo"),
    setting(INTROSPECTION, "scope_separator", "string", "none", "what separates scopes in the answer, where that is not scope.separator"),
];

/// The keys of one table.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter(move |setting| setting.table == table).map(|setting| setting.key)
}
