//! A socket in memory: what the server sees of it and what the client does with it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use axum::extract::ws::Message;
use futures::{Sink, Stream};

use super::{model::Truth, paths::Path, wire::Wire};
use crate::contract::Live;

/// Both directions of one socket. A clone for each end.
pub struct Link<T: Live> {
    state: Arc<Mutex<State<T>>>,
    activity: Arc<AtomicU64>,
    truth: Truth<T>,
}

impl<T: Live> Clone for Link<T> {
    fn clone(&self) -> Self {
        let Self { state, activity, truth } = self;
        Self { state: state.clone(), activity: activity.clone(), truth: truth.clone() }
    }
}

struct State<T: Live> {
    wire: Wire<T>,
    to_server: VecDeque<String>,
    to_client: VecDeque<Frame>,
    /// How many frames fit between the two; the server waits when there is no room.
    room: usize,
    hung_up: bool,
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
pub struct ServerEnd<T: Live>(Link<T>);

impl<T: Live> Link<T> {
    pub fn new(
        wire: Wire<T>,
        truth: Truth<T>,
        room: usize,
        activity: Arc<AtomicU64>,
    ) -> (Self, ServerEnd<T>) {
        let state = State {
            wire,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            room,
            hung_up: false,
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
        let state = self.lock();
        state.blocked && !state.ended
    }

    pub fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// What the server owes when everything has come to rest.
    pub fn is_owed(&self) -> Option<String> {
        self.lock().wire.is_owed()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act(&self) {
        self.activity.fetch_add(1, Ordering::Relaxed);
    }
}

impl<T: Live> State<T> {
    fn wake(&mut self) {
        self.blocked = false;
        self.waker.take().into_iter().for_each(Waker::wake);
    }
}

impl<T: Live> Stream for ServerEnd<T> {
    type Item = Result<Message, ()>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.lock();
        if let Some(text) = state.to_server.pop_front() {
            self.0.act();
            state.wire.heard(&text);
            return Poll::Ready(Some(Ok(Message::text(text))));
        }
        if state.hung_up {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T: Live> Sink<Message> for ServerEnd<T> {
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
        self.0.truth.hit(Path::Blocked);
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), ()> {
        self.0.act();
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

impl<T: Live> Drop for ServerEnd<T> {
    fn drop(&mut self) {
        self.0.act();
        self.0.lock().ended = true;
    }
}
