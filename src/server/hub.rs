//! Who listens to what: takes the log's entries in order and hands each to its channels' subscribers.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use serde::Serialize;
use tokio::sync::Notify;

use super::{
    connections::Connections,
    counters::Counters,
    event::{Event, encode},
    history::{Evicted, History},
    log::Entry,
    queries::{self, Watch},
    queue::{Lagging, Pushed, Queue, Queued},
    revocation,
    routing::Routing,
    subscription::Subscription,
    wall_clock::unix_ms,
};
use crate::contract::{ChannelName, Delivery, Limits, Position, ResyncReason, ServerFrame};

/// The registry of subscriptions of this process.
pub struct Hub {
    epoch: u64,
    routing: Arc<Routing>,
    state: Mutex<State>,
    watch: Watch,
    connections: Connections,
    counters: Counters,
    /// The head has moved.
    moved: Notify,
}

struct State {
    head: u64,
    history: History,
    channels: HashMap<ChannelName, Listeners>,
}

/// Who listens to a channel, for as long as anybody does.
#[derive(Default)]
struct Listeners {
    subscribers: Vec<Subscriber>,
    events: u64,
    last_event_ms: Option<u64>,
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

/// What is known of a channel while it has subscribers; it is forgotten with the last of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelFigures {
    /// Which channel.
    pub channel: ChannelName,
    /// Its subscriptions, those of the server's own code among them.
    pub subscribers: usize,
    /// Events that were handed out, each counted once however many received it.
    pub events: u64,
    /// When the newest of them was: milliseconds since 1970, UTC.
    pub last_event_ms: Option<u64>,
}

impl Hub {
    /// A hub whose history begins after `head`.
    pub fn new(epoch: u64, head: u64, limits: &Limits, routing: Arc<Routing>) -> Self {
        let state = State { head, history: History::new(head, limits), channels: HashMap::new() };
        let (state, watch) = (Mutex::new(state), Watch::new(head));
        let connections = Connections::new(head);
        let (counters, moved) = Default::default();
        Self { epoch, routing, state, watch, connections, counters, moved }
    }

    /// The position of the newest event that was handed out.
    pub fn head(&self) -> Position {
        Position::new(self.epoch, self.lock().head)
    }

    /// How far the history reaches back.
    pub fn floor(&self) -> u64 {
        self.lock().history.floor()
    }

    /// Whether the history reaches back to `offset`.
    pub fn holds(&self, offset: u64) -> bool {
        self.floor() <= offset
    }

    /// Hands entries of the log, in order, to everybody who listens. Never waits for a subscriber.
    pub fn publish(&self, entries: Vec<Entry>) {
        for entry in entries {
            let entry = Arc::new(entry);
            let position = Position::new(self.epoch, entry.offset);
            let mut state = self.lock();
            if entry.offset > state.head + 1 {
                // Offsets have no gaps: the log was trimmed before it was read.
                self.connections.revoke(entry.offset - 1, None);
                self.skip(&mut state, entry.offset - 1, ResyncReason::TooOld, |_| true);
            }
            let revoked = revocation::read(&entry, |table| self.routing.has_table(table));
            if !self.routing.can_route(&entry) {
                let Entry { offset, table, message, .. } = &*entry;
                tracing::warn!(offset, %table, ?message, "an entry of the log cannot be handed out");
                if revoked.is_some() {
                    self.connections.revoke(entry.offset, None);
                }
                self.skip(&mut state, entry.offset, ResyncReason::Unreadable, |channel| {
                    self.routing.may_concern(&entry, channel)
                });
                continue;
            }
            // Reading the row is the application's code, for which nobody has to wait.
            drop(state);
            let routes = self.routing.route(&entry);
            let events = routes.events(position, &entry, |_| true);
            let mut state = self.lock();
            // Under the lock: nothing later can reach those whom it concerns.
            if let Some(whose) = revoked {
                self.connections.revoke(position.offset, whose);
            }
            for event in &events {
                self.hand_out(&mut state, event, |s| s.wants(position.offset));
            }
            self.watch.changed(&entry.table, position.offset);
            state.history.push(position.offset, &events);
            state.head = position.offset;
            if routes.is_lossy() {
                // Under the same lock: whoever saw the new head in between would have missed the loss.
                self.skip(&mut state, entry.offset, ResyncReason::Unreadable, |channel| {
                    self.routing.misses(&routes, channel)
                });
            }
        }
        self.moved.notify_waiters();
    }

    /// Resolves once everything up to this offset has been handed out.
    pub async fn reached(&self, offset: u64) {
        loop {
            let mut moved = pin!(self.moved.notified());
            // Before the look, so that what moves in between is not missed.
            moved.as_mut().enable();
            if self.head().offset >= offset {
                return;
            }
            moved.await;
        }
    }

    /// Passes entries that cannot be handed out: who may have been concerned has missed something, and
    /// whoever comes from before them is sent to the log, which says the same.
    fn skip(
        &self,
        state: &mut State,
        offset: u64,
        reason: ResyncReason,
        concerns: impl Fn(&ChannelName) -> bool,
    ) {
        // Queries are asked again, and have nothing to load but the answer.
        if offset > state.head {
            self.watch.lost(offset);
        }
        let concerns = |channel: &ChannelName| !queries::is_query(channel) && concerns(channel);
        let mut concerned: Vec<_> =
            state.channels.iter().filter(|(channel, _)| concerns(channel)).collect();
        // The map's order is another one in each process, and a simulated run has to be repeatable.
        concerned.sort_by_key(|(channel, _)| *channel);
        let (mut lost, mut resynced) = (0, 0);
        for subscriber in concerned.into_iter().flat_map(|(_, listeners)| &listeners.subscribers) {
            if subscriber.subscription.wants(offset) {
                resynced += usize::from(subscriber.queue.lag(&subscriber.subscription, reason));
                lost += 1;
            }
        }
        self.counters.lost(Delivery::Durable, lost);
        self.counters.resynced(reason, resynced);
        state.history.restart(offset);
        state.head = offset;
    }

