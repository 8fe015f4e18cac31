//! The reason codes of a denied login: what happened, whose problem it is, and what to do.
//!
//! The names are a promise to everyone who greps logs or alerts on them: they are added, never renamed.

use std::fmt;

/// Whose problem a denial is: the first question in every incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blame {
    /// The token the client presented is not acceptable; another token may be.
    Token,
    /// The identity provider, or the way to it, did not deliver.
    Provider,
    /// The administrator's configuration does not allow this login, rightly or by mistake.
    Configuration,
    /// A bug of this project.
    Bug,
}

impl Blame {
    /// A few words for a person: "the client's token".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Token => "the client's token",
            Self::Provider => "the identity provider, or the way to it",
            Self::Configuration => "the configuration",
            Self::Bug => "a bug in oauth_validator",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $blame:ident, $cause:literal, $remedy:literal;)+) => {
        /// Why a login was denied.
        #[allow(rustdoc::broken_intra_doc_links, reason = "[[require]] is TOML here")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* #[doc = $cause] $variant,)+ }

        impl Reason {
            /// Every reason there is, in the order of the decision.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as logged, in snake_case.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$variant => $code),+ } }

            /// Whose problem it is.
            #[must_use]
            pub const fn blame(self) -> Blame { match self { $(Self::$variant => Blame::$blame),+ } }

            /// What happened, in one sentence.
            #[must_use]
            pub const fn cause(self) -> &'static str { match self { $(Self::$variant => $cause),+ } }

            /// What to do about it, in one or two sentences.
            #[must_use]
            pub const fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy),+ } }
        }
    };
}

