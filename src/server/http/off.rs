//! What answers in place of connections while realtime is off.

use axum::response::Response;

use super::refuse::refuse;
use crate::contract::{ErrorCode, LiveError};

/// How long a client should wait before it asks again, in milliseconds.
const WAIT_MS: u64 = 60_000;

/// 503 by name.
pub async fn disabled() -> Response {
    let error = LiveError::new(
        ErrorCode::RealtimeDisabled,
        "realtime is switched off on this server; pages work without it",
    );
    refuse(error.retry_after(WAIT_MS))
}
