//! The rows of the table of settings: every key of the configuration file, once.
//!
//! A row is all that the parser, the schema, `check --effective`, the sample file and the manual's checks know of a key: its
//! table, name, type with range, default, meaning, an example, and what else there is to say of it. A range or a default
//! must not stand anywhere else.

use super::kind::{Merge::*, ValueKind, duration, size};
use super::value::{Default as D, holds, lasts};
use super::{AppliesTo, Setting};
use ValueKind::*;

const NAMES_OF_ALGORITHMS: ValueKind =
    Words(&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]);

/// The names of the tables; `*` is a profile's name.
mod at {
    pub(super) const ROOT: &str = "";
    pub(super) const DEFAULTS: &str = "defaults";
    pub(super) const DEFAULT_KEYS: &str = "defaults.keys";
    pub(super) const DEFAULT_SESSION: &str = "defaults.session";
    pub(super) const PROFILE: &str = "profiles.*";
    pub(super) const CLIENTS: &str = "profiles.*.clients";
    pub(super) const IDENTITY: &str = "profiles.*.identity";
    pub(super) const FALLBACK: &str = "profiles.*.identity.fallback";
    pub(super) const SCOPE: &str = "profiles.*.scope";
    pub(super) const RULE: &str = "profiles.*.require";
    pub(super) const ACCESS_TOKEN: &str = "profiles.*.access_token";
    pub(super) const ROLES: &str = "profiles.*.roles";
    pub(super) const ROLE_MAP: &str = "profiles.*.roles.map.*";
    pub(super) const SESSION: &str = "profiles.*.session";
    pub(super) const KEYS: &str = "profiles.*.keys";
    pub(super) const INTROSPECTION: &str = "profiles.*.introspection";
    pub(super) const LOOKUP: &str = "profiles.*.lookup";
}

const GRAPH: &[(&str, &str)] = &[
    ("kind", "\"graph\""),
    ("tenant", "\"9a8b7c6d-2222-4eee-9fff-000000000001\""),
    ("groups", "[\"6f1d2c3b-0000-4a5b-8c6d-222222222222\"]"),
    ("client_id", "\"8d7c6b5a-4444-4555-8666-777777777777\""),
    ("client_secret_file", "\"graph.secret\""),
];
const CLAIM_OF_ROLES: (&str, &str) = ("claim", "\"$.r[*]\"");

/// A module for each table, and in it a constant for each key, which the parser reads its range and default from.
macro_rules! rows {
    ($($module:ident: $table:expr, $beside:expr => {
        $($name:ident = ($key:literal, $kind:expr, $default:expr, $meaning:literal, $example:literal)
            $(.$more:ident($($argument:expr),*))*;)+
    })+) => {
        $(pub(in crate::config) mod $module {
            use super::*;
            $(pub(in crate::config) const $name: Setting =
                Setting::new($table, $key, $kind, $default, $meaning, $example)
                    .beside($beside)$(.$more($($argument),*))*;)+
        })+

        /// Every row, in the order of the documentation.
        pub(super) const ROWS: &[Setting] = &[$($($module::$name),+),+];
    };
}

