//! Whose pages may connect, or change anything. A browser sends a site's cookies whichever site's page it is
//! that asks, and for connections and forms it asks nobody first; but it says whose page it is.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Uri,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::Response,
};

use super::{super::Realtime, refuse::refuse};
use crate::contract::{ErrorCode, LiveError};

/// Where a browser says how far the page that asks is from this site.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Refuses what a page of another site asks for. Programs send no `Origin`, and pass.
pub async fn only(State(realtime): State<Realtime>, request: Request, next: Next) -> Response {
    if is_own_page(request.headers(), request.uri(), realtime.allowed_origins()) {
        return next.run(request).await;
    }
    refuse(LiveError::new(
        ErrorCode::PermissionDenied,
        "pages of other sites may not connect: this one's `Origin` is neither the `Host` nor allowed",
    ))
}

/// Whether a request was made by a page of the site itself, which its `Host` names, or of an `allowed` site
/// such as `https://app.example.com`, or by no page at all. Ask it before anything is done with the cookies
/// of a request that connects or changes something; no page can forge what it looks at.
///
/// `Sec-Fetch-Site`, which current browsers send where the site is served over TLS, says it outright;
/// otherwise `Origin` has to be the `Host`.
pub fn is_own_page(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let listed = |origin: &HeaderValue| {
        allowed.iter().any(|other| other.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
    };
    let origins = headers.get_all(ORIGIN);
    if origins.iter().next().is_some() && origins.iter().all(listed) {
        return true;
    }
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().map(HeaderValue::as_bytes).peekable();
    if sites.peek().is_some() {
        let (mut same, mut foreign) = (true, false);
        for site in sites {
            same &= site == b"same-origin";
            // `none` is a person at the address bar, or an extension: the `Origin` decides.
            foreign |= !matches!(site, b"same-origin" | b"none");
        }
        if same || foreign {
            return same;
        }
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    origins.iter().all(|origin| listed(origin) || is_host(origin, host) == Some(true))
}

/// Whether an origin is this host, be the port that its scheme implies written or not.
fn is_host(origin: &HeaderValue, host: Option<&str>) -> Option<bool> {
    let (scheme, page) = origin.to_str().ok()?.split_once("://")?;
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let named =
        |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    Some(named(page) == named(host?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(host: &'static str, origins: &[&'static str], allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.append(HOST, host.parse().unwrap());
        for origin in origins {
            headers.append(ORIGIN, origin.parse().unwrap());
        }
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        is_own_page(&headers, &Uri::from_static("/realtime"), &allowed)
    }

    /// The same for a browser that says how far the page is from the site.
    fn passes_from(site: &[&'static str], origin: &'static str, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("a.example"));
        headers.append(ORIGIN, HeaderValue::from_static(origin));
        for site in site {
            headers.append(SEC_FETCH_SITE, HeaderValue::from_static(site));
        }
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        is_own_page(&headers, &Uri::from_static("/realtime"), &allowed)
    }

    #[test]
    fn spec_bq9_what_the_browser_says_of_the_site_counts_before_the_origin() {
        let (own, other) = ("https://a.example", "https://b.example");
        assert!(passes_from(&["same-origin"], own, &[]));
        // A proxy that changes `Host`, or a page that hides its address.
        assert!(passes_from(&["same-origin"], "http://inside:3000", &[]));
        assert!(passes_from(&["same-origin"], "null", &[]));
        for site in ["same-site", "cross-site", "", "Same-Origin", "later"] {
            assert!(!passes_from(&[site], own, &[]), "{site}");
            assert!(!passes_from(&["same-origin", site], own, &[]), "{site}");
        }
        assert!(passes_from(&["none"], own, &[]));
        assert!(!passes_from(&["none"], other, &[]));
        assert!(passes_from(&["cross-site"], other, &[other]));
        assert!(!passes_from(&["cross-site"], other, &[own]));
    }

    #[test]
    fn spec_bq9_only_pages_of_the_site_itself_pass() {
        assert!(passes("a.example", &[], &[]), "no page");
        assert!(passes("a.example", &["https://a.example"], &[]));
        assert!(passes("A.example:443", &["https://a.example"], &[]));
        assert!(passes("127.0.0.1:3000", &["http://127.0.0.1:3000"], &[]));
        assert!(passes("[::1]:3000", &["http://[::1]:3000"], &[]));
        for origin in [
            "https://b.example",
            "https://a.example.b.example",
            "https://a.example:8443",
            "http://a.example:443",
            "null",
            "",
            "file://",
            "app://a.example",
        ] {
            assert!(!passes("a.example", &[origin], &[]), "{origin}");
        }
        assert!(!passes("a.example", &["https://a.example", "https://b.example"], &[]));
        assert!(passes("a.example", &["https://b.example"], &["https://B.example"]));
        assert!(!passes("a.example", &["http://b.example"], &["https://b.example"]));
    }

    #[test]
    fn a_request_without_a_host_has_no_pages() {
        let headers = HeaderMap::from_iter([(ORIGIN, "http://a".parse().unwrap())]);
        assert!(!is_own_page(&headers, &Uri::from_static("/realtime"), &[]));
        assert!(is_own_page(&headers, &Uri::from_static("http://a/realtime"), &[]));
    }
}
