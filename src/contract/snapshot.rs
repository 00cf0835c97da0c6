//! Rows with the position of the very read that produced them, and the answer to a write.

use serde::{Deserialize, Serialize};

use super::Position;

/// Rows plus the position of the log at the read that produced them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot<T> {
    /// Subscribing from here misses nothing and repeats nothing.
    pub position: Position,
    /// The rows, in the query's order.
    pub rows: Vec<T>,
}

/// A value plus the position of the log at the read that produced it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading<T> {
    /// Whatever comes after this position may have changed the value.
    pub position: Position,
    /// What was read.
    pub value: T,
}

/// A write that was committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written<T> {
    /// Where the log stood right after the write: the subscriber that has passed this position has
    /// seen it.
    pub position: Position,
    /// The row as it is now; `None` when it is gone.
    pub row: Option<T>,
}
