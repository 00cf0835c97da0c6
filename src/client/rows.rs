//! The fold: a snapshot, the changes after it, and the writes that wait for the server, as one list.
//! Pure: no network, no signals.

use std::collections::HashMap;

use crate::contract::{Change, Live, Position, Snapshot};

use super::strategy::Strategy;

/// Rows as the server has them, and over them the writes that it has not confirmed yet.
pub struct Rows<T: Live> {
    strategy: Strategy<T>,
    transform: Option<Transform<T>>,
    confirmed: HashMap<T::Id, T>,
    position: Option<Position>,
    writes: Vec<Write<T>>,
    next_write: u64,
}

/// Turns an incoming row into the one to hold, or leaves it out.
pub type Transform<T> = fn(T) -> Option<T>;

/// Names a write that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteId(u64);

/// A write as it is shown before the server has answered.
#[derive(Clone, Debug)]
pub enum Optimistic<T: Live> {
    /// A new row, or the new state of a row.
    Put(T),
    /// A new row whose id the database will choose; until then it has one that no row has. The
    /// function says whether a row that comes meanwhile may be this one, which then is not shown twice.
    Insert(T, fn(mine: &T, new: &T) -> bool),
    /// A row goes.
    Remove(T::Id),
}

struct Write<T: Live> {
    id: WriteId,
    shown: Optimistic<T>,
    /// Once the server has answered: where the log stood after the write.
    settled: Option<Position>,
    /// A row that has come meanwhile and may be this one.
    held: Option<T::Id>,
}

impl<T: Live> Rows<T> {
    /// An empty list that takes in changes this way; `transform` sees every row before it is held.
    pub fn new(strategy: Strategy<T>, transform: Option<Transform<T>>) -> Self {
        Self {
            strategy,
            transform,
            confirmed: HashMap::new(),
            position: None,
            writes: Vec::new(),
            next_write: 0,
        }
    }

    /// Where the confirmed rows stand.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Takes a snapshot in place of everything confirmed.
    pub fn load(&mut self, snapshot: Snapshot<T>) {
        let rows = snapshot.rows.into_iter().filter_map(|row| match self.transform {
            Some(transform) => transform(row),
            None => Some(row),
        });
        self.confirmed = rows.map(|row| (row.id(), row)).collect();
        self.advance(snapshot.position);
    }

    /// Takes a change. Returns the rows that it touched.
    pub fn apply(&mut self, position: Position, change: Change<T>) -> Vec<T::Id> {
        let mut touched = Vec::with_capacity(2);
        let new_id = change.record.as_ref().map(Live::id);
        if let Some(old) = &change.old_record {
            let old_id = old.id();
            if new_id.as_ref() != Some(&old_id) {
                if self.strategy.removes() {
                    self.confirmed.remove(&old_id);
                }
                touched.push(old_id);
            }
        }
        if let (Some(id), Some(record)) = (new_id, change.record) {
            let held = self.confirmed.get(&id);
            let row = match self.transform {
                Some(transform) => transform(record),
                None => Some(record),
            };
            match row.and_then(|row| self.strategy.take(change.op, held, row)) {
                Some(row) => {
                    self.hold(&id, &row);
                    self.confirmed.insert(id.clone(), row);
                }
                None => _ = self.confirmed.remove(&id),
            }
            touched.push(id);
        }
        touched.extend(self.advance(position));
        touched
    }

    /// The confirmed rows now stand at `position`. Returns the rows whose waiting write is done.
    pub fn advance(&mut self, position: Position) -> Vec<T::Id> {
        self.position = Some(position);
        let mut touched = Vec::new();
        self.writes.retain(|write| {
            let done = write.settled.is_some_and(|settled| covers(position, settled));
            if done {
                touched.push(write.shown.id());
            }
            !done
        });
        touched
    }

    /// Shows a write at once.
    pub fn begin(&mut self, shown: Optimistic<T>) -> WriteId {
        let id = WriteId(self.next_write);
        self.next_write += 1;
        self.writes.push(Write { id, shown, settled: None, held: None });
        id
    }

    /// The server has committed the write: `row` is what it made of it. It stays over the confirmed
    /// rows until they have reached `position`, so that nothing flickers. Returns the rows touched.
    pub fn settle(&mut self, id: WriteId, position: Position, row: Option<T>) -> Vec<T::Id> {
        let reached = self.position.is_some_and(|at| covers(at, position));
        let Some(index) = self.writes.iter().position(|write| write.id == id) else {
            return Vec::new();
        };
        let shown = &mut self.writes[index];
        let mut touched = vec![shown.shown.id()];
        touched.extend(shown.held.take());
        if reached {
            self.writes.remove(index);
        } else {
            shown.settled = Some(position);
            if let Some(row) = row {
                // The database may have chosen another id, or changed what was sent.
                shown.shown = Optimistic::Put(row);
                touched.push(shown.shown.id());
            }
        }
        touched
    }

    /// The server has refused the write: it is shown no longer. Returns the rows touched.
    pub fn roll_back(&mut self, id: WriteId) -> Vec<T::Id> {
        let Some(index) = self.writes.iter().position(|write| write.id == id) else {
            return Vec::new();
        };
        let write = self.writes.remove(index);
        std::iter::once(write.shown.id()).chain(write.held).collect()
    }

    /// The row as it is shown.
    pub fn get(&self, id: &T::Id) -> Option<&T> {
        let newest = self.writes.iter().rev().find(|write| write.shown.id() == *id);
        match newest.map(|write| &write.shown) {
            Some(Optimistic::Put(row) | Optimistic::Insert(row, _)) => Some(row),
            Some(Optimistic::Remove(_)) => None,
            None if self.writes.iter().any(|write| write.held.as_ref() == Some(id)) => None,
            None => self.confirmed.get(id),
        }
    }

    /// Whether a write to this row still waits for the server's answer.
    pub fn is_pending(&self, id: &T::Id) -> bool {
        self.writes.iter().any(|write| write.settled.is_none() && write.shown.id() == *id)
    }

    /// The ids of all rows that are shown, in no order.
    pub fn ids(&self) -> Vec<T::Id> {
        let mut ids: Vec<T::Id> = self.confirmed.keys().cloned().collect();
        for write in &self.writes {
            let id = write.shown.id();
            if !self.confirmed.contains_key(&id) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids.retain(|id| self.get(id).is_some());
        ids
    }
}

impl<T: Live> Rows<T> {
    /// Keeps a new row back while it may be one that is shown already, under a provisional id.
    fn hold(&mut self, id: &T::Id, row: &T) {
        if self.confirmed.contains_key(id) {
            return;
        }
        let own = self.writes.iter_mut().find(|write| {
            let waits = write.settled.is_none() && write.held.is_none();
            waits && matches!(&write.shown, Optimistic::Insert(mine, same) if same(mine, row))
        });
        if let Some(write) = own {
            write.held = Some(id.clone());
        }
    }
}

/// Whether rows at `at` have everything up to `settled`. Of two lives of the log nobody knows which is
/// the later one; a write that waited for the other would be shown for ever.
fn covers(at: Position, settled: Position) -> bool {
    at.epoch != settled.epoch || at.offset >= settled.offset
}

impl<T: Live> Optimistic<T> {
    /// Which row it is about.
    pub fn id(&self) -> T::Id {
        match self {
            Self::Put(row) | Self::Insert(row, _) => row.id(),
            Self::Remove(id) => id.clone(),
        }
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
