//! The row that the schedules write, and the channels that lists follow it on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidewire::{Change, ChannelName, Live, Op};

/// A row with few possible keys, so that schedules meet the same row again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Item {
    pub id: i64,
    pub room: i64,
    pub note: i64,
}

/// Rows by key.
pub type Items = BTreeMap<i64, Item>;

impl Live for Item {
    const RESOURCE: &'static str = "item";
    const TABLE: &'static str = "items";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn scopes(&self) -> Vec<ChannelName> {
        ChannelName::record("room", &self.room.to_string()).into_iter().collect()
    }
}

/// One of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    Resource,
    Table,
    Room(i64),
    Record(i64),
    /// Another table, whose entries only move the log's head.
    Noise,
}

/// What lists and listeners follow.
pub const TOPICS: [Topic; 5] =
    [Topic::Resource, Topic::Table, Topic::Room(1), Topic::Room(2), Topic::Record(1)];

impl Topic {
    pub fn name(self) -> ChannelName {
        let name = match self {
            Self::Resource => "resource:item".into(),
            Self::Table => "table:public.items".into(),
            Self::Room(room) => format!("room:{room}"),
            Self::Record(id) => format!("item:{id}"),
            Self::Noise => "table:public.noise".into(),
        };
        ChannelName::new(&name).expect("a channel name")
    }

    pub fn named(name: &str) -> Option<Self> {
        let all = TOPICS.into_iter().chain([Self::Noise]);
        all.into_iter().find(|topic| topic.name().as_str() == name)
    }

    /// Which rows belong to it, in SQL.
    pub fn condition(self) -> String {
        match self {
            Self::Resource | Self::Table => "TRUE".into(),
            Self::Room(room) => format!("room = {room}"),
            Self::Record(id) => format!("id = {id}"),
            Self::Noise => "FALSE".into(),
        }
    }

    /// Which rows belong to it.
    pub fn has(self, item: &Item) -> bool {
        match self {
            Self::Resource | Self::Table => true,
            Self::Room(room) => item.room == room,
            Self::Record(id) => item.id == id,
            Self::Noise => false,
        }
    }

    /// What a change of a row means to those who see only the rows that belong here.
    pub fn sees(self, op: Op, old: Option<&Item>, new: Option<&Item>) -> Option<Change<Item>> {
        let was = old.filter(|item| self.has(item));
        let is = new.filter(|item| self.has(item));
        let op = match (op, was, is) {
            (_, None, None) => return None,
            (_, Some(_), None) => Op::Delete,
            (Op::Update, None, Some(_)) => Op::Insert,
            (op, _, Some(_)) => op,
        };
        Some(Change {
            op,
            schema: "public".into(),
            table: "items".into(),
            record: is.filter(|_| op != Op::Delete).cloned(),
            old_record: was.filter(|_| op != Op::Insert).cloned(),
        })
    }
}
