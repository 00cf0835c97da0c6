//! A row as the view holds it: a signal of its own, so that one change touches one row's nodes.

use leptos::prelude::*;

use crate::contract::Live;

/// One row of a live list. Copy it into closures; reading it subscribes to this row alone.
pub struct Row<T: Live> {
    value: RwSignal<T>,
    pending: RwSignal<bool>,
    changes: RwSignal<u32>,
}

impl<T: Live> Row<T> {
    /// The row, for as long as the guard lives: `row.read().title`.
    pub fn read(&self) -> <RwSignal<T> as Read>::Value {
        self.value.read()
    }

    /// A copy of the row.
    pub fn get(&self) -> T {
        self.value.get()
    }

    /// A copy of the row that does not subscribe to it.
    pub fn get_untracked(&self) -> T {
        self.value.get_untracked()
    }

    /// Whether a write to this row waits for the server's answer.
    pub fn pending(&self) -> bool {
        self.pending.get()
    }

    /// Whether the row has changed an odd number of times since it is shown. With
    /// [`Row::changed_even`], two classes that take turns, so that each change starts a tint anew.
    pub fn changed_odd(&self) -> bool {
        !self.changes.get().is_multiple_of(2)
    }

    /// Whether the row has changed an even number of times, at least twice, since it is shown.
    pub fn changed_even(&self) -> bool {
        let changes = self.changes.get();
        changes > 0 && changes.is_multiple_of(2)
    }

    /// The row as a signal, for components that take one.
    pub fn signal(&self) -> RwSignal<T> {
        self.value
    }
}

impl<T: Live> Clone for Row<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Live> Copy for Row<T> {}

/// The signals of a row, kept by the list for as long as the row is shown.
pub(super) struct Cell<T: Live> {
    pub(super) value: ArcRwSignal<T>,
    pub(super) pending: ArcRwSignal<bool>,
    changes: ArcRwSignal<u32>,
}

impl<T: Live> Cell<T> {
    pub(super) fn new(row: T, pending: bool) -> Self {
        Self {
            value: ArcRwSignal::new(row),
            pending: ArcRwSignal::new(pending),
            changes: ArcRwSignal::new(0),
        }
    }

    /// A handle owned by the running component, which ends with it.
    pub(super) fn row(&self) -> Row<T> {
        Row {
            value: self.value.clone().into(),
            pending: self.pending.clone().into(),
            changes: self.changes.clone().into(),
        }
    }

    /// Takes the row's newest state; signals fire only for what differs.
    pub(super) fn update(&self, row: &T, pending: bool) {
        if *self.value.read_untracked() != *row {
            self.value.set(row.clone());
            self.changes.update(|changes| *changes += 1);
        }
        if *self.pending.read_untracked() != pending {
            self.pending.set(pending);
        }
    }
}
