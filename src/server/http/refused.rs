//! How a request is refused: a status, and the error by name as JSON.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::contract::{ErrorCode, LiveError};

/// How long a page should wait before it asks a server again on which realtime is off, in milliseconds.
const OFF_MS: u64 = 60_000;

/// The error as an answer, with a `Retry-After` in whole seconds when it helps to wait.
pub fn refused(status: StatusCode, error: LiveError) -> Response {
    let wait = error.retry_after_ms.map(|ms| HeaderValue::from(ms.div_ceil(1_000)));
    let mut response = (status, Json(error)).into_response();
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// Answers for every address that opens a connection while realtime is off.
pub async fn disabled() -> Response {
    let error = LiveError::new(
        ErrorCode::RealtimeDisabled,
        "realtime is switched off on this server; pages work without it",
    );
    refused(StatusCode::SERVICE_UNAVAILABLE, error.retry_after(OFF_MS))
}
