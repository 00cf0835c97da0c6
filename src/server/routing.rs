//! Which channels a change or a message belongs to, and which channels there are.

use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use serde_json::value::RawValue;

use super::{
    log::{Entry, LogError},
    messages::is_reserved,
};
use crate::contract::{ChannelName, Live, Op, channel::ChannelKind};

/// The resources that a server knows, and the tables that are live.
#[derive(Default)]
pub struct Routing {
    /// By table.
    resources: HashMap<&'static str, Resource>,
    /// Resources that share a table or a name with another, which is refused at start.
    twice: Vec<&'static str>,
    /// Resources that were left out, whose names must not become channels for messages.
    left_out: Vec<&'static str>,
    tables: RwLock<HashSet<String>>,
}

struct Resource {
    name: &'static str,
    scopes: fn(&RawValue) -> Option<Vec<ChannelName>>,
}

impl Routing {
    /// Makes `T` a resource: changes of its table reach `resource:…`, record and scope channels.
    pub fn add<T: Live>(&mut self) {
        let taken = self.has_resource(T::RESOURCE);
        let resource = Resource { name: T::RESOURCE, scopes: scopes_of::<T> };
        if self.resources.insert(T::TABLE, resource).is_some() || taken {
            self.twice.push(T::RESOURCE);
        }
    }

    /// Keeps only the named resources; no names keep all.
    ///
    /// # Errors
    /// When there is no resource of a name.
    pub fn retain(&mut self, names: &[String]) -> Result<(), LogError> {
        if let Some(name) = names.iter().find(|name| !self.has_resource(name)) {
            let problem = "there is no such resource";
            return Err(LogError::Resource { name: name.clone(), problem });
        }
        if !names.is_empty() {
            let left_out = |resource: &Resource| !names.iter().any(|name| name == resource.name);
            let removed = self.resources.extract_if(|_, resource| left_out(resource));
            self.left_out.extend(removed.map(|(_, resource)| resource.name));
        }
        Ok(())
    }

    /// Whether every resource can deliver something.
    ///
    /// # Errors
    /// The first that cannot, with what is wrong.
    pub fn check(&self) -> Result<(), LogError> {
        let wrong = |name: &str, problem| Err(LogError::Resource { name: name.into(), problem });
        if let Some(name) = self.twice.first() {
            return wrong(name, "its table or its name belongs to another resource too");
        }
        for Resource { name, .. } in self.resources.values() {
            if name.contains(':') || ChannelName::record(name, "1").is_none() {
                return wrong(name, "its name cannot be part of a channel");
            }
            if is_reserved(name) {
                return wrong(name, "channels of this name are taken");
            }
        }
        Ok(())
    }

