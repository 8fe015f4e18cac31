//! What can be wrong with a configuration file: stable codes, positions, and what to do.
//!
//! A finding never quotes a secret: values are quoted only where the file's format has no secrets.

use std::fmt;
use std::ops::Range;

/// Whether the file can be used in spite of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file denies every login; of the server's own files, at least those that the finding is about.
    Error,
    /// The file works, and should be looked at.
    Warning,
}

/// So many findings of one kind about profiles and lines are shown by themselves: who has more needs the first ones, and how
/// many there are.
pub(crate) const MOST_ALIKE: usize = 20;

macro_rules! finding_codes {
    ($($variant:ident = $code:literal, $severity:ident, $meaning:literal;)+) => {
        /// What kind of finding it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum FindingCode { $(#[doc = $meaning] $variant,)+ }

        impl FindingCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as printed, in snake_case.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code),+ } }

            /// Whether it makes the file unusable.
            #[must_use]
            pub const fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity),+ } }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),+ } }
        }
    };
}

finding_codes! {
    NotUtf8 = "not_utf8", Error, "The file is not UTF-8 text.";
    Syntax = "syntax", Error, "The file is not valid TOML; a key or table written twice counts as that.";
    UnknownKey = "unknown_key", Error, "The key does not exist in this table.";
    WrongType = "wrong_type", Error, "The value has the wrong type.";
    MissingKey = "missing_key", Error, "A required key is absent.";
    EmptyValue = "empty_value", Error, "A list or string that must say something is empty, or a list holds an empty string.";
    OutOfRange = "out_of_range", Error, "A number, size or duration is outside its range.";
    BadValue = "bad_value", Error, "The value is none of those allowed here.";
    BadName = "bad_name", Error, "A profile's name has other characters than a-z, 0-9, _ and -, or the name of a claim others than a-z, 0-9 and _.";
    BadUrl = "bad_url", Error, "A URL is not one that may be trusted: a plain https URL, for an issuer without query.";
    BadJsonPath = "bad_jsonpath", Error, "The value is not a JSONPath of RFC 9535.";
    BadPattern = "bad_pattern", Error, "The value is not a regular expression.";
    Conflict = "conflict", Error, "Two settings cannot stand together.";
    ProfileTwice = "profile_twice", Error, "Two files have a profile of the same name.";
    SharedLine = "shared_line", Error, "Two profiles can serve the same pg_hba.conf line, and their identities can be equal.";
    SharedPrefix = "shared_prefix", Error, "Identities of two files' profiles begin alike, so that those of one would be taken for the other's.";
    KeySource = "key_source", Error, "A profile has more than one key source.";
    BadKeys = "bad_keys", Error, "Keys written in the file cannot be used.";
    MutableIdentity = "mutable_identity", Warning, "The identity can be changed by its owner or reassigned to somebody else.";
    LongLifetime = "long_lifetime", Warning, "Tokens may live for more than 29 hours.";
    CommonAudience = "common_audience", Warning, "An accepted audience is in the tokens of other services of the issuer as well.";
    NoClientClaim = "no_client_claim", Warning, "A claim of clients.claims does not say to which client a token was issued.";
    LiteralIssuer = "literal_issuer", Warning, "token_issuers holds a wildcard or a template, which is compared letter for letter.";
    SharedAudience = "shared_audience", Warning, "Two profiles accept the same audience.";
    SharedIssuer = "shared_issuer", Warning, "Two profiles accept the same issuer.";
    PrivilegedRoles = "privileged_roles", Warning, "Tokens may grant privileged roles.";
    SplitRoles = "split_roles", Warning, "Privileged roles may be granted by a part of a text that somebody else can write.";
    DeepPath = "deep_path", Warning, "An identity or roles are taken from whatever depth of the token they are at.";
    InsecureHttp = "insecure_http", Warning, "Keys may be fetched without TLS from this machine.";
    KeyLeftOut = "key_left_out", Warning, "A key that cannot verify tokens is left out.";
    SecretReadable = "secret_readable", Warning, "A secret can be read by everybody on this machine.";
    UnusedSetting = "unused_setting", Warning, "A setting has no effect beside another one.";
    AnyTokenKind = "any_token_kind", Warning, "The profile accepts ID tokens, which are made for another purpose.";
    KindUntold = "kind_untold", Warning, "Nothing in the profile tells access tokens from ID tokens.";
    ServiceSubject = "service_subject", Warning, "A service can be taken for the user who is called like its client ID.";
    PrefixUnreserved = "prefix_unreserved", Warning, "A prefix of a file in the folder is not reserved in the main file.";
    ReportOnly = "report_only", Warning, "A rule only reports: whom it would keep out is let in.";
    ServerLine = "server_line", Error, "The server does not take a line of pg_hba.conf, pg_ident.conf or postgresql.conf.";
    LibraryMissing = "library_missing", Error, "oauth_validator_libraries does not name the module.";
    LibraryDiffers = "library_differs", Warning, "The library that the server loads is of another build than this tool.";
    IssuerUnserved = "issuer_unserved", Error, "No profile serves the issuer of an OAuth line in pg_hba.conf.";
    UnknownProfile = "unknown_profile", Error, "validator.profile in pg_hba.conf names a profile that does not exist, or one twice.";
    DelegationUnconfigured = "delegation_unconfigured", Error, "A line says delegate_ident_mapping=1, and its profile has no roles.";
    ProfileUnreached = "profile_unreached", Warning, "No line of pg_hba.conf reaches the profile.";
    SharedMap = "shared_map", Warning, "Two profiles share a map of pg_ident.conf, and their identities can be equal.";
    MapMissing = "map_missing", Warning, "An OAuth line has no map, and the identities are no names of roles.";
    MapUnknown = "map_unknown", Warning, "pg_ident.conf has no line for the map of an OAuth line.";
    SuperuserByMap = "superuser_by_map", Warning, "An expression in pg_ident.conf can give an identity the name of the superuser.";
    DelegationOff = "delegation_off", Warning, "delegate_ident_mapping has a value that PostgreSQL takes for off.";
    OptionTwice = "option_twice", Warning, "An option of an OAuth line is there more than once, and the last one counts.";
    ScopeComma = "scope_comma", Warning, "The scope of an OAuth line has a comma, where spaces separate names.";
    IdentUnreadable = "ident_unreadable", Warning, "pg_ident.conf cannot be read, so that the server has no map.";
    TokenInClear = "token_in_clear", Warning, "An OAuth line takes connections without TLS.";
    TlsOff = "tls_off", Warning, "A hostssl line takes no connection, because ssl is off.";
    ShadowedLine = "shadowed_line", Warning, "An OAuth line is never reached, because an earlier line takes all its connections.";
    OtherValidator = "other_validator", Warning, "An OAuth line is for another validator, and was not judged.";
    NotJudged = "not_judged", Warning, "A regular expression of the server's files has no equal here, and was not judged.";
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A line and column of the file, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A related place of a finding, such as "first here".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

/// One thing that is wrong or doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub code: FindingCode,
    /// Bytes of the file that it is about.
    pub span: Range<usize>,
    /// Where that begins.
    pub position: Position,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do, if the message does not say it all.
    pub hint: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
}

impl Finding {
    /// Whether it makes the file unusable.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// The first error of a file, with its place, and how many there are besides: sentences. `findings` must hold one.
pub(crate) fn first_error(file: &str, findings: &[Finding]) -> String {
    let errors: Vec<&Finding> = findings.iter().filter(|finding| finding.is_error()).collect();
    // A misspelt key is often why another one is missing, and comes first for that.
    let misspelt = errors.iter().find(|finding| finding.code == FindingCode::UnknownKey);
    let mut text = misspelt.or(errors.first()).map_or_else(
        || format!("{file} has errors."),
        |first| format!("{file}:{}: {}: {}.", first.position, first.code, first.message),
    );
    match errors.len().saturating_sub(1) {
        0 => {}
        1 => text.push_str(" 1 more error is in the file."),
        more => text.push_str(&format!(" {more} more errors are in the file.")),
    }
    text
}
