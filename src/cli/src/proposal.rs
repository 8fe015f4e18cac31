//! Proposes a profile for an issuer: the preset that fits it, and what a person has to fill in.
//!
//! By the issuer's host and path alone; what its documents say about themselves has no part in it. Must never guess an
//! audience, a client or a rule: placeholders in capitals accept nobody.

use crate::args::{ClaimRule, DiscoverOptions};
use crate::draft::{Draft, quoted};
use crate::layouts::Layout;
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
    /// Lines in place of the preset's, for a provider that judges each token itself; none without such an endpoint.
    pub(crate) introspection: Option<String>,
    /// A line of pg_hba.conf.
    pub(crate) hba: String,
}

/// A preset, and which issuers it is for.
struct Fit {
    preset: &'static str,
    fits: fn(host: &str, path: &str) -> bool,
}

/// The first one that fits is taken; the last one always does.
const FITS: &[Fit] = &[
    Fit { preset: "entra", fits: |host, path| host == "login.microsoftonline.com" && path.ends_with("/v2.0") },
    Fit {
        preset: "okta",
        fits: |host, path| {
            path.starts_with("/oauth2/") && (host.ends_with(".okta.com") || host.ends_with(".oktapreview.com"))
        },
    },
    Fit { preset: "google-id-token", fits: |host, _| host == "accounts.google.com" },
    Fit { preset: "auth0", fits: |host, path| host.ends_with(".auth0.com") && path == "/" },
    Fit { preset: "cognito", fits: |host, _| host.starts_with("cognito-idp.") && host.ends_with(".amazonaws.com") },
    Fit { preset: "github-actions", fits: |host, path| host == "token.actions.githubusercontent.com" && path == "/" },
    Fit { preset: "gitlab-ci", fits: |host, path| host == "gitlab.com" && path == "/" },
    Fit {
        preset: "kubernetes",
        fits: |host, path| {
            (host.starts_with("oidc.eks.") && host.ends_with(".amazonaws.com"))
                || (host == "container.googleapis.com" && path.contains("/clusters/"))
        },
    },
    Fit { preset: "pingone", fits: |host, path| host.starts_with("auth.pingone.") && path.ends_with("/as") },
    Fit { preset: "zitadel", fits: |host, _| host.ends_with(".zitadel.cloud") },
    Fit {
        preset: "keycloak",
        fits: |_, path| path.rsplit_once("/realms/").is_some_and(|(_, realm)| !realm.is_empty()),
    },
    Fit { preset: "rfc9068", fits: |_, _| true },
];

impl Proposal {
    /// For `issuer`, which was asked with these options, and the endpoint that its metadata names (RFC 7662).
    pub(crate) fn new(issuer: &SafeUrl, options: &DiscoverOptions, endpoint: Option<&str>) -> Self {
        let host = issuer.host().to_ascii_lowercase();
        let fit = FITS.iter().find(|fit| (fit.fits)(&host, issuer.path())).unwrap_or(&FITS[FITS.len() - 1]);
        let layout = Layout::of(fit.preset);
        let rule =
            layout.rule.map(|(claim, equals)| ClaimRule { claim: claim.to_owned(), equals: equals.map(str::to_owned) });
        let draft = Draft {
            layout,
            name: name_for(layout, &host),
            issuer: Some(issuer.as_str()),
            audience: layout.audience.into_iter().map(str::to_owned).collect(),
            clients: if layout.needs_clients { vec!["CLIENT-ID".to_owned()] } else { Vec::new() },
            scope_prefix: layout.prefixed.then(|| "api://CLIENT-ID/".to_owned()),
            jwks_file: None,
            reach: &options.reach,
            introspection: None,
            rules: rule.into_iter().collect(),
        };
        let (profile, hba) = (draft.profile(), draft.hba(issuer.as_str(), layout.scope));
        Self { preset: fit.preset, name: draft.name, profile, introspection: endpoint.map(introspection), hba }
    }
}

