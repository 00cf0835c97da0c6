//! The channel layer's routes: the socket and the counts.

use axum::{
    Json, Router,
    extract::{Query, State, ws::WebSocketUpgrade},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Peer, Realtime, identity::Connect, session::Session};
use crate::contract::Transport;

/// tungstenite reserves this much for every socket; its default of 128 KiB would be most of what an
/// idle connection costs.
const READ_BUFFER: usize = 2 * 1024;
/// Frames are gathered up to this size before a system call writes them.
const WRITE_BUFFER: usize = 16 * 1024;

/// `/realtime` (WebSocket), `/realtime/stats` and `/api/realtime/stats`.
pub fn routes<S: Clone + Send + Sync + 'static>(realtime: Realtime) -> Router<S> {
    Router::new()
        .route("/realtime", get(upgrade))
        .route("/realtime/stats", get(stats))
        .route("/api/realtime/stats", get(stats))
        .with_state(realtime)
}

/// What an address may say.
#[derive(Deserialize)]
struct Parameters {
    token: Option<String>,
}

async fn upgrade(
    State(realtime): State<Realtime>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let request = Connect { headers: &headers, token: parameters.token.as_deref(), address: None };
    let identity = match realtime.identify(request).await {
        Ok(identity) => identity,
        Err(error) => return (StatusCode::UNAUTHORIZED, Json(error)).into_response(),
    };
    let peer = Peer { identity, address: None, transport: Transport::WebSocket };
    let limits = realtime.limits();
    let tasks = realtime.tasks().clone();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(limits.max_frame_bytes)
        .max_frame_size(limits.max_frame_bytes)
        .on_upgrade(move |socket| tasks.track_future(Session::new(realtime, socket, peer).run()))
}

async fn stats(State(realtime): State<Realtime>) -> Json<Value> {
    let stats = realtime.stats();
    Json(json!({
        "connections": stats.connections,
        "connected": stats.connections,
        "channels": stats.channels,
        "subscriptions": stats.subscriptions,
        "dropped": stats.dropped,
    }))
}
