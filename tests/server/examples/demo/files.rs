//! The files of the demo: what config/examples says, joined, with one substitution: keys come from files beside the
//! configuration, since the issuers of the examples are real hosts, and the demo sends nothing over the network.
//!
//! The lines of pg_hba.conf and pg_ident.conf are those that the comments of the examples recommend, so the demo also
//! shows that following the comments works. Only `hostssl all all all` becomes the local connection that the demo
//! uses. Nothing here may repair an example: a line that is not there is an error.

use std::fs;

use oauth_validator_fixtures::examples::with_key_file;
use oauth_validator_server_tests::{HarnessError, Result, workspace_root};

/// The profiles, each with the database that its provider serves in this demo.
pub const PROFILES: [(&str, &str); 4] =
    [("entra", "sales"), ("okta", "support"), ("google", "finance"), ("keycloak", "warehouse")];

/// The database whose line names a provider that no profile is for.
pub const ORPHAN: &str = "archive";

/// What the server reads.
pub struct DemoFiles {
    /// oauth-validator.toml, without comments, and with the keys of each profile in `PROFILE.jwks.json`.
    pub config: String,
    /// pg_hba.conf, each line short enough to be read.
    pub hba: String,
    /// pg_ident.conf.
    pub ident: String,
}

impl DemoFiles {
    /// Made from the examples of the source tree.
    pub fn from_examples() -> Result<Self> {
        let mut config = Vec::new();
        let mut hba = String::new();
        let mut ident = String::from("# map       identity                                 role\n");
        for (profile, database) in PROFILES {
            let example = read(profile)?;
            config.push(without_comments(&with_key_file(&example, profile)));
            hba += &hba_line(&recommended(&example, profile, "pg_hba.conf:")?, profile, database)?;
            ident += &ident_line(&recommended(&example, profile, "pg_ident.conf:")?, profile)?;
        }
        hba += &format!(
            "local  {ORPHAN:<9}  all  oauth \\\n    issuer=\"https://old-provider.example\" scope=\"db.connect\"\n"
        );
        Ok(Self { config: config.join("\n"), hba, ident })
    }
}

fn read(profile: &str) -> Result<String> {
    let path = workspace_root().join(format!("config/examples/{profile}.toml"));
    fs::read_to_string(&path).map_err(|error| HarnessError::new(format!("cannot read {}: {error}", path.display())))
}

fn without_comments(example: &str) -> String {
    let settings = example.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    settings.flat_map(|line| [line, "\n"]).collect()
}

/// The comment line below the one that ends with the name of `file`.
fn recommended(example: &str, profile: &str, file: &str) -> Result<String> {
    let mut comments = example.lines().filter_map(|line| line.strip_prefix('#')).map(str::trim);
    let line = comments.by_ref().find(|line| line.ends_with(file)).and_then(|_| comments.next());
    line.map(str::to_owned).ok_or_else(|| HarnessError::new(format!("{profile}.toml recommends no line of {file}")))
}

/// A backslash continues a line of pg_hba.conf.
fn hba_line(recommended: &str, profile: &str, database: &str) -> Result<String> {
    let options =
        recommended.strip_prefix("hostssl all all all oauth ").and_then(|options| options.split_once(" map="));
    let Some((provider, map)) = options else {
        return Err(HarnessError::new(format!(
            "the line of pg_hba.conf in {profile}.toml has another form: {recommended}"
        )));
    };
    let provider = match provider.len() {
        ..90 => provider.to_owned(),
        _ => provider.replace("\" scope=", "\" \\\n    scope="),
    };
    Ok(format!("local  {database:<9}  all  oauth  map={map} \\\n    {provider}\n"))
}

fn ident_line(recommended: &str, profile: &str) -> Result<String> {
    let parts: Vec<&str> = recommended.split_whitespace().collect();
    let [map, identity, role] = parts[..] else {
        return Err(HarnessError::new(format!("the line of pg_ident.conf in {profile}.toml has no three parts")));
    };
    Ok(format!("{map:<10}  {identity:<39}  {role}\n"))
}
