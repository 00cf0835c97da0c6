//! A live list as a page has it, beside what it must show.

use std::fmt;

use tidewire::{
    Change, Position, Snapshot,
    client::{
        ClientEvent, OwnerId,
        rows::{Optimistic, Rows, WriteId},
        strategy::Strategy,
    },
};

use super::{
    edit::Edit,
    item::{Item, Items, Topic},
    model::{Model, Truth},
    paths::Path,
};

/// A list, or a listener without rows.
pub struct List {
    pub owner: OwnerId,
    pub topic: Topic,
    pub frozen: bool,
    pub ready: bool,
    /// Snapshots that are under way.
    pub loading: u32,
    /// Snapshots that were loaded, and how many the resyncs and the person's wishes account for.
    pub loads: u32,
    pub wanted_loads: u32,
    pub resyncs: u32,
    /// The server knew this much of the log when the page connected.
    pub known: u64,
    rows: Option<Rows<Item>>,
    at: Option<Position>,
    overlay: Vec<Overlay>,
    who: String,
}

/// A write that is shown over the rows.
struct Overlay {
    id: WriteId,
    row: Optimistic<Item>,
    settled: Option<Position>,
}

impl List {
    /// A list of a snapshot, or a listener.
    pub fn new(
        who: String,
        owner: OwnerId,
        topic: Topic,
        snapshot: Option<Snapshot<Item>>,
    ) -> Self {
        let loads = u32::from(snapshot.is_some());
        let mut list = Self {
            owner,
            topic,
            frozen: false,
            ready: false,
            loading: 0,
            loads,
            wanted_loads: loads,
            resyncs: 0,
            known: 0,
            rows: None,
            at: None,
            overlay: Vec::new(),
            who,
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

    /// Takes an event as a page does.
    pub fn take(&mut self, event: ClientEvent, truth: &Truth) {
        let mut model = truth.lock();
        let faults = model.faults.len();
        let what = format!("{event:?}");
        self.handle(event, &mut model);
        self.check_rows(&mut model);
        for fault in &mut model.faults[faults..] {
            *fault = format!("{} got {what}: {fault}", self.who);
        }
    }

    fn handle(&mut self, event: ClientEvent, model: &mut Model) {
        match event {
            ClientEvent::Change { position, payload } => {
                model.check(!self.frozen, || "it waits for its snapshot".into());
                let Some(at) = self.at else {
                    model.faults.push("before it was ready".into());
                    return;
                };
                let next = model.next(self.topic, at.offset);
                let change: Change<Item> = serde_json::from_str(payload.get()).expect("a change");
                model.check(at.epoch == position.epoch, || format!("it stands at {at}"));
                model.check(next == Some((position.offset, Some(change.clone()))), || {
                    format!("after {at} comes {next:?}")
                });
                self.at = Some(position);
                if let Some(rows) = &mut self.rows {
                    rows.apply(position, change);
                    self.prune();
                }
            }
            ClientEvent::Ready { position } => {
                model.check(!self.frozen, || "it waits for its snapshot".into());
                let position = position.expect("every channel has a log");
                if let Some(at) = self.at {
                    let next = model.next(self.topic, at.offset).map(|(offset, _)| offset);
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
                    self.at = Some(position);
                }
            }
            ClientEvent::Presence(_) => {}
            ClientEvent::Message { .. } => model.paths.hit(Path::MessageDelivered),
            ClientEvent::Refused(error) => model.faults.push(error.to_string()),
        }
    }

    /// The snapshot has come.
    pub fn load(&mut self, snapshot: Snapshot<Item>, truth: &Truth) {
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
    pub fn begin(&mut self, edit: &Edit, truth: &Truth) -> Option<WriteId> {
        let row = match edit {
            Edit::Put(item) => Optimistic::Put(item.clone()),
            Edit::Remove(id) => Optimistic::Remove(*id),
            _ => return None,
        };
        let id = self.rows.as_mut()?.begin(row.clone());
        self.overlay.push(Overlay { id, row, settled: None });
        self.check_rows(&mut truth.lock());
        Some(id)
    }

    /// The server has committed the write.
    pub fn settle(&mut self, id: WriteId, position: Position, row: Option<Item>, truth: &Truth) {
        let mut model = truth.lock();
        let (Some(rows), Some(at)) = (&mut self.rows, self.at) else { return };
        rows.settle(id, position, row.clone());
        let seen = at.epoch != position.epoch || at.offset >= position.offset;
        model.paths.hit(if seen { Path::SettledAfterEvent } else { Path::SettledBeforeEvent });
        for write in self.overlay.iter_mut().filter(|write| write.id == id) {
            write.settled = Some(position);
            if let Some(row) = &row {
                write.row = Optimistic::Put(row.clone());
            }
        }
        self.prune();
        self.check_rows(&mut model);
    }

    /// The write was refused, or nobody knows what became of it.
    pub fn roll_back(&mut self, id: WriteId, truth: &Truth) {
        let Some(rows) = &mut self.rows else { return };
        rows.roll_back(id);
        self.overlay.retain(|write| write.id != id);
        self.check_rows(&mut truth.lock());
    }

    /// What the list shows.
    pub fn shown(&self) -> Items {
        let Some(rows) = &self.rows else { return Items::new() };
        rows.ids().into_iter().filter_map(|id| Some((id, rows.get(&id)?.clone()))).collect()
    }

    /// Writes that have been seen are part of the rows now.
    fn prune(&mut self) {
        let Some(at) = self.at else { return };
        self.overlay.retain(|write| {
            write.settled.is_none_or(|s| s.epoch == at.epoch && s.offset > at.offset)
        });
    }

    /// What is shown equals the log at the list's position, with the open writes over it.
    fn check_rows(&self, model: &mut Model) {
        let (Some(rows), Some(at)) = (&self.rows, self.at) else { return };
        model.check(rows.position() == Some(at), || {
            format!("{} stands at {:?} instead of {at}", self.who, rows.position())
        });
        let mut truth = model.list_at(self.topic, at.offset);
        for write in &self.overlay {
            match &write.row {
                Optimistic::Put(item) | Optimistic::Insert(item, _) => {
                    _ = truth.insert(item.id, item.clone())
                }
                Optimistic::Remove(id) => _ = truth.remove(id),
            }
        }
        let shown = self.shown();
        model.check(shown == truth, || {
            format!("{} shows {shown:?} at {at} instead of {truth:?}", self.who)
        });
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.who)
    }
}
