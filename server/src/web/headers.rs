//! The headers by which a site tells browsers what they may do with its answers. Whatever has set one of
//! them already knows better.

use std::{env, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use leptos::{config::ReloadWSProtocol, nonce::Nonce, prelude::LeptosOptions};

use super::policy;

/// The same for every answer.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Addresses of pages may hold what is nobody else's business. Forms lead back by it, within the site.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // For browsers that do not know `frame-ancestors`.
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()",
    ),
];

/// A year. Not for the domains below this one, which may be somebody else's.
const BY_TLS: &str = "max-age=31536000";

/// What the answers of this server say.
#[derive(Clone)]
pub(crate) struct Headers {
    production: bool,
    reload: Option<Arc<str>>,
}

impl Headers {
    /// Those of a server with these options.
    pub(crate) fn new(production: bool, options: &LeptosOptions) -> Self {
        let watched = !production && env::var_os("LEPTOS_WATCH").is_some();
        let reload = watched.then(|| {
            let scheme = match options.reload_ws_protocol {
                ReloadWSProtocol::WS => "ws",
                ReloadWSProtocol::WSS => "wss",
            };
            let port = options.reload_external_port.unwrap_or(options.reload_port);
            // The page asks the host that it came from, under whichever name.
            format!("{scheme}://*:{port}").into()
        });
        Self { production, reload }
    }
}

/// Gives the request a nonce, and its answer the headers.
pub(crate) async fn headers(
    State(rules): State<Headers>,
    mut request: Request,
    next: Next,
) -> Response {
    let nonce = Nonce::new();
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let (status, page) = (response.status(), is_page(response.headers()));
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if rules.production {
        let name = header::STRICT_TRANSPORT_SECURITY;
        headers.entry(name).or_insert(HeaderValue::from_static(BY_TLS));
    }
    // "Not modified" would take the place of what the copy came with.
    if status != StatusCode::NOT_MODIFIED {
        let value = match page {
            true => HeaderValue::try_from(policy::of_page(&nonce, rules.reload.as_deref())),
            false => Ok(HeaderValue::from_static(policy::NO_PAGE)),
        };
        if let Ok(value) = value {
            headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(value);
        }
    }
    if page {
        headers.append(header::VARY, HeaderValue::from_static("cookie"));
    }
    // Made for one visitor, and not to be seen by the next one at the same machine who goes back.
    let kept = HeaderValue::from_static("private, no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(kept);
    response
}

/// Of the answers of the handler of files, those that are files: a browser keeps them. Their names stay the
/// same over releases, so it asks whether its copy still holds.
pub(crate) async fn files(mut response: Response) -> Response {
    if !is_page(response.headers()) {
        let asks = HeaderValue::from_static("no-cache");
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(asks);
    }
    response
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}
