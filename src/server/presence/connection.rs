//! What the registry and a session share about one connection.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use tokio::time::{Duration, Instant};

use super::super::queue::Queue;

/// One connection, as presence sees it.
pub struct Connection {
    pub(super) id: u64,
    pub(super) user: Arc<str>,
    pub(super) queue: Arc<Queue>,
    opened: Instant,
    /// When it was heard last, in milliseconds after `opened`.
    heard: AtomicU64,
    /// Its presences have ended because nothing was heard from it.
    silent: AtomicBool,
    /// It is owed a fresh state of at least one channel.
    stale: AtomicBool,
    /// Counts the states that it was given, of all channels.
    states: AtomicU64,
}

impl Connection {
    pub(super) fn new(id: u64, user: Arc<str>, queue: Arc<Queue>) -> Self {
        let (silent, stale) = (AtomicBool::new(false), AtomicBool::new(false));
        let (heard, states) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { id, user, queue, opened: Instant::now(), heard, silent, stale, states }
    }

    /// Something came from it. Returns whether it was taken for silent, so that its presences have to be
    /// revived.
    pub fn heard(&self) -> bool {
        self.heard.store(self.opened.elapsed().as_millis() as u64, SeqCst);
        self.silent.load(SeqCst)
    }

    /// Whether it is owed a fresh state, which is to be given once everything before it is sent.
    pub fn is_stale(&self) -> bool {
        self.stale.load(SeqCst)
    }

    pub(super) fn last_heard(&self) -> Instant {
        self.opened + Duration::from_millis(self.heard.load(SeqCst))
    }

    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, SeqCst);
    }

    /// Wakes the session, even if nothing waits to be sent.
    pub(super) fn set_stale(&self) {
        self.stale.store(true, SeqCst);
        self.queue.wake();
    }

    /// The number of the next state; no two of a connection are equal.
    pub(super) fn next_state(&self) -> u64 {
        self.states.fetch_add(1, SeqCst)
    }

    pub(super) fn set_fresh(&self) {
        self.stale.store(false, SeqCst);
    }
}
