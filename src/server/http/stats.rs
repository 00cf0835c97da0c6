//! `GET /realtime/stats`: counts.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::super::Realtime;

/// How many connections, channels and subscriptions there are.
pub async fn stats(State(realtime): State<Realtime>) -> Json<Value> {
    let stats = realtime.stats();
    Json(json!({
        "connections": stats.connections,
        "connected": stats.connections,
        "channels": stats.channels,
        "subscriptions": stats.subscriptions,
        "dropped": stats.dropped,
    }))
}
