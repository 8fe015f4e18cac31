//! The line of type, range and default under each entry of a setting in oauth-validator.toml(5).

use oauth_validator_core::config::settings::{Default, SETTINGS, Setting, ValueKind};

/// How the page calls a table of the settings: `[profiles.NAME.scope]`, or `[[...]]` where it is one of several.
pub fn heading_of(table: &str) -> String {
    if table.is_empty() {
        return "Top level".to_owned();
    }
    let name = table.replace('*', "NAME");
    let is_rules = |setting: &Setting| matches!(setting.kind, ValueKind::Rules(rules) if rules == table);
    if SETTINGS.iter().any(is_rules) { format!("[[{name}]]") } else { format!("[{name}]") }
}

/// The page, with that line under each `.It Cm KEY` of a table.
pub fn types(page: &str) -> String {
    let mut made = String::new();
    let (mut table, mut lines) = (None, page.lines().peekable());
    while let Some(line) = lines.next() {
        made.push_str(&format!("{line}\n"));
        if let Some(heading) = line.strip_prefix(".Ss ").or(line.strip_prefix(".Sh ")) {
            table = SETTINGS.iter().map(|setting| setting.table).find(|table| heading_of(table) == heading);
        }
        let key = line.strip_prefix(".It Cm ");
        let setting = SETTINGS.iter().find(|setting| Some(setting.table) == table && Some(setting.key) == key);
        if let Some(setting) = setting {
            lines.next_if(|next| {
                next.starts_with(".Pq ") && next.contains(" ; default") || next.ends_with(" ; required")
            });
            made.push_str(&format!("{}\n", type_line(setting)));
        }
    }
    made
}

/// Type and range, and what holds without the key.
fn type_line(setting: &Setting) -> String {
    let escaped = |text: &str| text.replace('\\', "\\e").replace('"', "\\(dq");
    let default = match setting.default {
        Default::Required => "required".to_owned(),
        word @ (Default::None | Default::Phrase(_)) => format!("default {}", word.words()),
        value => format!("default Ql {}", escaped(&value.words())),
    };
    let words = setting.kind.words();
    // The range of "array of strings, or "none"" is about the array.
    let (kind, or) = words.split_at(words.find(", or ").unwrap_or(words.len()));
    let range = setting.range().map(|range| format!(", {range}")).unwrap_or_default();
    format!(".Pq {}{range}{} ; {default}", escaped(kind), escaped(or))
}
