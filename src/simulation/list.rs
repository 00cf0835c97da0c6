//! A live list as a page has it, beside what it must show.

use std::sync::Arc;

use super::{
    kind::{Kind, Row, Table, Topic},
    model::{Model, Truth},
    paths::Path,
};
use crate::{
    client::{
        ClientEvent, OwnerId,
        rows::{Optimistic, Rows, WriteId},
        strategy::Strategy,
    },
    contract::{Change, ErrorCode, Live, Position, Snapshot},
};

/// A list, or a listener without rows.
pub struct List<T: Live> {
    pub owner: OwnerId,
    pub topic: Topic,
    pub frozen: bool,
    pub ready: bool,
    /// The server has refused it; it is over.
    pub dead: bool,
    /// Snapshots that are under way.
    pub loading: u32,
    /// Snapshots that were loaded, and how many the resyncs and the person's wishes account for.
    pub loads: u32,
    pub wanted_loads: u32,
    pub resyncs: u32,
    /// The server knew this much of the log when the page connected.
    pub known: u64,
    pub who: String,
    rows: Option<Rows<T>>,
    at: Option<Position>,
    overlay: Vec<Overlay<T>>,
    last_message: u64,
}

/// A write that is shown over the rows.
struct Overlay<T> {
    id: WriteId,
    key: usize,
    /// `None` when the row goes.
    row: Option<Arc<Row<T>>>,
    settled: Option<Position>,
}

/// What is shown or held, by key.
pub type Shown = Vec<String>;

impl<T: Live> List<T> {
    /// A list of a snapshot, or a listener.
    pub fn new(who: String, owner: OwnerId, topic: Topic, snapshot: Option<Snapshot<T>>) -> Self {
        let loads = u32::from(snapshot.is_some());
        let mut list = Self {
            owner,
            topic,
            frozen: false,
            ready: false,
            dead: false,
            loading: 0,
            loads,
            wanted_loads: loads,
            resyncs: 0,
            known: 0,
            who,
            rows: None,
            at: None,
            overlay: Vec::new(),
            last_message: 0,
        };
        if let Some(snapshot) = snapshot {
            list.at = Some(snapshot.position);
            let mut rows = Rows::new(Strategy::Replace, None);
            rows.load(snapshot);
            list.rows = Some(rows);
        }
        list
    }

    pub fn has_rows(&self) -> bool {
        self.rows.is_some()
    }

    /// Whether a snapshot has to be asked for.
    pub fn waits(&self) -> bool {
        self.wanted_loads > self.loads + self.loading
    }

    /// The row that is shown for a key.
    pub fn row(&self, kind: &Kind<T>, key: usize) -> Option<T> {
        self.rows.as_ref()?.get(kind.id(key)).cloned()
    }

    /// Takes an event as a page does.
    pub fn take(&mut self, event: ClientEvent, truth: &Truth<T>) {
        let mut model = truth.lock();
        let faults = model.faults.len();
        self.handle(&event, &mut model);
        self.check_rows(&mut model);
        for fault in &mut model.faults[faults..] {
            *fault = format!("{} got {event:?}: {fault}", self.who);
        }
    }

    fn handle(&mut self, event: &ClientEvent, model: &mut Model<T>) {
        match event {
            ClientEvent::Change { position, payload } => {
                model.check(!self.frozen, || "it waits for its snapshot".into());
                let Some(at) = self.at else {
                    return model.faults.push("before it was ready".into());
                };
                let next = model.next_offset(self.topic, at);
                let change: Change<T> = serde_json::from_str(payload.get()).expect("a change");
                model.check(at.epoch == position.epoch, || format!("it stands at {at}"));
                model.check(next == Some(position.offset), || format!("after {at} comes {next:?}"));
                self.at = Some(*position);
                if let Some(rows) = &mut self.rows {
                    rows.apply(*position, change);
                    self.prune();
                }
            }
            ClientEvent::Ready { position } => {
                model.check(!self.frozen, || "it waits for its snapshot".into());
                let position = position.expect("every channel has a log");
                if let Some(at) = self.at {
                    let next = model.next_offset(self.topic, at);
                    let nothing_between = next.is_none_or(|next| next > position.offset);
                    let forward = at.epoch == position.epoch && at.offset <= position.offset;
                    model.check(forward && nothing_between, || format!("{at} and then {next:?}"));
                    let known = self.known;
                    model.check(next.is_none_or(|next| next > known), || {
                        format!("too early: {next:?} was known")
                    });
                }
                self.ready = true;
                self.at = Some(position);
                if let Some(rows) = &mut self.rows {
                    rows.advance(position);
                    self.prune();
                }
            }
            ClientEvent::Resync { position, .. } => {
                model.check(!self.frozen, || "it was told already".into());
                self.resyncs += 1;
                if self.rows.is_some() {
                    (self.frozen, self.ready) = (true, false);
                    self.wanted_loads += 1;
                } else {
                    self.at = Some(*position);
                }
            }
            ClientEvent::Message { payload } => {
                model.paths.hit(Path::MessageDelivered);
                let number = payload.get().parse().unwrap_or(0);
                let last = self.last_message;
                model.check(number >= last, || format!("after message {last}"));
                self.last_message = number;
            }
            ClientEvent::Presence(_) => model.faults.push("nobody asked who is there".into()),
            ClientEvent::Refused(error) => {
                self.dead = true;
                let excused = model.excused && error.code == ErrorCode::Internal;
                model.check(excused, || error.to_string());
            }
        }
    }

