//! Types of tokens as headers write them, and as they are compared.

/// A header type as it is compared: media types are case-insensitive, and `application/` may be left out
/// (RFC 7515 section 4.1.9).
pub(crate) fn normal_type(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(short) if !short.contains('/') => short.to_owned(),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::normal_type;

    #[test]
    fn media_types_are_compared_without_case_and_prefix() {
        for name in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert_eq!(normal_type(name), "at+jwt", "{name}");
        }
        assert_eq!(normal_type("application/a/b"), "application/a/b");
        assert_ne!(normal_type("xapplication/at+jwt"), "at+jwt");
    }
}