    /// Sends a message that is not in the log; returns how many it reached.
    pub fn send(&self, event: Event) -> usize {
        self.hand_out(&mut self.lock(), &Arc::new(event), |_| true)
    }

    fn hand_out(
        &self,
        state: &mut State,
        event: &Arc<Event>,
        wants: impl Fn(&Subscription) -> bool,
    ) -> usize {
        let Some(listeners) = state.channels.get_mut(event.channel()) else { return 0 };
        listeners.events += 1;
        listeners.last_event_ms = Some(unix_ms());
        let (mut reached, mut conflated, mut lost) = (0, 0, 0);
        for subscriber in &listeners.subscribers {
            if wants(&subscriber.subscription)
                && let Some(event) = subscriber.queue.sees(event)
            {
                match subscriber.queue.push(&subscriber.subscription, event) {
                    Pushed::Queued => reached += 1,
                    Pushed::Conflated => conflated += 1,
                    Pushed::Dropped => lost += 1,
                    Pushed::Ignored => {}
                }
            }
        }
        let class = event.delivery();
        self.counters.handed_out(class, reached + conflated, conflated);
        self.counters.lost(class, lost);
        if class == Delivery::Durable {
            self.counters.resynced(ResyncReason::Overflow, lost);
        }
        reached + conflated
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
        let mut missed = state.history.after(channel, since)?;
        queue.keep_seen(&mut missed);
        // A snapshot may be newer than what the tailer has read so far.
        let from = since.max(state.head);
        let subscription = Arc::new(Subscription::new(channel.clone(), from));
        queue.push_own(answer(Position::new(self.epoch, since), &subscription, missed));
        let list = &mut state.channels.entry(channel.clone()).or_default().subscribers;
        subscription.slot.store(list.len(), Ordering::Relaxed);
        list.push(Subscriber { queue: queue.clone(), subscription: subscription.clone() });
        Ok(subscription)
    }

    /// Removes a subscription.
    pub fn unsubscribe(&self, subscription: &Subscription) {
        subscription.end();
        let mut state = self.lock();
        let Some(listeners) = state.channels.get_mut(subscription.channel()) else { return };
        let list = &mut listeners.subscribers;
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

    /// Makes the queue's subscriptions that had lost events live again, and queues a `resync` for each.
    pub fn resume_lagging(&self, queue: &Queue) {
        for Lagging { subscription, reason } in queue.take_lagging() {
            if subscription.has_ended() {
                continue;
            }
            let state = self.lock();
            subscription.resume(state.head);
            let position = Position::new(self.epoch, state.head);
            let channel = subscription.channel().to_string();
            let frame = ServerFrame::Resync { channel, reason, position, reference: None };
            queue.push_own([Queued::Own(encode(&frame))]);
        }
    }

    /// Queues a heartbeat behind every event up to the position that it names; it names none unless
    /// `complete`, asked while nothing is published, says that there is nothing else to come.
    pub fn mark(&self, queue: &Queue, complete: impl FnOnce() -> bool) {
        let state = self.lock();
        let position = complete().then(|| Position::new(self.epoch, state.head));
        queue.push_own([Queued::Heartbeat(position)]);
    }

    /// The open connections, by whom they belong to.
    pub fn connections(&self) -> &Connections {
        &self.connections
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
        for (channel, listeners) in state.channels.extract_if(|channel, _| ends(channel)) {
            for subscriber in listeners.subscribers {
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
            subscriptions: state.channels.values().map(|l| l.subscribers.len()).sum(),
            dropped: self.counters.dropped(),
        }
    }

    /// What happened to events so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many subscriptions a channel has.
    pub fn subscribers(&self, channel: &ChannelName) -> usize {
        self.lock().channels.get(channel).map_or(0, |listeners| listeners.subscribers.len())
    }

    /// Every channel with subscribers, in no order. Copies the list while nothing is handed out, so ask
    /// once for a page, not once for a channel.
    pub fn channel_figures(&self) -> Vec<ChannelFigures> {
        let state = self.lock();
        let figures = state.channels.iter().map(|(channel, listeners)| ChannelFigures {
            channel: channel.clone(),
            subscribers: listeners.subscribers.len(),
            events: listeners.events,
            last_event_ms: listeners.last_event_ms,
        });
        figures.collect()
    }

    /// Events and bytes in the replay ring.
    pub fn ring(&self) -> (usize, usize) {
        self.lock().history.size()
    }

    /// What the connections of these queues have subscribed to, by the queues' addresses. For who looks
    /// at a few connections: sessions keep no second list for it.
    pub fn subscriptions_of(
        &self,
        queues: &[*const Queue],
    ) -> HashMap<*const Queue, Vec<ChannelName>> {
        let mut found: HashMap<_, Vec<_>> =
            queues.iter().map(|queue| (*queue, Vec::new())).collect();
        for (name, listeners) in &self.lock().channels {
            for subscriber in &listeners.subscribers {
                if let Some(names) = found.get_mut(&Arc::as_ptr(&subscriber.queue)) {
                    names.push(name.clone());
                }
            }
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
