//! The change log: every change of every enabled table and every durable message, in commit order,
//! whoever made it.
//!
//! `table` describes a table → `triggers` writes the SQL that logs its rows → `realtime` installs
//! it → the triggers fill `tidewire_log` inside the writer's own transaction → `sqlite` reads it
//! back as `entry`s, and `watch` says when to look.
//!
//! Three things that SQLite leaves to its users:
//! - Our connections run with `recursive_triggers`, so a trigger of your own that updates its own
//!   table needs a `WHEN` that ends it. In other programs it is off, and a row that their REPLACE
//!   removes for the sake of a *different* key is not logged.
//! - Columns of a Rust `bool` are declared `BOOLEAN`; a `STRICT` table cannot, and logs 0 and 1.
//! - After restoring a backup, `DELETE FROM tidewire_meta WHERE key = 'epoch'` before the next start:
//!   positions that clients hold from after the backup must not pass for new ones.

mod entry;
mod error;
mod realtime;
mod sqlite;
mod table;
#[cfg(test)]
pub(in crate::server) mod tests;
mod triggers;
mod watch;

use std::{fmt, time::Duration};

use async_trait::async_trait;

pub use entry::Entry;
pub use error::LogError;
pub(in crate::server) use sqlite::{
    SqliteLog, add_message as sqlite_add_message, head as sqlite_head,
};

/// The schema that a table without one is in; SQLite's `main` is the same.
pub const PUBLIC: &str = "public";

/// What differs between the databases that can hold the log. Offsets start at 1 and have no gaps.
#[async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// The name of this life of the log; the first half of every position.
    fn epoch(&self) -> u64;

    /// The offset of the newest committed entry, trimmed or not; 0 when nothing was ever logged.
    async fn head(&self) -> Result<u64, LogError>;

    /// The offset of the newest entry that was trimmed: positions below it cannot be replayed.
    async fn floor(&self) -> Result<u64, LogError>;

    /// At most `limit` entries that follow the offset `after`, in order.
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, LogError>;

    /// Removes what is older than `older_than` and what the newest `keep_at_most` entries leave.
    /// Returns how many entries went.
    async fn trim(&self, older_than: Duration, keep_at_most: u64) -> Result<u64, LogError>;

    /// Logs the table's changes from now on. Doing it again refreshes the triggers after the table's
    /// columns have changed.
    ///
    /// # Errors
    /// [`LogError`] by name when there is no such table or it cannot be logged.
    async fn enable(&self, schema: &str, table: &str) -> Result<(), LogError>;

    /// Logs the table's changes no longer.
    ///
    /// # Errors
    /// [`LogError::UnknownTable`] or [`LogError::UnknownSchema`].
    async fn disable(&self, schema: &str, table: &str) -> Result<(), LogError>;

    /// The tables whose changes are logged, by name.
    async fn tables(&self) -> Result<Vec<TableRef>, LogError>;

    /// Resolves when something may have been written since it last did: at once for writes of this
    /// process, within the poll interval for those of others. For one caller, the tailer; it may be
    /// cancelled without losing a wake-up. It can also resolve for nothing, so read and come back.
    async fn changed(&self);

    /// Says that this process has written.
    fn wake(&self);
}

/// A table's full name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableRef {
    /// Its schema; `public` on SQLite.
    pub schema: String,
    /// Its name as it was created.
    pub name: String,
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}
