//! What answers where there is nothing.

use axum::{http::StatusCode, response::Response};

use super::refuse::refuse_with;
use crate::contract::{ErrorCode, LiveError};

/// An address below the channel layer's that it does not have.
pub async fn address() -> Response {
    refused(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// A method that an address does not have.
pub async fn method() -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, "this address does not know this method")
}

fn refused(status: StatusCode, text: &str) -> Response {
    refuse_with(status, LiveError::new(ErrorCode::MalformedMessage, text))
}
