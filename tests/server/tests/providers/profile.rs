//! What `discover` proposes, filled in mechanically: the words in capitals, and the settings that the provider's folder adds.
//! Where it cannot know the provider, and says so, `init` makes the profile of a preset.
//!
//! Must never mend a proposal: whatever has to be known besides stands in `provider.toml`, for everybody to see.

use crate::driver::DriverReady;
use crate::folder::{JudgedBy, Trial};
use oauth_validator_server_tests::tool_path;
use serde_json::Value;
use std::process::Command;
use toml::{Table, Value as Setting};

/// Where the proposal looks for the secret.
const SECRET_FILE: &str = "/etc/postgresql/oauth-validator.secret";

/// What is written into the server's files.
pub struct TrialFiles {
    /// oauth-validator.toml.
    pub config: Table,
    /// The name of the profile and of the map.
    pub name: String,
    /// A line of pg_hba.conf, for the Unix socket.
    pub hba: String,
    /// The endpoint that claims can be looked up at, as `discover` has it.
    pub userinfo: Option<String>,
}

/// What the tool says, as a program reads it, and whether all was well.
fn said(arguments: &[&str]) -> (Value, bool) {
    let mut command = Command::new(tool_path());
    let output =
        command.env_clear().args(arguments).args(["--json", "--insecure-http"]).output().expect("the tool runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let other = String::from_utf8_lossy(&output.stderr);
    let document = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{arguments:?}: {why}: {text}{other}"));
    (document, output.status.success())
}

/// The words in capitals, and what a person writes in their place.
fn words<'a>(trial: &'a Trial, ready: &'a DriverReady) -> impl Iterator<Item = (&'a str, &'a str)> {
    let own = ready.introspection.iter().map(|asking| ("CLIENT-ID", asking.client_id.as_str()));
    own.chain(trial.fill.iter().chain(&ready.fill).map(|(word, value)| (word.as_str(), value.as_str())))
}

/// A text of TOML without them.
fn fill(text: &str, trial: &Trial, ready: &DriverReady) -> Table {
    let replaced = |text: String, (word, value): (&str, &str)| {
        text.replace(&format!("\"{word}\""), &Setting::from(value).to_string())
    };
    let text = words(trial, ready).fold(text.to_owned(), replaced);
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

impl TrialFiles {
    /// Of `discover`, or of `init` where that has failed as the provider's folder says.
    pub fn proposed(trial: &Trial, ready: &DriverReady) -> Self {
        let (report, is_fine) = said(&["discover", ready.served_at.as_ref().unwrap_or(&ready.issuer)]);
        let Some(instead) = &trial.instead else {
            assert!(is_fine, "{report:#}");
            let userinfo = report["userinfo_endpoint"].as_str().map(str::to_owned);
            return Self { userinfo, ..Self::of_discover(&report["proposal"], trial, ready) };
        };
        assert_eq!((report["error"]["code"].as_str(), is_fine), (Some(&*instead.discover_says), false), "{report:#}");
        let find =
            |option: &str| words(trial, ready).find(|(word, _)| *word == option).map(|(_, value)| value.to_owned());
        let options: Vec<String> = instead.init.iter().map(|one| find(one).unwrap_or_else(|| one.clone())).collect();
        let mut arguments = vec!["init", "--config", "/none", "--issuer", &ready.issuer];
        arguments.extend(options.iter().map(String::as_str));
        let (made, is_fine) = said(&arguments);
        assert!(is_fine, "{made:#}");
        Self::filled_in(made["profile"].as_str().expect("a profile"), &made, trial, ready)
    }

    fn of_discover(proposal: &Value, trial: &Trial, ready: &DriverReady) -> Self {
        let by_keys = trial.profile == JudgedBy::Keys;
        let text = match (by_keys, &proposal["introspection"], &proposal["preset"]) {
            (true, _, Value::String(_)) => &proposal["profile"],
            (false, Value::String(_), _) => &proposal["introspection"],
            (false, _, Value::Null) => &proposal["profile"],
            _ => panic!("no such profile is proposed: {proposal:#}"),
        };
        let text = text.as_str().expect("a profile").replace(SECRET_FILE, "secret");
        Self::filled_in(&text, proposal, trial, ready)
    }

    /// This text, and the name and the line that come with it.
    fn filled_in(text: &str, with: &Value, trial: &Trial, ready: &DriverReady) -> Self {
        let name = with["name"].as_str().expect("a name").to_owned();
        let mut config = fill(text, trial, ready);
        lay_over(profile_of(&mut config, &name), &fill(&trial.settings.to_string(), trial, ready));
        let line = with["hba"].as_str().expect("a line");
        let mut hba = line.replacen("hostssl all all all", "local all all", 1);
        if let Some(scope) = &trial.scope {
            let (before, rest) = hba.split_once(" scope=\"").expect("a scope");
            let (_, after) = rest.split_once('"').expect("an end");
            hba = format!("{before} scope=\"{scope}\"{after}");
        }
        Self { config, name, hba, userinfo: None }
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

    /// The configuration with these rules besides, and with these tables, each written as TOML.
    pub fn config_with_tables(&self, rules: &[(&str, &str)], tables: &[(&str, &str)]) -> String {
        let mut config = self.config.clone();
        let profile = profile_of(&mut config, &self.name);
        let read = |text: &str| text.parse::<Table>().unwrap_or_else(|why| panic!("{text}: {why}"));
        for (name, text) in rules {
            let rules = profile.entry(*name).or_insert_with(|| Setting::Array(Vec::new()));
            rules.as_array_mut().expect("rules").push(read(text).into());
        }
        for (name, text) in tables {
            profile.insert((*name).to_owned(), read(text).into());
        }
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
