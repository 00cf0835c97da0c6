//! A socket in memory: what the server sees of it and what the client does with it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use axum::extract::ws::Message;
use futures::{Sink, Stream};
use tokio::sync::Notify;

use super::{model::Truth, paths::Path, wire::Wire};

/// Both directions of one socket. A clone for each end.
#[derive(Clone)]
pub struct Link {
    state: Arc<Mutex<State>>,
    activity: Arc<Notify>,
    truth: Truth,
}

struct State {
    wire: Wire,
    to_server: VecDeque<String>,
    to_client: VecDeque<Frame>,
    /// How many frames fit between the two; the server waits when there is no room.
    room: usize,
    hung_up: bool,
    /// The server waits for a frame.
    idle: bool,
    /// The server waits for room.
    blocked: bool,
    /// The server has let go of it.
    ended: bool,
    waker: Option<Waker>,
}

/// What the server says.
#[derive(Clone, Debug)]
pub enum Frame {
    Text(String),
    Closed(u16),
}

/// The server's end.
pub struct ServerEnd(Link);

impl Link {
    pub fn new(wire: Wire, truth: Truth, room: usize, activity: Arc<Notify>) -> (Self, ServerEnd) {
        let state = State {
            wire,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            room,
            hung_up: false,
            idle: false,
            blocked: false,
            ended: false,
            waker: None,
        };
        let link = Self { state: Arc::new(Mutex::new(state)), activity, truth };
        (link.clone(), ServerEnd(link))
    }

    /// Hands a frame to the server.
    pub fn send(&self, text: String) {
        let mut state = self.lock();
        state.to_server.push_back(text);
        state.wake();
    }

    /// The next frame of the server, which then has room for another.
    pub fn receive(&self) -> Option<Frame> {
        let mut state = self.lock();
        let frame = state.to_client.pop_front();
        if frame.is_some() && state.blocked {
            state.wake();
        }
        frame
    }

    /// The same without taking it.
    pub fn peek(&self) -> Option<Frame> {
        self.lock().to_client.front().cloned()
    }

    /// The server learns that the client is gone.
    pub fn hang_up(&self) {
        let mut state = self.lock();
        state.hung_up = true;
        state.wake();
    }

    /// Whether the server has let go and everything that it said was received.
    pub fn is_over(&self) -> bool {
        let state = self.lock();
        state.ended && state.to_client.is_empty()
    }

    pub fn is_blocked(&self) -> bool {
        self.lock().blocked
    }

    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Whether nothing happens until somebody does something.
    pub fn is_quiet(&self) -> bool {
        let state = self.lock();
        let waits = state.idle && state.to_server.is_empty();
        state.ended || (!state.hung_up && (state.blocked || waits))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        (self.idle, self.blocked) = (false, false);
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

impl Stream for ServerEnd {
    type Item = Result<Message, ()>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if let Some(text) = state.to_server.pop_front() {
            state.idle = false;
            state.wire.heard(&text);
            return Poll::Ready(Some(Ok(Message::text(text))));
        }
        if state.hung_up {
            return Poll::Ready(None);
        }
        state.idle = true;
        state.waker = Some(cx.waker().clone());
        self.0.activity.notify_one();
        Poll::Pending
    }
}

impl Sink<Message> for ServerEnd {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let mut state = self.0.lock();
        if state.hung_up {
            return Poll::Ready(Err(()));
        }
        if state.to_client.len() < state.room {
            return Poll::Ready(Ok(()));
        }
        state.blocked = true;
        state.waker = Some(cx.waker().clone());
        self.0.activity.notify_one();
        self.0.truth.hit(Path::Blocked);
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), ()> {
        let mut state = self.0.lock();
        match message {
            Message::Text(text) => {
                state.wire.said(&text);
                state.to_client.push_back(Frame::Text(text.as_str().to_owned()));
            }
            Message::Close(frame) => {
                let code = frame.map_or(1005, |frame| frame.code);
                state.to_client.push_back(Frame::Closed(code));
            }
            _ => {}
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.activity.notify_one();
    }
}
