//! The channel layer's routes, one file each.

mod admit;
mod broadcast;
mod health;
mod metrics;
mod refuse;
mod socket;
mod stats;

use axum::{
    Router,
    routing::{get, post},
};

use super::Realtime;

/// `/realtime` (WebSocket) and what belongs to it, `/metrics`, `/healthz` and `/readyz`. For limits by
/// address, serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn routes<S: Clone + Send + Sync + 'static>(realtime: Realtime) -> Router<S> {
    Router::new()
        .route("/realtime", get(socket::upgrade))
        .route("/realtime/stats", get(stats::stats))
        .route("/api/realtime/stats", get(stats::stats))
        .route("/realtime/broadcast", post(broadcast::broadcast))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(realtime)
}
