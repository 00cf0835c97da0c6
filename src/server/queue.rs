//! What waits to be sent on one connection: bounded, so that a slow reader harms only itself.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;

use super::{
    event::{Event, encode},
    identity::Identity,
    subscription::Subscription,
};
use crate::contract::{Limits, Position, ResyncReason, ServerFrame};

/// The outgoing frames of one connection.
pub struct Queue {
    state: Mutex<State>,
    ready: Notify,
    max_frames: usize,
    max_bytes: usize,
    max_latest: usize,
    /// Who reads it; `None` is the server's own code, which sees everything.
    reader: Option<Identity>,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Queued>,
    /// Of all frames but the latest values.
    bytes: usize,
    /// Where among the frames the latest value waits of a subscription, told by its address, and a key.
    latest: HashMap<(usize, u64, Arc<str>), usize>,
    latest_bytes: usize,
    lagging: Vec<Lagging>,
    /// Nothing is taken any more.
    revoked: bool,
}

/// The space of messages' keys.
const MESSAGES: u64 = u64::MAX;

/// A frame on its way out.
pub enum Queued {
    /// An event for one of the connection's subscriptions.
    Event(Arc<Event>, Arc<Subscription>),
    /// What has changed in who is there, for one of the connection's subscriptions.
    Presence(Utf8Bytes, Arc<Subscription>),
    /// A frame for this connection alone.
    Own(Utf8Bytes),
    /// A heartbeat behind every event up to this position.
    Heartbeat(Option<Position>),
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
    /// It took the place of an older value of its key that waited.
    Conflated,
    /// The queue is full: a message is lost, a durable event has become a `resync`.
    Dropped,
    /// The subscription has ended or waits for its `resync`, or the connection's access was taken away.
    Ignored,
}

