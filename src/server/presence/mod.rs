//! Who is in which channel: users by their connections, and who is told of them.
//!
//! `session` says what a connection joins, says and leaves → `channel` folds its connections into users
//! (`user`) and tells its watchers (`watcher`) each difference → their `queue`s. `sweeper` ends what was
//! lost or fell silent. One lock of its own for all of it, under which only queues are locked.

mod channel;
mod connection;
mod due;
mod sweeper;
#[cfg(test)]
mod tests;
mod user;
mod watcher;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::value::RawValue;
use tokio::{
    sync::Notify,
    time::{Duration, Instant},
};

use super::{queue::Queue, subscription::Subscription};
use crate::contract::{ChannelName, Limits, PresenceWish, Present};
use channel::Channel;
pub use connection::Connection;
use due::{Due, What};
pub use sweeper::keep_sweeping;

/// The registry of this process.
pub struct Presence {
    state: Mutex<State>,
    /// The sweeper has to look earlier than it meant to.
    sooner: Notify,
    most: usize,
    grace: Duration,
    ttl: Duration,
}

#[derive(Default)]
struct State {
    channels: HashMap<ChannelName, Channel>,
    connections: HashMap<u64, Known>,
    due: Due,
    sequence: u64,
    sooner: bool,
    closed: bool,
}

/// A connection that takes part in some channel.
struct Known {
    connection: Arc<Connection>,
    channels: Vec<ChannelName>,
    /// What it had said where it was present before it fell silent.
    silenced: Vec<(ChannelName, Arc<RawValue>, bool)>,
    /// The sweeper looks after it.
    looked_after: bool,
}

/// Who is in a channel at one moment.
pub struct Roll {
    /// Everybody in the order in which they joined; nobody is named where there are too many.
    pub users: Vec<Present>,
    /// How many there are.
    pub count: usize,
}

