//! `GET /realtime/stats`: counts for everybody, and lists for those who may inspect.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{Action, Realtime, identity::Connect},
    admit::Origin,
    query::Query,
    refuse::refuse,
};
use crate::contract::{ChannelName, ErrorCode, LiveError};

/// Clients in one answer.
const PAGE: usize = 1_000;

/// What an address may say.
#[derive(Deserialize)]
pub struct Parameters {
    detail: Option<String>,
    after: Option<u64>,
    token: Option<String>,
}

/// How much there is and how much happens; with `detail`, on which channels or for which clients.
pub async fn stats(
    State(realtime): State<Realtime>,
    Origin(address): Origin,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let Some(detail) = parameters.detail.as_deref() else {
        return Json(counts(&realtime)).into_response();
    };
    let token = parameters.token.as_deref();
    if let Err(error) = inspect(&realtime, Connect { headers: &headers, token, address }).await {
        return refuse(error);
    }
    match detail {
        "channels" => {
            let mut channels = realtime.channel_figures();
            channels.sort_unstable_by(|a, b| a.channel.as_str().cmp(b.channel.as_str()));
            Json(json!({ "channels": channels })).into_response()
        }
        "clients" => {
            let clients = realtime.client_stats(parameters.after.unwrap_or(0), PAGE);
            Json(json!({ "clients": clients })).into_response()
        }
        _ => refuse(LiveError::new(
            ErrorCode::MalformedMessage,
            "detail is \"channels\" or \"clients\"",
        )),
    }
}

fn counts(realtime: &Realtime) -> Value {
    let stats = realtime.stats();
    let mut counts = json!(stats);
    // Under its older name.
    counts["connected"] = stats.connections.into();
    counts
}

/// Whether who asks may see more than counts: addresses are personal data.
async fn inspect(realtime: &Realtime, request: Connect<'_>) -> Result<(), LiveError> {
    let who = realtime.identify(request).await?;
    let channel = ChannelName::new("stats").expect("a name by the rule");
    realtime.check(&who, Action::Inspect, &channel).await
}
