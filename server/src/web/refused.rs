//! Requests that are refused before a page or a server function has seen them.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header::ACCEPT},
    response::{IntoResponse, Response},
};
use tidewire::Refusal;

/// The sentence: as text for a browser that has posted a form, as a refusal for code that reads one.
pub(crate) fn refused(status: StatusCode, asked: &HeaderMap, sentence: &str) -> Response {
    let html = asked.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    if html.is_some_and(|accept| accept.contains("text/html")) {
        return (status, format!("{sentence}\n")).into_response();
    }
    let refusal = Refusal::<()>::Failed { message: sentence.into() };
    (status, Json(refusal)).into_response()
}
