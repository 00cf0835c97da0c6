//! A list that stays true: loaded once with its position, then kept by its channel's events.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;

use super::{
    Load, platform,
    row::{Cell, Row},
};
use crate::{
    client::{
        event::ClientEvent,
        rows::{Optimistic, Rows, Transform, WriteId},
        strategy::Strategy,
    },
    contract::{Change, Channel, Live, LiveError, Position, Refusal, Snapshot},
};

/// A live list. Copy it into closures and hand it to [`super::LiveFor`].
pub struct LiveList<T: Live> {
    state: StoredValue<State<T>>,
    order: RwSignal<Vec<T::Id>>,
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
    cells: HashMap<T::Id, Cell<T>>,
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
            cells: HashMap::new(),
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

    /// Shows the rows in this order instead of by id.
    pub fn sorted_by(self, compare: fn(&T, &T) -> Ordering) -> Self {
        self.state.update_value(|state| state.compare = compare);
        self.sort();
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

    /// The ids in the order shown. A signal of which rows there are, not of what is in them.
    pub fn ids(&self) -> Vec<T::Id> {
        self.order.get()
    }

    /// How many rows there are. A signal.
    pub fn len(&self) -> usize {
        self.order.with(Vec::len)
    }

    /// Whether there are none. A signal.
    pub fn is_empty(&self) -> bool {
        self.order.with(Vec::is_empty)
    }

    /// The ids of the rows that fulfil a condition, in the order shown. A signal of every row.
    pub fn ids_where(&self, condition: impl Fn(&T) -> bool) -> Vec<T::Id> {
        let ids = self.order.get();
        let values: Vec<_> = self.state.with_value(|state| {
            let value = |id| Some((T::Id::clone(id), state.cells.get(id)?.value.clone()));
            ids.iter().filter_map(value).collect()
        });
        let fulfils = |value: &ArcRwSignal<T>| value.with(|row| condition(row));
        values.into_iter().filter(|(_, value)| fulfils(value)).map(|(id, _)| id).collect()
    }

    /// How many rows fulfil a condition. A signal of every row.
    pub fn count(&self, condition: impl Fn(&T) -> bool) -> usize {
        self.ids_where(condition).len()
    }

    /// One row, owned by the running component.
    pub fn row(&self, id: &T::Id) -> Option<Row<T>> {
        self.state.with_value(|state| state.cells.get(id).map(Cell::row))
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
            ClientEvent::Ready { position: None } | ClientEvent::Message { .. } => {}
            ClientEvent::Resync { .. } => return true,
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
        let result = self.state.try_update_value(|state| {
            let (result, touched) = edit(&mut state.rows);
            for id in touched {
                let pending = state.rows.is_pending(&id);
                match (state.rows.get(&id), state.cells.get(&id)) {
                    (Some(row), Some(cell)) => cell.update(row, pending),
                    (Some(row), None) => {
                        state.cells.insert(id, Cell::new(row.clone(), pending));
                    }
                    (None, Some(_)) => {
                        state.cells.remove(&id);
                    }
                    (None, None) => {}
                }
            }
            result
        })?;
        self.sort();
        Some(result)
    }

    fn sort(&self) {
        let sorted = self.state.try_with_value(|state| {
            let mut rows: Vec<&T> =
                state.cells.keys().filter_map(|id| state.rows.get(id)).collect();
            rows.sort_by(|a, b| (state.compare)(a, b));
            rows.into_iter().map(Live::id).collect::<Vec<_>>()
        });
        if let Some(sorted) = sorted
            && self.order.try_with_untracked(|order| *order != sorted) == Some(true)
        {
            self.order.set(sorted);
        }
    }
}

impl<T: Live> Clone for LiveList<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Live> Copy for LiveList<T> {}
