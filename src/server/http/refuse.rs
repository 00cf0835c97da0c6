//! Requests that are refused: a status, `{"code", "message"}`, and when to try again.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};

use super::super::Realtime;
use crate::contract::{ErrorCode, LiveError};

/// The answer to a request that is refused with this error.
pub fn refuse(error: LiveError) -> Response {
    refuse_with(status(error.code), error)
}

/// The same under a status of its own.
pub fn refuse_with(status: StatusCode, error: LiveError) -> Response {
    let seconds = error.retry_after_ms.map(|milliseconds| milliseconds.div_ceil(1_000).max(1));
    let refused = Refused(error.code);
    let mut response = (status, Json(error)).into_response();
    response.extensions_mut().insert(refused);
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Marks an answer as a refusal.
#[derive(Clone, Copy)]
struct Refused(ErrorCode);

/// Counts the refusals among a router's answers, whoever has made them.
pub async fn count(State(realtime): State<Realtime>, response: Response) -> Response {
    if let Some(Refused(code)) = response.extensions().get() {
        realtime.metrics().error(*code);
    }
    response
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::AuthenticationRequired => StatusCode::UNAUTHORIZED,
        ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorCode::UnknownChannel | ErrorCode::UnknownConnection | ErrorCode::NotSubscribed => {
            StatusCode::NOT_FOUND
        }
        ErrorCode::MessageTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited | ErrorCode::TooManySubscriptions => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::RealtimeDisabled => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::MalformedMessage
        | ErrorCode::UnknownType
        | ErrorCode::InvalidChannelName
        | ErrorCode::InvalidPosition
        | ErrorCode::InvalidPayload => StatusCode::BAD_REQUEST,
    }
}
