//! Checks every frame that the server says on one connection against the log.

use std::collections::HashMap;

use serde_json::value::RawValue;
use tidewire::{
    Change, ClientFrame, Position, ServerFrame,
    contract::{parse, protocol::ResyncReason},
};

use super::{
    item::{Item, Topic},
    model::{HubMark, Model, Truth},
    paths::Path,
};

/// What the server has promised on one connection.
pub struct Wire {
    truth: Truth,
    who: String,
    epoch: u64,
    hub: HubMark,
    /// Nothing is ever replayed here.
    live_only: bool,
    asked: Vec<Asked>,
    /// Where each subscription stands.
    at: HashMap<Topic, u64>,
}

struct Asked {
    reference: Option<u64>,
    topic: Topic,
    since: Option<Position>,
    /// The hub stood here or further when the server took the request.
    hub: u64,
}

impl Wire {
    pub fn new(truth: Truth, who: String, hub: HubMark, live_only: bool) -> Self {
        // A server that is being stopped goes on in the life that it knows.
        let epoch = truth.lock().epoch;
        Self { truth, who, epoch, hub, live_only, asked: Vec::new(), at: HashMap::new() }
    }

    /// The server takes a frame of the client.
    pub fn heard(&mut self, text: &str) {
        match parse::client_frame(text).expect("a client's frame") {
            ClientFrame::Subscribe { channel, since, reference, .. } => {
                let topic = Topic::named(&channel).expect("a channel of the schedule");
                let since = since.map(|since| since.parse().expect("a position"));
                self.asked.push(Asked { reference, topic, since, hub: self.hub.get() });
            }
            ClientFrame::Unsubscribe { channel, .. } => {
                self.at.remove(&Topic::named(&channel).expect("a channel of the schedule"));
            }
            _ => {}
        }
    }

    /// The server says a frame.
    pub fn said(&mut self, text: &str) {
        let truth = self.truth.clone();
        let mut model = truth.lock();
        let faults = model.faults.len();
        let frame = parse::server_frame(text).expect("a server's frame");
        match &frame {
            ServerFrame::Ack { channel, position, replay, reference, .. } => {
                let position = position.expect("an ack of a subscription");
                self.acknowledged(&mut model, channel, position, replay.unwrap_or(0), *reference);
            }
            ServerFrame::Broadcast { channel, position: Some(position), payload } => {
                self.event(&mut model, channel, *position, payload);
            }
            ServerFrame::Resync { channel, reason, position, reference } => {
                self.resync(&mut model, channel, *reason, *position, *reference);
            }
            ServerFrame::Heartbeat { position } => self.heartbeat(&mut model, *position),
            ServerFrame::Error { .. } => model.faults.push("an error".into()),
            _ => {}
        }
        for fault in &mut model.faults[faults..] {
            *fault = format!("{} was told {text}: {fault}", self.who);
        }
    }

    fn take(&mut self, channel: &str, reference: Option<u64>) -> Option<Asked> {
        let same =
            |asked: &Asked| asked.topic.name().as_str() == channel && asked.reference == reference;
        self.asked.iter().position(same).map(|index| self.asked.remove(index))
    }

    fn acknowledged(
        &mut self,
        model: &mut Model,
        channel: &str,
        position: Position,
        replay: usize,
        reference: Option<u64>,
    ) {
        let Some(Asked { topic, since, hub, .. }) = self.take(channel, reference) else {
            return model.faults.push("nobody asked".into());
        };
        model.check(position.epoch == self.epoch, || "of another life".into());
        model.check(since.is_none_or(|since| since == position), || "from another point".into());
        model.check(since.is_some() || position.offset >= hub, || format!("hub stood at {hub}"));
        // A hub that stands before the position has nothing to replay yet.
        let known = model.count(topic, position.offset, hub.max(position.offset));
        let all = model.count(topic, position.offset, model.head());
        let allowed = if since.is_some() { known..=all } else { 0..=0 };
        model.check(allowed.contains(&replay), || format!("{allowed:?} events were missed"));
        model.check(replay <= model.limits.replay_events, || "more than allowed".into());

        let before = self.at.insert(topic, position.offset);
        if let Some(at) = before {
            model.paths.hit(Path::SameSocketAgain);
            if position.offset < at {
                model.paths.hit(Path::JoinedFromOlder);
            }
        }
        let ring = |head: u64| head.saturating_sub(model.limits.history_events as u64);
        let certainly_ring = position.offset >= ring(model.head()).max(model.ring_start);
        let certainly_log = position.offset < ring(hub).max(model.ring_start);
        model.paths.hit(match replay {
            _ if since.is_none() => Path::Listener,
            0 if position.offset > hub => Path::AheadOfTailer,
            0 => Path::NothingMissed,
            _ if certainly_log => Path::LogReplay,
            _ if certainly_ring => Path::RingReplay,
            _ => return,
        });
    }

