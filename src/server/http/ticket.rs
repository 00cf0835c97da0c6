//! `POST /realtime/ticket`: what stands for who asks in the address of their next connection, for those who
//! can choose no header there, such as a browser's `EventSource`.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    super::{
        Realtime,
        identity::{Connect, Ticket},
    },
    admit::Origin,
    refuse::refuse,
};
use crate::contract::LiveError;

/// Gives one, for as long as nobody else can see the answer.
pub async fn ticket(
    State(realtime): State<Realtime>,
    Origin(address): Origin,
    headers: HeaderMap,
) -> Response {
    // No ticket is had for a ticket: there is no token.
    match give(&realtime, Connect { headers: &headers, token: None, address }).await {
        Ok(Ticket { text, expires_in }) => {
            let expires_in_ms = u64::try_from(expires_in.as_millis()).unwrap_or(u64::MAX);
            let answer = json!({ "ticket": text, "expires_in_ms": expires_in_ms });
            ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
        }
        Err(error) => refuse(error),
    }
}

async fn give(realtime: &Realtime, request: Connect<'_>) -> Result<Ticket, LiveError> {
    let who = realtime.identify(request).await?;
    realtime.authenticate().ticket(&who).await
}
