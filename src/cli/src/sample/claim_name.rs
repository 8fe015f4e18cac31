//! The JSONPath of a claim, by its name.

/// That of a member of the claims. Must never be given a name with control characters, which no path can hold.
pub(super) fn path(name: &str) -> String {
    let plain =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { format!("$.{name}") } else { format!("$['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}
