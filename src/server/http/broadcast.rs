//! `POST /realtime/broadcast`: messages without a connection, from programs that may write the channel.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    super::{
        Identity, Realtime,
        identity::{Connect, Kind},
        limiter::rounded_up,
    },
    admit::Origin,
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
    Origin(address): Origin,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let request = Connect { headers: &headers, token: None, address };
    match send(&realtime, request, body).await {
        Ok(reached) => Json(json!({ "reached": reached })).into_response(),
        Err(error) => refuse(error),
    }
}

async fn send(realtime: &Realtime, request: Connect<'_>, body: Body) -> Result<usize, LiveError> {
    // Before anything is read for them.
    sender(realtime, request).await?;
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
    // Again, as the body may have taken seconds, and a key may have been revoked meanwhile.
    let who = sender(realtime, request).await?;
    Ok(realtime.broadcast(&who, &channel, payload).await?.reached)
}

/// Who sends, by what only a program can send: a page of another site can make a browser send its cookies
/// here, but no header of its own.
///
/// # Errors
/// `authentication_required` for everybody else.
async fn sender(realtime: &Realtime, request: Connect<'_>) -> Result<Identity, LiveError> {
    let missing = || {
        let text = "this is for programs: send a key or a token as `Authorization: Bearer …`";
        LiveError::new(ErrorCode::AuthenticationRequired, text)
    };
    request.bearer().ok_or_else(missing)?;
    let who = realtime.identify(request).await?;
    // Where the application takes no such proof, it has proved nothing.
    if who.kind() == Kind::Guest { Err(missing()) } else { Ok(who) }
}
