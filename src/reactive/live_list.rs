//! A list that stays true: loaded once with its position, then kept by its channel's events.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;

use super::{Load, Row, answer::Answer, platform, row::Cell, slot::Slot};
use crate::{
    client::{
        event::ClientEvent,
        rows::{Optimistic, Rows, Transform, WriteId},
        strategy::Strategy,
    },
    contract::{Change, Channel, Live, LiveError, Position, Refusal, ResyncReason, Snapshot},
};

/// A live list. Copy it into closures and hand it to [`super::LiveFor`].
pub struct LiveList<T: Live> {
    state: StoredValue<State<T>>,
    order: RwSignal<Vec<Slot>>,
    status: RwSignal<Status>,
}

/// What a list can say about itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// The snapshot is on its way (only after a navigation in the browser).
    Loading,
    /// The rows are shown; whether they are live is the connection's state.
    Ready,
    /// The snapshot could not be loaded.
    Failed(Refusal),
    /// The server does not let this page follow the channel.
    Refused(LiveError),
}

struct State<T: Live> {
    rows: Rows<T>,
    slots: HashMap<T::Id, Slot>,
    next_slot: u64,
    compare: fn(&T, &T) -> Ordering,
    reload: Option<Box<dyn Fn() + Send + Sync>>,
}

impl<T: Live> LiveList<T> {
    /// Loads by `load` and follows `channel` from the position of that very read.
    pub fn new(channel: Channel<T>, load: impl Load<T>) -> Self {
        Self::with(channel, load, Strategy::Replace, None)
    }

    /// The same with a cache strategy, and a function that sees every row before it is held.
    pub fn with(
        channel: Channel<T>,
        load: impl Load<T>,
        strategy: Strategy<T>,
        transform: Option<Transform<T>>,
    ) -> Self {
        let state = State {
            rows: Rows::new(strategy, transform),
            slots: HashMap::new(),
            next_slot: 0,
            compare: |a, b| a.id().cmp(&b.id()),
            reload: None,
        };
        let list = Self {
            state: StoredValue::new(state),
            order: RwSignal::new(Vec::new()),
            status: RwSignal::new(Status::Loading),
        };
        platform::start(list, channel, load);
        list
    }

    /// Shows the rows in this order instead of by id; rows that are equal in it are ordered by id.
    pub fn sorted_by(self, compare: fn(&T, &T) -> Ordering) -> Self {
        self.state.update_value(|state| state.compare = compare);
        let mut order = self.order.get_untracked();
        order.sort_by(|a, b| match (a.cell::<T>(), b.cell::<T>()) {
            (Some(a), Some(b)) => {
                let (a, b) = (a.value.read_untracked(), b.value.read_untracked());
                compare(&a, &b).then_with(|| a.id().cmp(&b.id()))
            }
            _ => Ordering::Equal,
        });
        self.order.set(order);
        self
    }

    /// Loading, ready, or why not. A signal.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Whether the rows are there. A signal.
    pub fn is_ready(&self) -> bool {
        self.status.with(|status| *status == Status::Ready)
    }

    /// The rows in the order shown, owned by the running component. A signal of which rows there are,
    /// not of what is in them.
    pub fn rows(&self) -> Vec<Row<T>> {
        self.order.with(|slots| slots.iter().filter_map(Slot::cell).map(Cell::row).collect())
    }

    /// The row of this id as it is shown now. Not a signal.
    pub fn get(&self, id: &T::Id) -> Option<T> {
        self.state.try_with_value(|state| state.rows.get(id).cloned()).flatten()
    }

    /// How many rows there are. A signal.
    pub fn len(&self) -> usize {
        self.order.with(Vec::len)
    }

    /// Whether there are none. A signal.
    pub fn is_empty(&self) -> bool {
        self.order.with(Vec::is_empty)
    }

    /// How many rows fulfil a condition. A signal of every row.
    pub fn count(&self, condition: impl Fn(&T) -> bool) -> usize {
        self.fold(0, |count, row| count + usize::from(condition(row)))
    }

    /// Folds all rows, in the order shown. A signal of every row.
    pub fn fold<A>(&self, start: A, step: impl Fn(A, &T) -> A) -> A {
        let cells = self.slots();
        let cells = cells.iter().filter_map(Slot::cell::<T>);
        cells.fold(start, |folded, cell| cell.value.with(|row| step(folded, row)))
    }

    /// Loads the snapshot again, for instance after [`Status::Failed`].
    pub fn reload(&self) {
        self.state.try_with_value(|state| state.reload.as_ref().map(|reload| reload()));
    }

    /// Shows a write before the server has answered.
    pub fn begin(&self, write: Optimistic<T>) -> Option<WriteId> {
        self.change(|rows| {
            let touched = write.id();
            (Some(rows.begin(write)), vec![touched])
        })
        .flatten()
    }

