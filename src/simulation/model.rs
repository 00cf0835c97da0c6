//! The log as it must be: what every check compares with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    edit::Edit,
    kind::{Kind, Row, Table, Topic, seen},
    log::MemoryLog,
    paths::{Path, Paths},
};
use crate::{
    contract::{Change, Limits, Live, Op, Position},
    server::log::{Entry as LogEntry, PUBLIC},
};

/// The table whose rows nobody follows.
pub const NOISE: &str = "simulation_noise";

/// One entry of the log. The first has offset 1 and there are no gaps.
pub struct Entry<T> {
    op: Op,
    /// Both `None` for an entry of the other table.
    old: Option<Arc<Row<T>>>,
    new: Option<Arc<Row<T>>>,
    /// A damaged entry cannot be read by the server; the rows have changed all the same.
    readable: bool,
}

/// One life of the log: a restored backup begins another.
struct Life<T> {
    epoch: u64,
    entries: Vec<Arc<Entry<T>>>,
    /// The rows after each entry; the first are those before any.
    tables: Vec<Table<T>>,
}

/// What is true, what was seen of it, and what was wrong.
pub struct Model<T: Live> {
    pub kind: Arc<Kind<T>>,
    pub log: Arc<MemoryLog>,
    pub limits: Limits,
    /// The ring's floor when the server started.
    pub ring_start: u64,
    pub paths: Paths,
    pub faults: Vec<String>,
    /// Reads of the log were made to fail, so requests may have been refused.
    pub excused: bool,
    /// The sum of everything that was said, to compare two runs by.
    pub trace: u64,
    lives: Vec<Life<T>>,
}

/// The model as the checks share it.
pub struct Truth<T: Live>(Arc<Mutex<Model<T>>>);

