//! A WebSocket without a network: the server's end and the client's end of two queues.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::extract::ws::{CloseFrame, Message};
use futures::{
    Sink, SinkExt, Stream, StreamExt,
    channel::mpsc::{Receiver, SendError, Sender, channel},
};

use crate::client::native::{Socket, SocketEvent, SocketFrame, auth_frame};

/// How many frames fit between the two ends.
const ROOM: usize = 64;

/// The server's end.
pub(super) struct ServerEnd {
    incoming: Receiver<Message>,
    outgoing: Sender<Message>,
}

/// Two ends of one socket.
pub(super) fn pair() -> (ServerEnd, Socket) {
    let (to_server, incoming) = channel(ROOM);
    let (outgoing, to_client) = channel(ROOM);
    let client = Socket {
        incoming: Box::pin(to_client.filter_map(async |message| event(message))),
        outgoing: Box::pin(
            to_server.sink_map_err(|_: SendError| ()).with(async |frame| Ok(message(frame))),
        ),
    };
    (ServerEnd { incoming, outgoing }, client)
}

fn message(frame: SocketFrame) -> Message {
    match frame {
        SocketFrame::Text(text) => Message::Text(text.into()),
        SocketFrame::Auth(token) => Message::Text(auth_frame(token).into()),
        SocketFrame::Close(code) => Message::Close(Some(CloseFrame { code, reason: "".into() })),
    }
}

fn event(message: Message) -> Option<SocketEvent> {
    match message {
        Message::Text(text) => Some(SocketEvent::Text(text.to_string())),
        Message::Close(frame) => Some(SocketEvent::Closed(frame.map_or(1005, |frame| frame.code))),
        _ => None,
    }
}

impl Stream for ServerEnd {
    type Item = Result<Message, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_next_unpin(cx).map(|message| message.map(Ok))
    }
}

impl Sink<Message> for ServerEnd {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.outgoing.poll_ready_unpin(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), SendError> {
        self.outgoing.start_send_unpin(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.outgoing.poll_flush_unpin(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.outgoing.poll_close_unpin(cx)
    }
}