/// What a profile says of an endpoint. Presets are about JWTs, whose claims an answer need not have.
fn introspection(endpoint: &str) -> String {
    let secret = "/etc/postgresql/oauth-validator.secret";
    format!(
        "mode = \"introspection\"\nintrospection.endpoint = {}\nintrospection.client_id = \"CLIENT-ID\"\n\
         introspection.client_secret_file = \"{secret}\"\n",
        quoted(endpoint)
    )
}

/// What a profile with this layout is called: as its preset, unless that says nothing about the provider.
pub(crate) fn name_for(layout: &Layout, host: &str) -> String {
    if layout.preset == "rfc9068" { name_of(host) } else { layout.preset.to_owned() }
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

#[cfg(test)]
mod tests {
    use super::{FITS, Proposal, name_of};
    use crate::args::{Args, Command, DiscoverOptions};
    use crate::net::{Plain, SafeUrl};
    use clap::Parser;
    use oauth_validator_core::config::{KeySource, presets};
    use oauth_validator_core::{Config, Location};

    fn propose(issuer: &str) -> Proposal {
        propose_with(issuer, &[])
    }

    fn propose_with(issuer: &str, args: &[&str]) -> Proposal {
        let args = ["oauth-validator", "discover", issuer].into_iter().chain(args.iter().copied());
        let Command::Discover(options) = Args::try_parse_from(args).expect("a command line").command else {
            panic!("another command");
        };
        let DiscoverOptions { issuer, reach, .. } = &options;
        let plain = if reach.insecure_http { Plain::Loopback } else { Plain::Never };
        Proposal::new(&SafeUrl::parse(issuer, plain).expect("an issuer"), &options, None)
    }

    fn parsed(proposal: &Proposal) -> Config {
        let parsed = Config::parse(proposal.profile.as_bytes(), "proposal");
        parsed.config.unwrap_or_else(|| panic!("{}{:?}", proposal.profile, parsed.findings))
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
            let proposal = propose(issuer);
            assert!(!proposal.profile.contains("keys"), "{}", proposal.profile);
            parsed(&proposal);
        }
    }

    #[test]
    fn options_become_settings_of_the_same_meaning() {
        let ca_file = "/a b/it's \"ü\u{1b}\u{202e}.pem";
        let args = [
            ["--discovery-url", "https://idp.example/meta?a=1"],
            ["--allow-host", "www.keys.example"],
            ["--allow-host", "[2001:db8::1]"],
            ["--ca-file", ca_file],
            ["--proxy", "http://proxy.example:3128"],
        ];
        let proposal = propose_with("https://idp.example", &args.concat());
        assert!(!proposal.profile.contains(['\u{1b}', '\u{202e}']), "{}", proposal.profile);
        let config = parsed(&proposal);
        let KeySource::Provider(keys) = &config.profiles()[0].keys else { panic!("{}", proposal.profile) };
        assert_eq!(keys.settings.location, Location::Metadata("https://idp.example/meta?a=1".to_owned()));
        assert_eq!(keys.settings.allowed_hosts, ["www.keys.example", "[2001:db8::1]"]);
        assert_eq!((keys.settings.ca_file.as_deref(), keys.settings.insecure_http), (Some(ca_file), false));
        assert_eq!(keys.settings.proxy.as_deref(), Some("http://proxy.example:3128"));
    }

    #[test]
    fn http_has_to_be_asked_for_in_the_profile_as_well() {
        let proposal = propose_with("http://127.0.0.1:8080", &["--insecure-http"]);
        assert!(proposal.profile.contains("\nkeys = { insecure_http = true }\n"), "{}", proposal.profile);
        parsed(&proposal);
    }

    #[test]
    fn a_relative_path_becomes_an_absolute_one() {
        let proposal = propose_with("https://idp.example", &["--ca-file", "ca.pem"]);
        let (_, path) = proposal.profile.split_once("ca_file = \"").expect("the setting");
        assert!(path.starts_with('/') && path.contains("/ca.pem\""), "{path}");
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
}
