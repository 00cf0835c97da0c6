//! One channel of one client: who listens to it, and what the server was asked for.
//!
//! Every owner has a position of its own and ignores what lies at or before it, so the one
//! subscription on the wire may start as far back as the owner that needs the most.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{
    event::{ClientEvent, OwnerId},
    subscriptions::SubscriptionOutput as Output,
};
use crate::contract::{ChannelName, ClientFrame, LiveError, Position, ResyncReason};

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) channel: ChannelName,
    owners: Vec<Owner>,
    wire: Wire,
    /// Refusals in a row that are worth another try.
    failures: u32,
}

#[derive(Debug)]
struct Owner {
    id: OwnerId,
    /// Everything up to here is in the owner's hands; `None` until a listener's first `Ready`.
    position: Option<Position>,
    /// Holds rows of a snapshot, so that a gap can only be mended by a new one.
    stateful: bool,
    /// Waits for its snapshot after a resync.
    frozen: bool,
    /// Has been told that what follows is live.
    ready: bool,
}

#[derive(Debug)]
enum Wire {
    /// No socket.
    Off,
    /// Refused for now: asked for again at that time. `again` as below.
    Postponed { until_ms: u64, again: bool },
    /// Subscribed under this number; positioned events still belong to an older subscription.
    Asked { reference: u64, since: Option<Position>, again: bool },
    /// Answered. `seen` is the point after which this subscription's next event comes.
    Live { reference: u64, seen: Option<Position>, replaying: usize },
}

impl Subscription {
    pub(super) fn new(channel: ChannelName) -> Self {
        Self { channel, owners: Vec::new(), wire: Wire::Off, failures: 0 }
    }

    pub(super) fn join(
        &mut self,
        id: OwnerId,
        since: Option<Position>,
        reference: &mut u64,
        out: &mut Vec<Output>,
    ) {
        let stateful = since.is_some();
        self.owners.push(Owner { id, position: since, stateful, frozen: false, ready: false });
        self.place(since, reference, out);
    }

