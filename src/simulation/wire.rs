//! Checks every frame that the server says on one connection against the log.

use serde_json::value::RawValue;

use super::{
    kind::Topic,
    model::{Model, Truth},
    paths::Path,
};
use crate::{
    contract::{Change, ClientFrame, ErrorCode, Live, Position, ResyncReason, ServerFrame, parse},
    server::Realtime,
};

/// What the server has promised on one connection.
pub struct Wire<T: Live> {
    truth: Truth<T>,
    who: String,
    epoch: u64,
    realtime: Realtime,
    asked: Vec<Asked>,
    /// Where each subscription stands, and how much of its replay is still to come.
    at: Vec<(Topic, u64, usize)>,
    /// Channels whose subscribe was refused, so that leaving them is refused too.
    refused: Vec<Topic>,
}

struct Asked {
    reference: Option<u64>,
    topic: Topic,
    since: Option<Position>,
    /// The hub, and the log, stood here when the server took the request.
    hub: u64,
    head: u64,
}

impl<T: Live> Wire<T> {
    pub fn new(truth: Truth<T>, who: String, realtime: Realtime) -> Self {
        // A server that is being stopped goes on in the life that it knows.
        let epoch = truth.lock().epoch();
        let (asked, at, refused) = Default::default();
        Self { truth, who, epoch, realtime, asked, at, refused }
    }

    fn hub(&self) -> u64 {
        self.realtime.hub().head().offset
    }

    fn stands_at(&self, topic: Topic) -> Option<u64> {
        self.at.iter().find(|(known, ..)| *known == topic).map(|(_, at, _)| *at)
    }

    fn set(&mut self, topic: Topic, at: u64, owed: usize) {
        self.at.retain(|(known, ..)| *known != topic);
        self.at.push((topic, at, owed));
    }

    /// The server takes a frame of the client.
    pub fn heard(&mut self, text: &str) {
        let (truth, hub) = (self.truth.clone(), self.hub());
        let model = truth.lock();
        let topic = |name: &str| model.kind.named(name).expect("a channel of the schedule");
        match parse::client_frame(text).expect("a client's frame") {
            ClientFrame::Subscribe { channel, since, reference, .. } => {
                let since = since.map(|since| since.parse().expect("a position"));
                let (topic, head) = (topic(&channel), model.head());
                self.asked.push(Asked { reference, topic, since, hub, head });
            }
            ClientFrame::Unsubscribe { channel, .. } => {
                let topic = topic(&channel);
                self.at.retain(|(known, ..)| *known != topic);
            }
            _ => {}
        }
    }

