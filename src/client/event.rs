//! What a subscriber of a channel is told.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::presence::PresenceEvent;
use crate::contract::{LiveError, Position, ResyncReason};

/// Names one subscriber of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(pub(super) u64);

/// One thing that happened on a channel, for one of its subscribers.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// A durable event. The subscriber's position was moved to `position` before this was handed out.
    Change {
        /// Where in the log the event stands.
        position: Position,
        /// The payload as it came; shared by every subscriber of the channel.
        payload: Arc<RawValue>,
    },
    /// A message that is not in the log.
    Message {
        /// The payload as it came; shared by every subscriber of the channel.
        payload: Arc<RawValue>,
    },
    /// Everything missed has been handed out; what follows is live. Comes after each connect, and to
    /// subscribers with state also when a heartbeat has moved their position.
    Ready {
        /// Where the subscriber stands; `None` on a channel without a log.
        position: Option<Position>,
    },
    /// Something was missed that cannot be replayed. A subscriber with state gets no changes until it
    /// has loaded its snapshot again and called `rebase`; one without state just goes on.
    Resync {
        /// Why. After [`ResyncReason::Permission`], nothing of before may be shown any more, and a load that
        /// is under way may bring it.
        reason: ResyncReason,
        /// Where the log stood; after `Permission`, where the subscriber did.
        position: Position,
    },
    /// Something about who is in the channel, for who asked for it.
    Presence(PresenceEvent),
    /// The server refused the subscription; it has ended.
    Refused(LiveError),
}
