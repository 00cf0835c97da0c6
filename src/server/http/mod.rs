//! The channel layer's routes, one file each.

mod socket;
mod stats;
mod users;

use axum::{Router, routing::get};

use super::Realtime;

/// `/realtime` (WebSocket), `/realtime/channel/users`, `/realtime/stats` and `/api/realtime/stats`.
pub fn routes<S: Clone + Send + Sync + 'static>(realtime: Realtime) -> Router<S> {
    Router::new()
        .route("/realtime", get(socket::upgrade))
        .route("/realtime/channel/users", get(users::users))
        .route("/realtime/stats", get(stats::stats))
        .route("/api/realtime/stats", get(stats::stats))
        .with_state(realtime)
}
