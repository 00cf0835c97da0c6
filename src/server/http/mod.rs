//! The channel layer's routes, one file each.

mod admit;
mod broadcast;
mod event_ids;
mod event_socket;
mod health;
mod metrics;
mod off;
mod refuse;
mod socket;
mod sse;
mod stats;
mod users;

use axum::{
    Router,
    routing::{any, get, post},
};

use super::Realtime;

/// `/realtime` (WebSocket), `/realtime/sse` (event streams) and what belongs to them, `/metrics`, `/healthz`
/// and `/readyz`; with another [`Builder::path`](super::Builder::path), what begins with `/realtime` begins
/// with that. Nobody connects while realtime is off. For limits by address, serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
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
        .route(&below("/channel/users"), get(users::users))
        .route(&below("/broadcast"), post(broadcast::broadcast))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(realtime)
        .merge(connections)
}