impl Queue {
    /// An empty queue with the limits' bounds, for the server's own code: it sees everything.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            max_frames: limits.queue_frames,
            max_bytes: limits.queue_bytes,
            max_latest: limits.queue_latest,
            reader: None,
        }
    }

    /// The same for a connection, which sees what `who` may see.
    pub fn of(mut self, who: Identity) -> Self {
        self.reader = Some(who);
        self
    }

    /// What the event is to whoever reads this: the event, one that has less in it, or nothing.
    pub fn sees<'e>(&self, event: &'e Arc<Event>) -> Option<&'e Arc<Event>> {
        if event.is_for_all() {
            return Some(event);
        }
        match &self.reader {
            Some(who) => event.seen_by(who),
            None => Some(event),
        }
    }

    /// Leaves of these events what whoever reads this may see.
    pub fn keep_seen(&self, events: &mut Vec<Arc<Event>>) {
        events.retain_mut(|event| {
            let Some(seen) = self.sees(event).cloned() else { return false };
            *event = seen;
            true
        });
    }

    /// Adds an event. Never waits.
    pub fn push(&self, subscription: &Arc<Subscription>, event: &Arc<Event>) -> Pushed {
        if !subscription.takes(event.offset()) {
            return Pushed::Ignored;
        }
        let frame = Queued::Event(event.clone(), subscription.clone());
        if let Some(key) = event.key() {
            return self.push_latest(subscription, (MESSAGES, key), frame);
        }
        let size = frame.len();
        let mut state = self.lock();
        if state.revoked {
            return Pushed::Ignored;
        }
        let waiting = state.frames.len() - state.latest.len();
        if waiting >= self.max_frames || state.bytes + size > self.max_bytes {
            drop(state);
            if event.offset().is_some() {
                self.lag(subscription, ResyncReason::Overflow);
            }
            return Pushed::Dropped;
        }
        state.bytes += size;
        self.append(state, frame);
        Pushed::Queued
    }

    /// Adds the newest value of a subscription's key, in the place of an older one if that still waits: so
    /// it is never the newest that is lost. Values of the empty key are as few as the subscriptions, and
    /// always find room. Keys of different spaces are different. The frame has to hold the subscription,
    /// so that no other one gets its address.
    pub fn push_latest(
        &self,
        subscription: &Arc<Subscription>,
        (space, key): (u64, &Arc<str>),
        frame: Queued,
    ) -> Pushed {
        let size = frame.len();
        let place = (Arc::as_ptr(subscription) as usize, space, key.clone());
        let mut state = self.lock();
        if state.revoked {
            return Pushed::Ignored;
        }
        if let Some(&at) = state.latest.get(&place) {
            let older = &mut state.frames[at];
            let freed = older.len();
            *older = frame;
            state.latest_bytes = state.latest_bytes - freed + size;
            return Pushed::Conflated;
        }
        let full =
            state.latest.len() >= self.max_latest || state.latest_bytes + size > self.max_bytes;
        if full && !key.is_empty() {
            return Pushed::Dropped;
        }
        let end = state.frames.len();
        state.latest.insert(place, end);
        state.latest_bytes += size;
        self.append(state, frame);
        Pushed::Queued
    }

    fn append(&self, mut state: MutexGuard<'_, State>, frame: Queued) {
        state.frames.push_back(frame);
        let first = state.frames.len() == 1;
        drop(state);
        if first {
            self.ready.notify_one();
        }
    }

    /// Adds a difference in who is there; one that waits is replaced by a newer one of its key. Never
    /// waits; `false` when the queue is full, which also wakes the session.
    pub fn push_presence(
        &self,
        subscription: &Arc<Subscription>,
        key: (u64, &Arc<str>),
        frame: &Utf8Bytes,
    ) -> bool {
        let queued = Queued::Presence(frame.clone(), subscription.clone());
        let room = self.push_latest(subscription, key, queued) != Pushed::Dropped;
        if !room {
            self.ready.notify_one();
        }
        room
    }

    /// Wakes the session although nothing may wait to be sent.
    pub fn wake(&self) {
        self.ready.notify_one();
    }

    /// Adds frames that only this connection receives, past the bounds, because they cannot be left out.
    /// Still they are few: answers, which are out before the session reads its next request; a heartbeat
    /// or a `resync` of each subscription, made when all that waited is out; for each subscription of a
    /// channel that is closed, one; and states of who is present, one for each request and one at a time
    /// for those who could not keep up.
    pub fn push_own(&self, frames: impl IntoIterator<Item = Queued>) {
        let mut state = self.lock();
        if state.revoked {
            return;
        }
        for frame in frames {
            state.bytes += frame.len();
            state.frames.push_back(frame);
        }
        drop(state);
        self.ready.notify_one();
    }

    /// Marks a subscription as having lost durable events; false when it was already.
    pub fn lag(&self, subscription: &Arc<Subscription>, reason: ResyncReason) -> bool {
        let news = subscription.start_lagging();
        if news {
            let lagging = Lagging { subscription: subscription.clone(), reason };
            let mut state = self.lock();
            if !state.revoked {
                state.lagging.push(lagging);
                drop(state);
                self.ready.notify_one();
            }
        }
        news
    }

    /// Forgets what waits, and takes nothing any more: what the connection may see has changed.
    pub fn revoke(&self) {
        let forgotten =
            std::mem::replace(&mut *self.lock(), State { revoked: true, ..State::default() });
        // What is dropped may be much, for which nobody has to wait.
        drop(forgotten);
    }

    /// Waits until there is something to send.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Takes all waiting frames.
    pub fn take(&self) -> VecDeque<Queued> {
        let mut state = self.lock();
        state.bytes = 0;
        state.latest_bytes = 0;
        state.latest.clear();
        std::mem::take(&mut state.frames)
    }

    /// How many frames wait.
    pub fn len(&self) -> usize {
        self.lock().frames.len()
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
            Self::Presence(text, _) | Self::Own(text) => text.len(),
            Self::Heartbeat(_) => 64,
        }
    }

    /// When the change was committed that this frame carries, if it is one that has just happened: what
    /// is replayed says nothing about speed.
    pub fn committed_ms(&self) -> Option<i64> {
        match self {
            Self::Event(event, subscription) => {
                event.offset().filter(|offset| subscription.wants(*offset))?;
                event.committed_ms()
            }
            Self::Presence(..) | Self::Own(_) | Self::Heartbeat(_) => None,
        }
    }

    /// The frame's text, or `None` when its subscription has ended or lost its place meanwhile.
    /// `complete` says whether no subscription of the connection has.
    pub fn into_text(self, complete: impl FnOnce() -> bool) -> Option<Utf8Bytes> {
        match self {
            Self::Event(event, subscription) => {
                subscription.may_send(event.offset()).then(|| event.frame().clone())
            }
            // Who is there has nothing to do with the log: a subscription that waits for its resync is told.
            Self::Presence(text, subscription) => (!subscription.has_ended()).then_some(text),
            Self::Own(text) => Some(text),
            Self::Heartbeat(head) => {
                let position = head.filter(|_| complete());
                Some(encode(&ServerFrame::Heartbeat { position }))
            }
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
