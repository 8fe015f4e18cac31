//! What PostgreSQL does not take as a regular expression (regcomp.c, regc_lex.c), in its words.
//!
//! Knows the mistakes by which a whole file is refused at the next reload: parentheses, brackets and braces that are not
//! balanced, references to groups that are not there, quantifiers of nothing, a backslash at the end. Must never refuse
//! what the server takes: what it does not know about, it passes.

use std::iter::Peekable;
use std::str::Chars;

const BACK_REFERENCE: &str = "invalid backreference number";
const BRACES: &str = "braces {} not balanced";
const BRACKETS: &str = "brackets [] not balanced";
const COUNTS: &str = "invalid repetition count(s)";
const ESCAPE: &str = "invalid escape \\ sequence";
const PARENTHESES: &str = "parentheses () not balanced";
const QUANTIFIER: &str = "quantifier operand invalid";

/// Why the server refuses a regular expression, which is what stands behind the slash; `None` where it takes it, or
/// for a reason that is not known here.
pub(super) fn refusal(are: &str) -> Option<&'static str> {
    let are = match are.strip_prefix("***") {
        Some(director) => director.strip_prefix(':')?,
        None => are,
    };
    let are = match embedded_options(are) {
        // Another kind of expression, or one with white space and comments between its parts.
        Some((options, _)) if options.contains(['b', 'e', 'q', 'x']) => return None,
        Some((_, rest)) => rest,
        None => are,
    };
    let lexer =
        Lexer { rest: are.chars().peekable(), open: Vec::new(), begun: 0, ended: Vec::new(), quantifiable: false };
    lexer.whole().err()
}

/// The options in `(?i)` at the beginning, and what follows.
fn embedded_options(are: &str) -> Option<(&str, &str)> {
    let (options, rest) = are.strip_prefix("(?")?.split_once(')')?;
    (!options.is_empty() && options.bytes().all(|byte| byte.is_ascii_lowercase())).then_some((options, rest))
}

/// A parenthesis that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenGroup {
    /// The one of this number.
    Captured(usize),
    Plain,
    /// A lookahead or lookbehind, which captures nothing and is nothing to repeat.
    Constraint,
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    open: Vec<OpenGroup>,
    /// How many groups have begun.
    begun: usize,
    /// The groups that a back reference may name.
    ended: Vec<usize>,
    /// Whether a quantifier may follow.
    quantifiable: bool,
}