    fn event(&mut self, model: &mut Model, channel: &str, position: Position, payload: &RawValue) {
        if self.live_only {
            // Others may be told of an entry that the log had and the hub has not.
            self.hub.seen(position.offset);
        }
        let Some(topic) = Topic::named(channel) else {
            return model.faults.push("no such channel".into());
        };
        let Some(at) = self.at.get(&topic).copied() else {
            return model.faults.push("not subscribed".into());
        };
        let Some((next, change)) = model.next(topic, at) else {
            return model.faults.push(format!("nothing comes after {at}"));
        };
        model.check(position.epoch == self.epoch, || "of another life".into());
        model.check(position.offset == next, || format!("after {at} comes {next}"));
        if topic != Topic::Noise && position.offset == next {
            let told: Option<Change<Item>> = serde_json::from_str(payload.get()).ok();
            model.check(told == change, || format!("it was {change:?}"));
        }
        self.at.insert(topic, position.offset);
    }

    fn resync(
        &mut self,
        model: &mut Model,
        channel: &str,
        reason: ResyncReason,
        position: Position,
        reference: Option<u64>,
    ) {
        self.hub.seen(position.offset);
        let topic = Topic::named(channel).expect("a channel of the schedule");
        let asked = self.take(channel, reference);
        // One that was on its way when the client left the channel.
        let Some(at) = self.at.get(&topic).copied().or(asked.as_ref().map(|_| 0)) else { return };
        let head = model.head();
        model.check(position.epoch == self.epoch, || "of another life".into());
        model.check((at..=head).contains(&position.offset), || format!("not in {at}..={head}"));
        let since = asked.and_then(|asked| asked.since);
        let offset = since.map_or(at, |since| since.offset);
        let (path, just) = match reason {
            ResyncReason::Epoch => {
                (Path::ResyncEpoch, since.is_some_and(|since| since.epoch != self.epoch))
            }
            ResyncReason::TooOld => (Path::ResyncTooOld, offset < model.floor),
            ResyncReason::Ahead => (Path::ResyncAhead, offset > head),
            ResyncReason::TooMany => {
                let missed = model.count(topic, offset, head);
                (Path::ResyncTooMany, since.is_some() && missed > model.limits.replay_events)
            }
            ResyncReason::Overflow => (Path::ResyncOverflow, since.is_none()),
            ResyncReason::Unreadable => (Path::ResyncUnreadable, model.damaged(offset, head)),
            ResyncReason::Permission | ResyncReason::Other => {
                return model.faults.push("an unknown reason".into());
            }
        };
        model.paths.hit(path);
        model.check(just, || format!("without reason: it stood at {offset}"));
        self.at.insert(topic, position.offset);
    }

    fn heartbeat(&mut self, model: &mut Model, position: Option<Position>) {
        let Some(position) = position else { return model.paths.hit(Path::HeartbeatSilent) };
        model.paths.hit(Path::HeartbeatPosition);
        for (topic, at) in &self.at {
            let next = model.next(*topic, *at).map(|(offset, _)| offset);
            model.check(next.is_none_or(|next| next > position.offset), || {
                format!("{topic:?} stands at {at} and has not received {next:?}")
            });
        }
    }
}
