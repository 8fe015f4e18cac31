//! Patterns of `match()` and `search()`: I-Regexp (RFC 9485), a small language that many engines have in common.
//!
//! A pattern is translated piece by piece, so that nothing in it means something else to the engine here. What is no
//! I-Regexp is refused; RFC 9535 would have it match nothing, which is never what somebody meant.

use crate::pattern;
use regex::Regex;

/// Compiles a pattern of `match()`, which must fit as a whole.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence about it.
pub(super) fn matching(text: &str) -> Result<Regex, String> {
    pattern::whole(&translated(text)?).map_err(|why| format!("is not understood: {why}"))
}

/// Compiles a pattern of `search()`, which may fit anywhere.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence about it.
pub(super) fn searching(text: &str) -> Result<Regex, String> {
    pattern::anywhere(&translated(text)?).map_err(|why| format!("is not understood: {why}"))
}

/// What a backslash may be in front of.
const ESCAPED: &str = "()*+-.?[\\]^{|}nrt";

struct IRegexpTranslation<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    text: String,
}

fn translated(text: &str) -> Result<String, String> {
    let mut translation = IRegexpTranslation { rest: text.chars().peekable(), text: String::new() };
    translation.whole()?;
    Ok(translation.text)
}

fn refused<T>(why: &str) -> Result<T, String> {
    Err(format!("is no I-Regexp (RFC 9485): {why}"))
}

