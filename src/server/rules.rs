//! An application's rules in one typed place: for each kind of channel, who may read, write and be
//! present. What is not named is nobody's.
//!
//! ```ignore
//! Rules::new()
//!     .resource::<Todo>(Access::everybody())
//!     .query::<Worth>(Access::everybody())
//!     .messages::<Typing>(Access::everybody())
//!     .channel("user", Access::own())
//! ```

use std::collections::HashMap;

use async_trait::async_trait;

use super::{
    identity::{Identity, Kind},
    messages::is_reserved,
    policy::{Action, Policy},
};
use crate::contract::{ChannelName, Live, LiveQuery, Message, channel::ChannelKind};

/// Whether somebody may do something on a channel: a plain function of the two.
pub type Rule = fn(&Identity, &ChannelName) -> bool;

/// Who may do what on one kind of channel.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    read: Rule,
    write: Rule,
    join: Rule,
}

/// What is allowed, by kind of channel. Everything else is not; statistics are seen by permission alone.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By a channel's first segment, or by its first two where the channel layer has made the first.
    named: HashMap<Box<str>, Access>,
}

/// Allows it to all.
pub fn everybody(_: &Identity, _: &ChannelName) -> bool {
    true
}

/// Allows it to nobody.
pub fn nobody(_: &Identity, _: &ChannelName) -> bool {
    false
}

/// Allows it to whoever has signed in.
pub fn signed_in(who: &Identity, _: &ChannelName) -> bool {
    who.kind() == Kind::User
}

/// Allows it to whom the channel's second segment names, as in `user:{id}:notifications`. A guest is
/// somebody, too, whose id nobody else can have.
pub fn own(who: &Identity, channel: &ChannelName) -> bool {
    channel.as_str().split(':').nth(1) == Some(who.id())
}

impl Access {
    /// The rule decides over everything.
    pub fn when(rule: Rule) -> Self {
        Self { read: rule, write: rule, join: rule }
    }

    /// Open to all.
    pub fn everybody() -> Self {
        Self::when(everybody)
    }

    /// Open to nobody: a start for what is allowed one by one.
    pub fn nobody() -> Self {
        Self::when(nobody)
    }

    /// Open to whoever has signed in.
    pub fn signed_in() -> Self {
        Self::when(signed_in)
    }

    /// Open to whom the channel names in its second segment.
    pub fn own() -> Self {
        Self::when(own)
    }

    /// The same, but this rule says who receives events and sees who is present.
    pub fn read(self, rule: Rule) -> Self {
        Self { read: rule, ..self }
    }

    /// The same, but this rule says who sends messages.
    pub fn write(self, rule: Rule) -> Self {
        Self { write: rule, ..self }
    }

    /// The same, but this rule says who is shown as present.
    pub fn join(self, rule: Rule) -> Self {
        Self { join: rule, ..self }
    }
}

impl Rules {
    /// Nothing is allowed.
    pub fn new() -> Self {
        Self::default()
    }

    /// The channels of a resource: all of it, each record, and its table. Which rows somebody may see among
    /// them is said by the rows themselves, see [`RowPolicy`](super::RowPolicy).
    pub fn resource<T: Live>(self, access: Access) -> Self {
        self.with(["resource:", T::RESOURCE].concat(), access)
            .with(T::RESOURCE.to_owned(), access)
            .table("public", T::TABLE, access)
    }

    /// The channel of a table that is no resource's, which the database alone writes.
    pub fn table(self, schema: &str, table: &str, access: Access) -> Self {
        self.with(["table:", schema, ".", table].concat(), access)
    }

    /// A live query, whatever its parameters.
    pub fn query<Q: LiveQuery>(self, access: Access) -> Self {
        self.with(["query:", Q::NAME].concat(), access)
    }

    /// Notices to fetch again what `key` names. They carry nothing, and one for a user reaches that user
    /// alone.
    pub fn revalidate(self, key: &str, access: Access) -> Self {
        self.with(["revalidate:", key].concat(), access)
    }

    /// The channels of a message type: `{PREFIX}` and `{PREFIX}:…`.
    pub fn messages<M: Message>(self, access: Access) -> Self {
        self.channel(M::PREFIX, access)
    }

    /// The channels whose first segment is this one.
    ///
    /// # Panics
    /// When it is none of the application's: `table`, `resource`, `query`, `revalidate` and `access` are the
    /// channel layer's, and no segment has a colon.
    pub fn channel(self, first: &str, access: Access) -> Self {
        let own = !is_reserved(first) && !first.contains(':') && ChannelName::new(first).is_ok();
        assert!(own, "{first:?} is not the first segment of an application's channel");
        self.with(first.to_owned(), access)
    }

    /// What is said of this channel.
    fn access(&self, channel: &ChannelName) -> Option<&Access> {
        let first_two = || {
            let mut ends = channel.as_str().match_indices(':').map(|(at, _)| at);
            let second = ends.nth(1).unwrap_or(channel.as_str().len());
            self.named.get(&channel.as_str()[..second])
        };
        match channel.kind() {
            // However it is written: SQLite calls its one schema `main`.
            ChannelKind::Table { schema, table } => {
                let schema = if schema == "main" { "public" } else { schema };
                self.named.get(["table:", schema, ".", table].concat().as_str())
            }
            ChannelKind::Resource(_) => self.named.get(channel.as_str()),
            ChannelKind::Other { prefix, .. } if is_reserved(prefix) => first_two(),
            ChannelKind::Other { prefix, .. } => self.named.get(prefix),
        }
    }

    fn with(mut self, name: String, access: Access) -> Self {
        self.named.insert(name.into(), access);
        self
    }
}

#[async_trait]
impl Policy for Rules {
    async fn allows(&self, who: &Identity, action: Action, channel: &ChannelName) -> bool {
        let Some(access) = self.access(channel) else { return false };
        let rule = match action {
            Action::Read | Action::SeeUsers => access.read,
            Action::Write => access.write,
            Action::Join => access.join,
            Action::Inspect => nobody,
        };
        rule(who, channel)
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
