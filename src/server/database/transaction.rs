//! Transactions: what is read in one belongs to one position, what is written in one publishes itself.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::value::{RawValue, to_raw_value};
use sqlx::SqliteConnection;

use super::sqlite::Sqlite;
use crate::{
    contract::{Channel, ChannelName, Delivery, Message, Position, Reading, Snapshot, Written},
    server::{
        log::{ChangeLog, SqliteLog, sqlite_add_message, sqlite_head},
        messages::{PublishError, check_channel},
        revalidate::Notice,
    },
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
    /// What clients are told to fetch again, once each.
    pub(in crate::server) revalidated: BTreeSet<Notice>,
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

    /// A value with its position, such as a figure that was computed from rows.
    pub fn reading<T>(&self, value: T) -> Reading<T> {
        Reading { position: self.position, value }
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
        Ok(Self { tx, log: sqlite.log.clone(), revalidated: BTreeSet::new() })
    }

    /// Publishes a message by this transaction: subscribers get it after the commit, in the order of
    /// all commits, and if there is no commit, nobody does. Only durable messages compile.
    ///
    /// # Errors
    /// [`PublishError`] when the channel does not carry `T`, the message cannot be written as JSON, or
    /// the database fails.
    pub async fn publish<T: Message>(
        &mut self,
        channel: &Channel<T>,
        event: &T,
    ) -> Result<(), PublishError> {
        const {
            let durable = matches!(T::DELIVERY, Delivery::Durable);
            assert!(durable, "only durable messages are written by a transaction");
        }
        check_channel::<T>(channel.name())?;
        Ok(self.publish_raw(channel.name(), &to_raw_value(event)?).await?)
    }

    /// The same with a payload that is known to be what the channel carries.
    pub(in crate::server) async fn publish_raw(
        &mut self,
        channel: &ChannelName,
        payload: &RawValue,
    ) -> Result<(), sqlx::Error> {
        sqlite_add_message(&mut self.tx, channel, payload).await
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
