//! `POST /realtime/broadcast`: messages from other servers, which prove themselves by a key.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use subtle::ConstantTimeEq;

use super::{
    super::{Identity, Permissions, Realtime, limiter::rounded_up},
    body::read,
    refuse::refuse,
};
use crate::contract::{ErrorCode, LiveError};

#[derive(Deserialize)]
struct Message {
    channel: String,
    payload: Box<RawValue>,
}

/// Sends a message as a `broadcast` frame would.
pub async fn broadcast(
    State(realtime): State<Realtime>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match send(&realtime, &headers, body).await {
        Ok(reached) => Json(json!({ "reached": reached })).into_response(),
        Err(error) => refuse(error),
    }
}

async fn send(realtime: &Realtime, headers: &HeaderMap, body: Body) -> Result<usize, LiveError> {
    let service = service(realtime, headers)?;
    if let Err(wait) = realtime.publishing().take() {
        let limits = realtime.limits();
        let (most, window) = (limits.broadcasts_per_window, limits.request_window.as_secs_f32());
        let text = format!("broadcasts_per_window: servers may send {most} of these in {window} s");
        let error = LiveError::new(ErrorCode::RateLimited, text);
        return Err(error.retry_after(rounded_up(wait)));
    }
    let limits = realtime.limits();
    let bytes = read(body, limits.max_message_bytes, limits.write_timeout).await?;
    let Message { channel, payload } = serde_json::from_slice(&bytes)
        .map_err(|error| LiveError::new(ErrorCode::MalformedMessage, error.to_string()))?;
    Ok(realtime.broadcast(&service, &channel, payload).await?.reached)
}

/// The server that holds the key.
///
/// # Errors
/// `authentication_required` for everybody else.
pub fn service(realtime: &Realtime, headers: &HeaderMap) -> Result<Identity, LiveError> {
    let key = realtime.broadcast_key().map(str::as_bytes);
    let proof = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let proof = proof.and_then(|proof| proof.split_at_checked("Bearer ".len()));
    let proof = proof.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
    // In constant time: how long a wrong key takes says nothing about the right one.
    let holds = key.zip(proof).is_some_and(|(key, (_, proof))| bool::from(key.ct_eq(proof)));
    if holds {
        let permissions =
            Permissions::parse(["write:*", "inspect:*"]).expect("they are permissions");
        return Ok(Identity::service("broadcast").limited_to(permissions));
    }
    Err(LiveError::new(
        ErrorCode::AuthenticationRequired,
        "this is for servers: send their key as `Authorization: Bearer …`",
    ))
}
