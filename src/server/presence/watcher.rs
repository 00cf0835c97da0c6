//! One subscription that is told who is in a channel. Telling never waits: who cannot keep up gets the
//! whole state later.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use super::{
    super::{queue::Queued, subscription::Subscription},
    connection::Connection,
};

pub(super) struct Watcher {
    pub(super) connection: Arc<Connection>,
    subscription: Arc<Subscription>,
    /// Wants only the number, however few there are.
    pub(super) only_count: bool,
    /// The number it was told last.
    pub(super) told: Option<usize>,
    /// The number of the last state, so that no difference behind it takes the place of one before it.
    state: u64,
    /// Has missed something and waits for its state.
    stale: bool,
}

impl Watcher {
    pub(super) fn new(
        connection: Arc<Connection>,
        subscription: Arc<Subscription>,
        only_count: bool,
    ) -> Self {
        Self { connection, subscription, only_count, told: None, state: 0, stale: false }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.subscription.has_ended()
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// A difference that concerns `key`; a newer one of that key makes it superfluous.
    pub(super) fn tell(&mut self, key: &Arc<str>, frame: &Utf8Bytes) {
        if self.stale {
            return;
        }
        let key = (self.state, key);
        if !self.connection.queue.push_presence(&self.subscription, key, frame) {
            self.owe_state();
        }
    }

    /// Promises a fresh state.
    pub(super) fn owe_state(&mut self) {
        self.stale = true;
        self.connection.set_stale();
    }

    /// The state, or the number: everything before it is out of date.
    pub(super) fn give_state(&mut self, frame: Utf8Bytes, count: Option<usize>) {
        self.state = self.connection.next_state();
        self.stale = false;
        self.told = count;
        self.connection.queue.push_own([Queued::Own(frame)]);
    }

    /// Follows the channel by a newer subscription of the same connection.
    pub(super) fn follow(&mut self, subscription: &Arc<Subscription>) {
        self.subscription = subscription.clone();
    }
}
