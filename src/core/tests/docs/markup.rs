//! Turns the plain words of the code's tables into those of the pages. What is between grave accents is code there.

use oauth_validator_core::Reason;
use oauth_validator_core::config::presets::Preset;
use oauth_validator_core::config::settings::SETTINGS;

/// Lines of the pages' sources have at most so many characters.
const WIDTH: usize = 118;

/// Words, kept together where there is code between them.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut in_code) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        in_code ^= c == '`';
        if c.is_whitespace() && !in_code {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    assert!(!in_code, "a grave accent without another one: {text}");
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The words up to the first comma, colon, semicolon or period outside of code.
pub fn first_clause(text: &str) -> String {
    let mut clause = Vec::new();
    for word in words(text) {
        let ends = word.ends_with([',', ':', ';', '.']);
        clause.push(word.trim_end_matches([',', ':', ';', '.']).to_owned());
        if ends {
            break;
        }
    }
    clause.join(" ")
}

/// The words up to the first period outside of code, with it.
pub fn first_sentence(text: &str) -> String {
    let mut sentence = Vec::new();
    for word in words(text) {
        let ends = word.ends_with('.');
        sentence.push(word);
        if ends {
            break;
        }
    }
    sentence.join(" ")
}

/// Lines of mdoc.
pub fn mdoc(text: &str) -> String {
    let (mut lines, mut line) = (Vec::<String>::new(), String::new());
    for word in words(text) {
        if let Some(code) = code_line(&word) {
            lines.extend((!line.is_empty()).then(|| std::mem::take(&mut line)));
            lines.push(code);
            continue;
        }
        if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word.replace('\\', "\\e"));
        // A new sentence has a new line.
        if word.ends_with(['.', '?', '!']) {
            lines.push(std::mem::take(&mut line));
        }
    }
    lines.extend((!line.is_empty()).then_some(line));
    lines.iter().map(|line| format!("{}{line}\n", if is_request(line) { "\\&" } else { "" })).collect()
}

/// Whether a line of plain text would be taken for another one: those with code are meant to.
fn is_request(line: &str) -> bool {
    line.starts_with('\'') || (line.starts_with('.') && !line.starts_with(".Ql ") && !line.starts_with(".Cm "))
}

/// The line of a word that is code, with the punctuation around it.
fn code_line(word: &str) -> Option<String> {
    let (before, rest) = word.split_once('`')?;
    let (code, after) = rest.rsplit_once('`')?;
    assert!(before.chars().all(|c| c == '(') && !code.contains('`'), "code with something around it: {word}");
    let macro_name = if is_name(code) { "Cm" } else { "Ql" };
    let mut parts: Vec<String> = before.chars().map(String::from).collect();
    parts.push(argument(code));
    parts.extend(after.chars().map(String::from));
    Some(format!(".{macro_name} {}", parts.join(" ")))
}

/// Whether it names a setting, a preset or a reason code.
fn is_name(code: &str) -> bool {
    let code = code.trim_start_matches('[').trim_end_matches(']');
    let last = code.rsplit('.').next().unwrap_or(code);
    let plain = code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c));
    plain
        && (SETTINGS.iter().any(|setting| setting.key == last)
            || Preset::named(code).is_some()
            || Reason::ALL.iter().any(|reason| reason.code() == code))
}

/// Code as the argument of a macro.
fn argument(code: &str) -> String {
    let escaped = code.replace('\\', "\\e").replace('"', "\\(dq").replace('\'', "\\(aq");
    if escaped.contains([' ', '(', ')', '[', ']', ',', ':', ';']) && escaped.contains(' ') {
        format!("\"{escaped}\"")
    } else {
        escaped
    }
}

/// A line of a literal block.
pub fn literal(line: &str) -> String {
    let mut text = line.replace('\\', "\\e");
    for (character, escape) in [("-", "\\-"), ("'", "\\(aq"), ("^", "\\(ha"), ("~", "\\(ti"), ("`", "\\(ga")] {
        text = text.replace(character, escape);
    }
    text
}

/// Lines of a literal block, as one.
pub fn block(lines: impl IntoIterator<Item = String>) -> String {
    let lines: String = lines.into_iter().map(|line| literal(&line) + "\n").collect();
    format!(".Bd -literal -offset indent\n{lines}.Ed\n")
}
