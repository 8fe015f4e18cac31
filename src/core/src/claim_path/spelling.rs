//! How paths are written: what is refused before the grammar sees it, what was probably meant, and paths for messages.
//!
//! The library's grammar skips white space between any two of its tokens, also inside of a name, and takes the outer
//! white space of Unicode off names: what could be read in two ways is refused here.

use super::ClaimPath;
use super::query::{Segment, Selector};

/// Longer paths than this are not written by people.
const MAX_BYTES: usize = 2048;

/// Deeper nesting of brackets and parentheses is refused: the grammar tries several ways at each level, one after
/// another.
const MAX_NESTING: usize = 12;

/// Looks at a text without knowing the grammar.
///
/// # Errors
/// What is wrong with it, as a phrase.
pub(super) fn check(text: &str) -> Result<(), String> {
    if !text.starts_with('$') {
        return Err("it must begin with $".to_owned());
    }
    if text.trim() != text {
        return Err("it ends with white space".to_owned());
    }
    if text.len() > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes"));
    }
    let mut nesting = 0_usize;
    let mut before = None;
    let mut after_space = false;
    for (c, quoted) in characters(text) {
        if quoted {
            (before, after_space) = (None, false);
            continue;
        }
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                after_space = true;
                continue;
            }
            c if c.is_whitespace() || c.is_control() => {
                return Err("it has an invisible character outside of quotes".to_owned());
            }
            '(' | '[' => nesting += 1,
            ')' | ']' => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > MAX_NESTING {
            return Err(format!("its brackets and parentheses are nested more than {MAX_NESTING} deep"));
        }
        if after_space && is_of_name(c) && before.is_some_and(is_of_name) {
            return Err("it has white space inside a name outside of brackets".to_owned());
        }
        (before, after_space) = (Some(c), false);
    }
    Ok(())
}

/// The characters of a path, and whether they are in quotes. The quotes are.
fn characters(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut quote = None;
    let mut escaped = false;
    text.chars().map(move |c| match quote {
        None if matches!(c, '\'' | '"') => {
            quote = Some(c);
            (c, true)
        }
        None => (c, false),
        Some(open) => {
            if !escaped && c == open {
                quote = None;
            }
            escaped = !escaped && c == '\\';
            (c, true)
        }
    })
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Whether a name is one of ASCII letters, digits and underscores, and does not begin with a digit.
pub(super) fn is_plain(name: &str) -> bool {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The segments of a path whose steps are all `.name`, of ASCII letters, digits and underscores, or `[*]`: nearly all
/// paths are such. Every login compiles those of the profiles, and the grammar takes much longer to come to the same.
pub(super) fn plain(text: &str) -> Option<Vec<Segment>> {
    let mut rest = text.strip_prefix('$').filter(|rest| !rest.is_empty() && text.len() <= MAX_BYTES)?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let selector;
        (selector, rest) = match rest.strip_prefix("[*]") {
            Some(behind) => (Selector::Wildcard, behind),
            None => {
                let step = rest.strip_prefix('.')?;
                let (name, behind) = step.split_at_checked(step.find(['.', '[']).unwrap_or(step.len()))?;
                (is_plain(name).then(|| Selector::Name(name.to_owned()))?, behind)
            }
        };
        segments.push(Segment { deep: false, selectors: vec![selector] });
    }
    Some(segments)
}

/// A name as a segment in brackets.
pub(super) fn bracket(name: &str) -> String {
    format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Segments as they are written; `None` if one of them is more than a name, an index or `[*]`.
pub(super) fn segments(segments: &[Segment]) -> Option<String> {
    let mut text = String::new();
    for segment in segments {
        match segment.selectors.as_slice() {
            _ if segment.deep => return None,
            [Selector::Name(name)] if is_plain(name) => text.push_str(&format!(".{name}")),
            [Selector::Name(name)] => text.push_str(&bracket(name)),
            [Selector::Wildcard] => text.push_str("[*]"),
            [Selector::Index(index)] => text.push_str(&format!("[{index}]")),
            _ => return None,
        }
    }
    Some(text)
}

/// A path that was probably meant.
pub(super) struct MeantPath {
    pub(super) path: String,
    /// The first name that was lacking its brackets, if one was.
    pub(super) bracketed: Option<String>,
}

/// The path that somebody probably means who wrote what is none: names that need brackets get them.
pub(super) fn probably_meant(written: &str) -> Option<MeantPath> {
    let text = written.trim();
    if text.len() > MAX_BYTES {
        return None;
    }
    let rest = match text.strip_prefix('$') {
        Some(rest) => rest.to_owned(),
        None if text.starts_with(['.', '[']) => text.to_owned(),
        None => format!(".{text}"),
    };
    let mut bracketed = None;
    let path = format!("${}", rewritten(&rest, &mut bracketed)?);
    (path != written && ClaimPath::understood(&path).is_ok()).then_some(MeantPath { path, bracketed })
}

fn rewritten(text: &str, lacking: &mut Option<String>) -> Option<String> {
    let mut written = String::new();
    let mut bracket = |name: &str| {
        lacking.get_or_insert_with(|| name.to_owned());
        bracket(name)
    };
    let mut rest = text;
    while !rest.is_empty() {
        if rest.starts_with('[') {
            let (inside, behind) = bracketed(rest)?;
            let bare = !inside.is_empty() && inside.chars().all(|c| is_of_name(c) || "-:/.".contains(c));
            let number = inside.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
            match bare && !number {
                true => written.push_str(&bracket(inside)),
                false => written.push_str(&format!("[{inside}]")),
            }
            rest = behind;
            continue;
        }
        let (dots, name) = match rest.strip_prefix("..") {
            Some(name) => ("..", name),
            None => (".", rest.strip_prefix('.')?),
        };
        // A claim named by a URL has dots of its own, and goes on up to its brackets.
        let first = name.find(['.', '[']).unwrap_or(name.len());
        let end = match name.get(..first)?.contains("://") {
            true => name.find('[').unwrap_or(name.len()),
            false => first,
        };
        let (name, behind) = name.split_at_checked(end)?;
        match name {
            "" if behind.starts_with('[') && dots == ".." => written.push_str(dots),
            // `.['a']`, as other libraries write it.
            "" if behind.starts_with('[') => {}
            "" => return None,
            "*" => written.push_str(&format!("{dots}*")),
            name if is_plain(name) => written.push_str(&format!("{dots}{name}")),
            // Nobody means a character that cannot be seen.
            name if name.chars().any(|c| c != ' ' && (c.is_whitespace() || c.is_control())) => return None,
            name if dots == ".." => written.push_str(&format!("..{}", bracket(name))),
            name => written.push_str(&bracket(name)),
        }
        rest = behind;
    }
    Some(written)
}

/// What is in the brackets that `text` begins with, and what is behind them.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut at = 0;
    for (c, quoted) in characters(text) {
        match c {
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return Some((text.get(1..at - 1)?, text.get(at..)?));
        }
    }
    None
}
