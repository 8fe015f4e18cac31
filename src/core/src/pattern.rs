//! Regular expressions, nearly all of which must match a text as a whole.
//!
//! What an administrator writes is compiled as it is before it is put between anchors: parentheses that do not balance
//! by themselves could otherwise balance with those of the anchors, and escape them.

use regex::Regex;

/// Compiles `text` so that it only matches in full, in linear time.
///
/// # Errors
/// What is wrong with it, as a phrase.
pub(crate) fn whole(text: &str) -> Result<Regex, String> {
    anywhere(text)?;
    Regex::new(&format!(r"\A(?:{text})\z")).map_err(|error| why(&error))
}

/// Compiles `text` so that it matches anywhere, in linear time.
///
/// # Errors
/// What is wrong with it, as a phrase.
pub(crate) fn anywhere(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| why(&error))
}

/// The library's own words without its drawing of the place, which needs a line of its own.
fn why(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_pattern_matches_nothing_but_the_whole_text() {
        for (pattern, text, matches) in [
            ("ana|bob", "ana", true),
            ("ana|bob", "bob", true),
            ("ana|bob", "anabob", false),
            ("ana|bob", "xbob", false),
            ("(ana)|(bob)", "bob", true),
            ("(ana)|(bob)", "bobX", false),
            ("(?i)ana", "ANA", true),
            ("(?m)^ana$", "ana\nroot", false),
            ("(?s)a.*", "a\nb", true),
            ("a.*", "a\nb", false),
            ("", "", true),
            ("", "a", false),
            ("(?x) ana # a comment\n", "ana", true),
            ("(?x) ana #)\n", "anaX", false),
        ] {
            assert_eq!(whole(pattern).unwrap().is_match(text), matches, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn parentheses_do_not_balance_with_the_anchors() {
        for pattern in [
            "ana)|(bob",
            "ana)|(?:.*",
            "ana)|(",
            ")(",
            "a)|(?:b)|(?:c",
            "ana)",
            "(ana",
            "a)\\z|\\A(?:.*",
            "x[)]y)|(z",
            "(?x)a)|(b # c",
            "(?x)ana # a comment that would hide the anchor",
        ] {
            assert!(whole(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn the_error_is_a_phrase_in_one_line() {
        assert_eq!(whole("ana)|(bob").unwrap_err(), "unopened group");
        assert!(whole("(?=x)").unwrap_err().contains("look-around"));
        for pattern in ["a{1000000}", "(", r"(a)\1", "[a"] {
            let why = whole(pattern).unwrap_err();
            assert!(!why.is_empty() && !why.contains('\n'), "{why}");
        }
    }
}