impl<T: Live> Clone for Truth<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Live> Truth<T> {
    pub fn new(kind: Arc<Kind<T>>, log: Arc<MemoryLog>, epoch: u64, limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Model {
            kind,
            log,
            limits,
            ring_start: 0,
            paths: Paths::default(),
            faults: Vec::new(),
            excused: false,
            trace: 0,
            lives: vec![Life { epoch, entries: Vec::new(), tables: vec![Table::default()] }],
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Model<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn hit(&self, path: Path) {
        self.lock().paths.hit(path);
    }
}

impl<T: Live> Model<T> {
    fn life(&self, epoch: u64) -> &Life<T> {
        let life = self.lives.iter().find(|life| life.epoch == epoch);
        life.unwrap_or_else(|| self.newest())
    }

    fn newest(&self) -> &Life<T> {
        self.lives.last().expect("there is always one")
    }

    pub fn epoch(&self) -> u64 {
        self.newest().epoch
    }

    pub fn head(&self) -> u64 {
        self.newest().entries.len() as u64
    }

    pub fn position(&self) -> Position {
        Position::new(self.epoch(), self.head())
    }

    /// Says what is wrong unless `holds`.
    pub fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    /// Adds to the sum of what was said.
    pub fn note(&mut self, text: &str) {
        for byte in text.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Commits a transaction; returns where the log stands after it.
    pub fn write(&mut self, edits: &[Edit], damaged: bool) -> Position {
        let kind = self.kind.clone();
        let before = self.newest().entries.len();
        for edit in edits {
            let mut table = self.rows().clone();
            let (entries, path) = edit.apply(&kind, &mut table);
            path.into_iter().for_each(|path| self.paths.hit(path));
            self.commit(entries, table);
        }
        let life = self.lives.last_mut().expect("there is always one");
        if let (true, Some(last)) =
            (damaged && life.entries.len() > before, life.entries.last_mut())
        {
            let Entry { op, old, new, .. } = &**last;
            let (op, old, new) = (*op, old.clone(), new.clone());
            *last = Arc::new(Entry { op, old, new, readable: false });
            self.log.damage();
            self.paths.hit(Path::Damaged);
        }
        self.position()
    }

    /// Commits the entries of one statement, after which the rows are `table`.
    pub fn commit(&mut self, entries: Vec<Entry<T>>, table: Table<T>) {
        for entry in entries {
            self.log.append(entry.logged(&self.kind));
            let life = self.lives.last_mut().expect("there is always one");
            let mut between = life.tables.last().expect("there is always one").clone();
            if let Some(old) = &entry.old {
                between[old.key] = None;
            }
            if let Some(new) = &entry.new {
                between[new.key] = Some(new.clone());
            }
            life.entries.push(Arc::new(entry));
            life.tables.push(between);
        }
        let stored = self.rows().iter().map(|row| row.as_ref().map(|row| row.json.get()));
        let meant = table.iter().map(|row| row.as_ref().map(|row| row.json.get()));
        assert!(stored.eq(meant), "the entries are not the rows");
    }

    /// A backup is restored: the newest entries are lost.
    pub fn restore(&mut self, lost: usize) {
        let newest = self.newest();
        let head = newest.entries.len().saturating_sub(lost);
        let life = Life {
            epoch: newest.epoch.wrapping_mul(31).wrapping_add(17),
            entries: newest.entries[..head].to_vec(),
            tables: newest.tables[..=head].to_vec(),
        };
        self.log.restore(head as u64, life.epoch);
        self.lives.push(life);
        self.paths.hit(Path::Restored);
    }

    /// The rows as they are.
    pub fn rows(&self) -> &Table<T> {
        self.newest().tables.last().expect("there is always one")
    }

    /// The rows of one channel at a position, by key.
    pub fn list_at(&self, topic: Topic, at: Position) -> Table<T> {
        let life = self.life(at.epoch);
        let mut rows = life.tables[(at.offset as usize).min(life.tables.len() - 1)].clone();
        for row in &mut rows {
            row.take_if(|row| !row.is_on(topic));
        }
        rows
    }

    /// The next event on a channel: where, and what (`None` when it can only be a resync).
    pub fn next(&self, topic: Topic, after: Position) -> Option<(u64, Option<Change<T>>)> {
        let entries = self.life(after.epoch).entries.iter().zip(1..).skip(after.offset as usize);
        let mut concerned = entries.filter(|(entry, _)| entry.concerns(topic));
        concerned.next().map(|(entry, offset)| (offset, entry.seen(topic)))
    }

    /// Where the next event on a channel is.
    pub fn next_offset(&self, topic: Topic, after: Position) -> Option<u64> {
        let entries = self.life(after.epoch).entries.iter().zip(1..).skip(after.offset as usize);
        let mut concerned = entries.filter(|(entry, _)| entry.concerns(topic));
        concerned.next().map(|(_, offset)| offset)
    }

    /// How many events a channel has after `after`, up to `to`.
    pub fn count(&self, topic: Topic, after: u64, to: u64) -> usize {
        let entries = self.newest().entries.iter().take(to as usize).skip(after as usize);
        entries.filter(|entry| entry.concerns(topic)).count()
    }

    /// Whether an entry between these offsets cannot be read.
    pub fn damaged(&self, after: u64, to: u64) -> bool {
        let mut entries = self.newest().entries.iter().take(to as usize).skip(after as usize);
        entries.any(|entry| !entry.readable)
    }
}

impl<T: Live> Entry<T> {
    pub fn new(op: Op, old: Option<Arc<Row<T>>>, new: Option<Arc<Row<T>>>) -> Self {
        Self { op, old, new, readable: true }
    }

    fn is_noise(&self) -> bool {
        self.old.is_none() && self.new.is_none()
    }

    fn logged(&self, kind: &Kind<T>) -> LogEntry {
        let row = self.new.as_ref().or(self.old.as_ref());
        LogEntry {
            offset: 0,
            at_ms: 0,
            schema: PUBLIC.into(),
            table: if self.is_noise() { NOISE.into() } else { T::TABLE.into() },
            op: self.op,
            row_id: row.map(|row| kind.id(row.key).to_string()),
            record: self.new.as_ref().map(|row| row.json.clone()),
            old_record: self.old.as_ref().map(|row| row.json.clone()),
            message: None,
            unreadable: false,
        }
    }

    /// What cannot be read may be of any channel of its table.
    fn concerns(&self, topic: Topic) -> bool {
        let is_on = |row: &Option<Arc<Row<T>>>| row.as_ref().is_some_and(|row| row.is_on(topic));
        if self.readable { is_on(&self.old) || is_on(&self.new) } else { !self.is_noise() }
    }

    fn seen(&self, topic: Topic) -> Option<Change<T>> {
        if self.readable {
            seen(topic, self.op, self.old.as_ref(), self.new.as_ref())
        } else {
            None
        }
    }
}
