//! Which channels a change belongs to, and which channels there are.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use serde_json::value::RawValue;

use super::log::Entry;
use crate::contract::{ChannelName, Live, Op, channel::ChannelKind};

/// The resources that a server knows, and the tables that are live.
#[derive(Default)]
pub struct Routing {
    /// By table.
    resources: HashMap<&'static str, Resource>,
    tables: RwLock<HashSet<String>>,
}

struct Resource {
    name: &'static str,
    scopes: fn(&RawValue) -> Vec<ChannelName>,
}

impl Routing {
    /// Makes `T` a resource: changes of its table reach `resource:…`, record and scope channels.
    pub fn add<T: Live>(&mut self) {
        self.resources.insert(T::TABLE, Resource { name: T::RESOURCE, scopes: scopes_of::<T> });
    }

    /// Keeps only the named resources.
    pub fn retain(&mut self, names: &[String]) {
        self.resources.retain(|_, resource| names.iter().any(|name| name == resource.name));
    }

    /// The tables of all resources.
    pub fn resource_tables(&self) -> impl Iterator<Item = &'static str> {
        self.resources.keys().copied()
    }

    /// Whether there is a resource of this name.
    pub fn has_resource(&self, name: &str) -> bool {
        self.resources.values().any(|resource| resource.name == name)
    }

    /// The table of a resource.
    pub fn table_of(&self, name: &str) -> Option<&'static str> {
        self.resources.iter().find(|(_, resource)| resource.name == name).map(|(table, _)| *table)
    }

    /// The table whose changes a channel carries; `None` for a custom channel, and for a resource
    /// that there is not.
    pub fn table_behind<'a>(&self, channel: &'a ChannelName) -> Option<&'a str> {
        match channel.kind() {
            ChannelKind::Table { table, .. } => Some(table),
            ChannelKind::Resource(name) => self.table_of(name),
            ChannelKind::Other { prefix, .. } => self.table_of(prefix),
        }
    }

    /// Whether realtime was enabled for the table when it was last looked at.
    pub fn has_table(&self, table: &str) -> bool {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).contains(table)
    }

    /// Remembers which tables are live.
    pub fn set_tables(&self, tables: HashSet<String>) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
    }

    /// Whether a change of the table that nobody can read may have belonged to the channel.
    pub fn may_concern(&self, table: &str, channel: &ChannelName) -> bool {
        if !self.has_table(table) {
            // Not even the table's name can be trusted.
            return true;
        }
        match channel.kind() {
            ChannelKind::Table { table: followed, .. } => followed == table,
            ChannelKind::Resource(name) => self.table_of(name) == Some(table),
            ChannelKind::Other { prefix, .. } => match self.table_of(prefix) {
                Some(of_record) => of_record == table,
                // Any other channel may be one of the row's scopes.
                None => self.resources.contains_key(table),
            },
        }
    }

    /// The channels of an entry, each with what the change means there.
    pub fn route(&self, entry: &Entry) -> Vec<(ChannelName, Op)> {
        let mut routes = Vec::with_capacity(4);
        for schema in [&*entry.schema, "main"] {
            let name = ["table:", schema, ".", &entry.table].concat();
            routes.extend(ChannelName::new(&name).ok().map(|name| (name, entry.op)));
        }
        let Some(resource) = self.resources.get(&*entry.table) else { return routes };
        let all = ["resource:", resource.name].concat();
        routes.extend(ChannelName::new(&all).ok().map(|name| (name, entry.op)));
        let record = entry.row_id.as_ref().and_then(|id| ChannelName::record(resource.name, id));
        routes.extend(record.map(|name| (name, entry.op)));

        let scopes =
            |row: &Option<Box<RawValue>>| row.as_deref().map(resource.scopes).unwrap_or_default();
        let (old, new) = (scopes(&entry.old_record), scopes(&entry.record));
        for name in &new {
            // An insert may have replaced a row, so only an update can say that a row moved in.
            let moved_in = entry.op == Op::Update && !old.contains(name);
            routes.push((name.clone(), if moved_in { Op::Insert } else { entry.op }));
        }
        routes.extend(old.into_iter().filter(|name| !new.contains(name)).map(|n| (n, Op::Delete)));
        routes
    }
}

fn scopes_of<T: Live>(row: &RawValue) -> Vec<ChannelName> {
    match serde_json::from_str::<T>(row.get()) {
        Ok(row) => row.scopes(),
        Err(error) => {
            tracing::error!(resource = T::RESOURCE, %error, "a row does not fit its type");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Message {
        id: i64,
        room: String,
    }

    impl Live for Message {
        const RESOURCE: &'static str = "message";
        const TABLE: &'static str = "messages";
        type Id = i64;

        fn id(&self) -> i64 {
            self.id
        }

        fn scopes(&self) -> Vec<ChannelName> {
            ChannelName::record("room", &self.room).into_iter().collect()
        }
    }

    fn route(op: Op, old: Option<&str>, new: Option<&str>) -> Vec<(String, Op)> {
        let mut routing = Routing::default();
        routing.add::<Message>();
        let row = |room: &str| {
            serde_json::value::to_raw_value(&Message { id: 7, room: room.into() }).unwrap()
        };
        let mut entry = Entry::for_tests(1, "messages", op);
        entry.row_id = Some("7".into());
        entry.old_record = old.map(row);
        entry.record = new.map(row);
        routing.route(&entry).into_iter().map(|(name, op)| (name.to_string(), op)).collect()
    }

    #[test]
    fn spec_bq1_a_change_reaches_table_resource_and_record_channels() {
        let routes = route(Op::Insert, None, Some("a"));
        for name in [
            "table:public.messages",
            "table:main.messages",
            "resource:message",
            "message:7",
            "room:a",
        ] {
            assert!(routes.contains(&(name.into(), Op::Insert)), "{name} in {routes:?}");
        }
    }

    #[test]
    fn a_row_that_moves_leaves_one_scope_and_enters_the_other() {
        let routes = route(Op::Update, Some("a"), Some("b"));
        assert!(routes.contains(&("room:b".into(), Op::Insert)));
        assert!(routes.contains(&("room:a".into(), Op::Delete)));
        assert!(routes.contains(&("resource:message".into(), Op::Update)));
    }
}
