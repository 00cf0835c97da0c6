//! A connection without a session, and a client behind it that folds what it is told.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, value::RawValue};

use super::super::{Connection, Presence};
use crate::{
    contract::{ChannelName, Limits, PresenceWish},
    server::{queue::Queue, subscription::Subscription},
};

/// A connection as its session has it, with a client behind it that folds what it is told.
pub(super) struct Client {
    pub(super) connection: Arc<Connection>,
    pub(super) queue: Arc<Queue>,
    pub(super) subscription: Arc<Subscription>,
    /// Who is there as far as the client knows: data and whether idle.
    pub(super) shown: Option<BTreeMap<String, (Value, bool)>>,
    pub(super) count: Option<usize>,
    pub(super) frames: Vec<Value>,
}

pub(super) fn room() -> ChannelName {
    ChannelName::new("room:a").unwrap()
}

pub(super) fn data(text: &str) -> Box<RawValue> {
    RawValue::from_string(format!("{{\"say\":\"{text}\"}}")).unwrap()
}

impl Client {
    pub(super) fn new(presence: &Presence, user: &str, limits: &Limits) -> Self {
        let queue = Arc::new(Queue::new(limits));
        let connection = presence.connect(&user.into(), &queue);
        let subscription = Arc::new(Subscription::new(room(), 0));
        let (shown, count, frames) = (None, None, Vec::new());
        Self { connection, queue, subscription, shown, count, frames }
    }

    pub(super) fn join(&self, presence: &Presence, text: &str) {
        let wish = PresenceWish::Join(data(text));
        presence.enter(&self.connection, &self.subscription, wish, true);
    }

    pub(super) fn watch(&self, presence: &Presence) {
        presence.enter(&self.connection, &self.subscription, PresenceWish::Watch, true);
    }

    pub(super) fn say(&self, presence: &Presence, text: Option<&str>, idle: Option<bool>) {
        presence.say(&self.connection, &self.subscription, text.map(data), idle, true);
    }

    /// What a session does: sends all that waits, and then has what was lost made up for.
    pub(super) fn drain(&mut self, presence: &Presence) {
        loop {
            for frame in self.queue.take() {
                if let Some(text) = frame.into_text(|| true) {
                    self.fold(serde_json::from_str(&text).unwrap());
                }
            }
            if !self.connection.is_stale() {
                return;
            }
            presence.refresh(&self.connection);
        }
    }

    fn fold(&mut self, frame: Value) {
        let entry = |user: &Value| {
            let id = user["userId"].as_str().unwrap().to_owned();
            (id, (user["data"].clone(), user["idle"] == true))
        };
        match frame["type"].as_str().unwrap() {
            "presence_state" => {
                self.count = None;
                self.shown = Some(frame["users"].as_array().unwrap().iter().map(entry).collect());
            }
            "presence_count" => {
                self.count = frame["count"].as_u64().map(|count| count as usize);
                self.shown = None;
            }
            "presence_update" => {
                let shown = self.shown.as_mut().expect("a difference comes after a state");
                let (id, now) = entry(&frame);
                match frame["action"].as_str().unwrap() {
                    "leave" => _ = shown.remove(&id),
                    _ => _ = shown.insert(id, now),
                }
            }
            other => panic!("{other}"),
        }
        self.frames.push(frame);
    }

    /// What it was told since the last look: `join ann`, `state 2`, `count 7`.
    pub(super) fn told(&mut self, presence: &Presence) -> Vec<String> {
        self.drain(presence);
        let line = |frame: Value| match frame["type"].as_str().unwrap() {
            "presence_state" => format!("state {}", frame["users"].as_array().unwrap().len()),
            "presence_count" => format!("count {}", frame["count"]),
            _ => {
                let (action, user) = (&frame["action"], &frame["userId"]);
                format!("{} {}", action.as_str().unwrap(), user.as_str().unwrap())
            }
        };
        self.frames.drain(..).map(line).collect()
    }
}