    /// The server has committed the write.
    pub fn settle(&self, write: WriteId, position: Position, row: Option<T>) {
        self.change(|rows| ((), rows.settle(write, position, row)));
    }

    /// The server has refused the write.
    pub fn roll_back(&self, write: WriteId) {
        self.change(|rows| ((), rows.roll_back(write)));
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        self.order.get()
    }

    pub(super) fn slots_where(&self, condition: impl Fn(&T) -> bool) -> Vec<Slot> {
        let mut slots = self.slots();
        slots.retain(|slot| slot.cell().is_some_and(|cell: &Cell<T>| cell.value.with(&condition)));
        slots
    }

    /// Takes the answer of the list's server function. Returns whether it was a snapshot.
    pub(super) fn load_answer(&self, answer: Answer) -> bool {
        let loaded = answer.read();
        let done = loaded.is_ok();
        self.load(loaded);
        done
    }

    pub(super) fn load(&self, loaded: Result<Snapshot<T>, Refusal>) {
        match loaded {
            Ok(snapshot) => {
                self.change(|rows| {
                    let mut touched = rows.ids();
                    rows.load(snapshot);
                    touched.extend(rows.ids());
                    ((), touched)
                });
                self.set_status(Status::Ready);
            }
            Err(refusal) => self.set_status(Status::Failed(refusal)),
        }
    }

    /// Takes an event of the channel. Returns whether the snapshot must be loaded again.
    pub(super) fn take(&self, event: ClientEvent) -> bool {
        match event {
            ClientEvent::Change { position, payload } => {
                // A row that does not fit the type is a page older than the server: load it again,
                // which fails with words instead of leaving a row that is wrong.
                let Ok(change) = serde_json::from_str::<Change<T>>(payload.get()) else {
                    return true;
                };
                self.change(|rows| ((), rows.apply(position, change)));
            }
            ClientEvent::Ready { position: Some(position) } => {
                self.change(|rows| ((), rows.advance(position)));
            }
            ClientEvent::Ready { position: None }
            | ClientEvent::Message { .. }
            | ClientEvent::Presence(_) => {}
            ClientEvent::Resync { reason, position } => {
                if reason == ResyncReason::Permission {
                    // Whatever comes, these rows may be somebody else's.
                    self.load(Ok(Snapshot { position, rows: Vec::new() }));
                    self.set_status(Status::Loading);
                }
                return true;
            }
            ClientEvent::Refused(error) => self.set_status(Status::Refused(error)),
        }
        false
    }

    pub(super) fn on_reload(&self, reload: impl Fn() + Send + Sync + 'static) {
        self.state.update_value(|state| state.reload = Some(Box::new(reload)));
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.state.try_with_value(|state| state.rows.position()).flatten()
    }

    pub(super) fn set_status(&self, status: Status) {
        _ = self.status.try_set(status);
    }

    /// Changes the rows and then the signals of those that were touched. `None` once the list's owner
    /// is gone: an answer may come after the page was left.
    fn change<R>(&self, edit: impl FnOnce(&mut Rows<T>) -> (R, Vec<T::Id>)) -> Option<R> {
        let mut order = self.order.try_get_untracked()?;
        let (result, moved) = self.state.try_update_value(|state| {
            let (result, touched) = edit(&mut state.rows);
            let mut moved = false;
            for id in touched {
                moved |= state.update(&id, &mut order);
            }
            (result, moved)
        })?;
        if moved {
            self.order.try_set(order);
        }
        Some(result)
    }
}

impl<T: Live> State<T> {
    /// Brings a row's signals and its place up to date. Returns whether a place has changed.
    fn update(&mut self, id: &T::Id, order: &mut Vec<Slot>) -> bool {
        let held = self.slots.get(id);
        let place = held.and_then(|slot| order.iter().position(|other| other == slot));
        let Some(row) = self.rows.get(id) else {
            self.slots.remove(id);
            return place.map(|place| order.remove(place)).is_some();
        };
        let pending = self.rows.is_pending(id);
        let slot = match held {
            Some(slot) => {
                if let Some(cell) = slot.cell::<T>() {
                    cell.update(row, pending);
                }
                slot.clone()
            }
            None => {
                self.next_slot += 1;
                Slot::new(self.next_slot, Cell::new(row.clone(), pending))
            }
        };
        if let Some(place) = place {
            order.remove(place);
        }
        let compare = |other: &Slot| {
            let other = other.cell::<T>().map(|cell| cell.value.read_untracked());
            other.is_some_and(|other| {
                (self.compare)(&other, row).then_with(|| other.id().cmp(id)).is_lt()
            })
        };
        let new_place = order.partition_point(compare);
        order.insert(new_place, slot.clone());
        if held.is_none() {
            self.slots.insert(id.clone(), slot);
        }
        place != Some(new_place)
    }
}

impl<T: Live> Clone for LiveList<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Live> Copy for LiveList<T> {}

#[cfg(test)]
#[path = "live_list_tests.rs"]
mod tests;
