//! What a profile has to say besides its preset, for each preset: what `discover` and `init` know of providers.
//!
//! One table. It must never hold a value that accepts somebody: words in capitals stand for what only a person knows.

use oauth_validator_core::config::presets::{self, Preset};

/// What profiles with one preset look like.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The preset's name.
    pub(crate) preset: &'static str,
    /// How its issuers are spelled; the issuer itself where there is but one, which the preset names.
    pub(crate) issuer: &'static str,
    /// What stands for the audience; none where tokens have none.
    pub(crate) audience: Option<&'static str>,
    /// The claims that name the client, one of which is in a token; none where there is no client.
    pub(crate) clients: &'static [&'static str],
    /// Whether the accepted clients have to be named, because the audience tells no service from another.
    pub(crate) needs_clients: bool,
    /// The usual rule, without which everybody at the provider would be let in: a claim, and its value unless being there
    /// is enough.
    pub(crate) rule: Option<(&'static str, Option<&'static str>)>,
    /// Whether scopes have the audience in front, as the clients request them.
    pub(crate) prefixed: bool,
    /// What clients request: scopes that tokens have, or a formality where they have none.
    pub(crate) scope: &'static str,
    /// What clients may request besides, and tokens need not repeat; of no use where the preset itself ignores scopes.
    pub(crate) unlisted: &'static [&'static str],
    /// Where the provider is asked about tokens, if it has to be, and this differs from one to another.
    pub(crate) endpoint: Option<&'static str>,
    /// How this server proves itself there, unless told otherwise.
    pub(crate) auth: &'static str,
    /// A role to map the example identity to.
    pub(crate) role: &'static str,
}

/// What asks for an ID token, for claims in it, and for a refresh token (OpenID Connect Core sections 3.1.2.1, 5.4, 11).
/// Whether the access token repeats it differs between providers, and it says nothing about a database.
pub(crate) const UNLISTED: &[&str] = &["openid", "profile", "email", "offline_access"];

/// A provider of people, whose access tokens have an audience of the database's own.
const ORDINARY: Layout = Layout {
    preset: "rfc9068",
    issuer: "https://HOST",
    audience: Some("AUDIENCE"),
    clients: &["$.client_id"],
    needs_clients: false,
    rule: None,
    prefixed: false,
    scope: "openid db.connect",
    unlisted: UNLISTED,
    endpoint: None,
    auth: "basic",
    role: "ana",
};

/// In Google's answers these are URLs below www.googleapis.com/auth.
const GOOGLE_SPELLS_OUT: &[&str] = &["email", "profile"];

/// One for each preset, in the order of their names.
#[rustfmt::skip]
const LAYOUTS: &[Layout] = &[
    Layout { preset: "auth0", issuer: "https://TENANT.REGION.auth0.com/", clients: &["$.azp", "$.client_id"], ..ORDINARY },
    Layout {
        preset: "cognito", issuer: "https://cognito-idp.REGION.amazonaws.com/POOL", audience: None, needs_clients: true,
        scope: "openid pg/db.connect", ..ORDINARY
    },
    Layout {
        preset: "dex", issuer: "https://HOST/dex", audience: Some("CLIENT-ID"),
        rule: Some(("$.client_id", Some("CLIENT-ID"))), scope: "openid",
        endpoint: Some("https://HOST/dex/token/introspect"), auth: "none", ..ORDINARY
    },
    Layout {
        preset: "entra", issuer: "https://login.microsoftonline.com/TENANT/v2.0", audience: Some("CLIENT-ID"),
        clients: &["$.azp", "$.appid"], prefixed: true, scope: "db.connect", unlisted: &[], ..ORDINARY
    },
    Layout {
        preset: "github-actions", issuer: "https://token.actions.githubusercontent.com", clients: &[],
        rule: Some(("$.repository_owner_id", Some("OWNER-ID"))), scope: "openid", role: "deploy", ..ORDINARY
    },
    Layout {
        preset: "gitlab-ci", issuer: "https://gitlab.com", clients: &[],
        rule: Some(("$.namespace_id", Some("NAMESPACE-ID"))), scope: "openid", role: "deploy", ..ORDINARY
    },
    Layout {
        preset: "google", issuer: "https://accounts.google.com", audience: Some("CLIENT-ID"), clients: &["$.azp"],
        needs_clients: true, scope: "openid email", unlisted: GOOGLE_SPELLS_OUT, ..ORDINARY
    },
    Layout {
        preset: "google-id-token", issuer: "https://accounts.google.com", audience: Some("CLIENT-ID"), clients: &["$.azp"],
        rule: Some(("$.hd", Some("WORKSPACE-DOMAIN"))), scope: "openid", ..ORDINARY
    },
    Layout {
        preset: "hydra", issuer: "https://HOST", endpoint: Some("https://ADMIN-HOST/admin/oauth2/introspect"), ..ORDINARY
    },
    Layout { preset: "keycloak", issuer: "https://HOST/realms/REALM", clients: &["$.azp"], ..ORDINARY },
    Layout {
        preset: "kubernetes", issuer: "https://HOST", clients: &[],
        rule: Some(("$['kubernetes.io'].namespace", Some("NAMESPACE"))), scope: "openid", role: "app", ..ORDINARY
    },
    Layout { preset: "okta", issuer: "https://DOMAIN/oauth2/ID", clients: &["$.cid"], ..ORDINARY },
    Layout {
        preset: "okta-org", issuer: "https://DOMAIN", audience: Some("https://DOMAIN"), needs_clients: true,
        scope: "openid", endpoint: Some("https://DOMAIN/oauth2/v1/introspect"), ..ORDINARY
    },
    Layout { preset: "pingone", issuer: "https://auth.pingone.REGION/ENVIRONMENT/as", ..ORDINARY },
    Layout { ..ORDINARY },
    Layout {
        preset: "zitadel", issuer: "https://INSTANCE.zitadel.cloud", audience: Some("PROJECT-ID"),
        rule: Some(("$['urn:zitadel:iam:org:project:roles'].ROLE", None)), scope: "openid", ..ORDINARY
    },
    Layout {
        preset: "zitadel-opaque", issuer: "https://INSTANCE.zitadel.cloud", audience: Some("PROJECT-ID"),
        rule: Some(("$['urn:zitadel:iam:org:project:roles'].ROLE", None)), scope: "openid",
        endpoint: Some("https://INSTANCE.zitadel.cloud/oauth/v2/introspect"), ..ORDINARY
    },
];

impl Layout {
    /// That of a preset; the one that fits every provider if there is no such preset.
    pub(crate) fn of(preset: &str) -> &'static Self {
        LAYOUTS.iter().find(|layout| layout.preset == preset).unwrap_or(&ORDINARY)
    }

    /// The preset itself.
    pub(crate) fn preset(&self) -> Option<&'static Preset> {
        presets::ALL.iter().find(|preset| preset.name == self.preset)
    }
}

#[cfg(test)]
mod tests {
    use super::LAYOUTS;
    use oauth_validator_core::config::presets;

    #[test]
    fn there_is_one_for_each_preset() {
        let names: Vec<&str> = LAYOUTS.iter().map(|layout| layout.preset).collect();
        assert_eq!(names, presets::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>());
        assert!(LAYOUTS.iter().all(|layout| layout.preset().is_some()));
    }
}
