//! Regular expressions of pg_hba.conf and pg_ident.conf: PostgreSQL's AREs, as far as Rust's mean the same.
//!
//! Only what both read alike is translated. Everything else, lookahead and back references above all, is not judged: a
//! guess could say that somebody is let in who is not, or the reverse.

use regex::Regex;

/// A regular expression, or why it is not judged here.
pub(super) type Pattern = Result<Regex, String>;

/// Classes that both have, for ASCII: the server compiles with the collation "C".
const CLASSES: [&str; 12] = [
    "[:alnum:]",
    "[:alpha:]",
    "[:blank:]",
    "[:cntrl:]",
    "[:digit:]",
    "[:graph:]",
    "[:lower:]",
    "[:print:]",
    "[:punct:]",
    "[:space:]",
    "[:upper:]",
    "[:xdigit:]",
];

/// Compiles what stands behind the slash.
pub(super) fn compile(are: &str) -> Pattern {
    let unjudged = |what: &str| format!("{what}, which is not judged here");
    // In an ARE `.` matches a line break as well, and no line of the text is one of its own.
    let translation = RegexTranslation { rest: are, text: "(?s)".to_owned(), quantifiable: false };
    let translated = translation.whole().map_err(unjudged)?;
    Regex::new(&translated).map_err(|_| unjudged("a regular expression in another syntax"))
}

/// Whether the first group of a match is the same in PostgreSQL, which prefers the longest match, and in Rust, which
/// prefers the first one: so it is if the whole text must match, and nothing but greedy quantifiers has a choice.
pub(super) fn captures_alike(are: &str) -> bool {
    let anchored = are.starts_with('^') && are.ends_with('$') && !are.ends_with("\\$");
    let lazy = ["*?", "+?", "??", "}?"].iter().any(|quantifier| are.contains(quantifier));
    let repeated_group = [")*", ")+", ")?", "){"].iter().any(|quantifier| are.contains(quantifier));
    anchored && !lazy && !repeated_group && !are.contains('|')
}

/// Whether the first group of an expression can be this text, taken by itself: what stands around it is not looked at.
pub(super) fn first_group_matches(are: &str, text: &str) -> bool {
    let group = first_group(are).map(|group| compile(&format!("^(?:{group})$")));
    group.and_then(Result::ok).is_some_and(|group| group.is_match(text))
}

/// What stands between the first parentheses that capture.
fn first_group(are: &str) -> Option<&str> {
    let mut begin = None;
    let (mut depth, mut escaped, mut bracket) = (0usize, false, None::<usize>);
    for (at, c) in are.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // The first character of a bracket expression is a member of it, whatever it is.
            ']' if bracket.is_some_and(|first| at > first) => bracket = None,
            _ if bracket.is_some() => {}
            '[' => bracket = Some(at + if are.get(at..).is_some_and(|rest| rest.starts_with("[^")) { 2 } else { 1 }),
            '(' => match begin {
                Some(_) => depth += 1,
                None if are.get(at + 1..).is_some_and(|rest| rest.starts_with('?')) => {}
                None => begin = Some(at + 1),
            },
            ')' => match (begin, depth) {
                (Some(begin), 0) => return are.get(begin..at),
                (Some(_), _) => depth -= 1,
                (None, _) => {}
            },
            _ => {}
        }
    }
    None
}

/// A translation on its way.
struct RegexTranslation<'a> {
    rest: &'a str,
    text: String,
    /// Whether a quantifier may follow: neither at the beginning nor behind another one.
    quantifiable: bool,
}

impl RegexTranslation<'_> {
    fn whole(mut self) -> Result<String, &'static str> {
        if self.rest.starts_with("***") || self.rest.starts_with("(?") && !self.rest.starts_with("(?:") {
            return Err("options of a regular expression");
        }
        while let Some(c) = self.take() {
            self.atom(c)?;
        }
        Ok(self.text)
    }

    /// Takes `text`, if the rest begins with it.
    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let c = rest.next()?;
        self.rest = rest.as_str();
        Some(c)
    }

    fn atom(&mut self, c: char) -> Result<(), &'static str> {
        let mut quantifiable = false;
        match c {
            '*' | '+' | '?' | '{' => return self.quantifier(c),
            '(' if self.skip("?:") => self.text.push_str("(?:"),
            '(' if self.rest.starts_with('?') => return Err("a lookaround"),
            '(' | '|' | '^' | '$' => self.text.push(c),
            ')' | '.' => {
                self.text.push(c);
                quantifiable = true;
            }
            '[' => {
                self.bracket()?;
                quantifiable = true;
            }
            '\\' => {
                self.escape()?;
                quantifiable = true;
            }
            c => {
                self.text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                quantifiable = true;
            }
        }
        self.quantifiable = quantifiable;
        Ok(())
    }

    fn quantifier(&mut self, c: char) -> Result<(), &'static str> {
        if !self.quantifiable {
            return Err("a quantifier of nothing");
        }
        self.quantifiable = false;
        self.text.push(c);
        if c == '{' {
            let (bounds, rest) = self.rest.split_once('}').ok_or("a brace that is not closed")?;
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let (low, high) = bounds.split_once(',').unwrap_or((bounds, bounds));
            if !digits(low) || !(high.is_empty() || digits(high)) {
                return Err("a brace without numbers");
            }
            self.text.push_str(bounds);
            self.text.push('}');
            self.rest = rest;
        }
        if self.skip("?") {
            self.text.push('?');
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        match self.take() {
            Some('d') => self.text.push_str("[0-9]"),
            Some('w') => self.text.push_str("[A-Za-z0-9_]"),
            Some('s') => self.text.push_str("[ \\t\\n\\r\\x0b\\x0c]"),
            Some(c) if c.is_ascii_punctuation() => self.text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            Some('1'..='9') => return Err("a back reference"),
            _ => return Err("an escape"),
        }
        Ok(())
    }

    /// A bracket expression, each of its characters escaped: Rust has operators of sets there.
    fn bracket(&mut self) -> Result<(), &'static str> {
        const UNUSUAL: &str = "an unusual bracket expression";
        self.text.push('[');
        if self.skip("^") {
            self.text.push('^');
        }
        let mut first = true;
        loop {
            let c = self.take().ok_or("a bracket that is not closed")?;
            match c {
                ']' if !first => break,
                ']' => return Err(UNUSUAL),
                '[' => {
                    let class =
                        CLASSES.iter().find(|class| class.strip_prefix('[').is_some_and(|rest| self.skip(rest)));
                    let class = class.ok_or(UNUSUAL)?;
                    self.text.push_str(class);
                }
                '\\' => {
                    let escaped = self.take().filter(char::is_ascii_punctuation).ok_or(UNUSUAL)?;
                    self.literal(escaped);
                }
                '-' if first || self.rest.starts_with(']') => self.literal('-'),
                '-' => self.text.push('-'),
                c => self.literal(c),
            }
            first = false;
        }
        self.text.push(']');
        Ok(())
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() {
            self.text.push('\\');
        }
        self.text.push(c);
    }
}
