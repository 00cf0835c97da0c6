//! Requests that are refused: a status, `{"code", "message"}`, and when to try again.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};

use crate::contract::LiveError;

/// The answer to a request that is refused with this error.
pub fn refuse_with(status: StatusCode, error: LiveError) -> Response {
    let seconds = error.retry_after_ms.map(|milliseconds| milliseconds.div_ceil(1_000).max(1));
    let mut response = (status, Json(error)).into_response();
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
