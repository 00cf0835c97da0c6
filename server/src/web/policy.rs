//! The content security policy: what a page may load and run, and who may show it in a frame.

/// For whatever is no page: it runs nothing. Images of this kind may have styles of their own.
pub(super) const NO_PAGE: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// For a page whose scripts carry this nonce. `reload` is where `cargo leptos watch` tells pages of changes.
///
/// Scripts are the site's own files, those with the nonce, and WebAssembly; no text becomes code. Styles and
/// connections, WebSockets among them, are the site's own. `'strict-dynamic'` would forbid the
/// `modulepreload` of the page's code, which has no nonce.
pub(super) fn of_page(nonce: &str, reload: Option<&str>) -> String {
    let (space, reload) = reload.map_or(("", ""), |reload| (" ", reload));
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'{space}{reload}; \
         object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_bq9_only_a_watched_page_may_connect_elsewhere() {
        let alone = of_page("n0nce", None);
        assert!(alone.contains("connect-src 'self';"), "{alone}");
        let watched = of_page("n0nce", Some("ws://*:3001"));
        assert!(watched.contains("connect-src 'self' ws://*:3001;"), "{watched}");
        for policy in [alone, watched] {
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
            assert_eq!(policy.matches("'nonce-n0nce'").count(), 2, "{policy}");
        }
    }
}
