//! Who listens to what: takes the log's entries in order and hands each to its channels' subscribers.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::value::RawValue;

use super::{
    event::Event,
    history::{Evicted, History},
    log::Entry,
    queries::{self, Watch},
    queue::{Pushed, Queue, Queued},
    routing::Routing,
    subscription::Subscription,
};
use crate::contract::{ChannelName, Limits, Position, ResyncReason};

/// The registry of subscriptions of this process.
pub struct Hub {
    epoch: u64,
    routing: Arc<Routing>,
    state: Mutex<State>,
    watch: Watch,
    dropped: AtomicU64,
}

struct State {
    head: u64,
    history: History,
    channels: HashMap<ChannelName, Vec<Subscriber>>,
}

struct Subscriber {
    queue: Arc<Queue>,
    subscription: Arc<Subscription>,
}

/// Counts for the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubCounts {
    /// Channels with at least one subscriber.
    pub channels: usize,
    /// Subscriptions of all connections.
    pub subscriptions: usize,
    /// Messages lost, and events that turned into a `resync` instead of being sent.
    pub dropped: u64,
}

impl Hub {
    /// A hub whose history begins after `head`.
    pub fn new(epoch: u64, head: u64, limits: &Limits, routing: Arc<Routing>) -> Self {
        let state = State { head, history: History::new(head, limits), channels: HashMap::new() };
        let (state, watch) = (Mutex::new(state), Watch::new(head));
        Self { epoch, routing, state, watch, dropped: AtomicU64::new(0) }
    }

    /// The position of the newest event that was handed out.
    pub fn head(&self) -> Position {
        Position::new(self.epoch, self.lock().head)
    }

    /// Whether the history reaches back to `offset`.
    pub fn holds(&self, offset: u64) -> bool {
        self.lock().history.floor() <= offset
    }

    /// Hands entries of the log, in order, to everybody who listens. Never waits for a subscriber.
    pub fn publish(&self, entries: Vec<Entry>) {
        for entry in entries {
            let entry = Arc::new(entry);
            let position = Position::new(self.epoch, entry.offset);
            if entry.offset > self.lock().head + 1 {
                // Offsets have no gaps: the log was trimmed before it was read.
                self.skip(entry.offset - 1, ResyncReason::TooOld, |_| true);
            }
            if !self.routing.can_route(&entry) {
                self.skip(entry.offset, ResyncReason::Unreadable, |channel| {
                    self.routing.may_concern(&entry, channel)
                });
                continue;
            }
            let routes = self.routing.route(&entry);
            let event =
                |(channel, op)| Arc::new(Event::logged(channel, position, entry.clone(), op));
            let events: Vec<Arc<Event>> = routes.channels.into_iter().map(event).collect();
            let mut state = self.lock();
            for event in &events {
                self.hand_out(&state, event, |s| s.wants(position.offset));
            }
            self.watch.changed(&entry.table, position.offset);
            state.history.push(position.offset, &events);
            state.head = position.offset;
            drop(state);
            if routes.scopes_lost {
                self.skip(entry.offset, ResyncReason::Unreadable, |channel| {
                    self.routing.may_be_scope(channel)
                });
            }
        }
    }

