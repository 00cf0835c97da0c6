//! What the driver needs of a transport, and the one over tokio-tungstenite.

use std::{pin::Pin, sync::Arc};

use futures::{Sink, SinkExt, Stream, StreamExt, future::BoxFuture};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Error, Message, protocol::CloseFrame},
};

use super::event_stream;
use crate::client::connection::ABNORMAL;

/// Opens a socket to an address, `ws://` for a WebSocket and `http://` for an event stream; `None` when it
/// cannot be opened. Tests hand in their own.
pub type Connector = Arc<dyn Fn(String) -> BoxFuture<'static, Option<Socket>> + Send + Sync>;

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
    /// The client closes, with this code.
    Close(u16),
}

/// Sockets over the network, without TLS: a proxy or a tunnel has to bring that.
pub fn network() -> Connector {
    Arc::new(|url| {
        if url.starts_with("http") {
            Box::pin(event_stream::open(url))
        } else {
            Box::pin(open(url))
        }
    })
}

async fn open(url: String) -> Option<Socket> {
    let (stream, _) = connect_async_with_config(url, None, true).await.ok()?;
    let (outgoing, incoming) = stream.split();
    let outgoing = outgoing.sink_map_err(|_| ()).with(async |frame| {
        Ok(match frame {
            SocketFrame::Text(text) => Message::text(text),
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