impl Presence {
    /// An empty registry.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::default(),
            sooner: Notify::new(),
            most: limits.presence_users,
            grace: limits.presence_grace,
            ttl: limits.presence_ttl,
        }
    }

    /// A new connection of this user, which takes part in nothing yet.
    pub fn connect(&self, user: &Arc<str>, queue: &Arc<Queue>) -> Arc<Connection> {
        let id = self.lock().next();
        Arc::new(Connection::new(id, user.clone(), queue.clone()))
    }

    /// What a subscription asked for when it began. `sees` says whether who joins is also told of the
    /// others.
    pub fn enter(
        &self,
        connection: &Arc<Connection>,
        subscription: &Arc<Subscription>,
        wish: PresenceWish,
        sees: bool,
    ) {
        self.edit(connection, subscription.channel(), |state, channel, now| {
            if subscription.has_ended() {
                return;
            }
            let sequence = state.next();
            // It gets the state below, which has what the difference would say.
            channel.unwatch(connection);
            match wish {
                PresenceWish::Join(data) => {
                    channel.say(connection, Some(data.into()), None, sequence);
                    if sees {
                        channel.watch(connection, subscription, false);
                    }
                    state.look_after(connection, now + self.ttl);
                }
                PresenceWish::Watch | PresenceWish::Count => {
                    channel.part(connection);
                    let only_count = matches!(wish, PresenceWish::Count);
                    channel.watch(connection, subscription, only_count);
                }
            }
        });
    }

    /// A subscription takes the place of an older one and says nothing about presence: all stays as it was.
    pub fn follow(&self, connection: &Arc<Connection>, subscription: &Arc<Subscription>) {
        if self.lock().connections.contains_key(&connection.id) {
            self.edit(connection, subscription.channel(), |_, channel, _| {
                channel.follow(connection, subscription);
            });
        }
    }

    /// Joins with data, says something new, or asks to see who is there.
    pub fn say(
        &self,
        connection: &Arc<Connection>,
        subscription: &Arc<Subscription>,
        data: Option<Box<RawValue>>,
        idle: Option<bool>,
        sees: bool,
    ) {
        self.edit(connection, subscription.channel(), |state, channel, now| {
            if subscription.has_ended() {
                return;
            }
            let joins = data.is_some();
            channel.say(connection, data.map(Arc::from), idle, state.next());
            if joins {
                state.look_after(connection, now + self.ttl);
            }
            // Who asks without saying anything is given the state again.
            let asks = if joins { !channel.is_watched_by(connection) } else { idle.is_none() };
            if sees && asks {
                channel.watch(connection, subscription, false);
            }
        });
    }

    /// Is no longer shown; goes on watching.
    pub fn part(&self, connection: &Arc<Connection>, channel: &ChannelName) {
        self.edit(connection, channel, |_, channel, _| channel.part(connection));
    }

    /// Has unsubscribed.
    pub fn leave(&self, connection: &Arc<Connection>, channel: &ChannelName) {
        self.edit(connection, channel, |_, channel, _| {
            channel.part(connection);
            channel.unwatch(connection);
        });
    }

    /// The connection is gone; its user may come back within the grace period.
    pub fn lost(&self, connection: &Connection) {
        let mut state = self.lock();
        let Some(known) = state.connections.remove(&connection.id) else { return };
        let now = Instant::now();
        let until = now + self.grace;
        for name in known.channels {
            let Some(channel) = state.channels.get_mut(&name) else { continue };
            channel.unwatch(connection);
            if channel.lose(connection, until) {
                let what = What::Grace(name.clone(), connection.user.clone());
                state.sooner |= state.due.push(until, what);
            }
            state.settle(&name, now);
        }
        self.wake(state);
    }

    /// A connection that was taken for silent is there after all.
    pub fn revive(&self, connection: &Arc<Connection>) {
        let mut state = self.lock();
        let Some(known) = state.connections.get_mut(&connection.id) else { return };
        connection.set_silent(false);
        let now = Instant::now();
        for (name, data, idle) in std::mem::take(&mut known.silenced) {
            let sequence = state.next();
            let channel = state.channels.entry(name.clone());
            let channel = channel.or_insert_with(|| Channel::new(name.to_string(), self.most));
            channel.say(connection, Some(data), Some(idle), sequence);
            state.settle(&name, now);
        }
        state.look_after(connection, now + self.ttl);
        self.wake(state);
    }

    /// Gives the connection one of the states that it is owed; called when all that waited for it is sent,
    /// so that there is never more than one of them in its queue.
    pub fn refresh(&self, connection: &Connection) {
        let mut state = self.lock();
        connection.set_fresh();
        let State { connections, channels, .. } = &mut *state;
        let Some(known) = connections.get_mut(&connection.id) else { return };
        let owes = |name: &ChannelName| channels.get(name).is_some_and(|c| c.owes(connection));
        let Some(next) = known.channels.iter().position(owes) else { return };
        let more = known.channels[next + 1..].iter().any(owes);
        // The others come first the next time, whatever this one misses until then.
        let name = known.channels.remove(next);
        if let Some(channel) = channels.get_mut(&name) {
            channel.refresh(connection);
        }
        known.channels.push(name);
        if more {
            connection.set_stale();
        }
    }

    /// Who is there.
    pub fn roll(&self, channel: &ChannelName) -> Roll {
        let state = self.lock();
        let Some(channel) = state.channels.get(channel) else {
            return Roll { users: Vec::new(), count: 0 };
        };
        let users = if channel.is_counted() { Vec::new() } else { channel.present() };
        Roll { users, count: channel.count() }
    }

    /// Ends every presence in the channels that `ends` names.
    pub fn close_channels(&self, ends: impl Fn(&ChannelName) -> bool) {
        let mut state = self.lock();
        state.channels.retain(|name, _| !ends(name));
        for known in state.connections.values_mut() {
            known.channels.retain(|name| !ends(name));
            known.silenced.retain(|(name, ..)| !ends(name));
        }
    }

    /// From now on nobody is present, and nobody is told.
    fn close(&self) {
        *self.lock() = State { closed: true, ..State::default() };
    }

    /// Nothing may have been heard for the time to live.
    fn check_silence(&self, state: &mut State, id: u64, now: Instant) {
        let Some(known) = state.connections.get_mut(&id) else { return };
        known.looked_after = false;
        let connection = known.connection.clone();
        // First the mark and then the look, so that what is heard in between is not overheard.
        connection.set_silent(true);
        let until = connection.last_heard() + self.ttl;
        if until > now {
            connection.set_silent(false);
            return state.look_after(&connection, until);
        }
        for name in known.channels.clone() {
            let Some(channel) = state.channels.get_mut(&name) else { continue };
            if let Some((data, idle)) = channel.said_by(&connection) {
                channel.part(&connection);
                if let Some(known) = state.connections.get_mut(&id) {
                    known.silenced.push((name.clone(), data, idle));
                }
                state.settle(&name, now);
            }
        }
    }

    /// Lets a connection change something in a channel, and tells what follows from it.
    fn edit(
        &self,
        connection: &Arc<Connection>,
        name: &ChannelName,
        edit: impl FnOnce(&mut State, &mut Channel, Instant),
    ) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let now = Instant::now();
        // Taken out for as long as it takes, so that the rest can be changed as well.
        let found = state.channels.remove(name);
        let mut channel = found.unwrap_or_else(|| Channel::new(name.to_string(), self.most));
        let known = state.connections.entry(connection.id).or_insert_with(|| Known {
            connection: connection.clone(),
            channels: Vec::new(),
            silenced: Vec::new(),
            looked_after: false,
        });
        if !known.channels.contains(name) {
            known.channels.push(name.clone());
        }
        edit(&mut state, &mut channel, now);
        if !channel.concerns(connection)
            && let Some(known) = state.connections.get_mut(&connection.id)
        {
            known.channels.retain(|other| other != name);
        }
        state.channels.insert(name.clone(), channel);
        state.settle(name, now);
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if std::mem::take(&mut state.sooner) {
            drop(state);
            self.sooner.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Lets a channel tell what is to be told, and forgets it when nobody is left.
    fn settle(&mut self, name: &ChannelName, now: Instant) {
        let Some(channel) = self.channels.get_mut(name) else { return };
        if let Some(at) = channel.settle(now) {
            self.sooner |= self.due.push(at, What::Count(name.clone()));
        }
        if channel.is_empty() {
            self.channels.remove(name);
        }
    }

    /// Asks the sweeper to look whether the connection still says something.
    fn look_after(&mut self, connection: &Connection, at: Instant) {
        if let Some(known) = self.connections.get_mut(&connection.id)
            && !std::mem::replace(&mut known.looked_after, true)
        {
            self.sooner |= self.due.push(at, What::Silence(connection.id));
        }
    }
}
