//! Proposes a profile for an issuer: the preset that fits it, and what a person has to fill in.
//!
//! By the issuer's host and path alone; what its documents say about themselves has no part in it. Must never guess an
//! audience, a client or a rule: placeholders in capitals accept nobody.

use crate::net::SafeUrl;

/// What to write where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The preset's name.
    pub(crate) preset: &'static str,
    /// The profile's name, and that of its map.
    pub(crate) name: String,
    /// Lines of TOML, beginning with the table's head.
    pub(crate) profile: String,
    /// A command that puts the key document beside the configuration.
    pub(crate) save_keys: String,
    /// A line of pg_hba.conf.
    pub(crate) hba: String,
}

/// A preset, which issuers it is for, and what a profile with it has to say.
struct Fit {
    preset: &'static str,
    fits: fn(host: &str, path: &str) -> bool,
    /// Instead of an audience, or behind it.
    settings: &'static [&'static str],
    /// A `[[require]]` rule, without which everybody at the provider would be let in.
    rule: &'static [&'static str],
    /// What clients request: scopes that tokens have, or a formality where they have none.
    scope: &'static str,
}

const AUDIENCE: &str = "audience = [\"AUDIENCE\"]";
const SCOPE: &str = "openid db.connect";

/// The first one that fits is taken; the last one always does.
const FITS: &[Fit] = &[
    Fit {
        preset: "entra",
        fits: |host, path| host == "login.microsoftonline.com" && path.ends_with("/v2.0"),
        settings: &["audience = [\"CLIENT-ID\"]", "scope = { prefix = \"api://CLIENT-ID/\" }"],
        rule: &[],
        scope: "api://CLIENT-ID/db.connect",
    },
    Fit {
        preset: "okta",
        fits: |host, path| {
            path.starts_with("/oauth2/") && (host.ends_with(".okta.com") || host.ends_with(".oktapreview.com"))
        },
        settings: &[AUDIENCE],
        rule: &[],
        scope: SCOPE,
    },
    Fit {
        preset: "google-id-token",
        fits: |host, _| host == "accounts.google.com",
        settings: &["audience = [\"CLIENT-ID\"]"],
        rule: &["claim = \"$.hd\"", "equals = \"WORKSPACE-DOMAIN\""],
        scope: "openid",
    },
    Fit {
        preset: "auth0",
        fits: |host, path| host.ends_with(".auth0.com") && path == "/",
        settings: &[AUDIENCE],
        rule: &[],
        scope: SCOPE,
    },
    Fit {
        preset: "cognito",
        fits: |host, _| host.starts_with("cognito-idp.") && host.ends_with(".amazonaws.com"),
        settings: &["clients = { claims = [\"$.client_id\"], allow = [\"CLIENT-ID\"] }"],
        rule: &[],
        scope: "openid pg/db.connect",
    },
    Fit {
        preset: "github-actions",
        fits: |host, path| host == "token.actions.githubusercontent.com" && path == "/",
        settings: &[AUDIENCE],
        rule: &["claim = \"$.repository_owner_id\"", "equals = \"OWNER-ID\""],
        scope: "openid",
    },
    Fit {
        preset: "gitlab-ci",
        fits: |host, path| host == "gitlab.com" && path == "/",
        settings: &[AUDIENCE],
        rule: &["claim = \"$.namespace_id\"", "equals = \"NAMESPACE-ID\""],
        scope: "openid",
    },
    Fit {
        preset: "kubernetes",
        fits: |host, path| {
            (host.starts_with("oidc.eks.") && host.ends_with(".amazonaws.com"))
                || (host == "container.googleapis.com" && path.contains("/clusters/"))
        },
        settings: &[AUDIENCE],
        rule: &["claim = \"$['kubernetes.io'].namespace\"", "equals = \"NAMESPACE\""],
        scope: "openid",
    },
    Fit {
        preset: "pingone",
        fits: |host, path| host.starts_with("auth.pingone.") && path.ends_with("/as"),
        settings: &[AUDIENCE],
        rule: &[],
        scope: SCOPE,
    },
    Fit {
        preset: "zitadel",
        fits: |host, _| host.ends_with(".zitadel.cloud"),
        settings: &["audience = [\"PROJECT-ID\"]"],
        rule: &["claim = \"$['urn:zitadel:iam:org:project:roles'].ROLE\"", "present = true"],
        scope: "openid",
    },
    Fit {
        preset: "keycloak",
        fits: |_, path| path.rsplit_once("/realms/").is_some_and(|(_, realm)| !realm.is_empty()),
        settings: &[AUDIENCE],
        rule: &[],
        scope: SCOPE,
    },
    Fit { preset: "rfc9068", fits: |_, _| true, settings: &[AUDIENCE], rule: &[], scope: SCOPE },
];

