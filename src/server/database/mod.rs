//! The database: reads that know their position, writes that publish themselves.
//!
//! ```ignore
//! let mut tx = db.read().await?;
//! let rows = sql!(tx, |conn| sqlx::query_as::<_, Todo>("SELECT * FROM todos").fetch_all(conn))?;
//! tx.snapshot(rows)
//! ```

mod address;
mod error;
mod migrate;
mod sql;
mod sqlite;
#[cfg(test)]
mod tests;
mod transaction;

use std::{sync::Arc, time::Duration};

pub use sqlx::migrate::Migrator;

pub use error::DatabaseError;
pub use transaction::{Connection, ReadTx, Transaction, WriteTx};

use super::log::{ChangeLog, LogError, TableRef};
use crate::contract::Limits;
use sqlite::Sqlite;

/// An open database with its change log. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<Sqlite>),
}

impl Database {
    /// Opens `sqlite://path`, relative to the working directory or absolute, and creates the folder and
    /// the file if they are missing. Tables that are followed stay followed.
    ///
    /// # Errors
    /// [`DatabaseError`]: an address of another kind by name, or what the file system or SQLite says.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        Self::open_with(url, Limits::default().external_poll).await
    }

    /// Like [`Self::open`], and looks for writes of other processes every `poll`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &str, poll: Duration) -> Result<Self, DatabaseError> {
        let options = address::parse(url)?;
        let engine = Engine::Sqlite(Arc::new(Sqlite::open(options, poll).await?));
        Ok(Self { engine })
    }

    /// Applies the migrations that are missing. Call it before the channel layer starts, which would not
    /// learn of a new epoch. Followed tables stay followed, whatever the migrations
    /// do to them; when rows may have changed unseen, the log begins a new life and every client
    /// loads its snapshot again.
    ///
    /// # Errors
    /// [`DatabaseError::Migrate`] when a migration fails; those before it stay applied.
    pub async fn migrate(&self, migrator: &Migrator) -> Result<(), DatabaseError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => migrate::run(sqlite, migrator).await,
        }
    }

    /// Begins to read: everything read through it, and its position, are of one moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn read(&self) -> Result<ReadTx, sqlx::Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => ReadTx::sqlite(sqlite).await,
        }
    }

    /// Begins to write, after other writers have finished.
    ///
    /// # Errors
    /// When the database cannot be written, or others write for too long (5 seconds for other
    /// processes, 30 for this one).
    pub async fn write(&self) -> Result<WriteTx, sqlx::Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => WriteTx::sqlite(sqlite).await,
        }
    }

    /// The change log.
    pub fn log(&self) -> Arc<dyn ChangeLog> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.log.clone(),
        }
    }

    /// Logs every change of a table from now on, such as `("public", "products")`.
    ///
    /// # Errors
    /// [`LogError`] by name when there is no such table or it cannot be followed.
    pub async fn enable_realtime(&self, schema: &str, table: &str) -> Result<(), LogError> {
        self.log().enable(schema, table).await
    }

    /// Logs the table's changes no longer.
    ///
    /// # Errors
    /// [`LogError`] by name when there is no such table.
    pub async fn disable_realtime(&self, schema: &str, table: &str) -> Result<(), LogError> {
        self.log().disable(schema, table).await
    }

    /// The tables whose changes are logged, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn realtime_tables(&self) -> Result<Vec<TableRef>, LogError> {
        self.log().tables().await
    }

    /// Closes every connection, after the transactions that are still open.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
