//! `GET /realtime`: the WebSocket.

use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;

use super::{
    super::{Peer, Realtime, identity::Connect, session::Session},
    admit::{Origin, admit},
    query::Query,
    refuse::{refuse, refuse_with},
};
use crate::contract::{ErrorCode, LiveError, Transport};

/// tungstenite reserves this much for every socket; its default of 128 KiB would be most of what an
/// idle connection costs.
const READ_BUFFER: usize = 2 * 1024;
/// Frames are gathered up to this size before a system call writes them.
const WRITE_BUFFER: usize = 16 * 1024;

/// What a client asks for that sends its token as another subprotocol.
const SUBPROTOCOL: &str = "tidewire";

/// What an address may say.
#[derive(Deserialize)]
pub struct Parameters {
    token: Option<String>,
}

/// Opens a session.
pub async fn upgrade(
    State(realtime): State<Realtime>,
    Origin(address): Origin,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejected) => {
            let text = format!("this address is a WebSocket's: {}", rejected.body_text());
            return refuse_with(
                rejected.status(),
                LiveError::new(ErrorCode::MalformedMessage, text),
            );
        }
    };
    // First, so that a crowd costs no look at who they are.
    let admitted = match admit(&realtime, address) {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let request = Connect { headers: &headers, token: parameters.token.as_deref(), address };
    let identity = match realtime.identify(request).await {
        Ok(identity) => identity,
        Err(error) => return refuse(error),
    };
    let peer = Peer { identity, address, transport: Transport::WebSocket };
    let limits = realtime.limits();
    let tasks = realtime.tasks().clone();
    upgrade
        // Never the one that has the token in it.
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(limits.max_frame_bytes)
        .max_frame_size(limits.max_frame_bytes)
        .on_upgrade(move |socket| {
            tasks.track_future(async move {
                let _admitted = admitted;
                Session::new(realtime, socket, peer).run().await;
            })
        })
}
