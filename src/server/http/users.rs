//! `GET /realtime/channel/users?channel=`: who is present in a channel.

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Realtime, identity::Connect, policy::Action};
use crate::contract::{ChannelName, ErrorCode, LiveError};

/// What an address may say.
#[derive(Deserialize)]
pub struct Parameters {
    channel: Option<String>,
    token: Option<String>,
}

/// Everybody as in `presence_state`, and how many they are; nobody is named where there are too many.
pub async fn users(
    State(realtime): State<Realtime>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    match present(&realtime, parameters, &headers).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => (status(error.code), Json(error)).into_response(),
    }
}

async fn present(
    realtime: &Realtime,
    parameters: Parameters,
    headers: &HeaderMap,
) -> Result<Value, LiveError> {
    let missing =
        || LiveError::new(ErrorCode::MalformedMessage, "the parameter \"channel\" is missing");
    let channel = parameters.channel.ok_or_else(missing)?;
    let channel = ChannelName::new(&channel)
        .map_err(|error| LiveError::new(ErrorCode::InvalidChannelName, error.to_string()))?;
    let request = Connect { headers, token: parameters.token.as_deref(), address: None };
    let who = realtime.identify(request).await?;
    realtime.check(&who, Action::SeeUsers, &channel).await?;
    let roll = realtime.roll(&channel);
    Ok(json!({"channel": channel, "users": roll.users, "count": roll.count}))
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::AuthenticationRequired => StatusCode::UNAUTHORIZED,
        ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}
