//! Every subscription of one client: equal ones are shared, the last owner ends them. Pure.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{
    event::{ClientEvent, OwnerId},
    subscription::Subscription,
};
use crate::contract::{ChannelName, ClientFrame, LiveError, Position, ResyncReason};

/// What follows from an input.
#[derive(Clone, Debug)]
pub enum SubscriptionOutput {
    /// A frame for the server.
    Send(ClientFrame),
    /// An event for one owner.
    Deliver { owner: OwnerId, event: ClientEvent },
}

/// The subscriptions, by channel.
///
/// Frames have to be those of the current socket: whoever owns the socket tells them apart.
#[derive(Debug, Default)]
pub struct Subscriptions {
    // A connection has a hundred channels at most, so a scan beats a map in speed and in size.
    channels: Vec<Subscription>,
    connected: bool,
    owners: u64,
    /// Counts the requests of the whole client.
    pub(super) references: u64,
}

impl Subscriptions {
    /// Listens to a channel: after `since`, or from now on. An owner without a position gets
    /// everything that comes after its first `Ready`.
    pub fn subscribe(
        &mut self,
        channel: &ChannelName,
        since: Option<Position>,
        out: &mut Vec<SubscriptionOutput>,
    ) -> OwnerId {
        self.owners += 1;
        let id = OwnerId(self.owners);
        if let Some(shared) = self.channels.iter_mut().find(|s| s.channel == *channel) {
            shared.join(id, since, &mut self.references, out);
        } else {
            let mut fresh = Subscription::new(channel.clone());
            fresh.join(id, since, &mut self.references, out);
            if self.connected {
                fresh.ask(&mut self.references, out);
            }
            self.channels.push(fresh);
        }
        id
    }

    /// Stops listening. The last owner of a channel ends its subscription.
    pub fn unsubscribe(&mut self, owner: OwnerId, out: &mut Vec<SubscriptionOutput>) {
        let Some(at) = self.channels.iter_mut().position(|s| s.leave(owner)) else { return };
        if self.channels[at].is_empty() {
            out.extend(self.channels.swap_remove(at).farewell());
        }
    }

    /// The owner has loaded its snapshot again, which stands at `position`.
    pub fn rebase(
        &mut self,
        owner: OwnerId,
        position: Position,
        out: &mut Vec<SubscriptionOutput>,
    ) {
        for channel in &mut self.channels {
            if channel.rebase(owner, position, &mut self.references, out) {
                return;
            }
        }
    }

    /// A socket is open: everything is subscribed on it.
    pub fn connected(&mut self, out: &mut Vec<SubscriptionOutput>) {
        self.disconnected();
        self.connected = true;
        for channel in &mut self.channels {
            channel.ask(&mut self.references, out);
        }
    }

    /// The socket is gone. Owners keep their positions.
    pub fn disconnected(&mut self) {
        self.connected = false;
        for channel in &mut self.channels {
            channel.disconnected();
        }
    }

    /// The client may see something else than before: every owner that stands somewhere is told, and every
    /// channel asked for without a position.
    pub fn forget(&mut self, out: &mut Vec<SubscriptionOutput>) {
        for channel in &mut self.channels {
            channel.forget(&mut self.references, out);
        }
    }

    /// An `ack`; `false` when its number belongs to no subscribe that waits.
    pub fn acknowledged(
        &mut self,
        reference: u64,
        position: Option<Position>,
        replay: usize,
        out: &mut Vec<SubscriptionOutput>,
    ) -> bool {
        let waiting = self.channels.iter_mut().find(|s| s.waits_for(reference));
        let found = waiting.is_some();
        if let Some(channel) = waiting {
            channel.acknowledged(position, replay, &mut self.references, out);
        }
        found
    }

    /// An `error` with a number; `false` when it belongs to no subscribe that waits. A refused
    /// subscription ends, and its owners are forgotten.
    pub fn refused(
        &mut self,
        reference: u64,
        error: &LiveError,
        out: &mut Vec<SubscriptionOutput>,
    ) -> bool {
        let Some(at) = self.channels.iter().position(|s| s.waits_for(reference)) else {
            return false;
        };
        self.channels.swap_remove(at).refused(error, out);
        true
    }

    /// An `error` with a number that is worth another try, after `wait` milliseconds for so many in a row;
    /// `false` when it belongs to no subscribe that waits.
    pub fn postponed(
        &mut self,
        reference: u64,
        now_ms: u64,
        wait: impl FnOnce(u32) -> u64,
    ) -> bool {
        let waiting = self.channels.iter_mut().find(|s| s.waits_for(reference));
        let found = waiting.is_some();
        if let Some(channel) = waiting {
            channel.postpone(now_ms, wait);
        }
        found
    }

    /// When [`Subscriptions::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<u64> {
        self.channels.iter().filter_map(Subscription::asks_at).min()
    }

    /// Time has passed: asks again for what was postponed until now.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<SubscriptionOutput>) {
        for channel in &mut self.channels {
            if channel.asks_at().is_some_and(|at| at <= now_ms) {
                channel.ask(&mut self.references, out);
            }
        }
    }

    /// An `error` that nobody asked for: the server has ended a channel that is live. Returns whether
    /// there was such a channel.
    pub fn ended(
        &mut self,
        channel: &str,
        error: &LiveError,
        out: &mut Vec<SubscriptionOutput>,
    ) -> bool {
        let Some(at) = self.channels.iter().position(|s| s.is_live(channel)) else {
            return false;
        };
        self.channels.swap_remove(at).refused(error, out);
        true
    }

    /// A `resync`.
    pub fn resync(
        &mut self,
        channel: &str,
        reason: ResyncReason,
        position: Position,
        reference: Option<u64>,
        out: &mut Vec<SubscriptionOutput>,
    ) {
        if let Some(channel) = self.find(channel) {
            channel.resync(reason, position, reference, out);
        }
    }

    /// A `broadcast`: a change with a position or a message without.
    pub fn event(
        &mut self,
        channel: &str,
        position: Option<Position>,
        payload: Box<RawValue>,
        out: &mut Vec<SubscriptionOutput>,
    ) {
        let Some(channel) = self.find(channel) else { return };
        let payload = Arc::from(payload);
        match position {
            Some(position) => channel.changed(position, &payload, out),
            None => channel.message(&payload, out),
        }
    }

    /// A `heartbeat` with a position: everything up to it has been received.
    pub fn heartbeat(&mut self, position: Position, out: &mut Vec<SubscriptionOutput>) {
        for channel in &mut self.channels {
            channel.heartbeat(position, out);
        }
    }

    /// A number for a request that no other request of this client has.
    pub fn next_reference(&mut self) -> u64 {
        self.references += 1;
        self.references
    }

    /// How many channels are subscribed, or wait for a socket to be.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether nobody listens to anything.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    fn find(&mut self, channel: &str) -> Option<&mut Subscription> {
        self.channels.iter_mut().find(|s| s.channel.as_str() == channel)
    }
}
