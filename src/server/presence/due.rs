//! What has to be looked at, and when.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use tokio::time::Instant;

use crate::contract::ChannelName;

/// Something to look at. What has happened in the meantime may have made it superfluous.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A user whose last connection was lost may have to leave.
    Grace(ChannelName, Arc<str>),
    /// Nothing may have been heard from this connection for too long.
    Silence(u64),
    /// A channel's number is to be told.
    Count(ChannelName),
}

#[derive(Default)]
pub(super) struct Due(BinaryHeap<Reverse<(Instant, What)>>);

impl Due {
    /// Returns whether it is the next of all.
    pub(super) fn push(&mut self, at: Instant, what: What) -> bool {
        let next = self.next().is_none_or(|next| at < next);
        self.0.push(Reverse((at, what)));
        next
    }

    /// When to look next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// What is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<What> {
        (self.next()? <= now).then(|| self.0.pop().map(|Reverse((_, what))| what))?
    }
}
