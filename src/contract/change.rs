//! A change of one row as it stands in the log and travels to subscribers.

use serde::{Deserialize, Serialize};

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Op {
    /// The row is new (`record` only).
    Insert,
    /// The row changed (`record` and `old_record`).
    Update,
    /// The row is gone (`old_record` only).
    Delete,
}

/// The payload of a change: `{type, schema, table, record, old_record}`.
///
/// Generic over the row, so that a live list reads its own type and everything else reads JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change<R> {
    /// Insert, update or delete.
    #[serde(rename = "type")]
    pub op: Op,
    /// The table's schema; `public` on SQLite.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// The row after the change.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub record: Option<R>,
    /// The row before the change.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub old_record: Option<R>,
}

fn none<R>() -> Option<R> {
    None
}
