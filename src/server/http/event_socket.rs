//! A socket made of two requests: what the session sends goes into the body of one response, what it
//! receives comes from requests of its own. A session cannot tell it from a WebSocket.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use axum::{body::Bytes, extract::ws::Message};
use futures::{Sink, Stream};
use tokio::sync::mpsc;

use super::event_ids::{EventIds, write_event};
use crate::contract::ServerFrame;

/// Once so many bytes wait for the network, the session waits, too: as much as a WebSocket gathers.
const ROOM: usize = 16 * 1024;
/// A comment: says nothing, and keeps proxies from taking the connection for dead.
const COMMENT: &[u8] = b":\n\n";

/// The session's end.
pub struct EventSocket {
    pipe: Arc<Pipe>,
    /// What the address asks for, as frames.
    asked: VecDeque<Message>,
    requests: mpsc::Receiver<Message>,
}

/// The network's end: the response's body.
pub struct EventBody(Arc<Pipe>);

/// The socket is gone: nobody takes the body any more.
#[derive(Debug)]
pub struct Gone;

/// What both ends share.
struct Pipe(Mutex<State>);

struct State {
    buffer: Vec<u8>,
    ids: EventIds,
    /// A ping waits in the buffer.
    pinged: bool,
    /// The network has taken a ping.
    alive: bool,
    /// The session has said all.
    ended: bool,
    /// The body was dropped.
    gone: bool,
    session: Option<Waker>,
    body: Option<Waker>,
}

impl EventSocket {
    /// Two ends. The stream begins with `open`; the session first gets `asked`, the subscriptions of the
    /// address, and then what comes from `requests`.
    pub fn pair(
        open: &ServerFrame,
        asked: VecDeque<Message>,
        requests: mpsc::Receiver<Message>,
    ) -> (Self, EventBody) {
        let mut buffer = Vec::new();
        write_event(&mut buffer, &super::super::event::encode(open), None);
        let mut ids = EventIds::default();
        if asked.is_empty() {
            ids.settle();
        }
        let pipe = Arc::new(Pipe(Mutex::new(State {
            buffer,
            ids,
            pinged: false,
            alive: false,
            ended: false,
            gone: false,
            session: None,
            body: None,
        })));
        (Self { pipe: pipe.clone(), asked, requests }, EventBody(pipe))
    }
}

impl Stream for EventSocket {
    type Item = Result<Message, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(message) = self.asked.pop_front() {
            if self.asked.is_empty() {
                // The session asks for the next request when the last one has been answered.
                self.pipe.lock().ids.settle();
            }
            return Poll::Ready(Some(Ok(message)));
        }
        {
            let mut state = self.pipe.lock();
            if state.gone {
                return Poll::Ready(None);
            }
            if std::mem::take(&mut state.alive) {
                return Poll::Ready(Some(Ok(Message::Pong(Bytes::new()))));
            }
            state.session = Some(cx.waker().clone());
        }
        self.requests.poll_recv(cx).map(|request| request.map(Ok))
    }
}

impl Sink<Message> for EventSocket {
    type Error = Gone;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.pipe.lock().poll_room(ROOM, cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Gone> {
        let mut guard = self.pipe.lock();
        let state = &mut *guard;
        match message {
            Message::Text(text) => {
                let id = state.ids.of(&text);
                write_event(&mut state.buffer, &text, id);
            }
            Message::Ping(_) => {
                state.buffer.extend_from_slice(COMMENT);
                state.pinged = true;
            }
            Message::Close(_) => state.end(),
            Message::Binary(_) | Message::Pong(_) => {}
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.pipe.lock().poll_room(1, cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.pipe.lock().end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for EventSocket {
    fn drop(&mut self) {
        let mut state = self.pipe.lock();
        if !state.ended {
            // Of one that did not read in time nothing is kept; what it has got ends between two events.
            state.buffer = Vec::new();
        }
        state.end();
    }
}

impl Stream for EventBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if !state.buffer.is_empty() {
            let bytes = Bytes::from(std::mem::take(&mut state.buffer));
            state.alive |= std::mem::take(&mut state.pinged);
            state.wake_session();
            return Poll::Ready(Some(Ok(bytes)));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.body = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.gone = true;
        state.buffer = Vec::new();
        state.wake_session();
    }
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done when a holder panics: every section is a few plain moves.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ready when fewer than `room` bytes wait; otherwise the network is called.
    fn poll_room(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.gone {
            return Poll::Ready(Err(Gone));
        }
        if self.buffer.len() < room {
            return Poll::Ready(Ok(()));
        }
        self.session = Some(cx.waker().clone());
        self.wake_body();
        Poll::Pending
    }

    fn end(&mut self) {
        self.ended = true;
        self.wake_body();
    }

    fn wake_body(&mut self) {
        if let Some(waker) = self.body.take() {
            waker.wake();
        }
    }

    fn wake_session(&mut self) {
        if let Some(waker) = self.session.take() {
            waker.wake();
        }
    }
}
