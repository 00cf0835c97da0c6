//! The log as it must be: what every check compares with.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tidewire::{Change, Op, Position, contract::limits::Limits};

use super::{
    item::{Item, Items, Topic},
    paths::{Path, Paths},
};

/// One entry of the log. The first has offset 1 and there are no gaps.
#[derive(Clone, Debug)]
pub struct Entry {
    pub op: Op,
    /// Both `None` for an entry of the other table.
    pub old: Option<Item>,
    pub new: Option<Item>,
    /// A damaged entry cannot be read by the server; the rows have changed all the same.
    pub readable: bool,
}

/// What is true, what was seen of it, and what was wrong.
#[derive(Debug)]
pub struct Model {
    pub epoch: u64,
    pub entries: Vec<Entry>,
    /// Entries up to here have been trimmed.
    pub floor: u64,
    pub limits: Limits,
    /// The ring's floor when the server started.
    pub ring_start: u64,
    pub paths: Paths,
    pub faults: Vec<String>,
}

/// The model as the checks share it.
#[derive(Clone)]
pub struct Truth(Arc<Mutex<Model>>);

impl Truth {
    pub fn new(epoch: u64, limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Model {
            epoch,
            entries: Vec::new(),
            floor: 0,
            limits,
            ring_start: 0,
            paths: Paths::default(),
            faults: Vec::new(),
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn hit(&self, path: Path) {
        self.lock().paths.hit(path);
    }
}

/// How far the hub of one server has come, at least.
#[derive(Clone, Default)]
pub struct HubMark(Arc<AtomicU64>);

impl HubMark {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn seen(&self, offset: u64) {
        self.0.fetch_max(offset, Ordering::Relaxed);
    }
}

impl Model {
    pub fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn position(&self) -> Position {
        Position::new(self.epoch, self.head())
    }

    /// Says what is wrong unless `holds`.
    pub fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    /// Every row as it was at an offset.
    pub fn rows_at(&self, offset: u64) -> Items {
        let mut rows = Items::new();
        for entry in self.entries.iter().take(offset as usize) {
            if let Some(old) = &entry.old {
                rows.remove(&old.id);
            }
            if let Some(new) = &entry.new {
                rows.insert(new.id, new.clone());
            }
        }
        rows
    }

    /// The rows of one channel at an offset.
    pub fn list_at(&self, topic: Topic, offset: u64) -> Items {
        let mut rows = self.rows_at(offset);
        rows.retain(|_, item| topic.has(item));
        rows
    }

    /// The next event on a channel: where, and what (`None` when it can only be a resync).
    pub fn next(&self, topic: Topic, after: u64) -> Option<(u64, Option<Change<Item>>)> {
        let entries = self.entries.iter().zip(1..).skip(after as usize);
        let mut concerned = entries.filter(|(entry, _)| entry.concerns(topic));
        concerned.next().map(|(entry, offset)| (offset, entry.seen(topic)))
    }

    /// How many events a channel has after `after`, up to `to`.
    pub fn count(&self, topic: Topic, after: u64, to: u64) -> usize {
        let entries = self.entries.iter().take(to as usize).skip(after as usize);
        entries.filter(|entry| entry.concerns(topic)).count()
    }

    /// Whether an entry between these offsets cannot be read.
    pub fn damaged(&self, after: u64, to: u64) -> bool {
        self.entries.iter().take(to as usize).skip(after as usize).any(|entry| !entry.readable)
    }
}

impl Entry {
    fn is_noise(&self) -> bool {
        self.old.is_none() && self.new.is_none()
    }

    /// What cannot be read may be of any channel of its table.
    fn concerns(&self, topic: Topic) -> bool {
        if self.readable {
            self.seen(topic).is_some()
        } else {
            self.is_noise() == (topic == Topic::Noise)
        }
    }

    /// What a channel sees of it.
    fn seen(&self, topic: Topic) -> Option<Change<Item>> {
        if !self.readable {
            return None;
        }
        if topic == Topic::Noise && self.is_noise() {
            let (schema, table) = ("public".into(), "noise".into());
            return Some(Change { op: self.op, schema, table, record: None, old_record: None });
        }
        topic.sees(self.op, self.old.as_ref(), self.new.as_ref())
    }
}
