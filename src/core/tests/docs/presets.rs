//! The presets, out of their files: rows of the README, entries of oauth-validator.toml(5), sections of oauth_validator(7).

use super::markup::{block, first_clause, first_sentence, mdoc};
use oauth_validator_core::config::presets::{self, Head, Preset, PresetInfo};

/// All that is said of one.
struct PresetText {
    preset: &'static Preset,
    head: Head,
    about: PresetInfo,
    claim: String,
}

fn all() -> Vec<PresetText> {
    let said = |preset: &'static Preset| PresetText {
        preset,
        head: preset.head().unwrap_or_else(|why| panic!("{}: {why}", preset.name)),
        about: preset.about().unwrap_or_else(|why| panic!("{}: {why}", preset.name)),
        claim: preset.identity_claim().unwrap_or_else(|| panic!("{} has no identity.claim", preset.name)),
    };
    presets::ALL.iter().map(said).collect()
}

/// Rows of a table of Markdown.
pub fn rows() -> String {
    let row = |PresetText { preset, head, about, claim }: &PresetText| {
        let cells = [
            format!("`{}`", preset.name),
            format!("`{claim}`, {}: `{}`", first_clause(&head.authn_id), about.identity),
            first_sentence(&head.sets).trim_end_matches('.').to_owned(),
            first_clause(&head.delegation),
        ];
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    let head = "| preset | `authn_id` | the profile sets | `delegate_ident_mapping=1` |\n|---|---|---|---|\n";
    let asking: Vec<String> = all()
        .iter()
        .filter(|said| said.preset.text.contains("\nmode = "))
        .map(|said| format!("`{}`", said.preset.name))
        .collect();
    let (last, others) = asking.split_last().expect("presets that ask");
    let about_asking = format!(
        "\nWith {} and {last} the provider is asked about each token, at each login: opaque tokens are understood,\n\
         a revoked one is refused at once, and an outage of the provider is one of these logins.\n",
        others.join(", ")
    );
    head.to_owned() + &all().iter().map(row).collect::<String>() + &about_asking
}

/// Entries of a list of mdoc.
pub fn entries() -> String {
    let entry = |PresetText { preset, head, .. }: &PresetText| {
        format!(".It Cm {}\n{}Set\n{}", preset.name, mdoc(&head.summary), mdoc(&head.sets))
    };
    all().iter().map(entry).collect()
}

/// Sections of mdoc.
pub fn sections() -> String {
    let section = |said: &PresetText| {
        let PresetText { preset, head, about, claim } = said;
        let roles = about.roles.iter().map(|example| {
            let lines = example.settings.lines().map(str::to_owned);
            block(std::iter::once("[profiles.corp.roles]".to_owned()).chain(lines))
        });
        let roles: Vec<String> = roles.collect();
        format!(
            ".Ss {}\n.Ql {claim} :\n{}{}.Pp\n{}{}",
            preset.name,
            mdoc(&head.authn_id),
            map(preset, about),
            mdoc(&format!("Delegation: {}", head.delegation)),
            roles.concat()
        )
    };
    all().iter().map(section).collect()
}

/// Lines of pg_ident.conf: for one person, and for everybody whom the profile lets in.
fn map(preset: &Preset, about: &PresetInfo) -> String {
    let expression = about.everybody.as_ref().map(|everybody| format!("/{everybody}"));
    // Roles stand below each other, unless an identity is too long for that.
    let widths = expression.iter().map(String::len).chain([about.identity.len()]);
    let wide = widths.filter(|width| *width <= 48).max().unwrap_or(0);
    let line = |identity: &str, role: &str| format!("{}   {identity:wide$}   {role}", preset.name);
    let everybody = expression.map(|expression| line(&expression, &about.everybody_role));
    block(std::iter::once(line(&about.identity, &about.role)).chain(everybody))
}
