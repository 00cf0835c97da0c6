//! Which channels a change or a message belongs to, and which channels there are.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::value::RawValue;

use super::{
    event::Event,
    log::{Entry, LogError},
    messages::is_reserved,
    row_policy::{ReadRow, RowPolicy, Visibility, guarded, open},
};
use crate::contract::{ChannelName, Live, Op, Position, channel::ChannelKind};

/// The resources that a server knows, and the tables that are live.
#[derive(Default)]
pub struct Routing {
    /// By table.
    resources: HashMap<&'static str, Resource>,
    /// Resources that share a table or a name with another, which is refused at start.
    twice: Vec<&'static str>,
    /// Resources that were left out, by table: their names must not become channels for messages, and what
    /// guards their rows guards their tables, too.
    left_out: HashMap<&'static str, Resource>,
    tables: RwLock<HashSet<String>>,
}

struct Resource {
    name: &'static str,
    read: ReadRow,
    /// Its rows say who may see them.
    guarded: bool,
}

impl Routing {
    /// Makes `T` a resource: changes of its table reach `resource:…`, record and scope channels.
    pub fn add<T: Live>(&mut self) {
        self.insert::<T>(Resource { name: T::RESOURCE, read: open::<T>, guarded: false });
    }

    /// The same, and its rows reach those alone who may see them, on all of these channels.
    pub fn add_guarded<T: RowPolicy>(&mut self) {
        self.insert::<T>(Resource { name: T::RESOURCE, read: guarded::<T>, guarded: true });
    }

    fn insert<T: Live>(&mut self, resource: Resource) {
        let taken = self.has_resource(T::RESOURCE);
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
            self.left_out.extend(self.resources.extract_if(|_, resource| left_out(resource)));
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
        self.left_out.values().any(|resource| resource.name == name)
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

    /// Whether a channel misses something because a row of the entry does not fit its type.
    pub fn misses(&self, routes: &Routes, channel: &ChannelName) -> bool {
        match routes.lost {
            Lost::Nothing => false,
            Lost::Scopes => self.may_be_scope(channel),
            Lost::Row => {
                self.may_be_scope(channel)
                    || routes.channels.iter().any(|(name, _)| name == channel)
            }
        }
    }

    /// The channels of an entry, each once, with what the change means there.
    pub fn route(&self, entry: &Entry) -> Routes {
        let mut routes = Routes::default();
        if let Some(channel) = &entry.message {
            routes.channels.push((channel.clone(), entry.op));
            return routes;
        }
        routes.channels.reserve(4);
        for schema in [&*entry.schema, "main"] {
            let name = ["table:", schema, ".", &entry.table].concat();
            routes.add(ChannelName::new(&name).ok(), entry.op);
        }
        let Some(resource) = self.resources.get(&*entry.table) else {
            if let Some(guard) = self.guard_left_out(&entry.table) {
                _ = routes.read(guard, entry);
            }
            return routes;
        };
        let all = ["resource:", resource.name].concat();
        routes.add(ChannelName::new(&all).ok(), entry.op);
        let record = entry.row_id.as_ref().and_then(|id| ChannelName::record(resource.name, id));
        routes.add(record, entry.op);

        let Some([old, new]) = routes.read(resource, entry) else { return routes };
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

    /// What guards the rows of a table whose resource is left out. Nobody has compared the name with the
    /// table's, which SQLite finds in any case.
    fn guard_left_out(&self, table: &str) -> Option<&Resource> {
        let found = self.left_out.iter().find(|(name, _)| name.eq_ignore_ascii_case(table));
        found.map(|(_, resource)| resource).filter(|resource| resource.guarded)
    }
}

/// Where an entry goes.
#[derive(Default)]
pub struct Routes {
    /// Its channels, with what the change means on each.
    channels: Vec<(ChannelName, Op)>,
    /// Who may see the rows; `None` for everybody who may read the channels.
    visibility: Option<Arc<Visibility>>,
    lost: Lost,
}

/// What cannot be handed out because a row does not fit its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lost {
    #[default]
    Nothing,
    /// The row does not say which scopes it belongs to.
    Scopes,
    /// Nor who may see it.
    Row,
}

impl Routes {
    /// Whether some channels miss something; [`Routing::misses`] says which.
    pub fn is_lossy(&self) -> bool {
        self.lost != Lost::Nothing
    }

    /// The entry's events on the channels that are wanted.
    pub fn events(
        &self,
        position: Position,
        entry: &Arc<Entry>,
        wanted: impl Fn(&ChannelName) -> bool,
    ) -> Vec<Arc<Event>> {
        if self.lost == Lost::Row {
            return Vec::new();
        }
        let mut events = Vec::with_capacity(self.channels.len());
        for (name, op) in self.channels.iter().filter(|(name, _)| wanted(name)) {
            let event = Event::logged(name.clone(), position, entry.clone(), *op);
            events.push(Arc::new(match &self.visibility {
                Some(visibility) => event.guarded(visibility.clone()),
                None => event,
            }));
        }
        events
    }

    /// Reads the entry's old and new row, each once: their scopes, unless one does not fit its type.
    fn read(&mut self, resource: &Resource, entry: &Entry) -> Option<[Vec<ChannelName>; 2]> {
        let read = |row: &Option<Box<RawValue>>| match row {
            Some(row) => (resource.read)(row).map(Some),
            None => Some(None),
        };
        let (Some(mut old), Some(mut new)) = (read(&entry.old_record), read(&entry.record)) else {
            self.lost = if resource.guarded { Lost::Row } else { Lost::Scopes };
            return None;
        };
        let scopes = [&mut old, &mut new]
            .map(|row| row.as_mut().map(|row| std::mem::take(&mut row.scopes)).unwrap_or_default());
        if resource.guarded {
            self.visibility = Some(Arc::new(Visibility::new(resource.name, old, new)));
        }
        Some(scopes)
    }

    /// A position is one event on a channel, whatever names the row gives twice.
    fn add(&mut self, name: Option<ChannelName>, op: Op) {
        if let Some(name) = name
            && !self.channels.iter().any(|(known, _)| *known == name)
        {
            self.channels.push((name, op));
        }
    }
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
