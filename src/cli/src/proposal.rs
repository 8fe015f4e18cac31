//! Proposes a profile for an issuer: the preset that fits it, what its documents say, and what a person has to fill in.
//!
//! The preset follows from the issuer's host and path alone. Of the documents come the algorithms of the keys, the issuer
//! that tokens name, and where and how tokens can be asked about: what the server would believe as well. Must never guess an
//! audience, a client or a rule: placeholders in capitals accept nobody.

use crate::args::{ClaimRule, ReachOptions};
use crate::draft::{Draft, VerifiedBy};
use crate::layouts::PresetLayout;
use crate::net::{Introspection, SafeUrl};
use oauth_validator_core::{Algorithm, Config, KeySet};
use std::path::Path;

/// What to write where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The preset's name; none if there are no keys, so that no preset fits.
    pub(crate) preset: Option<&'static str>,
    /// The profile's name, and that of its map.
    pub(crate) name: String,
    /// Lines of TOML, beginning with the table's head.
    pub(crate) profile: String,
    /// A profile in place of that one, by which the provider judges each token; none without such an endpoint.
    pub(crate) introspection: Option<String>,
    /// A line of pg_hba.conf.
    pub(crate) hba: String,
}

/// What a provider's documents say of how its tokens are verified.
#[derive(Debug, Default)]
pub(crate) struct PublishedMetadata<'a> {
    /// Its keys, if it publishes any.
    pub(crate) keys: Option<&'a KeySet>,
    /// Where its tokens can be asked about.
    pub(crate) introspection: Option<&'a Introspection>,
    /// Another `iss` of its access tokens.
    pub(crate) token_issuer: Option<&'a str>,
    /// The issuer of the line of pg_hba.conf, by which clients find the metadata, if that is another spelling.
    pub(crate) hba_issuer: Option<&'a str>,
}

/// What whoever asks has decided already.
pub(crate) struct Wishes<'a> {
    /// How the provider is reached.
    pub(crate) reach: &'a ReachOptions,
    /// The layout, in place of the one that is proposed for the issuer.
    pub(crate) layout: Option<&'static PresetLayout>,
    /// The profile's name.
    pub(crate) name: Option<&'a str>,
    /// A file with the keys, in place of the provider's own document.
    pub(crate) jwks_file: Option<&'a Path>,
}

impl<'a> Wishes<'a> {
    /// None but how the provider is reached.
    pub(crate) fn none(reach: &'a ReachOptions) -> Self {
        Self { reach, layout: None, name: None, jwks_file: None }
    }
}

impl Proposal {
    /// For `issuer`, which publishes this; nothing if it publishes no way to verify tokens that a server has.
    pub(crate) fn new(issuer: &SafeUrl, wishes: &Wishes<'_>, published: &PublishedMetadata<'_>) -> Option<Self> {
        let host = issuer.host().to_ascii_lowercase();
        let layout = wishes.layout.or_else(|| PresetLayout::for_issuer(&host, issuer.path()))?;
        let endpoint = published.introspection.and_then(|found| Some((found, client_auth(found.methods.as_deref())?)));
        let asking = endpoint.map(|(found, auth)| {
            let way = VerifiedBy::Introspection { endpoint: &found.endpoint, auth };
            draft(issuer, wishes, published, layout, way)
        });
        let hba_issuer = published.hba_issuer.unwrap_or(issuer.as_str());
        let Some(keys) = published.keys else {
            let asking = asking?;
            let (profile, hba) = (asking.profile(), asking.hba(hba_issuer));
            return Some(Self { preset: None, name: asking.name, profile, introspection: None, hba });
        };
        let by_keys = |algorithms| {
            let way = VerifiedBy::Preset { algorithms, jwks_file: wishes.jwks_file, introspection: None };
            draft(issuer, wishes, published, layout, way)
        };
        let of_preset = by_keys(Vec::new());
        let algorithms = algorithms_of(&of_preset.profile(), keys);
        let draft = if algorithms.is_empty() { of_preset } else { by_keys(algorithms) };
        let (profile, hba) = (draft.profile(), draft.hba(hba_issuer));
        let introspection = asking.map(|asking| asking.profile());
        Some(Self { preset: Some(layout.preset.name), name: draft.name, profile, introspection, hba })
    }
}

