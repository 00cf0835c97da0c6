//! A row's place in a list, without its type: what the list's loop sees.

use std::{any::Any, sync::Arc};

use super::row::Cell;
use crate::contract::Live;

/// A row's cell and its number, which no other row of the list ever has.
#[derive(Clone)]
pub(super) struct Slot {
    number: u64,
    cell: Arc<dyn Any + Send + Sync>,
}

impl Slot {
    pub(super) fn new<T: Live>(number: u64, cell: Cell<T>) -> Self {
        Self { number, cell: Arc::new(cell) }
    }

    /// Stays the same for as long as the row is shown.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The row's signals; `None` only if asked for another type than it was made with.
    pub(super) fn cell<T: Live>(&self) -> Option<&Cell<T>> {
        self.cell.downcast_ref()
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
