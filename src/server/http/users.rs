//! `GET /realtime/channel/users?channel=`: who is present in a channel.

use std::net::IpAddr;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{Realtime, identity::Connect, policy::Action},
    admit::Origin,
    query::Query,
    refuse::refuse,
};
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
    Origin(address): Origin,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    match present(&realtime, parameters, &headers, address).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refuse(error),
    }
}

async fn present(
    realtime: &Realtime,
    parameters: Parameters,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Value, LiveError> {
    let missing =
        || LiveError::new(ErrorCode::MalformedMessage, "the parameter \"channel\" is missing");
    let channel = parameters.channel.ok_or_else(missing)?;
    let channel = ChannelName::new(&channel)?;
    let request = Connect { headers, token: parameters.token.as_deref(), address };
    let who = realtime.identify(request).await?;
    realtime.check(&who, Action::SeeUsers, &channel).await?;
    let roll = realtime.roll(&channel);
    Ok(json!({"channel": channel, "users": roll.users, "count": roll.count}))
}