impl Proposal {
    /// For `issuer`, whose keys are at `jwks_uri`; `ca_file` is what to give to curl.
    pub(crate) fn new(issuer: &SafeUrl, jwks_uri: &SafeUrl, ca_file: Option<&str>) -> Self {
        let host = issuer.host().to_ascii_lowercase();
        let fit = FITS.iter().find(|fit| (fit.fits)(&host, issuer.path())).unwrap_or(&FITS[FITS.len() - 1]);
        let name = if fit.preset == "rfc9068" { name_of(&host) } else { fit.preset.to_owned() };
        // URLs were judged: none has a quotation mark or a backslash.
        let mut profile = format!("[profiles.{name}]\npreset = \"{}\"\nissuer = \"{}\"\n", fit.preset, issuer.as_str());
        for line in fit.settings {
            profile.push_str(&format!("{line}\n"));
        }
        profile.push_str(&format!("keys = {{ jwks_file = \"{name}.jwks.json\" }}\n"));
        if !fit.rule.is_empty() {
            profile.push_str(&format!("\n[[profiles.{name}.require]]\n{}\n", fit.rule.join("\n")));
        }
        let authority = ca_file.map(|file| format!("--cacert {} ", quoted(file))).unwrap_or_default();
        let save_keys =
            format!("curl --fail --silent --show-error {authority}--output {name}.jwks.json '{}'", jwks_uri.as_str());
        let hba =
            format!("hostssl all all all oauth issuer=\"{}\" scope=\"{}\" map={name}", issuer.as_str(), fit.scope);
        Self { preset: fit.preset, name, profile, save_keys, hba }
    }
}

/// The label of the host that is most likely the organisation's, as the name of a profile.
fn name_of(host: &str) -> String {
    let labels: Vec<&str> = host.split('.').collect();
    let label = if labels.len() >= 2 { labels[labels.len() - 2] } else { labels[0] };
    let name: String = label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(63).collect();
    let name = name.trim_start_matches('-');
    if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
        "provider".to_owned()
    } else {
        name.to_owned()
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::{FITS, Proposal, name_of, quoted};
    use crate::net::{Plain, SafeUrl};
    use oauth_validator_core::Config;
    use oauth_validator_core::config::presets;

    fn propose(issuer: &str) -> Proposal {
        let url = |text| SafeUrl::parse(text, Plain::Never).expect(text);
        Proposal::new(&url(issuer), &url("https://keys.example/jwks?v=1"), None)
    }

    const KNOWN: &[(&str, &str)] = &[
        ("https://login.microsoftonline.com/5d5d5d5d-1111-4111-8111-111111111111/v2.0", "entra"),
        ("https://acme.okta.com/oauth2/aus000001", "okta"),
        ("https://accounts.google.com", "google-id-token"),
        ("https://acme.eu.auth0.com/", "auth0"),
        ("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", "cognito"),
        ("https://token.actions.githubusercontent.com", "github-actions"),
        ("https://gitlab.com", "gitlab-ci"),
        ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", "kubernetes"),
        ("https://auth.pingone.eu/env/as", "pingone"),
        ("https://acme-abc123.zitadel.cloud", "zitadel"),
        ("https://sso.corp.example/auth/realms/corp", "keycloak"),
        ("https://idp.corp.example", "rfc9068"),
    ];

    #[test]
    fn issuers_of_known_providers_get_their_preset() {
        assert_eq!(KNOWN.len(), FITS.len());
        for (issuer, preset) in KNOWN {
            assert_eq!(propose(issuer).preset, *preset, "{issuer}");
        }
    }

    #[test]
    fn every_profile_is_a_valid_configuration() {
        for (issuer, _) in KNOWN {
            let profile = propose(issuer).profile;
            let parsed = Config::parse(profile.as_bytes(), "proposal");
            assert!(parsed.config.is_some(), "{profile}{:?}", parsed.findings);
        }
    }

    #[test]
    fn look_alikes_do_not() {
        for issuer in [
            "https://login.microsoftonline.com.evil.example/t/v2.0",
            "https://sts.windows.net/tenant/",
            "https://acme.okta.com",
            "https://okta.com.evil.example/oauth2/x",
            "https://accounts.google.com.evil.example",
            "https://evilauth0.com/",
            "https://idp.example/realms/",
        ] {
            assert_eq!(propose(issuer).preset, "rfc9068", "{issuer}");
        }
    }

    #[test]
    fn every_preset_that_is_proposed_exists() {
        for fit in FITS {
            assert!(presets::ALL.iter().any(|preset| preset.name == fit.preset), "{}", fit.preset);
        }
    }

    #[test]
    fn names_are_those_of_profiles() {
        assert_eq!(name_of("idp.corp.example"), "corp");
        assert_eq!(name_of("localhost"), "localhost");
        for host in ["127.0.0.1", "[::1]", "-.example", "_.example"] {
            assert_eq!(name_of(host), "provider", "{host}");
        }
    }

    #[test]
    fn a_file_name_is_one_word_of_the_shell() {
        assert_eq!(quoted("/a b/it's.pem"), "'/a b/it'\\''s.pem'");
        let proposal = propose("https://idp.corp.example");
        assert!(proposal.save_keys.ends_with("--output corp.jwks.json 'https://keys.example/jwks?v=1'"));
    }
}
