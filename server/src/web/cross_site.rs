//! Only the site's own pages change anything: a browser sends the visitor's cookies with a form whichever
//! site's page it stands on.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header::REFERER},
    middleware::Next,
    response::Response,
};
use tidewire::server::is_own_page;

use super::refused::refused;

/// The other sites whose pages count as the site's own.
#[derive(Clone)]
pub(crate) struct Sites(pub(crate) Arc<[String]>);

/// Answers 403 to what another site's page would change. What changes nothing passes, and so do programs,
/// which say nothing of a page.
pub(crate) async fn only_own_pages(
    State(Sites(allowed)): State<Sites>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    if !is_own_page(request.headers(), request.uri(), &allowed) {
        let sentence = "This was sent by a page of another site, and was not done. Open this site itself and \
                        try again.";
        return refused(StatusCode::FORBIDDEN, request.headers(), sentence);
    }
    // A plain form leads back to where it came from, which has to be here.
    if !leads_back_here(request.headers(), request.uri(), &allowed) {
        request.headers_mut().remove(REFERER);
    }
    next.run(request).await
}

/// Whether the page that a form says it was on is one of the site's.
fn leads_back_here(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let Some(page) = headers.get(REFERER) else { return true };
    let origin = page.to_str().ok().and_then(|page| {
        let (scheme, rest) = page.split_once("://")?;
        let host = rest.split(['/', '?', '#', '\\']).next()?;
        format!("{scheme}://{host}").parse().ok()
    });
    let Some(origin) = origin else { return false };
    // The same question as of a page that says no more than its origin.
    let mut asked = HeaderMap::new();
    asked.insert(axum::http::header::ORIGIN, origin);
    if let Some(host) = headers.get(axum::http::header::HOST) {
        asked.insert(axum::http::header::HOST, host.clone());
    }
    is_own_page(&asked, uri, allowed)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header::HOST};

    use super::*;

    #[test]
    fn spec_bq9_a_form_leads_back_to_pages_of_the_site_alone() {
        let back = |page: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("a.example"));
            headers.insert(REFERER, HeaderValue::from_static(page));
            let allowed = ["https://friend.example".to_owned()];
            leads_back_here(&headers, &Uri::from_static("/api/x"), &allowed)
        };
        for page in
            ["https://a.example/todos?show=open", "http://a.example", "https://friend.example/"]
        {
            assert!(back(page), "{page}");
        }
        for page in [
            "https://evil.example/todos",
            "https://a.example.evil.example/",
            "https://a.example@evil.example/",
            "https://evil.example\\@a.example/",
            "javascript://a.example/%0aalert(1)",
            "//a.example/",
            "/todos",
            "",
        ] {
            assert!(!back(page), "{page}");
        }
        assert!(leads_back_here(&HeaderMap::new(), &Uri::from_static("/"), &[]));
    }
}
