//! Writes a profile, and the lines that belong to it in the server's files: for `discover` and for `init`.
//!
//! Must never write what cannot be read back as the same value: every value is quoted.

use crate::args::{ClaimRule, IntrospectionOptions, ReachOptions};
use crate::layouts::PresetLayout;
use crate::output::visible_toml;
use oauth_validator_core::config::presets::PresetInfo;
use std::path::{Path, PathBuf};

/// What a profile says.
pub(crate) struct Draft<'a> {
    pub(crate) layout: &'static PresetLayout,
    pub(crate) way: VerifiedBy<'a>,
    /// The profile's name, and that of its map.
    pub(crate) name: String,
    /// None where the preset names it.
    pub(crate) issuer: Option<&'a str>,
    /// Another `iss` of its tokens.
    pub(crate) token_issuer: Option<&'a str>,
    pub(crate) audience: Vec<String>,
    pub(crate) clients: Vec<String>,
    /// The scopes of the line, as clients request them.
    pub(crate) scope: &'a str,
    /// What these have in front.
    pub(crate) scope_prefix: Option<String>,
    pub(crate) reach: &'a ReachOptions,
    pub(crate) rules: Vec<ClaimRule>,
}

/// How tokens are verified.
pub(crate) enum VerifiedBy<'a> {
    /// Tokens are verified as the layout's preset says, with what the options say besides.
    Preset {
        /// In place of the preset's; those of the preset if there are none.
        algorithms: Vec<&'static str>,
        jwks_file: Option<&'a Path>,
        introspection: Option<&'a IntrospectionOptions>,
    },
    /// Tokens are verified by introspection, without a preset: presets are about JWTs, whose claims an answer need not have.
    Introspection { endpoint: &'a str, auth: &'static str },
}

/// What a scope of OpenID Connect is called everywhere (its Core sections 5.4 and 11): no API has these in its own name.
const STANDARD_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// Where a profile looks for the secret, if nobody says otherwise.
const SECRET_FILE: &str = "/etc/postgresql/oauth-validator.secret";

