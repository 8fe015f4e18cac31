//! Breaks the comments of a file anew where it is shown on a terminal.
//!
//! Must never change anything else of the file, nor where one sentence ends and a line of its own begins: lines are joined
//! only where the file itself broke them for want of room.

/// How wide the lines of presets are in their files.
const IN_FILES: usize = 120;

/// The text with no line of a comment wider than `width`, as far as its words allow.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let mut fitted = String::with_capacity(text.len() + 64);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(words) = line.strip_prefix("# ") else {
            fitted.push_str(line);
            fitted.push('\n');
            continue;
        };
        let mut words = words.to_owned();
        let mut last = line;
        while let Some(more) = lines.next_if(|next| continues(last, next)) {
            words.push(' ');
            words.push_str(more.strip_prefix("# ").unwrap_or_default());
            last = more;
        }
        broken(&words, width, &mut fitted);
    }
    fitted
}

/// Whether the next line goes on with this one: its first word had no room there.
fn continues(line: &str, next: &str) -> bool {
    let first = next.strip_prefix("# ").and_then(|words| words.split(' ').next()).unwrap_or_default();
    !first.is_empty() && line.chars().count() + 1 + first.chars().count() > IN_FILES
}

fn broken(words: &str, width: usize, out: &mut String) {
    let mut column = 0;
    for word in words.split(' ') {
        let wide = word.chars().count();
        if column > 0 && column + 1 + wide > width {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { "# " } else { " " });
        out.push_str(word);
        column += wide + if column == 0 { 2 } else { 1 };
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn what_is_no_comment_stays() {
        let text = format!("\n[scope]\nclaim = \"{}\"\n  # {}\n#none\n", "a ".repeat(60), "b ".repeat(60));
        assert_eq!(fitted(&text, 40), text);
        assert_eq!(fitted("# fits\n\n# as well\n", 40), "# fits\n\n# as well\n");
    }

    #[test]
    fn a_long_line_is_broken_between_words() {
        assert_eq!(fitted("# one two three four\n", 12), "# one two\n# three four\n");
        assert_eq!(fitted("# aaaaaaaaaaaaaaaa b\n", 12), "# aaaaaaaaaaaaaaaa\n# b\n");
    }

    #[test]
    fn lines_are_joined_only_where_the_next_word_had_no_room() {
        let full = format!("# {}", "a".repeat(116));
        assert_eq!(fitted(&format!("{full}\n# bb cc\n"), 200), format!("{full} bb cc\n"));
        assert_eq!(fitted(&format!("{full}\n# b cc\n"), 200), format!("{full}\n# b cc\n"));
        assert_eq!(fitted(&format!("{full}\nkey = 1\n"), 200), format!("{full}\nkey = 1\n"));
    }
}