reasons! {
    ConfigUnreadable = "config_unreadable", Configuration,
        "The configuration file is missing, unreadable, or could be changed by somebody who must not.",
        "Give the file and its folders to root or the server's user and let nobody else write; `oauth-validator check` says which one.";
    ConfigInvalid = "config_invalid", Configuration,
        "The configuration file has errors, so nobody is let in by it.",
        "Run `oauth-validator check` on the file and mend what it reports; the next login sees the change.";
    HbaIssuerUnknown = "hba_issuer_unknown", Configuration,
        "No profile may serve the pg_hba.conf line that matched this connection.",
        "Make the line's issuer equal to a profile's issuer, or list it in that profile's hba_issuers; look at databases and replication too.";
    ProfileUnknown = "profile_unknown", Configuration,
        "validator.profile of the pg_hba.conf line that matched this connection does not name profiles of the configuration.",
        "Name profiles in validator.profile, separated by commas, and reload the server; or remove the option, so that the line's issuer counts.";
    ProfileAmbiguous = "profile_ambiguous", Configuration,
        "Two profiles that may serve this pg_hba.conf line both accept the token's issuer, or could report equal identities.",
        "Give each issuer to one profile only, or separate the profiles by hba_issuers or databases.";
    TokenMalformed = "token_malformed", Token,
        "The token is not a well-formed signed JWT.",
        "Ask the provider for a JWT access token for your own API. Opaque or encrypted tokens cannot be verified with keys.";
    TokenTooLarge = "token_too_large", Token,
        "The token is longer than max_token_size.",
        "Ask the provider for fewer claims (groups are the usual cause), or raise max_token_size.";
    IssuerMismatch = "issuer_mismatch", Token,
        "The token's iss is not an issuer that a profile of this pg_hba.conf line trusts.",
        "Compare the token's iss with token_issuers, byte for byte (trailing slash, version, realm); `oauth-validator explain` shows both.";
    TokenType = "token_type", Token,
        "The token's header says a type (typ) that the profile does not accept.",
        "If your provider's access tokens carry that typ, add it to token_types; an empty string stands for a header without typ.";
    Algorithm = "algorithm", Token,
        "The token is signed with an algorithm that the profile does not accept.",
        "Add the provider's algorithm to algorithms if it is one of RS/PS/ES 256, 384, 512 or EdDSA (Ed25519); HS* and none are never accepted.";
    KeyUnknown = "key_unknown", Token,
        "No usable key of the profile fits the token's kid and algorithm.",
        "Check that the key source is the one of this issuer. A provider is asked again once per keys.kid_cooldown; a key file is kept up to date by hand.";
    KeysUnavailable = "keys_unavailable", Provider,
        "The issuer's keys could not be read, so no signature can be checked.",
        "Look at the DETAIL: it names the key source and what went wrong with it.";
    IntrospectionInactive = "introspection_inactive", Token,
        "The provider was asked about the token, and does not vouch for it.",
        "Get a new token: this one has expired, was revoked, or is another provider's. If new ones are refused too, compare introspection.client_id and the secret: some providers call every token inactive when these are wrong.";
    IntrospectionUnavailable = "introspection_unavailable", Provider,
        "The provider could not be asked about the token, so nobody vouches for it.",
        "See whether introspection.endpoint is the provider's, and what the provider's own log says about the request.";
    SignatureInvalid = "signature_invalid", Token,
        "The signature does not belong to this token and the issuer's key.",
        "The token was altered, or signed by another key with the same kid: check that the keys come from this very issuer.";
    AudienceMismatch = "audience_mismatch", Token,
        "The token's aud names none of the profile's audiences: it was made for another service.",
        "Request a token for this server's API, or add the right value to audience.";
    ClientNotAllowed = "client_not_allowed", Token,
        "The token was issued to a client that the profile does not list, or does not say to which one.",
        "Add the client's identifier to clients.allow, or correct clients.claims.";
    Expired = "expired", Token,
        "The token's validity has ended, or it names no end.",
        "Get a new token. If it is fresh, compare the clocks of the server and the provider.";
    NotYetValid = "not_yet_valid", Token,
        "The token says it is not valid yet, or was issued in the future.",
        "Compare the clocks of the server and the provider; clock_skew allows for up to 5 minutes.";
    LifetimeTooLong = "lifetime_too_long", Token,
        "The token is valid for longer than max_lifetime.",
        "Shorten the access token lifetime at the provider, or raise max_lifetime: nobody can recall a signed token.";
    SenderConstrained = "sender_constrained", Token,
        "The token is bound to a key of the client (cnf), which PostgreSQL cannot check.",
        "Request a plain bearer token, without DPoP or certificate binding.";
    ActorNotAllowed = "actor_not_allowed", Token,
        "The token says that somebody acts for somebody else (act or may_act).",
        "Log in with a token of one's own, or set actor = \"allow\" if such tokens are meant.";
    IdToken = "id_token", Token,
        "The token is an ID token, a refresh token or of another kind that is no access token.",
        "Send the access token that the provider issued for this server: ID, refresh and logout tokens are for others.";
    TokenRevoked = "token_revoked", Configuration,
        "The token's jti or its key is on a deny list of the profile.",
        "Get a new token; deny_jti and keys.deny_kids are the administrator's emergency brakes.";
    ClaimType = "claim_type", Token,
        "A claim has a type that its definition does not allow.",
        "Correct the claim's mapping at the provider: the DETAIL names the claim, and what it must be.";
    ScopeMissing = "scope_missing", Token,
        "The token lacks a scope that pg_hba.conf or the profile requires, or none is required at all.",
        "Request the scope and have it granted; or correct scope.claim, scope.prefix or the scope list of the pg_hba.conf line.";
    LookupUnavailable = "lookup_unavailable", Provider,
        "The token lacks a claim that the login needs, and the provider could not be asked for it.",
        "See whether lookup.endpoint is right, whether the provider is up, and what its own log says about the request.";
    LookupRefused = "lookup_refused", Token,
        "The token lacks a claim that the login needs, and the provider's userinfo endpoint does not take the token.",
        "Have the client request the scope openid, and see whether the provider lets tokens for this audience ask its userinfo endpoint; some do so only for tokens without an audience of their own.";
    LookupMismatch = "lookup_mismatch", Token,
        "What is looked up would be about another user than the token's, so nothing of it is used.",
        "With userinfo, have the provider write the same sub into access tokens and userinfo answers: pairwise subjects of different clients, and a profile of another issuer, are the usual causes. With graph, compare the token's tid and oid with lookup.tenant and its users.";
    RuleFailed = "rule_failed", Token,
        "A [[require]] rule of the profile does not hold for this token.",
        "The DETAIL names the rule's line; change the rule or the claim at the provider.";
    IdentityMissing = "identity_missing", Token,
        "The claim that holds the identity is not in the token.",
        "Have the provider add the claim, or choose another identity.claim.";
    IdentityAmbiguous = "identity_ambiguous", Token,
        "identity.claim selects more than one value.",
        "Write a JSONPath that selects exactly one value.";
    IdentityInvalid = "identity_invalid", Token,
        "The identity is empty, too long, of the wrong type, or has characters that no identity may have.",
        "Choose a claim that holds a plain string without control characters or outer white space, up to 1024 bytes.";
    IdentityUnverified = "identity_unverified", Token,
        "The provider does not say that it verified this identity (identity.verified_by).",
        "Have the user verify the address at the provider, or choose an identity that only the provider can set.";
    IdentityDenied = "identity_denied", Configuration,
        "The identity is in the profile's deny_identities.",
        "Remove it from deny_identities once this identity may log in again.";
    DelegationNotConfigured = "delegation_not_configured", Configuration,
        "The pg_hba.conf line says delegate_ident_mapping=1, but the profile does not say which roles a token grants.",
        "Write a [roles] table for the profile, or remove delegate_ident_mapping=1 and map identities in pg_ident.conf.";
    GroupsOverage = "groups_overage", Token,
        "The user has so many groups that the provider left them out of the token.",
        "Use application roles, or have the provider send only the groups that are assigned to the application; or have groups looked up at Microsoft Graph, by [profiles.NAME.lookup] with kind = \"graph\".";
    RoleNotGranted = "role_not_granted", Token,
        "The token does not grant the role that the client asks for.",
        "Ask for a role that the token grants, have the provider assign the right one, or add it to the profile's [roles].";
    RolePrivileged = "role_privileged", Configuration,
        "The role asked for is privileged, or reaches a privileged role by membership.",
        "Grant an unprivileged role. Only if the provider may decide who is superuser, set roles.privileged = \"allow\".";
    RoleDenied = "role_denied", Configuration,
        "The token grants the role asked for, and the profile's roles.allow or roles.deny does not.",
        "Ask for another role; or change roles.allow or roles.deny, as the DETAIL names it.";
    SessionEndUnknown = "session_end_unknown", Token,
        "The session is to end with its token, and nobody says when that expires.",
        "Have the provider say exp in its answers, or set session.max, which then ends the session.";
    SessionClaimsTooLarge = "session_claims_too_large", Token,
        "The claims that SQL is to read are larger than a session keeps.",
        "Name fewer claims in session.claims, or have the provider send less in them; groups are the usual cause.";
    SessionClaimInvalid = "session_claim_invalid", Token,
        "A claim that SQL is to read is not what session.claims can take.",
        "Correct the path in session.claims, or the claim at the provider: the DETAIL names both.";
    SessionEndImpossible = "session_end_impossible", Configuration,
        "The session is to end by itself, and the system has no timer for it.",
        "Raise the limit of pending signals of the server's user (ulimit -i); or take session.end and session.max away, after which no session ends by itself.";
    NotMapped = "not_mapped", Configuration,
        "The token was granted, but PostgreSQL does not let its identity be the role asked for.",
        "Map the identity to the role in pg_ident.conf and name the map on the pg_hba.conf line, or ask for the role that it maps to.";
    Internal = "internal", Bug,
        "oauth_validator failed in a way it should not; the login was denied to be safe.",
        "Please report it with the server's log; the location is in the DETAIL.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_snake_case_and_explained() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.code().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{reason}");
            assert!(reason.cause().ends_with('.') && reason.remedy().ends_with('.'), "{reason}");
        }
    }
}
