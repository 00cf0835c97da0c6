//! One entry of the log: a change of one row, or a message on one channel.

use std::sync::Arc;

use serde_json::value::RawValue;
use sqlx::{Row, sqlite::SqliteRow};

use crate::contract::{ChannelName, Op};

/// One change of one row, or one message.
///
/// A change of a primary key is two entries, the old row's delete and the new row's insert, so that
/// whoever folds entries by key is right without a special case.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the log; offsets have no gaps.
    pub offset: u64,
    /// When it was written: milliseconds since 1970, UTC.
    pub at_ms: i64,
    /// The table's schema; `public` on SQLite.
    pub schema: Arc<str>,
    /// The table's name; empty for a message, so that it passes for no table's change.
    pub table: Arc<str>,
    /// Insert, update or delete; means nothing for a message.
    pub op: Op,
    /// The primary key as text, parts of a composite one joined by `:`; SQLite's rowid when the
    /// table declares no key. `None` when a part of it is NULL.
    pub row_id: Option<String>,
    /// The row after the change; `None` for a delete. A message's payload.
    pub record: Option<Box<RawValue>>,
    /// The row before the change; `None` for an insert.
    pub old_record: Option<Box<RawValue>>,
    /// The channel, if the entry is a message.
    pub message: Option<ChannelName>,
    /// The entry is not what a trigger or a publish writes, so its rows are `None` and `op` means nothing. It keeps
    /// its place: followers learn that they have missed something.
    pub unreadable: bool,
}

/// The `op` of messages.
const MESSAGE: &[u8] = b"MESSAGE";

/// Reads in whatever types the values have, so that no content of the log can stop its reader.
pub(super) const COLUMNS: &str = "id, CAST(at_ms AS INTEGER), CAST(tbl AS BLOB), CAST(op AS BLOB), \
     CAST(row_id AS TEXT), CAST(old AS BLOB), CAST(new AS BLOB)";

impl Entry {
    /// An entry from a row of [`COLUMNS`]. `last` is the table of the entry before it, whose name is
    /// shared when it is the same.
    pub(super) fn from_row(
        row: &SqliteRow,
        schema: &Arc<str>,
        last: Option<&Arc<str>>,
    ) -> Result<Self, sqlx::Error> {
        let mut table = String::from_utf8_lossy(row.try_get(2).unwrap_or_default()).into_owned();
        let mut message = None;
        let old = json(row, 5);
        let new = json(row, 6);
        let op = row.try_get::<&[u8], _>(3).unwrap_or_default();
        let rows = match (op, old, new) {
            (b"INSERT", Ok(None), Ok(new @ Some(_))) => Some((None, new)),
            (b"UPDATE", Ok(old @ Some(_)), Ok(new @ Some(_))) => Some((old, new)),
            (b"DELETE", Ok(old @ Some(_)), Ok(None)) => Some((old, None)),
            (MESSAGE, old, new) => {
                message = ChannelName::new(&std::mem::take(&mut table)).ok();
                match (&message, old, new) {
                    (Some(_), Ok(None), Ok(new @ Some(_))) => Some((None, new)),
                    _ => None,
                }
            }
            _ => None,
        };
        let unreadable = rows.is_none();
        let (old_record, record) = rows.unwrap_or_default();
        Ok(Self {
            offset: row.try_get::<i64, _>(0)?.unsigned_abs(),
            at_ms: row.try_get(1).unwrap_or(0),
            schema: schema.clone(),
            table: last.filter(|last| ***last == *table).cloned().unwrap_or_else(|| table.into()),
            op: match op {
                b"INSERT" => Op::Insert,
                b"DELETE" => Op::Delete,
                _ => Op::Update,
            },
            row_id: row.try_get(4).unwrap_or(None),
            record,
            old_record,
            message,
            unreadable,
        })
    }

    /// An entry without rows.
    #[cfg(test)]
    pub(in crate::server) fn for_tests(offset: u64, table: &str, op: Op) -> Self {
        Self {
            offset,
            at_ms: 0,
            schema: super::PUBLIC.into(),
            table: table.into(),
            op,
            row_id: None,
            record: None,
            old_record: None,
            message: None,
            unreadable: false,
        }
    }
}

struct NotJson;

fn json(row: &SqliteRow, column: usize) -> Result<Option<Box<RawValue>>, NotJson> {
    let Some(bytes) = row.try_get::<Option<Vec<u8>>, _>(column).map_err(|_| NotJson)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|_| NotJson)?;
    RawValue::from_string(text).map(Some).map_err(|_| NotJson)
}
