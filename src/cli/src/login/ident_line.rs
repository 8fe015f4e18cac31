//! The line of pg_ident.conf that would let an identity in, as it has to be written there.

/// The line that lets the identity log in as a role, behind where to write it.
pub(super) fn mapped(before: &str, map: &str, identity: &str, role: Option<&str>) -> String {
    let role = role.and_then(word).unwrap_or_else(|| "ROLE".to_owned());
    let identity = word(identity).unwrap_or_else(|| "IDENTITY".to_owned());
    let map = word(map).unwrap_or_else(|| "NAME".to_owned());
    format!("{before} to pg_ident.conf, and reload the server: {map}   {identity}   {role}")
}

/// A name as it is written in pg_ident.conf, where a quotation mark is doubled between quotation marks; `None` if it
/// cannot be, since it would be a regular expression, whatever its quotes.
pub(crate) fn word(name: &str) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "-_.@:|".contains(c);
    match name {
        "" | "all" => Some(format!("\"{name}\"")),
        _ if name.starts_with('/') => None,
        // With `@` in front, it would be a file of names.
        _ if name.chars().all(plain) && !name.starts_with('@') => Some(name.to_owned()),
        _ => Some(format!("\"{}\"", name.replace('"', "\"\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn names_are_written_so_that_they_stay_names() {
        for (name, written) in [
            ("00u1-a_b.c@corp.example", "00u1-a_b.c@corp.example"),
            ("all", "\"all\""),
            ("", "\"\""),
            ("+dba", "\"+dba\""),
            ("@corp", "\"@corp\""),
            ("a b", "\"a b\""),
            ("a,b#c", "\"a,b#c\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\\1", "\"a\\1\""),
        ] {
            assert_eq!(word(name).as_deref(), Some(written), "{name}");
        }
        assert_eq!(word("/^a"), None);
    }
}
