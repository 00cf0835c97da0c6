//! What happened to events since the server started, in numbers that only grow.

use serde::Serialize;

use super::metrics::{ByKind, Counter};
use crate::contract::{Delivery, ResyncReason};

/// The counters of one server. Adding to one is a single atomic addition.
#[derive(Debug, Default)]
pub struct Counters {
    durable: Counter,
    latest: Counter,
    lossy: Counter,
    conflated: Counter,
    dropped_latest: Counter,
    dropped_lossy: Counter,
    dropped: Counter,
    replays_from_ring: Counter,
    replays_from_log: Counter,
    resyncs: ByKind<REASONS>,
    resyncs_at_subscribe: ByKind<REASONS>,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Durable events that were queued for a subscriber, once for each: changes and durable messages.
    /// Replays do not count.
    pub durable: u64,
    /// Latest values that were queued for a subscriber, or took the place of an older one there; answers of
    /// live queries are among them, who is present is not.
    pub latest: u64,
    /// Lossy messages that were queued for a subscriber.
    pub lossy: u64,
    /// Latest values that were replaced by a newer one before they were sent.
    pub conflated: u64,
    /// Latest values that were lost because values of too many other keys waited.
    pub dropped_latest: u64,
    /// Lossy messages that were lost because the subscriber's queue was full.
    pub dropped_lossy: u64,
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
        Counts {
            durable: self.durable.get(),
            latest: self.latest.get(),
            lossy: self.lossy.get(),
            conflated: self.conflated.get(),
            dropped_latest: self.dropped_latest.get(),
            dropped_lossy: self.dropped_lossy.get(),
            replays_from_ring: self.replays_from_ring.get(),
            replays_from_log: self.replays_from_log.get(),
            resyncs: by_reason(&self.resyncs),
            resyncs_at_subscribe: by_reason(&self.resyncs_at_subscribe),
        }
    }

    /// Messages that were lost, and durable events that turned into a `resync` instead of being sent.
    pub fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// An event was queued for so many subscribers; for `conflated` of them in the place of an older
    /// one.
    pub(super) fn handed_out(&self, class: Delivery, queued: usize, conflated: usize) {
        self.of_class(class).add(queued as u64);
        self.conflated.add(conflated as u64);
    }

    /// An event was not queued for so many subscribers; durable ones count with their `resync`.
    pub(super) fn lost(&self, class: Delivery, count: usize) {
        let count = count as u64;
        self.dropped.add(count);
        match class {
            Delivery::Durable => {}
            Delivery::Latest => self.dropped_latest.add(count),
            Delivery::Lossy => self.dropped_lossy.add(count),
        }
    }

    /// So many running subscriptions lost their place.
    pub(super) fn resynced(&self, reason: ResyncReason, count: usize) {
        self.resyncs.add(index(reason), count as u64);
    }

    /// A subscribe was answered with a `resync`.
    pub(super) fn refused_replay(&self, reason: ResyncReason) {
        self.resyncs_at_subscribe.add(index(reason), 1);
    }

    /// A subscribe from a position was answered with everything after it.
    pub(super) fn replayed(&self, from_log: bool) {
        if from_log { &self.replays_from_log } else { &self.replays_from_ring }.add(1);
    }

    fn of_class(&self, class: Delivery) -> &Counter {
        match class {
            Delivery::Durable => &self.durable,
            Delivery::Latest => &self.latest,
            Delivery::Lossy => &self.lossy,
        }
    }
}

fn by_reason(counters: &ByKind<REASONS>) -> ByReason {
    let counts = counters.get();
    let get = |reason| counts[index(reason)];
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
        // A server gives no reason that it does not know, and closes where permissions have changed.
        ResyncReason::Unreadable | ResyncReason::Permission | ResyncReason::Other => 5,
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
            resyncs: ByReason { overflow: 2, ..ByReason::default() },
            resyncs_at_subscribe: ByReason { ahead: 1, ..ByReason::default() },
            ..Counts::default()
        };
        assert_eq!(counters.snapshot(), expected);
        assert_eq!(counters.dropped(), 9);
    }
}