impl Lexer<'_> {
    fn whole(mut self) -> Result<(), &'static str> {
        while let Some(c) = self.rest.next() {
            self.quantifiable = match c {
                '\\' => self.escape()?,
                '(' => self.opened()?,
                ')' => self.closed()?,
                '[' => self.bracket()?,
                '*' | '+' | '?' => self.quantifier()?,
                '{' if self.rest.peek().is_some_and(char::is_ascii_digit) => {
                    self.counts()?;
                    self.quantifier()?
                }
                '|' | '^' | '$' => false,
                _ => true,
            };
        }
        if self.open.is_empty() { Ok(()) } else { Err(PARENTHESES) }
    }

    /// The rest of `{1,2}`.
    fn counts(&mut self) -> Result<(), &'static str> {
        if !self.quantifiable {
            return Err(QUANTIFIER);
        }
        let mut counts = String::new();
        loop {
            match self.rest.next().ok_or(BRACES)? {
                '}' => break,
                c if c.is_ascii_digit() || c == ',' => counts.push(c),
                _ => return Err(COUNTS),
            }
        }
        let (least, most) = counts.split_once(',').unwrap_or((&counts, &counts));
        let count = |digits: &str| digits.parse::<u8>().map_err(|_| COUNTS);
        let in_order = count(least)? <= if most.is_empty() { u8::MAX } else { count(most)? };
        if in_order { Ok(()) } else { Err(COUNTS) }
    }

    fn quantifier(&mut self) -> Result<bool, &'static str> {
        self.rest.next_if_eq(&'?');
        if self.quantifiable { Ok(false) } else { Err(QUANTIFIER) }
    }

    fn in_constraint(&self) -> bool {
        self.open.contains(&OpenGroup::Constraint)
    }

    fn opened(&mut self) -> Result<bool, &'static str> {
        let group = if self.rest.next_if_eq(&'?').is_some() {
            match (self.rest.next(), self.rest.peek()) {
                (Some(':'), _) => OpenGroup::Plain,
                (Some('=' | '!'), _) => OpenGroup::Constraint,
                (Some('<'), Some('=' | '!')) => {
                    self.rest.next();
                    OpenGroup::Constraint
                }
                (Some('#'), _) => {
                    // A comment; without an end, all that follows is one.
                    self.rest.find(|c| *c == ')');
                    return Ok(self.quantifiable);
                }
                _ => return Err(QUANTIFIER),
            }
        } else if self.in_constraint() {
            OpenGroup::Plain
        } else {
            self.begun += 1;
            OpenGroup::Captured(self.begun)
        };
        self.open.push(group);
        Ok(false)
    }

    fn closed(&mut self) -> Result<bool, &'static str> {
        match self.open.pop().ok_or(PARENTHESES)? {
            OpenGroup::Captured(number) => {
                self.ended.push(number);
                Ok(true)
            }
            OpenGroup::Plain => Ok(true),
            OpenGroup::Constraint => Ok(false),
        }
    }

    fn escape(&mut self) -> Result<bool, &'static str> {
        match self.rest.next().ok_or(ESCAPE)? {
            'A' | 'm' | 'M' | 'y' | 'Y' | 'Z' => Ok(false),
            first @ '1'..='9' => self.number(first).map(|()| true),
            _ => Ok(true),
        }
    }

    /// A number behind a backslash: a back reference if it has one digit, or names a group that has begun; else octal.
    fn number(&mut self, first: char) -> Result<(), &'static str> {
        let more: String = self.rest.clone().take_while(char::is_ascii_digit).collect();
        let decimal = format!("{first}{more}").parse::<usize>().unwrap_or(usize::MAX);
        if more.is_empty() || decimal <= self.begun {
            self.rest.by_ref().take(more.len()).for_each(drop);
            let there = self.ended.contains(&decimal) && !self.in_constraint();
            return if there { Ok(()) } else { Err(BACK_REFERENCE) };
        }
        if first.is_digit(8) {
            let octal = more.chars().take(2).take_while(|c| c.is_digit(8)).count();
            self.rest.by_ref().take(octal).for_each(drop);
            return Ok(());
        }
        Err(ESCAPE)
    }

    fn bracket(&mut self) -> Result<bool, &'static str> {
        self.rest.next_if_eq(&'^');
        self.rest.next_if_eq(&']');
        loop {
            match self.rest.next().ok_or(BRACKETS)? {
                ']' => return Ok(true),
                '\\' => drop(self.rest.next().ok_or(ESCAPE)?),
                '[' => {
                    if let Some(kind) = self.rest.next_if(|c| matches!(c, '.' | '=' | ':')) {
                        self.named(kind)?;
                    }
                }
                _ => {}
            }
        }
    }

    /// The rest of `[:alpha:]` and the like.
    fn named(&mut self, kind: char) -> Result<(), &'static str> {
        loop {
            let c = self.rest.next().ok_or(BRACKETS)?;
            if c == kind && self.rest.next_if_eq(&']').is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BACK_REFERENCE, BRACES, BRACKETS, COUNTS, ESCAPE, PARENTHESES, QUANTIFIER, refusal};

    // What PostgreSQL 18.6 says of each.
    #[test]
    fn what_the_server_refuses_is_refused_in_its_words() {
        for (are, why) in [
            ("^(a)\\2$", BACK_REFERENCE),
            ("\\1", BACK_REFERENCE),
            ("(\\1)", BACK_REFERENCE),
            ("((a)\\1)", BACK_REFERENCE),
            ("(?:a)\\1", BACK_REFERENCE),
            ("(?=(a))\\1", BACK_REFERENCE),
            ("(a)(?=\\1)", BACK_REFERENCE),
            ("\\8", BACK_REFERENCE),
            ("(a){2}\\2", BACK_REFERENCE),
            ("(", PARENTHESES),
            ("a)", PARENTHESES),
            ("(a", PARENTHESES),
            ("(?=a", PARENTHESES),
            ("(?:", PARENTHESES),
            ("***:(", PARENTHESES),
            ("(?i)(", PARENTHESES),
            ("(?#c)(", PARENTHESES),
            ("[a", BRACKETS),
            ("[]a", BRACKETS),
            ("[[:alpha:]", BRACKETS),
            ("a{1", BRACES),
            ("a{1x}", COUNTS),
            ("a{2,1}", COUNTS),
            ("a{256}", COUNTS),
            ("a{1,2,3}", COUNTS),
            ("a\\", ESCAPE),
            ("[a\\", ESCAPE),
            ("(a)\\99", ESCAPE),
            ("a**", QUANTIFIER),
            ("*a", QUANTIFIER),
            ("(*a)", QUANTIFIER),
            ("|*a", QUANTIFIER),
            ("a|*", QUANTIFIER),
            ("^*a", QUANTIFIER),
            ("$*", QUANTIFIER),
            ("(?!a)*", QUANTIFIER),
            ("\\y*", QUANTIFIER),
            ("{1}", QUANTIFIER),
            ("a++", QUANTIFIER),
            ("a?*", QUANTIFIER),
            ("(?:a)*{2}", QUANTIFIER),
            ("(?<a)b", QUANTIFIER),
        ] {
            assert_eq!(refusal(are), Some(why), "{are}");
        }
    }

    #[test]
    fn what_the_server_takes_is_taken() {
        for are in [
            "",
            "^(a)\\1$",
            "(a)(b)\\2\\1",
            "(?:(a)\\1)",
            "(a)|\\1",
            "()\\1",
            "(a)\\1*",
            "(a)\\10",
            "(a)\\12",
            "\\0",
            "\\11",
            "(a)\\08",
            "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10",
            "[^]a]",
            "[]]",
            "[\\]]",
            "[[.a.]]",
            "[[:alpha:]]+",
            "a{",
            "a{x}",
            "a{2}",
            "a{2,}?",
            "a{2,255}",
            "a{0}",
            "a*?",
            "\\m\\M",
            "***=(",
            "(?q)(",
            "(?e)a)",
            "(?b)a)",
            "(?x) ( a )",
            "(?#c",
            "a(?#c)*",
            "(?<=a)b",
            "(?<!a)b",
            "^(?!postgres@)([a-z]+)@corp\\.example$",
        ] {
            assert_eq!(refusal(are), None, "{are}");
        }
    }
}
