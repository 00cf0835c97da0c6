//! `GET /metrics`: the numbers for Prometheus.

use std::time::Duration;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::{
    super::{
        Realtime,
        metrics::{MEDIA_TYPE, Outside, families, text},
    },
    refuse::refuse,
};
use crate::contract::{ErrorCode, LiveError};

/// What a look at the log may take; without it the other numbers are told.
const PATIENCE: Duration = Duration::from_secs(1);

/// All families.
pub async fn metrics(State(realtime): State<Realtime>) -> Response {
    let log = async {
        let head = realtime.log().head().await?;
        realtime.log().floor().await.map(|floor| (head, floor))
    };
    let log = timeout(PATIENCE, log).await.ok().and_then(Result::ok);
    let outside = Outside {
        hub: realtime.hub().counts(),
        events: realtime.counts(),
        ring: realtime.hub().ring(),
        tailer_lag: log.map(|(head, _)| head.saturating_sub(realtime.hub().head().offset)),
        log_entries: log.map(|(head, floor)| head.saturating_sub(floor)),
    };
    match text(families(realtime.metrics(), outside)) {
        Ok(text) => ([(CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        Err(_) => refuse(LiveError::new(ErrorCode::Internal, "the numbers could not be written")),
    }
}
