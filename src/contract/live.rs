//! What a row type says about itself to be live.

use std::{fmt::Display, hash::Hash};

use serde::{Serialize, de::DeserializeOwned};

use super::{Channel, ChannelName};

/// A row that lists, pages and sockets share: one type from the database to the view.
pub trait Live: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The resource's name in channels: `resource:{RESOURCE}` and `{RESOURCE}:{id}`.
    const RESOURCE: &'static str;
    /// The table that holds the rows.
    const TABLE: &'static str;
    /// The primary key; its text form is the last segment of the record's channel.
    type Id: Clone + Eq + Hash + Ord + Display + Send + Sync + 'static;

    /// The row's primary key.
    fn id(&self) -> Self::Id;

    /// Further channels that a row belongs to, such as a room's. A row that moves leaves its old
    /// ones (as a delete) and appears in its new ones (as an insert). Clients can send messages there,
    /// as on every channel that is not a table's, a resource's or a record's.
    fn scopes(&self) -> Vec<ChannelName> {
        Vec::new()
    }

    /// Joins two edits that were made from the same `base`, or `None` when a person has to decide.
    fn merge(_base: &Self, _mine: &Self, _theirs: &Self) -> Option<Self> {
        None
    }

    /// The channel of every row of this resource.
    ///
    /// # Panics
    /// When `RESOURCE` is not a channel segment, with which no server starts.
    fn all() -> Channel<Self> {
        let name = ["resource:", Self::RESOURCE].concat();
        Channel::new(ChannelName::new(&name).expect("RESOURCE is a valid channel segment"))
    }

    /// The channel of the raw table, as any writer changes it.
    ///
    /// # Panics
    /// When `TABLE` is not a channel segment.
    fn table() -> Channel<Self> {
        let name = ["table:public.", Self::TABLE].concat();
        Channel::new(ChannelName::new(&name).expect("TABLE is a valid channel segment"))
    }

    /// The channel of one row; `None` when its id cannot be part of a channel name.
    fn record(id: &Self::Id) -> Option<Channel<Self>> {
        ChannelName::record(Self::RESOURCE, &id.to_string()).map(Channel::new)
    }
}

/// Three-way merge of one field: the side that changed it wins; `None` when both did, differently.
pub fn merge_field<V: PartialEq + Clone>(base: &V, mine: &V, theirs: &V) -> Option<V> {
    if mine == theirs || mine == base {
        Some(theirs.clone())
    } else if theirs == base {
        Some(mine.clone())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::merge_field;

    #[test]
    fn the_side_that_changed_wins() {
        assert_eq!(merge_field(&1, &2, &1), Some(2));
        assert_eq!(merge_field(&1, &1, &3), Some(3));
        assert_eq!(merge_field(&1, &4, &4), Some(4));
        assert_eq!(merge_field(&1, &2, &3), None);
    }
}
