//! What is under way between a page and the server's functions: snapshots and writes.

use std::sync::Arc;

use super::{
    edit::{Edit, put},
    kind::{Row, Topic},
    model::Entry,
    paths::Path,
    world::{World, pick},
};
use crate::{
    client::{OwnerId, rows::WriteId},
    contract::{Live, Op, Position, Snapshot},
    server::log::ChangeLog,
};

/// A snapshot under way: for a list, or to be joined with. What it holds was read when it began.
pub struct Load<T> {
    pub page: usize,
    pub list: Option<OwnerId>,
    topic: Topic,
    snapshot: Snapshot<T>,
}

/// A write that is shown.
pub struct Write<T> {
    page: usize,
    list: OwnerId,
    id: WriteId,
    key: usize,
    /// What the person saw when they wrote.
    base: Option<T>,
    /// `None` to remove the row.
    row: Option<Arc<Row<T>>>,
    answer: Option<Answer<T>>,
}

enum Answer<T> {
    /// Where the log stood after it, and what the server has made of it.
    Done(Position, Option<Arc<Row<T>>>),
    /// The row was another one by then.
    Conflict(Option<T>),
}

impl<T: Live> World<T> {
    /// Begins the snapshot of a list that waits for one, otherwise one to be joined with.
    pub(super) fn begin_load(&mut self, page: usize, topic: Topic) {
        let waits = self.pages[page].lists.iter_mut().find(|list| list.waits());
        let (topic, list) = match waits {
            Some(list) => {
                list.loading += 1;
                (list.topic, Some(list.owner))
            }
            None => (topic, None),
        };
        let model = self.truth.lock();
        let position = model.position();
        let rows = model.list_at(topic, position);
        let rows = rows.iter().flatten().map(|row| row.value.clone()).collect();
        drop(model);
        self.loads.push(Load { page, list, topic, snapshot: Snapshot { position, rows } });
    }

    pub(super) fn arrive(&mut self, load: usize) {
        if self.loads.is_empty() {
            return;
        }
        let Load { page, topic, list, snapshot } = self.loads.remove(load % self.loads.len());
        if snapshot.position != self.truth.lock().position() {
            self.truth.hit(Path::LoadAcrossWrite);
        }
        let now = self.now;
        let Some(owner) = list else { return self.hands[page].push((topic, snapshot)) };
        let page = &mut self.pages[page];
        if let Some(list) = page.lists.iter().position(|list| list.owner == owner) {
            page.rebase(list, snapshot, now);
        }
    }

    /// A person writes: the page shows it at once.
    pub(super) fn begin_write(&mut self, page: usize, list: usize, edit: Edit) {
        let kind = self.truth.lock().kind.clone();
        let (key, row) = match edit {
            Edit::Put { key, row } => (key, Some(kind.draw(key, row))),
            Edit::Remove { key } => (key, None),
            _ => return,
        };
        let Some(list) = pick(&mut self.pages[page].lists, list) else { return };
        let base = list.row(&kind, key);
        let owner = list.owner;
        self.show(page, owner, key, base, row);
    }

    fn show(
        &mut self,
        page: usize,
        owner: OwnerId,
        key: usize,
        base: Option<T>,
        row: Option<Arc<Row<T>>>,
    ) {
        let list = self.pages[page].lists.iter_mut().find(|list| list.owner == owner);
        let Some(id) = list.and_then(|list| list.begin(key, row.clone(), &self.truth)) else {
            return;
        };
        self.writes.push(Write { page, list: owner, id, key, base, row, answer: None });
    }

    /// The server takes a write that a page shows already: refuses it when the row is no longer what
    /// the person saw, and sometimes makes something else of it.
    pub(super) fn execute(&mut self, write: usize) {
        let Some(write) = pick(&mut self.writes, write).filter(|write| write.answer.is_none())
        else {
            return;
        };
        let mut model = self.truth.lock();
        let kind = model.kind.clone();
        let mut table = model.rows().clone();
        let current = table[write.key].as_ref().map(|row| row.value.clone());
        if write.row.is_some() && current != write.base {
            model.paths.hit(Path::Conflict);
            write.answer = Some(Answer::Conflict(current));
            return;
        }
        let (entries, row) = match &write.row {
            Some(row) => {
                let seed = model.head();
                // A server trims titles, counts versions, rounds prices.
                let row =
                    if seed.is_multiple_of(2) { kind.draw(write.key, seed) } else { row.clone() };
                (put(&mut table, row.clone()).0, Some(row))
            }
            None => {
                let old = table[write.key].take();
                let gone = old.map(|old| Entry::new(Op::Delete, Some(old), None));
                (gone.into_iter().collect(), None)
            }
        };
        model.commit(entries, table);
        write.answer = Some(Answer::Done(model.position(), row));
        model.log.wake();
    }

    /// The page learns what became of its write; `lost` when only the answer was.
    pub(super) fn answer(&mut self, write: usize, lost: bool) {
        if self.writes.is_empty() {
            return;
        }
        let Write { page, list: owner, id, key, base, row, answer } =
            self.writes.remove(write % self.writes.len());
        let Some(list) = self.pages[page].lists.iter_mut().find(|list| list.owner == owner) else {
            return;
        };
        match answer {
            Some(Answer::Done(position, row)) if !lost => {
                list.settle(id, position, row, &self.truth);
            }
            Some(Answer::Conflict(Some(theirs))) if !lost => {
                list.roll_back(id, &self.truth);
                let merged = match (&base, &row) {
                    (Some(base), Some(mine)) => T::merge(base, &mine.value, &theirs),
                    _ => None,
                };
                let Some(merged) = merged else { return };
                let kind = self.truth.lock().kind.clone();
                self.truth.lock().check(merged.id() == *kind.id(key), || {
                    format!("merging has changed the id of row {}", kind.id(key))
                });
                self.truth.hit(Path::Merged);
                self.show(page, owner, key, Some(theirs), Some(kind.row(key, merged)));
            }
            answer => {
                let lost = matches!(answer, Some(Answer::Done(..)));
                self.truth.hit(if lost { Path::AnswerLost } else { Path::Refused });
                list.roll_back(id, &self.truth);
            }
        }
    }
}