    /// Passes entries that cannot be handed out: who may have been concerned has missed something, and
    /// whoever comes from before them is sent to the log, which says the same.
    fn skip(&self, offset: u64, reason: ResyncReason, concerns: impl Fn(&ChannelName) -> bool) {
        let mut state = self.lock();
        // Queries are asked again, and have nothing to load but the answer.
        if offset > state.head {
            self.watch.lost(offset);
        }
        let concerns = |channel: &ChannelName| !queries::is_query(channel) && concerns(channel);
        let concerned = state.channels.iter().filter(|(channel, _)| concerns(channel));
        for subscriber in concerned.flat_map(|(_, subscribers)| subscribers) {
            if subscriber.subscription.wants(offset) {
                subscriber.queue.lag(&subscriber.subscription, reason);
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        state.history.restart(offset);
        state.head = offset;
    }

    /// Sends a message that is not in the log; returns how many it reached.
    pub fn send(&self, channel: ChannelName, payload: Box<RawValue>) -> usize {
        let event = Arc::new(Event::message(channel, payload));
        self.hand_out(&self.lock(), &event, |_| true)
    }

    fn hand_out(
        &self,
        state: &State,
        event: &Arc<Event>,
        wants: impl Fn(&Subscription) -> bool,
    ) -> usize {
        let mut reached = 0;
        for subscriber in state.channels.get(event.channel()).into_iter().flatten() {
            if wants(&subscriber.subscription) {
                match subscriber.queue.push(&subscriber.subscription, event) {
                    Pushed::Queued => reached += 1,
                    Pushed::Dropped => _ = self.dropped.fetch_add(1, Ordering::Relaxed),
                    Pushed::Ignored => {}
                }
            }
        }
        reached
    }

    /// Adds a subscription that stands at `since` (`None`: at the head) and queues `answer`, made
    /// from the position and what was missed, before any later event can be queued.
    ///
    /// # Errors
    /// [`Evicted`] when the history does not reach back to `since`: read the log and come again.
    pub fn subscribe(
        &self,
        channel: &ChannelName,
        since: Option<u64>,
        queue: &Arc<Queue>,
        answer: impl FnOnce(Position, &Arc<Subscription>, Vec<Arc<Event>>) -> Vec<Queued>,
    ) -> Result<Arc<Subscription>, Evicted> {
        let mut state = self.lock();
        let since = since.unwrap_or(state.head);
        let missed = state.history.after(channel, since)?;
        // A snapshot may be newer than what the tailer has read so far.
        let from = since.max(state.head);
        let subscription = Arc::new(Subscription::new(channel.clone(), from));
        queue.push_own(answer(Position::new(self.epoch, since), &subscription, missed));
        let list = state.channels.entry(channel.clone()).or_default();
        subscription.slot.store(list.len(), Ordering::Relaxed);
        list.push(Subscriber { queue: queue.clone(), subscription: subscription.clone() });
        Ok(subscription)
    }

    /// Removes a subscription.
    pub fn unsubscribe(&self, subscription: &Subscription) {
        subscription.end();
        let mut state = self.lock();
        let Some(list) = state.channels.get_mut(subscription.channel()) else { return };
        let slot = subscription.slot.load(Ordering::Relaxed);
        if !list.get(slot).is_some_and(|s| std::ptr::eq(&*s.subscription, subscription)) {
            return;
        }
        list.swap_remove(slot);
        if let Some(moved) = list.get(slot) {
            moved.subscription.slot.store(slot, Ordering::Relaxed);
        }
        if list.is_empty() {
            state.channels.remove(subscription.channel());
        }
    }

    /// Makes a subscription that had lost events live again and queues `answer` for it.
    pub fn resume(
        &self,
        subscription: &Subscription,
        queue: &Queue,
        answer: impl FnOnce(Position) -> Queued,
    ) {
        let state = self.lock();
        subscription.resume(state.head);
        queue.push_own([answer(Position::new(self.epoch, state.head))]);
    }

    /// Queues a heartbeat behind every event up to the position that it names; it names none unless
    /// `complete`, asked while nothing is published, says that there is nothing else to come.
    pub fn mark(&self, queue: &Queue, complete: impl FnOnce() -> bool) {
        let state = self.lock();
        let position = complete().then(|| Position::new(self.epoch, state.head));
        queue.push_own([Queued::Heartbeat(position)]);
    }

    /// Which tables have changed, for the live queries.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Ends every subscription of the channels that `ends` names, telling each connection with `frame`.
    pub fn close_channels(
        &self,
        ends: impl Fn(&ChannelName) -> bool,
        frame: impl Fn(&ChannelName) -> Queued,
    ) {
        let mut state = self.lock();
        for (channel, subscribers) in state.channels.extract_if(|channel, _| ends(channel)) {
            for subscriber in subscribers {
                subscriber.subscription.end();
                subscriber.queue.push_own([frame(&channel)]);
            }
        }
    }

    /// How many channels and subscriptions there are.
    pub fn counts(&self) -> HubCounts {
        let state = self.lock();
        HubCounts {
            channels: state.channels.len(),
            subscriptions: state.channels.values().map(Vec::len).sum(),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