    /// The tables of all resources.
    pub fn resource_tables(&self) -> impl Iterator<Item = &'static str> {
        self.resources.keys().copied()
    }

    /// Whether there is a resource of this name.
    pub fn has_resource(&self, name: &str) -> bool {
        self.resources.values().any(|resource| resource.name == name)
    }

    /// Whether there is a resource of this name that the server leaves out.
    pub fn leaves_out(&self, name: &str) -> bool {
        self.left_out.contains(&name)
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

    /// Whether an entry can be handed out: one that cannot be read cannot, nor can a message on a channel
    /// of the database, where it would pass for a change.
    pub fn can_route(&self, entry: &Entry) -> bool {
        let databases = |channel| self.table_behind(channel).is_some();
        !entry.unreadable && !entry.message.as_ref().is_some_and(databases)
    }

    /// Whether an entry that cannot be handed out may have belonged to the channel.
    pub fn may_concern(&self, entry: &Entry, channel: &ChannelName) -> bool {
        if let Some(message) = &entry.message {
            return message == channel;
        }
        let table = &*entry.table;
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

    /// Whether rows may be sent here because they say so themselves ([`Live::scopes`]).
    pub fn may_be_scope(&self, channel: &ChannelName) -> bool {
        match channel.kind() {
            ChannelKind::Other { prefix, .. } => {
                !self.has_resource(prefix) && !self.leaves_out(prefix)
            }
            _ => false,
        }
    }

    /// The channels of an entry, each once, with what the change means there.
    pub fn route(&self, entry: &Entry) -> Routes {
        if let Some(channel) = &entry.message {
            return Routes { channels: vec![(channel.clone(), entry.op)], scopes_lost: false };
        }
        let mut routes = Routes { channels: Vec::with_capacity(4), scopes_lost: false };
        for schema in [&*entry.schema, "main"] {
            let name = ["table:", schema, ".", &entry.table].concat();
            routes.add(ChannelName::new(&name).ok(), entry.op);
        }
        let Some(resource) = self.resources.get(&*entry.table) else { return routes };
        let all = ["resource:", resource.name].concat();
        routes.add(ChannelName::new(&all).ok(), entry.op);
        let record = entry.row_id.as_ref().and_then(|id| ChannelName::record(resource.name, id));
        routes.add(record, entry.op);

        let scopes = |row: &Option<Box<RawValue>>| match row {
            Some(row) => (resource.scopes)(row),
            None => Some(Vec::new()),
        };
        let (Some(old), Some(new)) = (scopes(&entry.old_record), scopes(&entry.record)) else {
            routes.scopes_lost = true;
            return routes;
        };
        for name in &new {
            // An insert may have replaced a row, so only an update can say that a row moved in.
            let moved_in = entry.op == Op::Update && !old.contains(name);
            routes.add(Some(name.clone()), if moved_in { Op::Insert } else { entry.op });
        }
        for name in old.into_iter().filter(|name| !new.contains(name)) {
            routes.add(Some(name), Op::Delete);
        }
        routes
    }
}

/// Where an entry goes.
pub struct Routes {
    /// Its channels, with what the change means on each.
    pub channels: Vec<(ChannelName, Op)>,
    /// The row does not say which scopes it belongs to, because it does not fit its type.
    pub scopes_lost: bool,
}

impl Routes {
    /// A position is one event on a channel, whatever names the row gives twice.
    fn add(&mut self, name: Option<ChannelName>, op: Op) {
        if let Some(name) = name
            && !self.channels.iter().any(|(known, _)| *known == name)
        {
            self.channels.push((name, op));
        }
    }
}

fn scopes_of<T: Live>(row: &RawValue) -> Option<Vec<ChannelName>> {
    // The application's code must not end the one task that delivers everything.
    let scopes = || serde_json::from_str::<T>(row.get()).map(|row| row.scopes());
    match std::panic::catch_unwind(scopes) {
        Ok(Ok(scopes)) => Some(scopes),
        Ok(Err(error)) => {
            tracing::error!(resource = T::RESOURCE, %error, "a row does not fit its type");
            None
        }
        Err(_) => {
            tracing::error!(resource = T::RESOURCE, "reading a row or its scopes panicked");
            None
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

    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    struct Twice(i64);

    impl Live for Twice {
        const RESOURCE: &'static str = "t";
        const TABLE: &'static str = "twice";
        type Id = i64;

        fn id(&self) -> i64 {
            self.0
        }

        fn scopes(&self) -> Vec<ChannelName> {
            ["user:1", "user:1", "t:7"].into_iter().flat_map(ChannelName::new).collect()
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
        routing
            .route(&entry)
            .channels
            .into_iter()
            .map(|(name, op)| (name.to_string(), op))
            .collect()
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
    fn a_row_that_names_a_channel_twice_is_one_event_there() {
        let mut routing = Routing::default();
        routing.add::<Twice>();
        let mut entry = Entry::for_tests(1, "twice", Op::Insert);
        entry.row_id = Some("7".into());
        entry.record = Some(RawValue::from_string("7".into()).unwrap());
        let routes = routing.route(&entry);
        let names: Vec<_> = routes.channels.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["table:public.twice", "table:main.twice", "resource:t", "t:7", "user:1"]
        );
        assert!(!routes.scopes_lost);

        entry.record = Some(RawValue::from_string("\"no number\"".into()).unwrap());
        assert!(routing.route(&entry).scopes_lost, "its scopes cannot be known");
    }

    #[test]
    fn a_message_goes_to_its_channel_alone_and_never_passes_for_a_change() {
        let mut routing = Routing::default();
        routing.add::<Message>();
        routing.set_tables(["messages".to_owned()].into());
        let name = |text| ChannelName::new(text).unwrap();
        let mut entry = Entry::for_tests(1, "", Op::Update);
        for (channel, handed_out) in [
            ("room:a", true),
            ("messages", true),
            ("message:7", false),
            ("resource:message", false),
            ("table:public.messages", false),
        ] {
            entry.message = Some(name(channel));
            assert_eq!(routing.can_route(&entry), handed_out, "{channel}");
            let routes: Vec<_> = routing.route(&entry).channels;
            assert_eq!(routes, [(name(channel), Op::Update)]);
            assert!(routing.may_concern(&entry, &name(channel)));
            assert!(!routing.may_concern(&entry, &name("room:b")));
        }
        entry.message = None;
        entry.unreadable = true;
        for channel in ["room:b", "resource:message", "query:any"] {
            assert!(routing.may_concern(&entry, &name(channel)), "its channel is not known");
        }
    }

    #[test]
    fn a_resource_that_is_left_out_keeps_its_name() {
        let mut routing = Routing::default();
        routing.add::<Message>();
        routing.add::<Twice>();
        assert!(routing.retain(&["boat".into()]).is_err());
        routing.retain(&["t".into()]).unwrap();
        assert!(routing.leaves_out("message") && !routing.has_resource("message"));
        assert!(!routing.leaves_out("t") && !routing.leaves_out("room"));
        assert!(!routing.may_be_scope(&ChannelName::new("message:7").unwrap()));
    }

    #[test]
    fn a_row_that_moves_leaves_one_scope_and_enters_the_other() {
        let routes = route(Op::Update, Some("a"), Some("b"));
        assert!(routes.contains(&("room:b".into(), Op::Insert)));
        assert!(routes.contains(&("room:a".into(), Op::Delete)));
        assert!(routes.contains(&("resource:message".into(), Op::Update)));
    }
}
