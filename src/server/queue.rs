//! What waits to be sent on one connection: bounded, so that a slow reader harms only itself.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;

use super::{
    event::{Event, encode},
    subscription::Subscription,
};
use crate::contract::{Limits, Position, ResyncReason, ServerFrame};

/// The outgoing frames of one connection.
pub struct Queue {
    state: Mutex<State>,
    ready: Notify,
    max_frames: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Queued>,
    bytes: usize,
    lagging: Vec<Lagging>,
}

/// A frame on its way out.
pub enum Queued {
    /// An event for one of the connection's subscriptions.
    Event(Arc<Event>, Arc<Subscription>),
    /// A frame for this connection alone.
    Own(Utf8Bytes),
    /// A heartbeat behind every event up to this position.
    Heartbeat(Position),
}

/// A subscription that lost durable events and is owed a `resync`.
pub struct Lagging {
    /// Which one.
    pub subscription: Arc<Subscription>,
    /// Why.
    pub reason: ResyncReason,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It waits to be sent.
    Queued,
    /// The queue is full: a message is lost, a durable event has become a `resync`.
    Dropped,
    /// The subscription has ended or waits for its `resync`.
    Ignored,
}

impl Queue {
    /// An empty queue with the limits' bounds.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            max_frames: limits.queue_frames,
            max_bytes: limits.queue_bytes,
        }
    }

    /// Adds an event. Never waits.
    pub fn push(&self, subscription: &Arc<Subscription>, event: &Arc<Event>) -> Pushed {
        if !subscription.is_live() {
            return Pushed::Ignored;
        }
        let size = event.frame().len();
        let mut state = self.lock();
        if state.frames.len() >= self.max_frames || state.bytes + size > self.max_bytes {
            drop(state);
            if event.offset().is_some() {
                self.lag(subscription, ResyncReason::Overflow);
            }
            return Pushed::Dropped;
        }
        state.bytes += size;
        state.frames.push_back(Queued::Event(event.clone(), subscription.clone()));
        let first = state.frames.len() == 1;
        drop(state);
        if first {
            self.ready.notify_one();
        }
        Pushed::Queued
    }

    /// Adds frames that only this connection receives, past the bounds: the session makes them one
    /// request at a time, and reads no further request before they are out.
    pub fn push_own(&self, frames: impl IntoIterator<Item = Queued>) {
        let mut state = self.lock();
        for frame in frames {
            state.bytes += frame.len();
            state.frames.push_back(frame);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Marks a subscription as having lost durable events.
    pub fn lag(&self, subscription: &Arc<Subscription>, reason: ResyncReason) {
        if subscription.start_lagging() {
            let lagging = Lagging { subscription: subscription.clone(), reason };
            self.lock().lagging.push(lagging);
            self.ready.notify_one();
        }
    }

    /// Waits until there is something to send.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Takes all waiting frames.
    pub fn take(&self) -> VecDeque<Queued> {
        let mut state = self.lock();
        state.bytes = 0;
        std::mem::take(&mut state.frames)
    }

    /// Takes the subscriptions that are owed a `resync`, by channel: the hub's order is another one in
    /// each process, and a simulated run has to be repeatable.
    pub fn take_lagging(&self) -> Vec<Lagging> {
        let mut lagging = std::mem::take(&mut self.lock().lagging);
        lagging.sort_by(|a, b| a.subscription.channel().cmp(b.subscription.channel()));
        lagging
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done when a holder panics: every section is a few plain moves.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queued {
    fn len(&self) -> usize {
        match self {
            Self::Event(event, _) => event.frame().len(),
            Self::Own(text) => text.len(),
            Self::Heartbeat(_) => 64,
        }
    }

    /// The frame's text, or `None` when its subscription has ended or lost its place meanwhile.
    /// `complete` says whether no subscription of the connection has.
    pub fn into_text(self, complete: impl FnOnce() -> bool) -> Option<Utf8Bytes> {
        match self {
            Self::Event(event, subscription) => {
                subscription.may_send(event.offset()).then(|| event.frame().clone())
            }
            Self::Own(text) => Some(text),
            Self::Heartbeat(head) => {
                let position = complete().then_some(head);
                Some(encode(&ServerFrame::Heartbeat { position }))
            }
        }
    }
}
