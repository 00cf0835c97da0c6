//! A server small enough to be obviously right: one log, one socket, two queues.

use std::collections::{HashSet, VecDeque};

use crate::contract::{
    ClientFrame, ContractVerdict, ErrorCode, Position, ResyncReason, ServerFrame, parse,
    protocol::WelcomeLimits,
};
use serde_json::value::RawValue;

/// The log and at most one connection. Frames wait in queues until the test lets them pass.
#[derive(Default)]
pub(super) struct ModelServer {
    epoch: u64,
    log: Vec<(u64, String)>,
    head: u64,
    /// Entries up to here are gone.
    trimmed: u64,
    /// What its client may see.
    pub(super) view: u64,
    subscribed: HashSet<String>,
    pub(super) to_client: VecDeque<String>,
    pub(super) to_server: VecDeque<String>,
}

impl ModelServer {
    /// Where the log stands: a snapshot read now carries this.
    pub(super) fn head(&self) -> Position {
        Position::new(self.epoch, self.head)
    }

    /// The next event of a channel after a position of this epoch.
    pub(super) fn next_after(&self, channel: &str, offset: u64) -> Option<u64> {
        self.log.iter().find(|(o, c)| *o > offset && c == channel).map(|(o, _)| *o)
    }

    pub(super) fn write(&mut self, channel: &str) {
        self.head += 1;
        self.log.push((self.head, channel.into()));
        if self.subscribed.contains(channel) {
            self.event(channel, self.head);
        }
    }

    pub(super) fn message(&mut self, channel: &str) {
        if self.subscribed.contains(channel) {
            let channel = channel.into();
            let payload = RawValue::from_string("null".into()).unwrap();
            self.say(&ServerFrame::Broadcast { channel, position: None, payload });
        }
    }

    pub(super) fn heartbeat(&mut self) {
        let position = Some(self.head());
        self.say(&ServerFrame::Heartbeat { position });
    }

    /// Forgets the log's entries, so that old positions cannot be replayed.
    pub(super) fn trim(&mut self) {
        self.trimmed = self.head;
    }

    /// The queue of this connection overflowed: a durable event was dropped.
    pub(super) fn overflow(&mut self, channel: &str) {
        if self.subscribed.contains(channel) {
            self.head += 1;
            self.log.push((self.head, channel.into()));
            self.resync(channel, ResyncReason::Overflow, None);
        }
    }

    /// A new life of the log, as after a restore: it starts over and every connection is gone.
    pub(super) fn restart(&mut self) {
        self.epoch += 1;
        self.log.clear();
        self.head = 0;
        self.trimmed = 0;
        self.cut();
    }

    /// The socket is gone with everything in flight.
    pub(super) fn cut(&mut self) {
        self.subscribed.clear();
        self.to_client.clear();
        self.to_server.clear();
    }

    /// Reads the oldest frame of the client.
    pub(super) fn read(&mut self) {
        let Some(text) = self.to_server.pop_front() else { return };
        match parse::client_frame(&text).expect("the client speaks the protocol") {
            ClientFrame::Subscribe { channel, since, reference, .. } => {
                let since = since.map(|since| since.parse().expect("a position"));
                self.subscribe(channel, since, reference);
            }
            ClientFrame::Unsubscribe { channel, .. } => {
                self.subscribed.remove(&channel);
            }
            ClientFrame::Broadcast { channel, reference, .. } => {
                self.say(&ServerFrame::Error {
                    code: ErrorCode::PermissionDenied,
                    error: "only the database writes here".into(),
                    channel: Some(channel),
                    reference,
                    retry_after_ms: None,
                });
            }
            ClientFrame::Heartbeat(_) => self.heartbeat(),
            ClientFrame::Hello(_) => self.say(&ServerFrame::Welcome {
                contract: ContractVerdict::Compatible,
                limits: WelcomeLimits {
                    max_message_bytes: 1,
                    max_subscriptions: 1,
                    heartbeat_ms: 1,
                },
                view: Some(self.view.to_string()),
                expires_in_ms: None,
            }),
            ClientFrame::Presence { .. } | ClientFrame::Auth { .. } => {}
        }
    }

    fn subscribe(&mut self, channel: String, since: Option<Position>, reference: Option<u64>) {
        self.subscribed.insert(channel.clone());
        let reason = match since {
            Some(since) if since.epoch != self.epoch => Some(ResyncReason::Epoch),
            Some(since) if since.offset > self.head => Some(ResyncReason::Ahead),
            Some(since) if since.offset < self.trimmed => Some(ResyncReason::TooOld),
            _ => None,
        };
        if let Some(reason) = reason {
            return self.resync(&channel, reason, reference);
        }
        let start = since.unwrap_or(self.head());
        let missed: Vec<u64> = self
            .log
            .iter()
            .filter(|(offset, c)| *offset > start.offset && *c == channel)
            .map(|(offset, _)| *offset)
            .collect();
        self.say(&ServerFrame::Ack {
            channel: channel.clone(),
            position: Some(start),
            replay: Some(missed.len()),
            reached: None,
            reference,
        });
        for offset in missed {
            self.event(&channel, offset);
        }
    }

    fn event(&mut self, channel: &str, offset: u64) {
        let channel = channel.into();
        let position = Some(Position::new(self.epoch, offset));
        let payload = RawValue::from_string(offset.to_string()).unwrap();
        self.say(&ServerFrame::Broadcast { channel, position, payload });
    }

    fn resync(&mut self, channel: &str, reason: ResyncReason, reference: Option<u64>) {
        let position = self.head();
        self.say(&ServerFrame::Resync { channel: channel.into(), reason, position, reference });
    }

    fn say(&mut self, frame: &ServerFrame) {
        self.to_client.push_back(serde_json::to_string(frame).unwrap());
    }
}
