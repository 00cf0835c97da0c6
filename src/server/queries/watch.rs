//! Which tables have changed up to where, and which runners want to know.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::runner::Runner;

/// The tables' newest changes. The hub tells it of each under its own lock, so a lookup is all it costs.
#[derive(Default)]
pub struct Watch {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Changes up to here are not known by table.
    known_from: u64,
    tables: HashMap<Box<str>, Table>,
}

#[derive(Default)]
struct Table {
    newest: u64,
    runners: Vec<Arc<Runner>>,
}

impl Watch {
    /// Knows every change after `offset`.
    pub fn new(offset: u64) -> Self {
        Self { state: Mutex::new(State { known_from: offset, tables: HashMap::new() }) }
    }

    /// A row of the table has changed.
    pub fn changed(&self, table: &str, offset: u64) {
        let mut state = self.lock();
        match state.tables.get_mut(table) {
            Some(known) => {
                known.newest = offset;
                known.runners.iter().for_each(|runner| runner.changed());
            }
            None => {
                _ = state.tables.insert(table.into(), Table { newest: offset, ..Table::default() })
            }
        }
    }

    /// Nobody knows what has changed up to `offset`.
    pub fn lost(&self, offset: u64) {
        let mut state = self.lock();
        state.known_from = offset;
        for runner in state.tables.values().flat_map(|table| &table.runners) {
            runner.changed();
        }
    }

    /// From now on the runner is told of these tables' changes.
    pub(super) fn add(&self, tables: &[&str], runner: &Arc<Runner>) {
        let mut state = self.lock();
        for table in tables {
            state.tables.entry((*table).into()).or_default().runners.push(runner.clone());
        }
    }

    /// The runner has ended.
    pub(super) fn remove(&self, tables: &[&str], runner: &Arc<Runner>) {
        let mut state = self.lock();
        for table in tables {
            if let Some(table) = state.tables.get_mut(*table) {
                table.runners.retain(|other| !Arc::ptr_eq(other, runner));
            }
        }
    }

    /// Whether none of the tables has changed since `since`, as far as the hub has read.
    pub(super) fn quiet(&self, tables: &[&str], since: u64) -> bool {
        let state = self.lock();
        let quiet =
            |table: &&str| state.tables.get(*table).is_none_or(|table| table.newest <= since);
        since >= state.known_from && tables.iter().all(quiet)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;

    #[test]
    fn quiet_means_known_to_be_unchanged() {
        let watch = Watch::new(10);
        assert!(watch.quiet(&["a", "b"], 10));
        assert!(!watch.quiet(&["a"], 9), "it is not known");
        watch.changed("a", 11);
        watch.changed("b", 13);
        assert!(!watch.quiet(&["a", "b"], 12));
        assert!(watch.quiet(&["a"], 12) && watch.quiet(&["a", "b"], 13));
        watch.lost(20);
        assert!(!watch.quiet(&["a"], 19) && watch.quiet(&["a"], 20));
    }
}