    /// Removes the owner if it listens here; says whether it did.
    pub(super) fn leave(&mut self, id: OwnerId) -> bool {
        let before = self.owners.len();
        self.owners.retain(|owner| owner.id != id);
        self.owners.len() != before
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// The owner has loaded its snapshot, which stands at `position`; says whether it listens here.
    pub(super) fn rebase(
        &mut self,
        id: OwnerId,
        position: Position,
        reference: &mut u64,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(owner) = self.owners.iter_mut().find(|owner| owner.id == id) else {
            return false;
        };
        *owner =
            Owner { id, position: Some(position), stateful: true, frozen: false, ready: false };
        self.place(Some(position), reference, out);
        true
    }

    /// Fits an owner that stands at `since` into a running subscription. While an answer is under
    /// way nothing is asked: [`Subscription::acknowledged`] looks again.
    fn place(&mut self, since: Option<Position>, reference: &mut u64, out: &mut Vec<Output>) {
        let Wire::Live { seen, .. } = &self.wire else { return };
        let behind = since.is_some_and(|since| seen.is_none_or(|seen| seen.is_after(since)));
        if behind {
            self.ask(reference, out);
        } else {
            self.settle(out);
        }
    }

    /// Subscribes from the lowest position of the owners that are not waiting for a snapshot.
    pub(super) fn ask(&mut self, reference: &mut u64, out: &mut Vec<Output>) {
        *reference += 1;
        let since = self.lowest();
        let again = self.is_known();
        self.wire = Wire::Asked { reference: *reference, since, again };
        out.push(Output::Send(ClientFrame::Subscribe {
            channel: self.channel.as_str().into(),
            since: since.map(|since| since.to_string()),
            presence: None,
            reference: Some(*reference),
        }));
    }

    /// The frame that ends the subscription, if the server knows of one.
    pub(super) fn farewell(&self) -> Option<Output> {
        self.is_known().then(|| {
            Output::Send(ClientFrame::Unsubscribe {
                channel: self.channel.as_str().into(),
                reference: None,
            })
        })
    }

    /// Whether the server has a subscription of this channel, or is about to.
    fn is_known(&self) -> bool {
        !matches!(self.wire, Wire::Off | Wire::Postponed { again: false, .. })
    }

    /// The subscribe that was waiting is refused, but not for good: it is asked for again at the time that
    /// `wait` says, given the number of refusals in a row. An older one goes on until then, unheard.
    pub(super) fn postpone(&mut self, now_ms: u64, wait: impl FnOnce(u32) -> u64) {
        let Wire::Asked { again, .. } = self.wire else { return };
        let until_ms = now_ms.saturating_add(wait(self.failures));
        self.failures += 1;
        self.wire = Wire::Postponed { until_ms, again };
    }

    /// When to ask again, if that is to be done.
    pub(super) fn asks_at(&self) -> Option<u64> {
        match self.wire {
            Wire::Postponed { until_ms, .. } => Some(until_ms),
            _ => None,
        }
    }

    /// The socket is gone; positions stay.
    pub(super) fn disconnected(&mut self) {
        self.wire = Wire::Off;
        for owner in &mut self.owners {
            owner.ready = false;
        }
    }

    /// Whether this is the number of the subscribe that waits for its answer.
    pub(super) fn waits_for(&self, number: u64) -> bool {
        matches!(self.wire, Wire::Asked { reference, .. } if reference == number)
    }

    /// Whether this is the channel, and the server has answered its subscribe.
    pub(super) fn is_live(&self, channel: &str) -> bool {
        self.channel.as_str() == channel && matches!(self.wire, Wire::Live { .. })
    }

    /// The subscribe that was waiting is answered, and `replay` missed events follow.
    pub(super) fn acknowledged(
        &mut self,
        position: Option<Position>,
        replay: usize,
        reference: &mut u64,
        out: &mut Vec<Output>,
    ) {
        let Wire::Asked { reference: current, since, .. } = self.wire else { return };
        self.failures = 0;
        let start = match (since, position) {
            (Some(since), Some(position)) if position.is_after(since) => {
                // Of one epoch the lower one counts: events after it are to come.
                Some(if since.epoch == position.epoch { since } else { position })
            }
            (since, position) => position.or(since),
        };
        self.wire = Wire::Live { reference: current, seen: start, replaying: replay };
        if let Some(start) = start {
            for owner in &mut self.owners {
                if owner.position.is_some_and(|position| position.epoch != start.epoch) {
                    owner.resync(ResyncReason::Epoch, start, out);
                }
                if replay == 0 && owner.position.is_none() {
                    owner.position = Some(start);
                    owner.ready(out);
                }
            }
        }
        // Somebody may have joined from further back while the answer was under way.
        let behind = self.lowest().is_some_and(|lowest| {
            start.is_none_or(|start| start.is_after(lowest))
                && since.is_none_or(|since| since.is_after(lowest))
        });
        if behind {
            self.ask(reference, out);
        } else {
            self.settle(out);
        }
    }

    /// The server refused the subscribe that was waiting: every owner is told. The frame returned
    /// ends the older subscription that the refused one was to replace.
    pub(super) fn refused(&self, error: &LiveError, out: &mut Vec<Output>) {
        if matches!(self.wire, Wire::Asked { again: true, .. }) {
            out.extend(self.farewell());
        }
        for owner in &self.owners {
            let event = ClientEvent::Refused(error.clone());
            out.push(Output::Deliver { owner: owner.id, event });
        }
    }

    /// The server cannot replay; the subscription is live from `position`.
    pub(super) fn resync(
        &mut self,
        reason: ResyncReason,
        position: Position,
        number: Option<u64>,
        out: &mut Vec<Output>,
    ) {
        let reference = match self.wire {
            Wire::Asked { reference, .. } if number == Some(reference) => reference,
            Wire::Live { reference, .. } if number.is_none_or(|n| n == reference) => reference,
            // Of an older subscription or socket.
            _ => return,
        };
        self.wire = Wire::Live { reference, seen: Some(position), replaying: 0 };
        for owner in &mut self.owners {
            owner.resync(reason, position, out);
        }
        self.settle(out);
    }

    /// What the client may see is no longer the same: what it has seen does not count any more, and the
    /// channel begins anew.
    pub(super) fn forget(&mut self, reference: &mut u64, out: &mut Vec<Output>) {
        for owner in &mut self.owners {
            owner.forget(out);
        }
        if matches!(self.wire, Wire::Asked { .. } | Wire::Live { .. }) {
            self.ask(reference, out);
        }
    }

    /// A durable event.
    pub(super) fn changed(
        &mut self,
        position: Position,
        payload: &Arc<RawValue>,
        out: &mut Vec<Output>,
    ) {
        let Wire::Live { seen, replaying, .. } = &mut self.wire else { return };
        if seen.is_some_and(|seen| !position.is_after(seen)) {
            return;
        }
        *seen = Some(position);
        let caught_up = *replaying == 1;
        *replaying = replaying.saturating_sub(1);
        for owner in &mut self.owners {
            let wanted = match owner.position {
                _ if owner.frozen => false,
                // A listener that joined during a replay does not get what happened before.
                None => owner.ready,
                Some(own) if own.epoch != position.epoch && owner.stateful => {
                    owner.resync(ResyncReason::Epoch, position, out);
                    false
                }
                Some(own) => position.is_after(own),
            };
            if wanted {
                owner.position = Some(position);
                let event = ClientEvent::Change { position, payload: payload.clone() };
                out.push(Output::Deliver { owner: owner.id, event });
            }
        }
        if caught_up {
            self.settle(out);
        }
    }

    /// A message without a place in the log.
    pub(super) fn message(&self, payload: &Arc<RawValue>, out: &mut Vec<Output>) {
        if matches!(self.wire, Wire::Off) {
            return;
        }
        for owner in &self.owners {
            let event = ClientEvent::Message { payload: payload.clone() };
            out.push(Output::Deliver { owner: owner.id, event });
        }
    }

    /// Every event up to `position` has been received, so positions move up to it. Owners with rows are
    /// told: a write of theirs whose row belongs to other channels has no event here to wait for.
    pub(super) fn heartbeat(&mut self, position: Position, out: &mut Vec<Output>) {
        if !matches!(self.wire, Wire::Live { replaying: 0, .. }) {
            return;
        }
        for owner in self.owners.iter_mut().filter(|owner| !owner.frozen) {
            if let Some(own) = &mut owner.position
                && own.epoch == position.epoch
                && own.offset < position.offset
            {
                own.offset = position.offset;
                if owner.stateful {
                    owner.ready(out);
                }
            }
        }
    }

    /// Once nothing is missing any more, says so to whoever has not heard it.
    fn settle(&mut self, out: &mut Vec<Output>) {
        let Wire::Live { seen, replaying: 0, .. } = self.wire else { return };
        for owner in self.owners.iter_mut().filter(|owner| !owner.frozen && !owner.ready) {
            owner.position = owner.position.or(seen);
            owner.ready(out);
        }
    }

    /// Positions of two epochs cannot be compared: the owner that came last has the newer snapshot,
    /// and the server answers what is foreign with a resync.
    fn lowest(&self) -> Option<Position> {
        let positions = self.owners.iter().filter(|owner| !owner.frozen);
        positions.filter_map(|owner| owner.position).reduce(|lowest, position| {
            if lowest.epoch == position.epoch && position.is_after(lowest) {
                lowest
            } else {
                position
            }
        })
    }
}

impl Owner {
    fn ready(&mut self, out: &mut Vec<Output>) {
        self.ready = true;
        let event = ClientEvent::Ready { position: self.position };
        out.push(Output::Deliver { owner: self.id, event });
    }

    /// Tells the owner to forget, also while it is loading: what comes may be of before.
    fn forget(&mut self, out: &mut Vec<Output>) {
        self.ready = false;
        self.frozen = self.stateful;
        let position = if self.stateful { self.position } else { self.position.take() };
        // Who does not stand anywhere yet has not been told anything.
        if let Some(position) = position {
            let event = ClientEvent::Resync { reason: ResyncReason::Permission, position };
            out.push(Output::Deliver { owner: self.id, event });
        }
    }

    /// Tells the owner about a gap, once: a frozen one is already loading its snapshot.
    fn resync(&mut self, reason: ResyncReason, position: Position, out: &mut Vec<Output>) {
        if self.frozen {
            return;
        }
        if self.stateful {
            self.frozen = true;
            self.ready = false;
        } else {
            self.position = Some(position);
        }
        let event = ClientEvent::Resync { reason, position };
        out.push(Output::Deliver { owner: self.id, event });
    }
}