// A table of the file: its module here, its name, and what stands in it beside any key in a file that is valid. Then a row
// for each key: name, type and range, default, meaning, and an example, which is a valid value.
#[rustfmt::skip]
rows! {
    root: at::ROOT, &[] => {
        DEFAULTS = ("defaults", Table(ByKey, at::DEFAULTS), D::Table, "values for profiles that do not set their own; nothing here grants anything", "{}");
        RESERVED_PREFIXES = ("reserved_prefixes", Strings, D::Texts(&[]), "prefixes of identities that only profiles with such a prefix may give", r#"["partner:"]"#);
        PRESETS = ("presets", Presets, D::Table, "layouts of one's own, for profiles of all files: each is written as a profile, with what several have in common", "{}");
        PROFILES = ("profiles", Profiles, D::Table, "one table per issuer; its name appears in logs", "{}");
    }
    profile: at::PROFILE, &[("issuer", "\"https://idp.example\""), ("audience", "[\"pg\"]")] => {
        PRESET = ("preset", Preset, D::None, "a layout that the profile's own keys override: a built-in one, or one of [presets]", r#""rfc9068""#).of_profiles_alone();
        ISSUER = ("issuer", Url, D::Required, "the issuer, spelled as its discovery document spells it", r#""https://idp.example/""#);
        HBA_ISSUERS = ("hba_issuers", Urls, D::Issuer, "issuers of pg_hba.conf lines that this profile serves; their well-known URLs count as well", r#"["https://idp.example/"]"#).of_profiles_alone();
        TOKEN_ISSUERS = ("token_issuers", StringsOrNone, D::Issuer, "exact iss values of the issuer's tokens, any text; \"none\", with introspection only, also takes JWTs without iss", r#"["https://idp.example/"]"#);
        AUDIENCE = ("audience", StringsOrNone, D::Required, "accepted aud values; \"none\" only with clients", r#"["postgres"]"#);
        CLIENTS = ("clients", Table(Whole, at::CLIENTS), D::Phrase("any client"), "which clients the token may have been issued to", r#"{ claims = ["$.azp"], allow = ["psql"] }"#).of_profiles_alone();
        MODE = ("mode", Word(&["jwt", "introspection", "tokeninfo"]), D::Text("jwt"), "how tokens are verified: with the issuer's keys, or by asking the provider about each of them", r#""jwt""#);
        ALGORITHMS = ("algorithms", NAMES_OF_ALGORITHMS, D::Texts(&["RS256", "ES256"]), "accepted alg values", r#"["RS256", "ES256"]"#).counts(AppliesTo::Keys);
        TOKEN_TYPES = ("token_types", Strings, D::Texts(&["at+jwt"]), "accepted typ values of the header; \"\" stands for a header without typ", r#"["at+jwt", ""]"#).counts(AppliesTo::Keys).holding_empty_strings();
        TOKEN_KIND = ("token_kind", Word(&["access", "any"]), D::Text("access"), "\"any\" lets ID tokens in as well; refresh, logout and other tokens never", r#""access""#);
        CLOCK_SKEW = ("clock_skew", duration("0s", "5min"), lasts("30s"), "how far the clocks of issuer and server may differ", r#""30s""#).also_in(at::DEFAULTS);
        MAX_LIFETIME = ("max_lifetime", duration("1s", "10 years"), lasts("24h"), "longest validity a token may have", r#""24h""#).also_in(at::DEFAULTS);
        MAX_TOKEN_SIZE = ("max_token_size", size("1B", "65535B"), holds("16kB"), "longest token that is looked at", r#""16kB""#).also_in(at::DEFAULTS);
        DATABASES = ("databases", Strings, D::Phrase("all"), "databases this profile serves; with it, no physical replication", r#"["app"]"#).of_profiles_alone();
        REPLICATION = ("replication", Boolean, D::Boolean(false), "whether it serves replication connections", "false").of_profiles_alone();
        ACTOR = ("actor", Word(&["deny", "allow"]), D::Text("deny"), "tokens with act or may_act, by which somebody acts for somebody else", r#""deny""#);
        DENY_JTI = ("deny_jti", Strings, D::Texts(&[]), "tokens that are refused from now on, by their jti", r#"["4f1c2d3e"]"#).of_no_preset();
        DENY_IDENTITIES = ("deny_identities", Strings, D::Texts(&[]), "identities that are refused from now on", r#"["ana"]"#).of_no_preset();
        ACCESS_TOKEN = ("access_token", Rules(at::ACCESS_TOKEN), D::Texts(&[]), "rules that every access token of the issuer meets; what fails one is refused as id_token", r#"[{ claim = "$.typ", equals = "Bearer" }]"#);
        IDENTITY = ("identity", Table(Whole, at::IDENTITY), D::Table, "the claim that becomes authn_id", r#"{ claim = "$.sub" }"#);
        SCOPE = ("scope", Table(ByKey, at::SCOPE), D::Table, "the claim that holds the scopes, and which are required", r#"{ claim = "$.scp" }"#);
        REQUIRE = ("require", Rules(at::RULE), D::Texts(&[]), "rules that must hold besides; those of a preset hold as well", r#"[{ claim = "$.tid", equals = "TENANT" }]"#);
        ROLES = ("roles", Table(Whole, at::ROLES), D::None, "which roles a token grants where pg_hba.conf says delegate_ident_mapping=1", r#"{ claim = "$.roles[*]", prefix = "pg:" }"#);
        SESSION = ("session", Table(ByKey, at::SESSION), D::Table, "when a session ends by itself, and which claims SQL may read in it", r#"{ end = "token" }"#);
        KEYS = ("keys", Table(ByKey, at::KEYS), D::Table, "where the issuer's public keys are", r#"{ jwks_file = "corp.jwks.json" }"#);
        INTROSPECTION = ("introspection", Table(ByKey, at::INTROSPECTION), D::None, "where and how the provider is asked about a token; needed unless mode is \"jwt\"", r#"{ endpoint = "https://idp.example/introspect", auth = "none" }"#).counts(AppliesTo::Online);
        LOOKUP = ("lookup", Table(Whole, at::LOOKUP), D::None, "claims that are looked up where the token lacks them, once all else holds: at its userinfo endpoint, or at Microsoft Graph", r#"{ kind = "userinfo", claims = ["groups"] }"#).of_profiles_alone();
    }
    clients: at::CLIENTS, &[("claims", "[\"$.azp\"]"), ("allow", "[\"psql\"]")] => {
        CLAIMS = ("claims", JsonPaths, D::Required, "claims that name the client; exactly one of them must be in the token", r#"["$.azp", "$.client_id"]"#);
        ALLOW = ("allow", Strings, D::Required, "accepted clients", r#"["psql"]"#);
    }
    identity: at::IDENTITY, &[] => {
        CLAIM = ("claim", JsonPath, D::Claim("sub"), "the identity: must select exactly one value", r#""$.sub""#);
        CLAIMS = ("claims", NamedJsonPaths, D::None, "several claims instead of one, named for format", r#"{ tid = "$.tid", oid = "$.oid" }"#).beside(&[("format", "\"{tid}:{oid}\"")]);
        FORMAT = ("format", Text, D::None, "how claims are joined, such as \"{tid}:{oid}\"; a value that holds what separates them is refused", r#""{tid}:{oid}""#).beside(&[("claims", "{ tid = \"$.tid\", oid = \"$.oid\" }")]);
        TYPE = ("type", Word(&["string", "integer"]), D::Text("string"), "the type of the claims; an integer becomes a plain decimal", r#""string""#);
        VERIFIED_BY = ("verified_by", JsonPath, D::None, "a claim that says the identity is verified, such as $.email_verified", r#""$.email_verified""#);
        VERIFIED_VALUES = ("verified_values", Jsons, D::Booleans(&[true]), "values of verified_by that count as verified", r#"[true, "true"]"#);
        PATTERN = ("pattern", Regex, D::None, "must match in full; its named group, if it has one, becomes the identity", r"'(?<id>[^@]+)@corp\.example'");
        CASE = ("case", Word(&["keep", "lower"]), D::Text("keep"), "\"lower\" makes ASCII capitals small", r#""lower""#);
        PREFIX = ("prefix", Text, D::Text(""), "put in front of the identity", r#""corp:""#);
        FALLBACK = ("fallback", Table(Whole, at::FALLBACK), D::None, "another claim for tokens in which the first one is absent", r#"{ claim = "$.azp", prefix = "app:" }"#);
    }
    fallback: at::FALLBACK, &[("claim", "\"$.azp\""), ("prefix", "\"app:\"")] => {
        CLAIM = ("claim", JsonPath, D::Required, "the other claim", r#""$.azp""#);
        PREFIX = ("prefix", Text, D::Required, "put in front of it, so that it never equals a primary identity", r#""app:""#);
        WHEN = ("when", Words(&["absent", "empty"]), D::Texts(&["absent"]), "of which first claim it takes the place: one that is absent, or an empty string", r#"["absent", "empty"]"#);
    }
    scope: at::SCOPE, &[] => {
        CLAIM = ("claim", JsonPathOrNone, D::Claim("scope"), "a string of scopes, or an array of strings; \"none\" only with a [[require]] rule", r#""$.scp""#);
        SEPARATOR = ("separator", Text, D::Text(" "), "what separates scopes in a string", r#"",""#);
        PREFIX = ("prefix", Text, D::Text(""), "taken off the scope names of pg_hba.conf before they are compared", r#""api://postgres/""#);
        IGNORE = ("ignore", Strings, D::Texts(&[]), "scopes of pg_hba.conf that providers never put into tokens, such as openid", r#"["openid"]"#);
        REQUIRED = ("required", Strings, D::Texts(&[]), "scopes required besides those of pg_hba.conf", r#"["db.connect"]"#);
        HBA = ("hba", Word(&["require", "ignore"]), D::Text("require"), "whether the scopes of pg_hba.conf are required of the token", r#""require""#);
    }
    require: at::RULE, &[("claim", "\"$.a\"")] => {
        CLAIM = ("claim", JsonPath, D::Required, "what the rule looks at", r#""$.tid""#).also_in(at::ACCESS_TOKEN).beside(&[("present", "true")]);
        EQUALS = ("equals", Json, D::None, "the one value selected must be this", r#""TENANT""#).also_in(at::ACCESS_TOKEN);
        ONE_OF = ("one_of", Jsons, D::None, "the one value selected must be among these", r#"["A", "B"]"#).also_in(at::ACCESS_TOKEN);
        NONE_OF = ("none_of", Jsons, D::None, "the one value selected must be of the type of one of these, and none of them", r#"["C"]"#).also_in(at::ACCESS_TOKEN);
        MATCHES = ("matches", Regex, D::None, "the one string selected must match in full", "'[a-z]+'").also_in(at::ACCESS_TOKEN);
        CONTAINS = ("contains", Json, D::None, "the one list selected must hold this value; a string is the list of it alone", r#""ROLE""#).also_in(at::ACCESS_TOKEN);
        CONTAINS_NONE = ("contains_none", Strings, D::None, "the one list selected must be of strings, and hold none of these; a string is the list of it alone", r#"["CONTRACTOR"]"#).also_in(at::ACCESS_TOKEN);
        PRESENT = ("present", True, D::None, "at least one value other than null must be selected", "true").also_in(at::ACCESS_TOKEN);
        ABSENT = ("absent", True, D::None, "nothing must be selected", "true").also_in(at::ACCESS_TOKEN);
        EQUALS_CLAIM = ("equals_claim", JsonPath, D::None, "the one value selected must be the one that this path selects, and not null", r#""$.oid""#);
        ALL = ("all", True, D::None, "every value selected must do, and there must be one", "true").beside(&[("claim", "\"$.a[*]\""), ("equals", "1")]);
        ANY = ("any", Alternatives, D::None, "alternatives in place of claim and its test; one of them must hold", r#"[{ claim = "$.a", equals = 1 }, { claim = "$.b", present = true }]"#).beside(&[]);
        REPORT_ONLY = ("report_only", Boolean, D::Phrase("false"), "a rule that fails is logged, and denies nobody", "true").beside(&[("claim", "\"$.a\""), ("equals", "1")]).of_no_preset();
    }
    roles: at::ROLES, &[CLAIM_OF_ROLES, ("exact", "true")] => {
        CLAIM = ("claim", JsonPath, D::None, "the list of values that grant roles, each of them a string; a string is the list of it alone", r#""$.roles[*]""#);
        NAMES_OF = ("names_of", JsonPath, D::None, "an object the names of whose members grant roles, instead of claim; null, false and empty members do not count", r#""$.roles""#).beside(&[("exact", "true")]);
        SEPARATOR = ("separator", Text, D::None, "what separates values where the claim is one string", r#"", ""#);
        PATTERN = ("pattern", Regex, D::None, "what a value must match in full to grant anything; its named group is what is mapped", r"'\[?(?<role>[^\[\]]+)\]?'");
        MAP = ("map", RoleMap(at::ROLE_MAP), D::None, "the roles that each value grants, or a table with these and rules", r#"{ "DB.Reader" = ["app_reader"], "DB.Admin" = { roles = ["app_admin"], require = [{ claim = "$.acr", equals = "phr" }] } }"#).beside(&[CLAIM_OF_ROLES]);
        PREFIX = ("prefix", Text, D::None, "values that begin with it grant the role that follows", r#""pg:""#).beside(&[CLAIM_OF_ROLES]);
        EXACT = ("exact", True, D::None, "values grant the role of their own name", "true").beside(&[CLAIM_OF_ROLES]);
        PRIVILEGED = ("privileged", Word(&["deny", "allow"]), D::Text("deny"), "whether superusers, owners of other role attributes and pg_* roles may be granted", r#""deny""#);
        ALLOW = ("allow", Strings, D::None, "the only roles that may be granted", r#"["app_reader"]"#);
        DENY = ("deny", Strings, D::Texts(&[]), "roles that are never granted, nor any role that can become one of them", r#"["payroll"]"#);
    }
    role_map: at::ROLE_MAP, &[("roles", r#"["app_admin"]"#)] => {
        ROLES = ("roles", Strings, D::Required, "the roles that the value grants", r#"["app_admin"]"#);
        REQUIRE = ("require", Rules(at::RULE), D::Texts(&[]), "rules that must hold besides for these roles; without report_only", r#"[{ claim = "$.acr", equals = "phr" }]"#);
    }
    session: at::SESSION, &[] => {
        END = ("end", Word(&["never", "token"]), D::Text("never"), "\"token\" ends the session when its token expires, clock_skew and grace later", r#""token""#).also_in(at::DEFAULT_SESSION);
        GRACE = ("grace", duration("0s", "7d"), lasts("0s"), "how much longer than the token the session lives", r#""5min""#).also_in(at::DEFAULT_SESSION).beside(&[("end", "\"token\"")]);
        MAX = ("max", duration("1s", "10 years"), D::None, "the longest that a session lives, whatever the token says", r#""12h""#).also_in(at::DEFAULT_SESSION);
        CLAIMS = ("claims", NamedJsonPaths, D::None, "claims that SQL may read in the session, by the names it reads them under", r#"{ tenant = "$.tid", groups = "$.groups[*]" }"#);
        TOKEN_ID = ("token_id", JsonPath, D::Claim("jti"), "the claim that names the token in the log and in SQL", r#""$.jti""#);
    }
    keys: at::KEYS, &[] => {
        DISCOVERY_URL = ("discovery_url", Url, D::None, "where the issuer's metadata is, if not at the well-known places below issuer", r#""https://idp.example/metadata""#).counts(AppliesTo::Source);
        JWKS_URL = ("jwks_url", Url, D::None, "where the issuer's JWKS document is, without asking for metadata", r#""https://idp.example/jwks""#).counts(AppliesTo::Source);
        JWKS_FILE = ("jwks_file", Path, D::None, "a file with a JWKS document", r#""corp.jwks.json""#).counts(AppliesTo::Source);
        JWKS = ("jwks", Text, D::None, "a JWKS document, written here", r#"'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'"#).counts(AppliesTo::Source);
        PEM_FILE = ("pem_file", Path, D::None, "a file with public keys in PEM", r#""corp.pem""#).counts(AppliesTo::Source);
        ALLOWED_HOSTS = ("allowed_hosts", Hosts, D::Texts(&[]), "hosts besides the issuer's that its metadata may point to", r#"["www.googleapis.com"]"#).counts(AppliesTo::Fetched);
        CA_FILE = ("ca_file", Path, D::None, "a PEM file with the authorities to trust instead of the system's", r#""corp-ca.pem""#).counts(AppliesTo::Asked);
        PROXY = ("proxy", Proxy, D::Text(""), "a proxy to connect through; none is ever taken from the environment", r#""http://proxy.example:3128""#).counts(AppliesTo::Asked);
        INSECURE_HTTP = ("insecure_http", Boolean, D::Boolean(false), "accepts http to a loopback address, for tests", "false").of_profiles_alone();
        BEARER_TOKEN_FILE = ("bearer_token_file", Path, D::None, "a file with a bearer token, for a provider that shows its keys to nobody else; read for each fetch", r#""/var/run/secrets/kubernetes.io/serviceaccount/token""#).counts(AppliesTo::Fetched).of_profiles_alone();
        CLIENT_CERT_FILE = ("client_cert_file", Path, D::None, "a PEM file with the certificate that this server shows to the introspection endpoint (RFC 8705)", r#""postgres.crt""#).counts(AppliesTo::Online).beside(&[("client_key_file", "\"postgres.key\"")]).of_profiles_alone();
        CLIENT_KEY_FILE = ("client_key_file", Path, D::None, "a PEM file with its private key; both are read for each login", r#""postgres.key""#).counts(AppliesTo::Online).beside(&[("client_cert_file", "\"postgres.crt\"")]).of_profiles_alone();
        MIN_TTL = ("min_ttl", duration("1s", "24h"), lasts("5min"), "keys are fresh for at least this long, whatever the provider says", r#""10min""#).also_in(at::DEFAULT_KEYS).counts(AppliesTo::Fetched);
        MAX_TTL = ("max_ttl", duration("1s", "7d"), lasts("24h"), "keys are fresh for at most this long", r#""12h""#).also_in(at::DEFAULT_KEYS).counts(AppliesTo::Fetched);
        STALE_MAX = ("stale_max", duration("0s", "7d"), lasts("24h"), "how much longer keys are used while the provider does not answer", r#""72h""#).also_in(at::DEFAULT_KEYS).counts(AppliesTo::Fetched);
        KID_COOLDOWN = ("kid_cooldown", duration("1s", "1h"), lasts("60s"), "least time between two requests because of an unknown kid; failed ones back off up to it", r#""30s""#).also_in(at::DEFAULT_KEYS).counts(AppliesTo::Fetched);
        CONNECT_TIMEOUT = ("connect_timeout", duration("1s", "1min"), lasts("2s"), "for connecting to the provider", r#""1s""#).also_in(at::DEFAULT_KEYS).counts(AppliesTo::Asked);
        TIMEOUT = ("timeout", duration("1s", "1min"), lasts("5s"), "for all of a login's waiting for keys, another login's fetch included", r#""3s""#).also_in(at::DEFAULT_KEYS).counts(AppliesTo::Asked);
        DENY_KIDS = ("deny_kids", Strings, D::Texts(&[]), "keys that are refused from now on, by kid or thumbprint", r#"["2026-01"]"#).counts(AppliesTo::Keys).of_no_preset();
    }
    introspection: at::INTROSPECTION, &[("endpoint", "\"https://idp.example/i\""), ("client_id", "\"pg\""), ("client_secret_file", "\"s\"")] => {
        ENDPOINT = ("endpoint", Url, D::Required, "where the provider is asked; a token never chooses it", r#""https://idp.example/introspect""#);
        AUTH = ("auth", Word(&["basic", "basic-raw", "post", "bearer", "none"]), D::Text("basic"), "how this server proves itself there; \"none\" for tokeninfo", r#""basic""#);
        CLIENT_ID = ("client_id", Text, D::None, "the client that this server is there; for basic, basic-raw and post, and possible with none", r#""postgres""#).of_profiles_alone();
        CLIENT_SECRET_FILE = ("client_secret_file", Path, D::None, "a file with the client's secret, or with the bearer token; read for each login", r#""oauth-validator.secret""#).of_profiles_alone();
        TOKEN_PARAM = ("token_param", Text, D::Text("token"), "the form field that holds the token; \"access_token\" for tokeninfo", r#""access_token""#);
        SCOPE_SEPARATOR = ("scope_separator", Text, D::None, "what separates scopes in the answer, where that is not scope.separator", r#"",""#);
        CACHE = ("cache", duration("0s", "1min"), lasts("0s"), "how long an answer is kept for other logins with the same token; a token that is revoked meanwhile logs in", r#""30s""#).of_profiles_alone();
    }
    lookup: at::LOOKUP, &[("kind", "\"userinfo\""), ("claims", "[\"groups\"]")] => {
        KIND = ("kind", Word(&["userinfo", "graph"]), D::Required, "who is asked: the userinfo endpoint, with the token that the client has shown; or Microsoft Graph, for groups", r#""userinfo""#);
        CLAIMS = ("claims", Strings, D::None, "userinfo: the claims that may be looked up; one that the token has is never replaced", r#"["email", "groups"]"#);
        ENDPOINT = ("endpoint", Url, D::None, "where is asked. userinfo: without it, where the issuer's metadata says, which costs each such login a request more; graph: the root of a national cloud, else that of the global one", r#""https://idp.example/userinfo""#);
        GROUPS = ("groups", Strings, D::None, "graph: the object IDs of the groups that are asked about, at most 100; no others can be found", r#"["6f1d2c3b-0000-4a5b-8c6d-222222222222"]"#).beside(GRAPH);
        CLIENT_ID = ("client_id", Text, D::None, "graph: the application that this server is at Entra", r#""8d7c6b5a-4444-4555-8666-777777777777""#).beside(GRAPH);
        CLIENT_SECRET_FILE = ("client_secret_file", Path, D::None, "graph: a file with that application's secret; read for each login that asks", r#""graph.secret""#).beside(GRAPH);
        TENANT = ("tenant", Text, D::None, "graph: the tenant whose users are looked up; else the one that issuer names", r#""9a8b7c6d-2222-4eee-9fff-000000000001""#).beside(GRAPH);
        CACHE = ("cache", duration("0s", "1min"), lasts("0s"), "how long what was found is kept for other logins with the same token; what the provider takes back meanwhile still counts", r#""30s""#);
        TOKEN_ENDPOINT = ("token_endpoint", Url, D::None, "graph: where this server gets a token; needed where endpoint is none of Microsoft's", r#""https://login.microsoftonline.com/TENANT/oauth2/v2.0/token""#).beside(GRAPH);
    }
    defaults: at::DEFAULTS, &[] => {
        KEYS = ("keys", Table(ByKey, at::DEFAULT_KEYS), D::Table, "times of key sources of profiles that set none", r#"{ min_ttl = "10min" }"#);
        SESSION = ("session", Table(ByKey, at::DEFAULT_SESSION), D::Table, "when sessions end, of profiles that do not say it", r#"{ end = "token" }"#);
    }
}