    /// The snapshot has come.
    pub fn load(&mut self, snapshot: Snapshot<T>, truth: &Truth<T>) {
        self.loads += 1;
        self.loading -= 1;
        (self.frozen, self.ready) = (false, false);
        self.at = Some(snapshot.position);
        if let Some(rows) = &mut self.rows {
            rows.load(snapshot);
        }
        self.prune();
        self.check_rows(&mut truth.lock());
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.ready = false;
    }

    /// Shows a write before the server knows of it.
    pub fn begin(
        &mut self,
        key: usize,
        row: Option<Arc<Row<T>>>,
        truth: &Truth<T>,
    ) -> Option<WriteId> {
        let mut model = truth.lock();
        let shown = match &row {
            Some(row) => Optimistic::Put(row.value.clone()),
            None => Optimistic::Remove(model.kind.id(key).clone()),
        };
        let id = self.rows.as_mut()?.begin(shown);
        self.overlay.push(Overlay { id, key, row, settled: None });
        self.check_rows(&mut model);
        Some(id)
    }

    /// The server has committed the write.
    pub fn settle(
        &mut self,
        id: WriteId,
        position: Position,
        row: Option<Arc<Row<T>>>,
        truth: &Truth<T>,
    ) {
        let mut model = truth.lock();
        let (Some(rows), Some(at)) = (&mut self.rows, self.at) else { return };
        rows.settle(id, position, row.as_ref().map(|row| row.value.clone()));
        let seen = at.epoch != position.epoch || at.offset >= position.offset;
        model.paths.hit(if seen { Path::SettledAfterEvent } else { Path::SettledBeforeEvent });
        for write in self.overlay.iter_mut().filter(|write| write.id == id) {
            write.settled = Some(position);
            if row.is_some() {
                write.row = row.clone();
            }
        }
        self.prune();
        self.check_rows(&mut model);
    }

    /// The write was refused, or nobody knows what became of it.
    pub fn roll_back(&mut self, id: WriteId, truth: &Truth<T>) {
        let Some(rows) = &mut self.rows else { return };
        rows.roll_back(id);
        self.overlay.retain(|write| write.id != id);
        self.check_rows(&mut truth.lock());
    }

    /// What the list shows, by key; rows of unknown keys are faults.
    fn shown(&self, model: &mut Model<T>) -> [Option<T>; super::kind::KEYS] {
        let mut shown: [Option<T>; super::kind::KEYS] = Default::default();
        let Some(rows) = &self.rows else { return shown };
        for id in rows.ids() {
            match model.kind.key(&id) {
                Some(key) => shown[key] = rows.get(&id).cloned(),
                None => model.faults.push(format!("{} shows a row {id} that never was", self.who)),
            }
        }
        shown
    }

    /// At the end: the list shows what the table holds, and is live.
    pub fn compare(&self, model: &mut Model<T>) {
        let head = model.position();
        let held = model.list_at(self.topic, head);
        self.equals(model, &held, head);
        model.check(self.ready && !self.frozen, || format!("{} is not live", self.who));
        model.check(self.loads == self.wanted_loads, || {
            format!("{} was loaded {} times, not {}", self.who, self.loads, self.wanted_loads)
        });
    }

    /// Writes that have been seen are part of the rows now.
    fn prune(&mut self) {
        let Some(at) = self.at else { return };
        self.overlay.retain(|write| {
            write.settled.is_none_or(|s| s.epoch == at.epoch && s.offset > at.offset)
        });
    }

    /// What is shown equals the log at the list's position, with the open writes over it.
    fn check_rows(&self, model: &mut Model<T>) {
        let (Some(rows), Some(at)) = (&self.rows, self.at) else { return };
        model.check(rows.position() == Some(at), || {
            format!("{} stands at {:?} instead of {at}", self.who, rows.position())
        });
        let mut truth = model.list_at(self.topic, at);
        for write in &self.overlay {
            truth[write.key] = write.row.clone();
        }
        self.equals(model, &truth, at);
    }

    fn equals(&self, model: &mut Model<T>, truth: &Table<T>, at: Position) {
        if self.rows.is_none() {
            return;
        }
        let shown = self.shown(model);
        let same = shown
            .iter()
            .zip(truth)
            .all(|(shown, truth)| shown.as_ref() == truth.as_ref().map(|row| &row.value));
        model.check(same, || {
            let json = |row: &T| serde_json::to_string(row).unwrap_or_default();
            let shown: Shown = shown.iter().flatten().map(json).collect();
            let truth: Shown = truth.iter().flatten().map(|row| json(&row.value)).collect();
            format!("{} shows {shown:?} at {at} instead of {truth:?}", self.who)
        });
    }
}
