//! One channel: who is there and who is told of it.

use std::{collections::HashMap, sync::Arc};

use axum::extract::ws::Utf8Bytes;
use serde_json::value::RawValue;
use tokio::time::{Duration, Instant};

use super::{
    super::{event::encode, subscription::Subscription, wall_clock::unix_ms},
    connection::Connection,
    user::User,
    watcher::Watcher,
};
use crate::contract::{PresenceAction, Present, ServerFrame};

/// How often a channel's number is told.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// The key of the number; no user's, whose keys have a letter before them.
const COUNT_KEY: &str = "#";

pub(super) struct Channel {
    name: String,
    /// Above this many users they are counted instead of named.
    most: usize,
    users: HashMap<Arc<str>, User>,
    watchers: Vec<Watcher>,
    /// There are too many users to name.
    counted: bool,
    counted_at: Option<Instant>,
    count_due: bool,
    /// The state's frame, while it holds.
    state: Option<Utf8Bytes>,
}

impl Channel {
    pub(super) fn new(name: String, most: usize) -> Self {
        Self {
            name,
            most,
            users: HashMap::new(),
            watchers: Vec::new(),
            counted: false,
            counted_at: None,
            count_due: false,
            state: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.watchers.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.users.len()
    }

    /// Whether there are too many to name.
    pub(super) fn is_counted(&self) -> bool {
        self.counted || self.users.len() > self.most
    }

    /// Everybody, in the order in which they joined.
    pub(super) fn present(&self) -> Vec<Present> {
        let mut users: Vec<&User> = self.users.values().collect();
        users.sort_by_key(|user| user.order);
        users.iter().filter_map(|user| Some(user.present(&user.shown()?))).collect()
    }

    pub(super) fn holds(&self, connection: &Connection) -> bool {
        self.said_by(connection).is_some()
    }

    pub(super) fn said_by(&self, connection: &Connection) -> Option<(Arc<RawValue>, bool)> {
        self.users.get(&connection.user)?.said_by(connection.id)
    }

    /// The connection joins, or says something new. Without data it has to have joined.
    pub(super) fn say(
        &mut self,
        connection: &Connection,
        data: Option<Arc<RawValue>>,
        idle: Option<bool>,
        sequence: u64,
    ) {
        if data.is_none() && !self.holds(connection) {
            return;
        }
        let id = &connection.user;
        self.users.entry(id.clone()).or_insert_with(|| User::new(id.clone(), unix_ms(), sequence));
        self.change(id, |user| user.say(connection.id, data, idle, sequence));
    }

    /// The connection leaves at once.
    pub(super) fn part(&mut self, connection: &Connection) {
        self.change(&connection.user, |user| user.part(connection.id));
    }

    /// The connection is lost. Returns whether its user leaves at `until`, unless they come back.
    pub(super) fn lose(&mut self, connection: &Connection, until: Instant) -> bool {
        let mut waits = false;
        if self.holds(connection) {
            self.change(&connection.user, |user| waits = user.lose(connection.id, until));
        }
        waits
    }

    /// The user leaves if all their connections have been lost for too long.
    pub(super) fn expire(&mut self, user: &Arc<str>, now: Instant) {
        self.change(user, |user| user.expire(now));
    }

    /// From now on this connection is told, first the state.
    pub(super) fn watch(
        &mut self,
        connection: &Arc<Connection>,
        subscription: &Arc<Subscription>,
        only_count: bool,
    ) {
        self.unwatch(connection);
        self.watchers.push(Watcher::new(connection.clone(), subscription.clone(), only_count));
        self.give_state(connection);
    }

    /// Whether the connection is there, or is told who is.
    pub(super) fn concerns(&self, connection: &Connection) -> bool {
        self.holds(connection) || self.watchers.iter().any(|w| w.connection.id == connection.id)
    }

    /// Whether the connection is told of every user.
    pub(super) fn is_watched_by(&self, connection: &Connection) -> bool {
        self.watchers.iter().any(|w| w.connection.id == connection.id && !w.only_count)
    }

    pub(super) fn unwatch(&mut self, connection: &Connection) {
        self.watchers.retain(|watcher| watcher.connection.id != connection.id);
    }

    /// A newer subscription of the connection has taken the older one's place.
    pub(super) fn follow(&mut self, connection: &Connection, subscription: &Arc<Subscription>) {
        let mut watchers = self.watchers.iter_mut();
        if let Some(watcher) = watchers.find(|w| w.connection.id == connection.id) {
            watcher.follow(subscription);
            self.give_state(connection);
        }
    }

    /// Whether the connection waits for the state.
    pub(super) fn owes(&self, connection: &Connection) -> bool {
        self.watchers.iter().any(|w| w.connection.id == connection.id && w.is_stale())
    }

    /// Gives the connection the state that it is owed.
    pub(super) fn refresh(&mut self, connection: &Connection) {
        if self.owes(connection) {
            self.give_state(connection);
        }
    }

    /// Names or numbers, and who has not heard the newest number. Returns when the number is to be told if
    /// it is too early now.
    pub(super) fn settle(&mut self, now: Instant) -> Option<Instant> {
        self.watchers.retain(|watcher| !watcher.has_ended());
        let count = self.users.len();
        if !self.counted && count > self.most {
            self.counted = true;
        } else if self.counted && count <= self.most * 9 / 10 {
            // Well below, so that a channel at the limit does not change with every visitor.
            self.counted = false;
            self.watchers.iter_mut().filter(|w| !w.only_count).for_each(Watcher::owe_state);
        }
        let counted = self.counted;
        let unaware = |w: &Watcher| (w.only_count || counted) && w.told != Some(count);
        if self.count_due || !self.watchers.iter().any(unaware) {
            return None;
        }
        if let Some(next) = self.counted_at.map(|at| at + COUNT_EVERY).filter(|at| *at > now) {
            self.count_due = true;
            return Some(next);
        }
        self.counted_at = Some(now);
        let (frame, key) = (self.count_frame(), COUNT_KEY.into());
        for watcher in self.watchers.iter_mut().filter(|w| unaware(w)) {
            watcher.told = Some(count);
            watcher.tell(&key, &frame);
        }
        None
    }

    /// It is time to tell the number.
    pub(super) fn count_is_due(&mut self) {
        self.count_due = false;
    }

    /// Changes a user, and tells everybody what has become of it.
    fn change(&mut self, id: &Arc<str>, edit: impl FnOnce(&mut User)) {
        let Some(user) = self.users.get_mut(id) else { return };
        let before = user.shown();
        edit(user);
        let after = user.shown();
        let (action, shown) = match (&before, &after) {
            (None, Some(now)) => (PresenceAction::Join, now),
            (Some(old), Some(now)) if old != now => (PresenceAction::Update, now),
            (Some(old), None) => (PresenceAction::Leave, old),
            _ => return,
        };
        let user = user.present(shown);
        if after.is_none() {
            self.users.remove(id);
        }
        self.state = None;
        if self.is_counted() || self.watchers.is_empty() {
            return;
        }
        let channel = self.name.clone();
        let frame = encode(&ServerFrame::PresenceUpdate { channel, action, user });
        let key = ["u", id].concat().into();
        for watcher in self.watchers.iter_mut().filter(|watcher| !watcher.only_count) {
            watcher.tell(&key, &frame);
        }
    }

    fn give_state(&mut self, connection: &Connection) {
        let counted = self.is_counted();
        let watchers = &mut self.watchers;
        let Some(at) = watchers.iter().position(|w| w.connection.id == connection.id) else {
            return;
        };
        if counted || watchers[at].only_count {
            let (frame, count) = (self.count_frame(), self.users.len());
            return self.watchers[at].give_state(frame, Some(count));
        }
        let frame = self.state.take().unwrap_or_else(|| {
            let (channel, users) = (self.name.clone(), self.present());
            encode(&ServerFrame::PresenceState { channel, users })
        });
        self.state = Some(frame.clone());
        self.watchers[at].give_state(frame, None);
    }

    fn count_frame(&self) -> Utf8Bytes {
        let (channel, count) = (self.name.clone(), self.users.len());
        encode(&ServerFrame::PresenceCount { channel, count })
    }
}
