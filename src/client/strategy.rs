//! How an incoming change enters the list that a page holds.

use crate::contract::{Live, Op};

/// A cache strategy: shared state is patched by it, never fetched again.
pub enum Strategy<T: Live> {
    /// The incoming row takes the place of the one that is held; deletes remove it. The default.
    Replace,
    /// The function makes the new row from the one that is held and the incoming one, for instance
    /// to keep a field that only this page knows. Rows that are not held are taken as they are.
    Merge(fn(held: &T, incoming: T) -> T),
    /// New rows are added; changes and deletes of rows that are held are left out. For logs.
    Append,
    /// Every incoming row leaves the list, whatever happened to it. For work queues, where a change
    /// means that somebody has taken the item.
    Remove,
}

impl<T: Live> Strategy<T> {
    /// The row to hold after a change that brought one, or `None` to hold none.
    pub fn take(&self, op: Op, held: Option<&T>, incoming: T) -> Option<T> {
        match (self, held) {
            (Self::Replace, _) => Some(incoming),
            (Self::Merge(merge), Some(held)) => Some(merge(held, incoming)),
            (Self::Merge(_), None) => Some(incoming),
            (Self::Append, Some(held)) => Some(held.clone()),
            (Self::Append, None) => (op == Op::Insert).then_some(incoming),
            (Self::Remove, _) => None,
        }
    }

    /// Whether a deleted row leaves the list.
    pub fn removes(&self) -> bool {
        !matches!(self, Self::Append)
    }
}
