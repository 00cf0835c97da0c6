//! What the driver needs of a transport, and the one over tokio-tungstenite.

use std::{pin::Pin, sync::Arc};

use axum::http::{HeaderValue, header::AUTHORIZATION};
use futures::{Sink, SinkExt, Stream, StreamExt, future::BoxFuture};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

use super::event_stream;
use crate::{
    client::connection::ABNORMAL,
    contract::{ClientFrame, protocol::Token},
};

/// Opens a socket to an address; `None` when it cannot be opened. Tests hand in their own.
pub type Connector = Arc<dyn Fn(Target) -> BoxFuture<'static, Option<Socket>> + Send + Sync>;

/// Where a socket leads, and by what the client proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `ws://` for a WebSocket, `http://` for an event stream.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Token>,
}

/// An open socket. When `incoming` ends without [`SocketEvent::Closed`], it was cut.
pub struct Socket {
    /// What the server says.
    pub incoming: Pin<Box<dyn Stream<Item = SocketEvent> + Send>>,
    /// What the client says. Closing the sink lets go of the transport.
    pub outgoing: Pin<Box<dyn Sink<SocketFrame, Error = ()> + Send>>,
}

/// What comes from a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// A text frame.
    Text(String),
    /// The server closed, with this code.
    Closed(u16),
}

/// What goes to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketFrame {
    /// A text frame.
    Text(String),
    /// An `auth` frame with this token, which from now on is the client's.
    Auth(Token),
    /// The client closes, with this code.
    Close(u16),
}

/// Sockets over the network, without TLS: a proxy or a tunnel has to bring that.
pub fn network() -> Connector {
    Arc::new(|target| {
        if target.url.starts_with("http") {
            Box::pin(event_stream::open(target))
        } else {
            Box::pin(open(target))
        }
    })
}

/// The header by which a token travels; `None` when it cannot be one.
pub(super) fn bearer(token: &Token) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(["Bearer ", &token.0].concat()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The `auth` frame with a token.
pub(crate) fn auth_frame(token: Token) -> String {
    let frame = ClientFrame::Auth { token, reference: None };
    serde_json::to_string(&frame).expect("frames are plain data")
}

async fn open(target: Target) -> Option<Socket> {
    let mut request = target.url.into_client_request().ok()?;
    if let Some(token) = &target.token {
        request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
    }
    let (stream, _) = connect_async_with_config(request, None, true).await.ok()?;
    let (outgoing, incoming) = stream.split();
    let outgoing = outgoing.sink_map_err(|_| ()).with(async |frame| {
        Ok(match frame {
            SocketFrame::Text(text) => Message::text(text),
            SocketFrame::Auth(token) => Message::text(auth_frame(token)),
            SocketFrame::Close(code) => {
                Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() }))
            }
        })
    });
    let incoming = incoming.filter_map(async |message| event(message));
    Some(Socket { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) })
}

/// Binary frames are for documents; pings are answered below.
fn event(message: Result<Message, Error>) -> Option<SocketEvent> {
    match message {
        Ok(Message::Text(text)) => Some(SocketEvent::Text(text.as_str().into())),
        Ok(Message::Close(frame)) => {
            Some(SocketEvent::Closed(frame.map_or(ABNORMAL, |frame| frame.code.into())))
        }
        Ok(_) => None,
        Err(_) => Some(SocketEvent::Closed(ABNORMAL)),
    }
}
