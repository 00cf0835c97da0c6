//! What happened to events since the server started, in numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::contract::{Delivery, ResyncReason};

/// The counters of one server. Adding to one is a single atomic addition.
#[derive(Debug, Default)]
pub struct Counters {
    durable: AtomicU64,
    latest: AtomicU64,
    lossy: AtomicU64,
    conflated: AtomicU64,
    dropped_latest: AtomicU64,
    dropped_lossy: AtomicU64,
    dropped: AtomicU64,
    replays_from_ring: AtomicU64,
    replays_from_log: AtomicU64,
    resyncs: [AtomicU64; REASONS],
    resyncs_at_subscribe: [AtomicU64; REASONS],
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Durable events that were queued for a subscriber, once for each: changes and durable messages.
    /// Replays do not count.
    pub durable: u64,
    /// Latest values that were queued for a subscriber, or took the place of an older one there.
    pub latest: u64,
    /// Lossy messages that were queued for a subscriber.
    pub lossy: u64,
    /// Latest values that were replaced by a newer one before they were sent.
    pub conflated: u64,
    /// Latest values that were lost because values of too many other keys waited.
    pub dropped_latest: u64,
    /// Lossy messages that were lost because the subscriber's queue was full.
    pub dropped_lossy: u64,
    /// Messages that were lost, and durable events that turned into a `resync` instead of being sent.
    pub dropped: u64,
    /// Subscribes from a position that were served from memory.
    pub replays_from_ring: u64,
    /// Subscribes from a position for which the log was read.
    pub replays_from_log: u64,
    /// Subscriptions that lost their place while they ran, by reason.
    pub resyncs: ByReason,
    /// Subscribes from a position that were answered with a `resync`, by reason.
    pub resyncs_at_subscribe: ByReason,
}

/// A number for each reason of a `resync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByReason {
    /// The position was of another life of the log.
    pub epoch: u64,
    /// The log no longer held what was missed.
    pub too_old: u64,
    /// The position lay ahead of the log.
    pub ahead: u64,
    /// More was missed than a replay may carry.
    pub too_many: u64,
    /// The client read too slowly.
    pub overflow: u64,
    /// An entry of the log could not be read.
    pub unreadable: u64,
}

/// How many reasons there are.
const REASONS: usize = 6;

impl Counters {
    /// Every counter as it stands.
    pub fn snapshot(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            durable: get(&self.durable),
            latest: get(&self.latest),
            lossy: get(&self.lossy),
            conflated: get(&self.conflated),
            dropped_latest: get(&self.dropped_latest),
            dropped_lossy: get(&self.dropped_lossy),
            dropped: self.dropped(),
            replays_from_ring: get(&self.replays_from_ring),
            replays_from_log: get(&self.replays_from_log),
            resyncs: by_reason(&self.resyncs),
            resyncs_at_subscribe: by_reason(&self.resyncs_at_subscribe),
        }
    }

    /// [`Counts::dropped`] alone.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// An event was queued for so many subscribers; for `conflated` of them in the place of an older
    /// one.
    pub(super) fn handed_out(&self, class: Delivery, queued: usize, conflated: usize) {
        add(self.of_class(class), queued);
        add(&self.conflated, conflated);
    }

    /// An event was not queued for so many subscribers; durable ones count with their `resync`.
    pub(super) fn lost(&self, class: Delivery, count: usize) {
        add(&self.dropped, count);
        match class {
            Delivery::Durable => {}
            Delivery::Latest => add(&self.dropped_latest, count),
            Delivery::Lossy => add(&self.dropped_lossy, count),
        }
    }

    /// So many running subscriptions lost their place.
    pub(super) fn resynced(&self, reason: ResyncReason, count: usize) {
        add(&self.resyncs[index(reason)], count);
    }

    /// A subscribe was answered with a `resync`.
    pub(super) fn refused_replay(&self, reason: ResyncReason) {
        add(&self.resyncs_at_subscribe[index(reason)], 1);
    }

    /// A subscribe from a position was answered with everything after it.
    pub(super) fn replayed(&self, from_log: bool) {
        add(if from_log { &self.replays_from_log } else { &self.replays_from_ring }, 1);
    }

    fn of_class(&self, class: Delivery) -> &AtomicU64 {
        match class {
            Delivery::Durable => &self.durable,
            Delivery::Latest => &self.latest,
            Delivery::Lossy => &self.lossy,
        }
    }
}

fn add(counter: &AtomicU64, count: usize) {
    if count > 0 {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

fn by_reason(counters: &[AtomicU64; REASONS]) -> ByReason {
    let get = |reason| counters[index(reason)].load(Ordering::Relaxed);
    ByReason {
        epoch: get(ResyncReason::Epoch),
        too_old: get(ResyncReason::TooOld),
        ahead: get(ResyncReason::Ahead),
        too_many: get(ResyncReason::TooMany),
        overflow: get(ResyncReason::Overflow),
        unreadable: get(ResyncReason::Unreadable),
    }
}

fn index(reason: ResyncReason) -> usize {
    match reason {
        ResyncReason::Epoch => 0,
        ResyncReason::TooOld => 1,
        ResyncReason::Ahead => 2,
        ResyncReason::TooMany => 3,
        ResyncReason::Overflow => 4,
        // A server gives no reason that it does not know.
        ResyncReason::Unreadable | ResyncReason::Other => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_and_class_has_a_number_of_its_own() {
        let counters = Counters::default();
        counters.resynced(ResyncReason::Overflow, 2);
        counters.refused_replay(ResyncReason::Ahead);
        counters.lost(Delivery::Durable, 2);
        counters.lost(Delivery::Lossy, 3);
        counters.lost(Delivery::Latest, 4);
        counters.handed_out(Delivery::Latest, 5, 1);
        let expected = Counts {
            latest: 5,
            conflated: 1,
            dropped_latest: 4,
            dropped_lossy: 3,
            dropped: 9,
            resyncs: ByReason { overflow: 2, ..ByReason::default() },
            resyncs_at_subscribe: ByReason { ahead: 1, ..ByReason::default() },
            ..Counts::default()
        };
        assert_eq!(counters.snapshot(), expected);
    }
}
