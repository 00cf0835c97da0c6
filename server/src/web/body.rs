//! What a form may weigh, and how long it may be on its way: until it is there, it is memory that somebody
//! else holds.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
    middleware::Next,
    response::Response,
};
use tidewire::{ErrorCode, server::read_body};

use super::refused::refused;

/// How much, and how long.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// In bytes.
    pub(crate) most: usize,
    /// From the end of the request's head to the end of its body.
    pub(crate) patience: Duration,
}

/// Hands a request on when its body is here: 413 to a longer one, 408 to one that does not come.
pub(crate) async fn bounded(
    State(bounds): State<Bounds>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    if declared(&parts.headers).is_some_and(|length| length > bounds.most as u64) {
        return too_large(bounds, &parts.headers);
    }
    match read_body(body, bounds.most, bounds.patience).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(error) if error.code == ErrorCode::MessageTooLarge => too_large(bounds, &parts.headers),
        Err(error) => refused(StatusCode::REQUEST_TIMEOUT, &parts.headers, &error.message),
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(bounds: Bounds, headers: &HeaderMap) -> Response {
    let sentence = format!("This is larger than the {} bytes that are taken.", bounds.most);
    refused(StatusCode::PAYLOAD_TOO_LARGE, headers, &sentence)
}
