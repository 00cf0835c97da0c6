//! What happens on one channel.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::{Counter, unix_ms};
use crate::contract::ChannelName;

/// Counted once for each event, however many receive it.
#[derive(Debug, Default)]
pub struct Activity {
    messages: Counter,
    last_ms: AtomicU64,
}

/// A channel in the statistics.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelNumbers {
    /// Its name.
    pub channel: ChannelName,
    /// Its subscriptions.
    pub subscribers: usize,
    /// Events since it has had subscribers.
    pub messages: u64,
    /// When the last one was, in milliseconds since 1970; `None` when there was none.
    pub last_activity_ms: Option<u64>,
}

impl Activity {
    /// An event was handed out.
    pub fn happened(&self) {
        self.messages.add(1);
        self.last_ms.store(unix_ms(), Ordering::Relaxed);
    }

    /// With the channel's name and how many subscribe to it.
    pub fn numbers(&self, channel: ChannelName, subscribers: usize) -> ChannelNumbers {
        let last = self.last_ms.load(Ordering::Relaxed);
        ChannelNumbers {
            channel,
            subscribers,
            messages: self.messages.get(),
            last_activity_ms: (last > 0).then_some(last),
        }
    }
}
