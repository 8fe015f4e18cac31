//! Screens fit a terminal of 80 columns: looked at whenever a test runs a command that only reads, so that each of their
//! reports, refusals and oddities is a case. The others are run by `support::seen`.
//!
//! What is to be copied as a whole may be wider: lines of files, URLs, paths.

use assert_cmd::Command;

/// What a terminal is expected to have, at least.
pub const COLUMNS: usize = 80;

/// Commands that ask nobody and write nothing, so that they can be run once more. `explain` may ask a provider, and has its
/// screens among the snapshots.
const READERS: [&str; 5] = ["check", "preset", "status", "test", "version"];

/// How far a text can be indented by what stands in front of it.
const LABEL: usize = 20;

/// Runs a command once more for a terminal, if it only reads and has printed something for people.
#[track_caller]
pub fn check(command: &mut Command, code: i32) {
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let reads = words.first().is_some_and(|word| READERS.contains(&word.as_str()))
        || words.first().zip(words.get(1)).is_some_and(|(first, second)| first == "keys" && second == "list");
    let for_programs =
        ["--json", "--junit", "--prometheus"].iter().any(|option| words.iter().any(|word| word == option));
    let told = command.get_envs().any(|(name, _)| name == "COLUMNS");
    if !reads || for_programs || told {
        return;
    }
    let output = command.env("COLUMNS", COLUMNS.to_string()).output().expect("it runs once more");
    command.env_remove("COLUMNS");
    if output.status.code() == Some(code) {
        let text = [output.stderr, output.stdout].concat();
        assert_fits(&String::from_utf8_lossy(&text));
    }
}

/// That no line is wider than a terminal, but for those that must not be broken.
#[track_caller]
pub fn assert_fits(screen: &str) {
    let wide: Vec<&str> = screen.lines().filter(|line| line.chars().count() > COLUMNS && !is_whole(line)).collect();
    assert!(wide.is_empty(), "wider than {COLUMNS} columns: {wide:#?} in\n{screen}");
}

/// A line of a file, or a word that is too long for any line.
fn is_whole(line: &str) -> bool {
    let text = line.trim_start_matches(['#', ' ']);
    let excerpt = text.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
    let of_hba = ["host ", "hostssl ", "hostgssenc ", "local "].iter().any(|kind| text.starts_with(kind));
    // A setting with its value, and a map's line, whose fields are set apart by more than one space.
    let of_toml = text.split_once(" = ").is_some_and(|(key, _)| !key.is_empty() && !key.contains(' '));
    let of_a_map = text.split("   ").count() >= 3;
    let before = line.trim_end().rfind(' ').map_or(0, |at| line.get(..at).unwrap_or_default().chars().count());
    excerpt.starts_with('|') || excerpt.starts_with("-->") || of_hba || of_toml || of_a_map || before <= LABEL
}

#[test]
fn a_line_that_does_not_fit_is_found() {
    let long = "word ".repeat(20);
    assert!(std::panic::catch_unwind(|| assert_fits(&long)).is_err());
    assert!(std::panic::catch_unwind(|| assert_fits(&format!("help: {long}"))).is_err());
    for whole in ["12 | audience = [", "hostssl all all all oauth ", "issuer = ", "#   local all all oauth ", "see "] {
        assert_fits(&format!("{whole}{}", "x".repeat(90)));
    }
}
