//! Gives a refused server function the HTTP status that says so: Leptos answers all of them with 500.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    middleware::Next,
    response::Response,
};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use serde_json::Value;
use tidewire::Refusal;

/// Refusals are short; anything longer is not one.
const LONGEST: usize = 256 * 1024;

/// Reads the refusal in an answer of 500 and sets its status. Redirects of plain forms pass.
pub(crate) async fn status(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let refused = response.headers().contains_key(SERVER_FN_ERROR_HEADER);
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR || !refused {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LONGEST).await else {
        return Response::from_parts(parts, Body::empty());
    };
    if let Ok(refusal) = serde_json::from_slice::<Refusal<Value>>(&bytes) {
        parts.status =
            StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Refusal::TooMany { retry_after_ms, .. } = refusal {
            let seconds = HeaderValue::from(retry_after_ms.div_ceil(1_000).max(1));
            parts.headers.insert(RETRY_AFTER, seconds);
        }
    }
    Response::from_parts(parts, Body::from(bytes))
}
