//! The channel layer's routes, one file each.

mod event_ids;
mod event_socket;
mod off;
mod refuse;
mod socket;
mod sse;
mod stats;

use axum::{
    Router,
    routing::{any, get},
};

use super::Realtime;

/// `/realtime` (WebSocket), `/realtime/sse` (event streams), `/realtime/stats` and `/api/realtime/stats`;
/// with another [`Builder::path`](super::Builder::path), all but the last begin with that. Nobody connects
/// while realtime is off.
pub fn routes<S: Clone + Send + Sync + 'static>(realtime: Realtime) -> Router<S> {
    let below = |rest: &str| format!("{}{rest}", realtime.path());
    let connections = if realtime.is_enabled() {
        let socket = get(socket::upgrade).with_state(realtime.clone());
        Router::new().route(&below(""), socket).merge(sse::routes(realtime.clone(), &below("/sse")))
    } else {
        let disabled = any(off::disabled);
        Router::new().route(&below(""), disabled.clone()).route(&below("/sse"), disabled)
    };
    Router::new()
        .route(&below("/stats"), get(stats::stats))
        .route("/api/realtime/stats", get(stats::stats))
        .with_state(realtime)
        .merge(connections)
}