    /// The server says a frame.
    pub fn said(&mut self, text: &str) {
        let truth = self.truth.clone();
        let mut model = truth.lock();
        let faults = model.faults.len();
        model.note(text);
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
            ServerFrame::Error { code, channel, reference, .. } => {
                self.refuse(&mut model, *code, channel.as_deref().unwrap_or_default(), *reference);
            }
            _ => {}
        }
        for fault in &mut model.faults[faults..] {
            *fault = format!("{} was told {text}: {fault}", self.who);
        }
    }

    /// At the end: what the server owes.
    pub fn is_owed(&self) -> Option<String> {
        let owed = self.at.iter().filter(|(.., owed)| *owed > 0).count();
        let open = self.asked.len();
        (owed + open > 0).then(|| {
            format!("{} waits for {open} answers and the rest of {owed} replays", self.who)
        })
    }

    fn take(&mut self, topic: Option<Topic>, reference: Option<u64>) -> Option<Asked> {
        let same = |asked: &Asked| Some(asked.topic) == topic && asked.reference == reference;
        self.asked.iter().position(same).map(|index| self.asked.remove(index))
    }

    /// A position is handed out: it has to be one that no crash takes back.
    fn durable(&self, model: &mut Model<T>, position: Position) {
        let head = model.head();
        model.check(position.epoch == self.epoch, || "of another life".into());
        model.check(position.offset <= head, || format!("only {head} is durable"));
    }

    fn acknowledged(
        &mut self,
        model: &mut Model<T>,
        channel: &str,
        position: Position,
        replay: usize,
        reference: Option<u64>,
    ) {
        let topic = model.kind.named(channel);
        let Some(Asked { topic, since, hub, .. }) = self.take(topic, reference) else {
            return model.faults.push("nobody asked".into());
        };
        self.durable(model, position);
        model.check(since.is_none_or(|since| since == position), || "from another point".into());
        model.check(since.is_some() || position.offset >= hub, || format!("hub stood at {hub}"));
        // A hub that stands before the position has nothing to replay yet.
        let known = model.count(topic, position.offset, hub.max(position.offset));
        let all = model.count(topic, position.offset, model.head());
        let allowed = if since.is_some() { known..=all } else { 0..=0 };
        model.check(allowed.contains(&replay), || format!("{allowed:?} events were missed"));
        model.check(replay <= model.limits.replay_events, || "more than allowed".into());

        if let Some(at) = self.stands_at(topic) {
            model.paths.hit(Path::SameSocketAgain);
            if position.offset < at {
                model.paths.hit(Path::JoinedFromOlder);
            }
        }
        self.set(topic, position.offset, replay);
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

    fn event(
        &mut self,
        model: &mut Model<T>,
        channel: &str,
        position: Position,
        payload: &RawValue,
    ) {
        let Some(topic) = model.kind.named(channel) else {
            return model.faults.push("no such channel".into());
        };
        let Some((_, at, owed)) = self.at.iter_mut().find(|(known, ..)| *known == topic) else {
            return model.faults.push("not subscribed".into());
        };
        let from = *at;
        (*at, *owed) = (position.offset, owed.saturating_sub(1));
        self.durable(model, position);
        let Some((next, change)) = model.next(topic, Position::new(self.epoch, from)) else {
            return model.faults.push(format!("nothing comes after {from}"));
        };
        model.check(position.offset == next, || format!("after {from} comes {next}"));
        if position.offset == next {
            let told: Option<Change<T>> = serde_json::from_str(payload.get()).ok();
            model.check(change.is_some() && told == change, || "it was another change".into());
        }
    }

    fn resync(
        &mut self,
        model: &mut Model<T>,
        channel: &str,
        reason: ResyncReason,
        position: Position,
        reference: Option<u64>,
    ) {
        let topic = model.kind.named(channel).expect("a channel of the schedule");
        let asked = self.take(Some(topic), reference);
        model.check(asked.is_some() == reference.is_some(), || "nobody asked".into());
        // One that was on its way when the client left the channel.
        let Some(at) = self.stands_at(topic).or(asked.as_ref().map(|_| 0)) else { return };
        let head = model.head();
        self.durable(model, position);
        model.check(at <= position.offset, || format!("it stood at {at}"));
        let known = asked.as_ref().map_or(0, |asked| asked.head);
        let since = asked.and_then(|asked| asked.since);
        let offset = since.map_or(at, |since| since.offset);
        let (path, just) = match reason {
            ResyncReason::Epoch => {
                (Path::ResyncEpoch, since.is_some_and(|since| since.epoch != self.epoch))
            }
            ResyncReason::TooOld => (Path::ResyncTooOld, offset < model.log.trimmed_to()),
            ResyncReason::Ahead => (Path::ResyncAhead, offset > known),
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
        self.set(topic, position.offset, 0);
    }

    fn heartbeat(&mut self, model: &mut Model<T>, position: Option<Position>) {
        let Some(position) = position else { return model.paths.hit(Path::HeartbeatSilent) };
        model.paths.hit(Path::HeartbeatPosition);
        self.durable(model, position);
        for (topic, at, _) in &self.at {
            let next = model.next_offset(*topic, Position::new(self.epoch, *at));
            model.check(next.is_none_or(|next| next > position.offset), || {
                format!("channel {topic:?} stands at {at} and has not received {next:?}")
            });
        }
    }

    fn refuse(
        &mut self,
        model: &mut Model<T>,
        code: ErrorCode,
        channel: &str,
        reference: Option<u64>,
    ) {
        let topic = model.kind.named(channel);
        let excused = match code {
            ErrorCode::Internal => self.take(topic, reference).is_some() && model.excused,
            ErrorCode::NotSubscribed => self.refused.iter().any(|known| Some(*known) == topic),
            _ => false,
        };
        self.refused.extend(topic);
        model.check(excused, || "an error".into());
        model.paths.hit(Path::ErrorByName);
    }
}
