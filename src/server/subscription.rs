//! One subscription of one connection. A later one of the same channel is a new one, so frames that
//! were queued for the older are recognised and left out.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use crate::contract::ChannelName;

/// What hub, queue and session share about a subscription.
pub struct Subscription {
    channel: ChannelName,
    /// Events up to here have been seen or replayed.
    from: AtomicU64,
    /// Where it became live again after a loss; what was queued up to there is left out.
    resumed: AtomicU64,
    ended: AtomicBool,
    lagging: AtomicBool,
    /// Whether what it carries is behind the log, for channels that answer later than changes come.
    behind: OnceLock<Arc<AtomicBool>>,
    /// Where the hub keeps it in its channel's list; only the hub uses it, under its lock.
    pub(super) slot: AtomicUsize,
}

impl Subscription {
    /// A subscription that receives the events after `from`.
    pub fn new(channel: ChannelName, from: u64) -> Self {
        Self {
            channel,
            from: AtomicU64::new(from),
            resumed: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            lagging: AtomicBool::new(false),
            behind: OnceLock::new(),
            slot: AtomicUsize::new(0),
        }
    }

    /// Which channel.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// Whether an event of this number is news.
    pub fn wants(&self, offset: u64) -> bool {
        offset > self.from.load(Ordering::Relaxed)
    }

    /// Whether an event is to be queued for it. One that owes a `resync` gets no durable events; messages
    /// say nothing about the client's position, so a gap does not concern them.
    pub fn takes(&self, offset: Option<u64>) -> bool {
        !self.has_ended() && (offset.is_none() || !self.is_lagging())
    }

    /// Whether an event that was queued for it still is to be sent. What waited when others were lost
    /// is not: behind a gap it would move the client's position past what the client never got.
    pub fn may_send(&self, offset: Option<u64>) -> bool {
        self.takes(offset)
            && offset.is_none_or(|offset| offset > self.resumed.load(Ordering::Relaxed))
    }

    /// From now on its frames are left out.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether a `resync` is owed.
    pub fn is_lagging(&self) -> bool {
        self.lagging.load(Ordering::Acquire)
    }

    /// From now on `behind` says whether something is still to come for what has happened already.
    pub fn wait_for(&self, behind: Arc<AtomicBool>) {
        _ = self.behind.set(behind);
    }

    /// Whether something is still to come for what has happened already.
    pub fn is_waiting(&self) -> bool {
        self.behind.get().is_some_and(|behind| behind.load(Ordering::Acquire))
    }

    /// From now on a `resync` is owed; false when it was already.
    pub(super) fn start_lagging(&self) -> bool {
        !self.lagging.swap(true, Ordering::AcqRel)
    }

    /// Live again, from `head`.
    pub(super) fn resume(&self, head: u64) {
        self.from.store(head, Ordering::Relaxed);
        self.resumed.store(head, Ordering::Relaxed);
        self.lagging.store(false, Ordering::Release);
    }
}
