//! `GET /healthz`: the process runs. `GET /readyz`: it can serve.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::time::timeout;

use super::super::Realtime;

/// What a look at the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long committed changes may wait for the tailer, beside the time after which it looks by itself.
const LATE: Duration = Duration::from_secs(5);

/// The process answers.
pub async fn alive() -> &'static str {
    "ok"
}

/// 200, or 503 with the reason.
pub async fn ready(State(realtime): State<Realtime>) -> Response {
    match trouble(&realtime).await {
        None => "ok".into_response(),
        Some((reason, message)) => {
            let body = json!({ "ready": false, "reason": reason, "message": message });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

async fn trouble(realtime: &Realtime) -> Option<(&'static str, &'static str)> {
    if realtime.is_stopping() {
        return Some(("stopping", "the server is stopping"));
    }
    let Ok(Ok(newest)) = timeout(PATIENCE, realtime.log().head()).await else {
        return Some(("database", "the database cannot be read"));
    };
    // An idle tailer sleeps for as long as nothing is written, so only work that waits counts.
    let waiting = newest > realtime.hub().head().offset;
    let patience = LATE + 2 * realtime.limits().external_poll;
    let late = waiting && realtime.metrics().since_tailer() > patience;
    let late = late && lags(realtime, newest).await;
    late.then_some(("tailer", "committed changes are not being handed out"))
}

/// Whether the tailer does not come as far within a moment either: it may just have been woken.
async fn lags(realtime: &Realtime, newest: u64) -> bool {
    tokio::time::sleep(Duration::from_millis(500)).await;
    realtime.hub().head().offset < newest
}