fn draft<'a>(
    issuer: &'a SafeUrl,
    wishes: &Wishes<'a>,
    published: &PublishedMetadata<'a>,
    layout: &'static PresetLayout,
    way: VerifiedBy<'a>,
) -> Draft<'a> {
    let by_preset = matches!(way, VerifiedBy::Preset { .. });
    let about = &layout.about;
    let rule = about.rule.as_ref().filter(|_| by_preset);
    let rule = rule.map(|rule| ClaimRule { claim: rule.claim.clone(), equals: rule.equals.clone() });
    let audience = about.audience.as_deref();
    let audience = if by_preset { audience } else { audience.or(Some("AUDIENCE")) };
    let clients = if by_preset && about.needs_clients { vec!["CLIENT-ID".to_owned()] } else { Vec::new() };
    Draft {
        layout,
        way,
        name: wishes.name.map_or_else(|| name_for(layout, issuer.host()), str::to_owned),
        issuer: Some(issuer.as_str()),
        token_issuer: published.token_issuer,
        audience: audience.into_iter().map(str::to_owned).collect(),
        clients,
        scope: &about.scope,
        scope_prefix: layout.scope_prefix("CLIENT-ID"),
        reach: wishes.reach,
        rules: rule.into_iter().collect(),
    }
}

/// How this server can prove itself at an endpoint that takes these methods (RFC 8414 section 2, RFC 7591 section 2); the
/// one that is usual where nothing is said. A method that is written out in a form needs no encoding, but RFC 6749 section
/// 2.3.1 advises against it where there is Basic.
fn client_auth(methods: Option<&[String]>) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 4] =
        [("client_secret_basic", "basic"), ("client_secret_post", "post"), ("bearer", "bearer"), ("none", "none")];
    let methods = methods.filter(|methods| !methods.is_empty());
    let Some(methods) = methods else { return Some("basic") };
    let takes = |name: &str| methods.iter().any(|method| method.eq_ignore_ascii_case(name));
    KNOWN.iter().find_map(|(name, auth)| takes(name).then_some(*auth))
}

/// The algorithms of the keys, if there is a key for which the profile has none; nothing else need be said.
///
/// A key that names no algorithm fits several: of these, the profile's own count first.
fn algorithms_of(profile: &str, keys: &KeySet) -> Vec<&'static str> {
    let config = Config::parse(profile.as_bytes(), "").config;
    let Some(accepted) = config.as_ref().and_then(|config| config.profiles().first()).map(|one| &one.algorithms.value)
    else {
        return Vec::new();
    };
    let mut follows = true;
    let mut wanted: Vec<Algorithm> = Vec::new();
    for key in keys.keys() {
        let known: Vec<Algorithm> = key.algorithms().filter(|algorithm| accepted.contains(algorithm)).collect();
        follows &= !known.is_empty() || key.algorithms().next().is_none();
        wanted.extend(if known.is_empty() { key.algorithms().take(1).collect() } else { known });
    }
    if follows {
        return Vec::new();
    }
    Algorithm::ALL.iter().filter(|algorithm| wanted.contains(algorithm)).map(|algorithm| algorithm.name()).collect()
}

/// What a profile with this layout is called: as its preset, unless that says nothing about the provider.
pub(crate) fn name_for(layout: &PresetLayout, host: &str) -> String {
    if layout.about.is_for_any() { name_of(host) } else { layout.preset.name.to_owned() }
}

/// The label of the host that is most likely the organisation's, as the name of a profile.
fn name_of(host: &str) -> String {
    let mut labels = host.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let label = labels.next().unwrap_or(last);
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
    use super::{Proposal, PublishedMetadata, Wishes, name_of};
    use crate::args::{Args, Command, DiscoverOptions};
    use crate::layouts::LAYOUTS;
    use crate::net::{Plain, SafeUrl};
    use clap::Parser;
    use oauth_validator_core::config::KeySource;
    use oauth_validator_core::{Config, FilePath, KeySet, Location};
    use oauth_validator_fixtures::{jwks, keys};

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
        let keys = jwks(&[keys::corp(), keys::p256()]);
        let keys = KeySet::from_jwks(keys.to_string().as_bytes()).expect("keys");
        let published = PublishedMetadata { keys: Some(&keys), ..PublishedMetadata::default() };
        let issuer = SafeUrl::parse(issuer, plain).expect("an issuer");
        Proposal::new(&issuer, &Wishes::none(reach), &published).expect("a proposal")
    }

    fn parsed(proposal: &Proposal) -> Config {
        let parsed = Config::parse(proposal.profile.as_bytes(), "proposal");
        parsed.config.unwrap_or_else(|| panic!("{}{:?}", proposal.profile, parsed.findings))
    }

    #[test]
    fn every_profile_is_a_valid_configuration() {
        let known = LAYOUTS.iter().flat_map(|layout| layout.about.known.iter().map(move |issuer| (layout, issuer)));
        for (layout, issuer) in known {
            let proposal = propose(issuer);
            assert_eq!(proposal.preset, Some(layout.preset.name), "{issuer}");
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
        let reach = &keys.settings.reach;
        assert_eq!((reach.ca.as_ref(), reach.insecure_http), (Some(&FilePath(ca_file.to_owned())), false));
        assert_eq!(reach.proxy.as_deref(), Some("http://proxy.example:3128"));
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
            assert_eq!(propose(issuer).preset, Some("rfc9068"), "{issuer}");
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
