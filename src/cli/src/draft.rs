//! Writes a profile, and the lines that belong to it in the server's files: for `discover` and for `init`.
//!
//! Must never write what cannot be read back as the same value: every value is quoted.

use crate::args::{ClaimRule, IntrospectionOptions, ReachOptions};
use crate::layouts::Layout;
use crate::output::visible_toml;
use std::path::{Path, PathBuf};

/// What a profile says.
pub(crate) struct Draft<'a> {
    pub(crate) layout: &'static Layout,
    /// The profile's name, and that of its map.
    pub(crate) name: String,
    /// None where the preset names it.
    pub(crate) issuer: Option<&'a str>,
    pub(crate) audience: Vec<String>,
    pub(crate) clients: Vec<String>,
    /// What the scopes of pg_hba.conf have in front.
    pub(crate) scope_prefix: Option<String>,
    pub(crate) jwks_file: Option<&'a Path>,
    pub(crate) reach: &'a ReachOptions,
    pub(crate) introspection: Option<&'a IntrospectionOptions>,
    pub(crate) rules: Vec<ClaimRule>,
}

/// What a scope of OpenID Connect is called everywhere (its Core sections 5.4 and 11): no API has these in its own name.
const STANDARD_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

impl Draft<'_> {
    /// Lines of TOML, beginning with the table's head.
    pub(crate) fn profile(&self) -> String {
        let name = &self.name;
        let mut lines = vec![format!("[profiles.{name}]"), format!("preset = {}", quoted(self.layout.preset))];
        lines.extend(self.issuer.map(|issuer| format!("issuer = {}", quoted(issuer))));
        if !self.audience.is_empty() {
            lines.push(format!("audience = {}", list(&self.audience)));
        }
        if !self.clients.is_empty() {
            let claims: Vec<String> = self.layout.clients.iter().map(|claim| (*claim).to_owned()).collect();
            lines.push(format!("clients = {{ claims = {}, allow = {} }}", list(&claims), list(&self.clients)));
        }
        lines.extend(self.scope_prefix.as_deref().map(|prefix| format!("scope = {{ prefix = {} }}", quoted(prefix))));
        lines.extend(table("keys", &self.keys()));
        lines.extend(table("introspection", &self.introspection()));
        for rule in &self.rules {
            let test = match &rule.equals {
                Some(value) => format!("equals = {}", quoted(value)),
                None => "present = true".to_owned(),
            };
            lines.extend([format!("\n[[profiles.{name}.require]]\nclaim = {}", quoted(&rule.claim)), test]);
        }
        lines.join("\n") + "\n"
    }

    /// The line of pg_hba.conf for these scopes of clients.
    pub(crate) fn hba(&self, issuer: &str, scope: &str) -> String {
        let prefix = self.scope_prefix.as_deref().unwrap_or_default();
        let requested = |name: &str| {
            let as_it_is = STANDARD_SCOPES.contains(&name) || name.starts_with(prefix);
            if as_it_is { name.to_owned() } else { format!("{prefix}{name}") }
        };
        let scope: Vec<String> = scope.split(' ').filter(|name| !name.is_empty()).map(requested).collect();
        // As hba.c reads a quotation mark between quotation marks.
        let issuer = issuer.replace('"', "\"\"");
        format!("hostssl all all all oauth issuer=\"{issuer}\" scope=\"{}\" map={}", scope.join(" "), self.name)
    }

    /// What has to be said about asking for keys: nothing where the provider is asked without options either.
    fn keys(&self) -> Vec<String> {
        let ReachOptions { discovery_url, allow_host, ca_file, proxy, insecure_http } = self.reach;
        let mut settings = Vec::new();
        settings.extend(self.jwks_file.map(|path| format!("jwks_file = {}", path_of(path))));
        settings.extend(discovery_url.as_deref().map(|url| format!("discovery_url = {}", quoted(url))));
        if !allow_host.is_empty() {
            settings.push(format!("allowed_hosts = {}", list(allow_host)));
        }
        settings.extend(ca_file.as_deref().map(|path| format!("ca_file = {}", path_of(path))));
        settings.extend(proxy.as_deref().map(|url| format!("proxy = {}", quoted(url))));
        if *insecure_http {
            settings.push("insecure_http = true".to_owned());
        }
        settings
    }

    fn introspection(&self) -> Vec<String> {
        let Some(options) = self.introspection else { return Vec::new() };
        let texts = [
            ("endpoint", options.introspection_endpoint.as_deref()),
            ("auth", options.introspection_auth.as_deref()),
            ("client_id", options.introspection_client_id.as_deref()),
        ];
        let texts = texts.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", quoted(value?))));
        let secret = options.introspection_secret_file.as_deref();
        texts.chain(secret.map(|path| format!("client_secret_file = {}", path_of(path)))).collect()
    }
}

/// A table in one line, unless it is empty.
fn table(name: &str, settings: &[String]) -> Option<String> {
    (!settings.is_empty()).then(|| format!("{name} = {{ {} }}", settings.join(", ")))
}

fn list(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
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

/// As a string of TOML, in visible characters.
pub(crate) fn quoted(text: &str) -> String {
    visible_toml(&serde_json::Value::from(text).to_string()).into_owned()
}
