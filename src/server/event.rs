//! One event on one channel, encoded at most once and shared by all who receive it.

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use serde_json::value::{RawValue, to_raw_value};

use super::{identity::Identity, log::Entry, revalidate::Addressee, row_policy::Visibility};
use crate::contract::{Change, ChannelName, Delivery, Op, Position, ResyncReason, ServerFrame};

/// An event as one channel sees it.
pub struct Event {
    channel: ChannelName,
    body: Body,
    addressee: Addressee,
    guard: Option<Box<Guard>>,
    frame: OnceLock<Utf8Bytes>,
}

/// Of a change whose rows are not for everybody: who may see them, and the event for those who may see
/// only one of them. They share it, and with it its encoding.
struct Guard {
    visibility: Arc<Visibility>,
    deleted: OnceLock<Arc<Event>>,
    inserted: OnceLock<Arc<Event>>,
}

enum Body {
    /// An entry of the log; `op` is what a change means on this channel.
    Logged { position: Position, entry: Arc<Entry>, op: Op },
    /// An entry that cannot be read.
    Lost(u64),
    /// A message that is not in the log; with a key, the newest value of it.
    Message { payload: Box<RawValue>, key: Option<Arc<str>> },
}

impl Event {
    /// An entry of the log as `channel` sees it: a row that moved away is a delete there, one that moved
    /// in an insert.
    pub fn logged(channel: ChannelName, position: Position, entry: Arc<Entry>, op: Op) -> Self {
        let addressee = match &entry.message {
            Some(channel) => Addressee::of(channel, entry.record.as_deref()),
            None => Addressee::All,
        };
        let body = Body::Logged { position, entry, op };
        Self { channel, body, addressee, guard: None, frame: OnceLock::new() }
    }

    /// The same, for those alone who may see the rows.
    pub fn guarded(mut self, visibility: Arc<Visibility>) -> Self {
        let (deleted, inserted) = (OnceLock::new(), OnceLock::new());
        self.guard = Some(Box::new(Guard { visibility, deleted, inserted }));
        self
    }

    /// An entry that `channel` may have been concerned by, but that nobody can read.
    pub fn lost(channel: ChannelName, offset: u64) -> Self {
        Self::unaddressed(channel, Body::Lost(offset))
    }

    /// A lossy message, which has no place in the log.
    pub fn message(channel: ChannelName, payload: Box<RawValue>) -> Self {
        Self::unaddressed(channel, Body::Message { payload, key: None })
    }

    /// The newest value of a key, which takes the place of an older one that still waits.
    pub fn latest(channel: ChannelName, key: &str, payload: Box<RawValue>) -> Self {
        let key = Some(key.into());
        Self::unaddressed(channel, Body::Message { payload, key })
    }

    fn unaddressed(channel: ChannelName, body: Body) -> Self {
        Self { channel, body, addressee: Addressee::All, guard: None, frame: OnceLock::new() }
    }

    /// Whether it is for all of its channel's subscribers, as it is.
    pub fn is_for_all(&self) -> bool {
        self.guard.is_none() && self.addressee == Addressee::All
    }

    /// The event for `who`: where they may see one of two rows, one that has this row alone; `None` when it
    /// is not for them.
    pub fn seen_by<'e>(self: &'e Arc<Self>, who: &Identity) -> Option<&'e Arc<Self>> {
        if !self.addressee.includes(who.signed_in().map(|id| &**id)) {
            return None;
        }
        let Some(guard) = &self.guard else { return Some(self) };
        // Only what the log holds has rows.
        let Body::Logged { position, entry, op } = &self.body else { return None };
        let seen = guard.visibility.of(*op, who)?;
        let variant = match seen {
            _ if seen == *op => return Some(self),
            Op::Delete => &guard.deleted,
            Op::Insert => &guard.inserted,
            // An update is one on its channel, too.
            Op::Update => return None,
        };
        Some(variant.get_or_init(|| {
            Arc::new(Self::logged(self.channel.clone(), *position, entry.clone(), seen))
        }))
    }

    /// Which channel.
    pub fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// Its number in the log; `None` for a message that is not in it.
    pub fn offset(&self) -> Option<u64> {
        match &self.body {
            Body::Logged { position, .. } => Some(position.offset),
            Body::Lost(offset) => Some(*offset),
            Body::Message { .. } => None,
        }
    }

    /// How it is delivered.
    pub fn delivery(&self) -> Delivery {
        match &self.body {
            Body::Logged { .. } | Body::Lost(_) => Delivery::Durable,
            Body::Message { key: Some(_), .. } => Delivery::Latest,
            Body::Message { key: None, .. } => Delivery::Lossy,
        }
    }

    /// What it is the newest value of, if it is.
    pub fn key(&self) -> Option<&Arc<str>> {
        match &self.body {
            Body::Message { key, .. } => key.as_ref(),
            Body::Logged { .. } | Body::Lost(_) => None,
        }
    }

    /// When the entry was committed, in milliseconds since 1970; `None` for what no log holds.
    pub fn committed_ms(&self) -> Option<i64> {
        match &self.body {
            Body::Logged { entry, .. } => Some(entry.at_ms),
            Body::Lost(_) | Body::Message { .. } => None,
        }
    }

    /// Why subscribers must load their snapshot again instead of receiving this event.
    pub fn resync(&self) -> Option<ResyncReason> {
        matches!(self.body, Body::Lost(_)).then_some(ResyncReason::Unreadable)
    }

    /// The frame, encoded when it is first needed.
    pub fn frame(&self) -> &Utf8Bytes {
        self.frame.get_or_init(|| encode(&self.to_frame()))
    }

    /// About how much memory the event holds, in bytes.
    pub fn weight(&self) -> usize {
        let payload = match &self.body {
            Body::Logged { entry, .. } => {
                let len = |row: &Option<Box<RawValue>>| row.as_ref().map_or(0, |r| r.get().len());
                // The rows are kept beside the frame that repeats them; guarded ones also as their type
                // reads them, and in frames that have one of them.
                let copies = if self.guard.is_some() { 4 } else { 2 };
                copies * (len(&entry.record) + len(&entry.old_record))
            }
            Body::Lost(_) => 0,
            Body::Message { payload, .. } => 2 * payload.get().len(),
        };
        payload + 256
    }

    fn to_frame(&self) -> ServerFrame {
        let (position, payload) = self.payload();
        ServerFrame::Broadcast { channel: self.channel.to_string(), position, payload }
    }

    /// Where it stands in the log, and what it carries.
    pub fn payload(&self) -> (Option<Position>, Box<RawValue>) {
        match &self.body {
            Body::Logged { position, entry, .. } if entry.message.is_some() => {
                let payload = entry.record.as_deref().unwrap_or(RawValue::NULL);
                (Some(*position), payload.to_owned())
            }
            Body::Logged { position, entry, op } => {
                let change = Change {
                    op: *op,
                    schema: entry.schema.to_string(),
                    table: entry.table.to_string(),
                    record: entry.record.as_deref().filter(|_| *op != Op::Delete),
                    old_record: entry.old_record.as_deref().filter(|_| *op != Op::Insert),
                };
                let payload = to_raw_value(&change).expect("a change of raw JSON is JSON");
                (Some(*position), payload)
            }
            // Never sent: who would receive it is told to load again.
            Body::Lost(_) => (None, RawValue::NULL.to_owned()),
            Body::Message { payload, .. } => (None, payload.clone()),
        }
    }
}

/// A frame as text.
pub fn encode(frame: &ServerFrame) -> Utf8Bytes {
    serde_json::to_string(frame).expect("frames are plain data").into()
}
