//! What `discover` proposes, filled in mechanically: the words in capitals, and the settings that the provider's folder adds.
//!
//! Must never mend a proposal: whatever has to be known besides stands in `provider.toml`, for everybody to see.

use crate::driver::Ready;
use crate::folder::{Trial, Way};
use oauth_validator_server_tests::tool_path;
use serde_json::Value;
use std::process::Command;
use toml::{Table, Value as Setting};

/// Where the proposal looks for the secret.
const SECRET_FILE: &str = "/etc/postgresql/oauth-validator.secret";

/// What is written into the server's files.
pub struct Files {
    /// oauth-validator.toml.
    pub config: Table,
    /// The name of the profile and of the map.
    pub name: String,
    /// A line of pg_hba.conf, for the Unix socket.
    pub hba: String,
}

/// What `discover` says of the provider, as a program reads it.
pub fn discovered(issuer: &str) -> Value {
    let mut command = Command::new(tool_path());
    command.env_clear().args(["discover", issuer, "--json", "--insecure-http"]);
    let output = command.output().expect("the tool runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).expect("JSON")
}

impl Files {
    /// The proposal of this report, filled in.
    pub fn filled_in(report: &Value, trial: &Trial, ready: &Ready) -> Self {
        let proposal = &report["proposal"];
        let by_keys = trial.profile == Way::Keys;
        let text = match (by_keys, &proposal["introspection"], &proposal["preset"]) {
            (true, _, Value::String(_)) => &proposal["profile"],
            (false, Value::String(_), _) => &proposal["introspection"],
            (false, _, Value::Null) => &proposal["profile"],
            _ => panic!("no such profile is proposed: {report:#}"),
        };
        let mut text = text.as_str().expect("a profile").replace(SECRET_FILE, "secret");
        let words = trial.fill.iter().chain(&ready.fill);
        let own = ready.introspection.iter().map(|asking| ("CLIENT-ID", asking.client_id.as_str()));
        for (word, value) in own.chain(words.map(|(word, value)| (word.as_str(), value.as_str()))) {
            text = text.replace(&format!("\"{word}\""), &Setting::from(value).to_string());
        }
        let name = proposal["name"].as_str().expect("a name").to_owned();
        let mut config: Table = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
        lay_over(profile_of(&mut config, &name), &trial.settings);
        let line = proposal["hba"].as_str().expect("a line");
        let mut hba = line.replacen("hostssl all all all", "local all all", 1);
        if let Some(scope) = &trial.scope {
            let (before, rest) = hba.split_once(" scope=\"").expect("a scope");
            let (_, after) = rest.split_once('"').expect("an end");
            hba = format!("{before} scope=\"{scope}\"{after}");
        }
        Self { config, name, hba }
    }

    /// The configuration with one more setting, of the profile or of a table in it.
    pub fn config_with(&self, tables: &[&str], key: &str, value: &str) -> String {
        let mut config = self.config.clone();
        let mut table = profile_of(&mut config, &self.name);
        for name in tables {
            let inner = table.entry(*name).or_insert_with(|| Table::new().into());
            table = inner.as_table_mut().expect("a table");
        }
        table.insert(key.to_owned(), Setting::from(value));
        config.to_string()
    }
}

fn profile_of<'a>(config: &'a mut Table, name: &str) -> &'a mut Table {
    let profile = config.get_mut("profiles").and_then(|profiles| profiles.get_mut(name));
    profile.and_then(Setting::as_table_mut).expect("the profile")
}

/// A table adds to a table; anything else takes the place of what was there, and `false` removes it.
fn lay_over(below: &mut Table, above: &Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(Setting::Table(below)), Setting::Table(above)) => lay_over(below, above),
            (_, Setting::Boolean(false)) => drop(below.remove(key)),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}