impl IRegexpTranslation<'_> {
    /// Parentheses are left as they are: the engine refuses those that do not balance.
    fn whole(&mut self) -> Result<(), String> {
        // A quantifier may follow an atom, and nothing else.
        let mut quantifiable = false;
        while let Some(c) = self.rest.next() {
            let atom = match c {
                '(' | '|' => {
                    self.text.push(c);
                    false
                }
                ')' => {
                    self.text.push(c);
                    true
                }
                '*' | '+' | '?' | '{' if !quantifiable => return refused(&format!("nothing that {c} could repeat")),
                '*' | '+' | '?' => {
                    self.text.push(c);
                    false
                }
                '{' => {
                    self.range()?;
                    false
                }
                '.' => {
                    self.text.push_str(r"[^\n\r]");
                    true
                }
                '[' => {
                    self.class()?;
                    true
                }
                '\\' => {
                    self.escape()?;
                    true
                }
                '^' | '$' => return refused(&format!("{c} is no anchor there; match() fits the whole text anyway")),
                ']' | '}' => return refused(&format!("{c} must be written \\{c}")),
                c => {
                    self.literal(c);
                    true
                }
            };
            quantifiable = atom;
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// `{2}`, `{2,}` or `{2,3}`.
    fn range(&mut self) -> Result<(), String> {
        let inside: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
        if !digits(least) || !(most.is_empty() || digits(most)) {
            return refused("{ is followed by numbers and }");
        }
        self.text.push_str(&format!("{{{inside}}}"));
        Ok(())
    }

    /// What stands behind a backslash, in a class or outside.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.next() {
            Some(c @ ('n' | 'r' | 't')) => self.text.extend(['\\', c]),
            Some(c @ ('p' | 'P')) => self.category(c)?,
            Some(c) if ESCAPED.contains(c) => self.literal(c),
            Some(c) => return refused(&format!("\\{c} does not exist")),
            None => return refused("it ends in a backslash"),
        }
        Ok(())
    }

    /// `\p{Lu}`: a general category of Unicode, of one or two letters.
    fn category(&mut self, negated: char) -> Result<(), String> {
        let opened = self.rest.next() == Some('{');
        let name: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
        if !opened || !matches!(name.len(), 1 | 2) || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return refused("\\p is followed by a category such as {Lu}");
        }
        self.text.push_str(&format!("\\{negated}{{{name}}}"));
        Ok(())
    }

    /// A class in brackets, each of its characters escaped: the engine has operators of sets there.
    fn class(&mut self) -> Result<(), String> {
        self.text.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.text.push('^');
        }
        let mut first = true;
        // Whether a range may begin at what stands before: at a character, and not at the end of another range.
        let mut rangeable = false;
        loop {
            let c = self.rest.next();
            let last = self.rest.peek() == Some(&']');
            match c {
                None => return refused("a bracket is not closed"),
                Some(']') if !first => break,
                Some(c @ (']' | '[')) => return refused(&format!("{c} in brackets must be written \\{c}")),
                Some('-') if first || last => {
                    self.text.push_str("\\-");
                    rangeable = false;
                }
                Some('-') if rangeable => {
                    self.text.push('-');
                    match self.rest.next() {
                        Some('\\') if !matches!(self.rest.peek(), Some('p' | 'P')) => self.escape()?,
                        Some(c) if !"[]-\\".contains(c) => self.in_class(c),
                        _ => return refused("a range in brackets ends in a character"),
                    }
                    rangeable = false;
                }
                Some('-') => return refused("- in brackets must be written \\-"),
                Some('\\') => {
                    rangeable = !matches!(self.rest.peek(), Some('p' | 'P'));
                    self.escape()?;
                }
                Some(c) => {
                    self.in_class(c);
                    rangeable = true;
                }
            }
            first = false;
        }
        self.text.push(']');
        Ok(())
    }

    fn in_class(&mut self, c: char) {
        if c.is_ascii_punctuation() {
            self.text.push('\\');
        }
        self.text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::{matching, searching};

    #[test]
    fn a_pattern_means_what_rfc_9485_says() {
        for (pattern, fits, not) in [
            ("a.*", "abc", "bac"),
            ("a|bc", "bc", "abc"),
            ("(a|b)c", "bc", "a"),
            ("a.b", "a\u{10101}b", "a\nb"),
            ("a.b", "a\u{2028}b", "a\rb"),
            ("[a-c&&b]", "&", "d"),
            ("[a~~b]", "~", "c"),
            ("[a-]", "-", "b"),
            ("[-a]", "-", "b"),
            ("[^a-c]", "d", "b"),
            ("[^-a]", "b", "-"),
            ("[\\-\\]\\[]", "]", "\\"),
            ("[.]", ".", "a"),
            ("a\\.c", "a.c", "abc"),
            ("a\\\\c", "a\\c", "ac"),
            ("\\p{Lu}x", "\u{416}x", "\u{436}x"),
            ("\\P{L}", "1", "a"),
            ("[\\p{Lu}_]", "_", "a"),
            ("a{2}", "aa", "a"),
            ("a{2,}", "aaa", "a"),
            ("a{1,2}", "aa", "aaa"),
            ("#x", "#x", "x"),
            ("a b", "a b", "ab"),
            ("\\n", "\n", "n"),
            ("", "", "a"),
            ("[\\n-\\r]", "\n", "n"),
            ("[+-\\-]", ",", "."),
        ] {
            let regex = matching(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
            assert!(regex.is_match(fits), "{pattern} on {fits:?}");
            assert!(!regex.is_match(not), "{pattern} on {not:?}");
        }
        assert!(searching("b").unwrap().is_match("abc"));
        assert!(!searching("a|b").unwrap().is_match("c"));
    }

    #[test]
    fn other_languages_are_refused() {
        for pattern in [
            "a)|(b",
            "(a",
            "a**",
            "a*?",
            "*a",
            "(*a)",
            "a|*",
            "^a",
            "a$",
            "\\d",
            "\\w+",
            "\\b",
            "\\1",
            "\\x41",
            "\\",
            "(?i)a",
            "(?=a)",
            "(?:a)",
            "[a",
            "[]",
            "[^]",
            "[]a]",
            "[[:alpha:]]",
            "[a[b]]",
            "[a-b-c]",
            "[+--]",
            "[a-\\p{L}]",
            "[\\p{L}-z]",
            "[b-a]",
            "a{",
            "a{}",
            "a{,2}",
            "a{x}",
            "a{2,1}",
            "a]",
            "a}",
            "\\p{Greek}",
            "\\pL",
            "\\p{}",
            "\\p{Qq}",
            "a{100000000}",
        ] {
            assert!(matching(pattern).is_err(), "{pattern}");
            assert!(searching(pattern).is_err(), "{pattern}");
        }
    }
    /// The engine would refuse these as well, in words of its own.
    #[test]
    fn what_is_wrong_is_said_in_the_words_of_rfc_9485() {
        for (pattern, words) in [
            ("a{}", "{ is followed by numbers and }"),
            ("a{x}", "{ is followed by numbers and }"),
            ("a{2,x}", "{ is followed by numbers and }"),
            ("[]", "] in brackets must be written \\]"),
            ("[^]", "] in brackets must be written \\]"),
            ("[a-\\p{L}]", "a range in brackets ends in a character"),
        ] {
            let why = matching(pattern).unwrap_err();
            assert!(why.contains(words), "{pattern}: {why}");
        }
    }
}
