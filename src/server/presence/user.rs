//! One user of one channel: their connections, and what the others are shown of them.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::contract::Present;

pub(super) struct User {
    id: Arc<str>,
    pub(super) joined_at: u64,
    /// Rises with each user that joins.
    pub(super) order: u64,
    members: Vec<Member>,
}

/// One connection by which the user is there.
struct Member {
    connection: u64,
    data: Arc<RawValue>,
    idle: bool,
    /// Rises with each thing said.
    spoke: u64,
    /// Set once the connection is lost: when the user leaves, unless they come back. Only the last member
    /// waits like this.
    until: Option<Instant>,
}

/// What the others see.
#[derive(Clone)]
pub(super) struct Shown {
    data: Arc<RawValue>,
    idle: bool,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.idle == other.idle && self.data.get() == other.data.get()
    }
}

impl User {
    pub(super) fn new(id: Arc<str>, joined_at: u64, order: u64) -> Self {
        Self { id, joined_at, order, members: Vec::new() }
    }

    /// Adds the connection or changes what it says; a lost one whose place it takes is forgotten. Being
    /// idle is nothing that is said: a tab that is hidden does not become the one that is shown.
    pub(super) fn say(
        &mut self,
        connection: u64,
        data: Option<Arc<RawValue>>,
        idle: Option<bool>,
        spoke: u64,
    ) {
        self.members.retain(|member| member.until.is_none());
        if let Some(member) = self.members.iter_mut().find(|m| m.connection == connection) {
            if data.is_some() || idle == Some(false) {
                member.spoke = spoke;
            }
            member.data = data.unwrap_or_else(|| member.data.clone());
            member.idle = idle.unwrap_or(member.idle);
        } else if let Some(data) = data {
            let idle = idle.unwrap_or(false);
            self.members.push(Member { connection, data, idle, spoke, until: None });
        }
    }

    /// The connection's part in it, if it has one.
    pub(super) fn said_by(&self, connection: u64) -> Option<(Arc<RawValue>, bool)> {
        let member = self.members.iter().find(|member| member.connection == connection)?;
        Some((member.data.clone(), member.idle))
    }

    /// Removes the connection.
    pub(super) fn part(&mut self, connection: u64) {
        self.members.retain(|member| member.connection != connection);
    }

    /// The connection is lost. Returns whether the user waits until `until`; otherwise others hold them.
    pub(super) fn lose(&mut self, connection: u64, until: Instant) -> bool {
        match &mut self.members[..] {
            [last] if last.connection == connection => {
                last.until = Some(until);
                true
            }
            _ => {
                self.part(connection);
                false
            }
        }
    }

    /// Removes connections that were lost and did not come back in time.
    pub(super) fn expire(&mut self, now: Instant) {
        self.members.retain(|member| member.until.is_none_or(|until| until > now));
    }

    /// `None` when no connection is left.
    pub(super) fn shown(&self) -> Option<Shown> {
        let newest = self.members.iter().max_by_key(|member| member.spoke)?;
        let idle = self.members.iter().all(|member| member.idle);
        Some(Shown { data: newest.data.clone(), idle })
    }

    /// The entry as frames carry it.
    pub(super) fn present(&self, shown: &Shown) -> Present {
        Present {
            user_id: self.id.to_string(),
            data: (*shown.data).to_owned(),
            joined_at: self.joined_at,
            idle: shown.idle,
        }
    }
}
