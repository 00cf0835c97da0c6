//! Transactions: what is read in one belongs to one position, what is written in one publishes itself.

use std::sync::Arc;

use sqlx::SqliteConnection;

use super::sqlite::Sqlite;
use crate::{
    contract::{Position, Snapshot, Written},
    server::log::{ChangeLog, SqliteLog, sqlite_head},
};

/// A connection of whichever engine is open; [`sql!`](crate::sql) opens it up.
pub enum Connection<'a> {
    /// SQLite.
    Sqlite(&'a mut SqliteConnection),
}

/// Both kinds of transaction, for queries that run in either.
pub trait Transaction: Send {
    /// Where statements run; they see what this transaction has written.
    fn connection(&mut self) -> Connection<'_>;
}

/// A read transaction: every query in it sees the rows as they were at [`Self::position`].
pub struct ReadTx {
    tx: sqlx::Transaction<'static, sqlx::Sqlite>,
    position: Position,
}

/// A write transaction, the only one at its time. Dropped without a commit, it leaves nothing.
pub struct WriteTx {
    tx: sqlx::Transaction<'static, sqlx::Sqlite>,
    log: Arc<SqliteLog>,
}

impl ReadTx {
    pub(super) async fn sqlite(sqlite: &Sqlite) -> Result<Self, sqlx::Error> {
        let mut tx = sqlite.readers.begin().await?;
        // The first read fixes what a transaction sees, and this is the first.
        let head = sqlite_head(&mut tx).await?;
        Ok(Self { tx, position: Position::new(sqlite.log.epoch(), head) })
    }

    /// Where the log stands for this transaction: subscribing from here misses nothing.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The rows with their position.
    pub fn snapshot<T>(&self, rows: Vec<T>) -> Snapshot<T> {
        Snapshot { position: self.position, rows }
    }
}

impl WriteTx {
    pub(super) async fn sqlite(sqlite: &Sqlite) -> Result<Self, sqlx::Error> {
        // Not a plain BEGIN: that would fail at the first write when another process has written
        // since the first read.
        let tx = sqlite.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Self { tx, log: sqlite.log.clone() })
    }

    /// Commits and publishes. `row` is what the caller is to see of its write, if anything.
    ///
    /// # Errors
    /// When the transaction cannot be committed, for example because of a deferred foreign key; it is
    /// rolled back then.
    pub async fn commit<T>(mut self, row: Option<T>) -> Result<Written<T>, sqlx::Error> {
        // Nobody else writes before the commit, so the head here is the head of the commit.
        let head = sqlite_head(&mut self.tx).await?;
        let position = Position::new(self.log.epoch(), head);
        self.tx.commit().await?;
        self.log.wake();
        Ok(Written { position, row })
    }
}

impl Transaction for ReadTx {
    fn connection(&mut self) -> Connection<'_> {
        Connection::Sqlite(&mut self.tx)
    }
}

impl Transaction for WriteTx {
    fn connection(&mut self) -> Connection<'_> {
        Connection::Sqlite(&mut self.tx)
    }
}
