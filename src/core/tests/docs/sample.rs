//! The sample file: every key with an example, what it means and what holds without it, all commented out.

use oauth_validator_core::config::settings::{Default, SETTINGS, Setting, ValueKind};

/// The line behind which all is made.
const MARK: &str = "# What follows is made by make docs from the table of settings.";

/// Lines have at most so many characters.
const WIDTH: usize = 118;

/// The sample file, with the part that people wrote as it is.
pub fn file(text: &str) -> String {
    let (written, _) = text.split_once(MARK).unwrap_or_else(|| panic!("no line {MARK}"));
    let of_file: String = keys("").map(|key| format!("\n{key}")).collect();
    format!("{written}{MARK}\n{of_file}{}", tables(""))
}

/// The tables below one.
fn tables(table: &str) -> String {
    let mut made = String::new();
    for setting in SETTINGS.iter().filter(|setting| setting.table == table) {
        let (name, rules) = match setting.kind {
            ValueKind::Table(_, name) => (name, false),
            ValueKind::Rules(name) => (name, true),
            ValueKind::Profiles => ("profiles.*", false),
            ValueKind::Presets => {
                made.push_str(&format!("\n{}#[presets.corp]\n", comment(&setting.meaning())));
                continue;
            }
            _ => continue,
        };
        let head = name.replace('*', "corp");
        let head = if rules { format!("[[{head}]]") } else { format!("[{head}]") };
        made.push_str(&format!("\n{}#{head}\n", comment(&setting.meaning())));
        made.extend(keys(name));
        made.push_str(&tables(name));
    }
    made
}

/// The keys of a table that are no tables themselves.
fn keys(table: &str) -> impl Iterator<Item = String> {
    SETTINGS.iter().filter(move |setting| setting.table == table && !has_table(setting)).map(key)
}

fn has_table(setting: &Setting) -> bool {
    matches!(setting.kind, ValueKind::Table(..) | ValueKind::Rules(_) | ValueKind::Profiles | ValueKind::Presets)
}

/// A key, below what it means.
fn key(setting: &Setting) -> String {
    let default = match setting.default {
        Default::Required => "required".to_owned(),
        default => format!("default: {}", default.words()),
    };
    format!("{}#{} = {}\n", comment(&format!("{} ({default})", setting.meaning())), setting.key, setting.example)
}

/// Lines of comment.
fn comment(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split(' ') {
        let wide = lines.last().map_or(0, String::len);
        if wide + 1 + word.len() > WIDTH {
            lines.push(String::from("#"));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
