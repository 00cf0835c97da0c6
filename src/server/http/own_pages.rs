//! Whose pages may connect. A browser sends a site's cookies whichever site's page it is that connects, and
//! asks nobody first as it does before other requests; but it says whose page it is.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, Uri,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::Response,
};

use super::{super::Realtime, refuse::refuse};
use crate::contract::{ErrorCode, LiveError};

/// Refuses what a page of another site asks for. Programs send no `Origin`, and pass.
pub async fn only(State(realtime): State<Realtime>, request: Request, next: Next) -> Response {
    if is_own(request.headers(), request.uri(), realtime.allowed_origins()) {
        return next.run(request).await;
    }
    refuse(LiveError::new(
        ErrorCode::PermissionDenied,
        "pages of other sites may not connect: this one's `Origin` is neither the `Host` nor allowed",
    ))
}

fn is_own(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    headers.get_all(ORIGIN).iter().all(|origin| {
        let Ok(origin) = origin.to_str() else { return false };
        let is_host = || {
            let (scheme, page) = origin.split_once("://")?;
            let port = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => return None,
            };
            let named = |authority: &str| {
                authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase()
            };
            Some(named(page) == named(host?))
        };
        allowed.iter().any(|other| other.eq_ignore_ascii_case(origin)) || is_host() == Some(true)
    })
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
        is_own(&headers, &Uri::from_static("/realtime"), &allowed)
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
        assert!(!is_own(&headers, &Uri::from_static("/realtime"), &[]));
        assert!(is_own(&headers, &Uri::from_static("http://a/realtime"), &[]));
    }
}
