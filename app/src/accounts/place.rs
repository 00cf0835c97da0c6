//! Where to go after signing in: a path of this site, and of no other.

/// The path if browsers stay on this site with it, or else the start page.
///
/// Browsers take a backslash for a slash, and leave out tabs and line breaks, so none of them may be
/// anywhere. Nor may the reason for a refusal: that is the server's to say.
pub fn within_the_site(next: &str) -> &str {
    let plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let path = next.starts_with('/') && !next.starts_with("//");
    let reason = next.contains("__err=");
    if plain && path && !reason && next.len() <= 500 { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::within_the_site;

    #[test]
    fn spec_bq9_nobody_is_sent_to_another_site() {
        for path in ["/", "/notes", "/todos?show=open", "/a//b", "/account#x", "/%2F%2Fevil"] {
            assert_eq!(within_the_site(path), path);
        }
        for elsewhere in [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "notes",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/ä",
            "@evil.example",
            "/sign-in?__path=x&__err=eyJ4In0%3D",
            &["/", &"a".repeat(600)].concat(),
        ] {
            assert_eq!(within_the_site(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