impl Draft<'_> {
    /// Lines of TOML, beginning with the table's head.
    pub(crate) fn profile(&self) -> String {
        let mut lines = vec![format!("[profiles.{}]", self.name)];
        if let VerifiedBy::Preset { .. } = self.way {
            lines.push(format!("preset = {}", quoted(self.layout.preset.name)));
        }
        lines.extend(self.issuer.map(|issuer| format!("issuer = {}", quoted(issuer))));
        lines.extend(self.token_issuer.map(|issuer| format!("token_issuers = [{}]", quoted(issuer))));
        if !self.audience.is_empty() {
            lines.push(format!("audience = {}", list(&self.audience)));
        }
        match &self.way {
            VerifiedBy::Preset { algorithms, .. } if !algorithms.is_empty() => {
                lines.push(format!("algorithms = {}", list(algorithms)));
            }
            VerifiedBy::Preset { .. } => {}
            VerifiedBy::Introspection { .. } => lines.push("mode = \"introspection\"".to_owned()),
        }
        if !self.clients.is_empty() {
            let claims = list(&self.layout.about.clients);
            lines.push(format!("clients = {{ claims = {claims}, allow = {} }}", list(&self.clients)));
        }
        lines.extend(table("scope", &self.scope_settings()));
        lines.extend(table("keys", &self.keys()));
        match self.way {
            VerifiedBy::Preset { .. } => lines.extend(table("introspection", &self.introspection())),
            VerifiedBy::Introspection { .. } => {
                lines.push(format!("\n[profiles.{}.introspection]", self.name));
                lines.extend(self.introspection());
            }
        }
        for rule in &self.rules {
            let test = match &rule.equals {
                Some(value) => format!("equals = {}", quoted(value)),
                None => "present = true".to_owned(),
            };
            let head = format!("\n[[profiles.{}.require]]\nclaim = {}", self.name, quoted(&rule.claim));
            lines.extend([head, test]);
        }
        lines.join("\n") + "\n"
    }

    /// The line of pg_hba.conf.
    pub(crate) fn hba(&self, issuer: &str) -> String {
        let prefix = self.scope_prefix.as_deref().unwrap_or_default();
        let requested = |name: &str| {
            let as_it_is = STANDARD_SCOPES.contains(&name) || name.starts_with(prefix);
            if as_it_is { name.to_owned() } else { format!("{prefix}{name}") }
        };
        let scope: Vec<String> = self.scopes().map(requested).collect();
        // As hba.c reads a quotation mark between quotation marks.
        let issuer = issuer.replace('"', "\"\"");
        format!("hostssl all all all oauth issuer=\"{issuer}\" scope=\"{}\" map={}", scope.join(" "), self.name)
    }

    fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|name| !name.is_empty())
    }

    fn scope_settings(&self) -> Vec<String> {
        let mut settings: Vec<String> =
            self.scope_prefix.iter().map(|prefix| format!("prefix = {}", quoted(prefix))).collect();
        let unlisted = match self.way {
            VerifiedBy::Preset { .. } => self.layout.about.unlisted.clone(),
            VerifiedBy::Introspection { .. } => PresetInfo::UNLISTED.map(str::to_owned).into(),
        };
        let (left_out, required): (Vec<&str>, Vec<&str>) =
            self.scopes().partition(|name| unlisted.iter().any(|one| one == name));
        // A line without any other scope has to mean these.
        if !left_out.is_empty() && !required.is_empty() {
            settings.push(format!("ignore = {}", list(&unlisted)));
        }
        settings
    }

    /// What has to be said about asking the provider: nothing where it is asked without options either.
    fn keys(&self) -> Vec<String> {
        let ReachOptions { discovery_url, allow_host, ca_file, proxy, insecure_http } = self.reach;
        let mut settings = Vec::new();
        if let VerifiedBy::Preset { jwks_file, .. } = self.way {
            settings.extend(jwks_file.map(|path| format!("jwks_file = {}", path_of(path))));
            settings.extend(discovery_url.as_deref().map(|url| format!("discovery_url = {}", quoted(url))));
            if !allow_host.is_empty() {
                settings.push(format!("allowed_hosts = {}", list(allow_host)));
            }
        }
        settings.extend(ca_file.as_deref().map(|path| format!("ca_file = {}", path_of(path))));
        settings.extend(proxy.as_deref().map(|url| format!("proxy = {}", quoted(url))));
        if *insecure_http {
            settings.push("insecure_http = true".to_owned());
        }
        settings
    }

    fn introspection(&self) -> Vec<String> {
        let setting = |key: &str, value: &str| format!("{key} = {}", quoted(value));
        let options = match self.way {
            VerifiedBy::Introspection { endpoint, auth } => {
                let mut settings = vec![setting("endpoint", endpoint), setting("auth", auth)];
                if auth != "bearer" {
                    settings.push(setting("client_id", "CLIENT-ID"));
                }
                if auth != "none" {
                    settings.push(setting("client_secret_file", SECRET_FILE));
                }
                return settings;
            }
            VerifiedBy::Preset { introspection: Some(options), .. } => options,
            VerifiedBy::Preset { introspection: None, .. } => return Vec::new(),
        };
        let texts = [
            ("endpoint", options.introspection_endpoint.as_deref()),
            ("auth", options.introspection_auth.as_deref()),
            ("client_id", options.introspection_client_id.as_deref()),
        ];
        let texts = texts.into_iter().filter_map(|(key, value)| Some(setting(key, value?)));
        let secret = options.introspection_secret_file.as_deref();
        texts.chain(secret.map(|path| format!("client_secret_file = {}", path_of(path)))).collect()
    }
}

/// A table in one line, unless it is empty.
fn table(name: &str, settings: &[String]) -> Option<String> {
    (!settings.is_empty()).then(|| format!("{name} = {{ {} }}", settings.join(", ")))
}

fn list(values: &[impl AsRef<str>]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value.as_ref())).collect();
    format!("[{}]", values.join(", "))
}

/// A relative path means another file in the configuration.
fn path_of(path: &Path) -> String {
    quoted(&absolute(path).to_string_lossy())
}

/// The path from the root on.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A string of TOML with this text, in visible characters.
pub(crate) fn quoted(text: &str) -> String {
    visible_toml(&serde_json::Value::from(text).to_string()).into_owned()
}
