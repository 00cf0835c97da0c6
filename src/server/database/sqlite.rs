//! One SQLite file: one connection that writes, several that read.

use std::{path::Path, sync::Arc, thread::available_parallelism, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use super::DatabaseError;
use crate::server::log::SqliteLog;

/// The connections to one SQLite file.
pub(super) struct Sqlite {
    /// A single connection: writers queue here, in order and without polling.
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    pub(super) log: Arc<SqliteLog>,
}

impl Sqlite {
    pub(super) async fn open(
        options: SqliteConnectOptions,
        poll: Duration,
    ) -> Result<Self, DatabaseError> {
        create_folder(options.get_filename()).await?;
        let readers = available_parallelism().map_or(4, |cores| cores.get().clamp(4, 8));
        // The writer goes first: it creates the file and switches it to WAL.
        let writer = pool(1).connect_with(options.clone()).await?;
        let reading = options.clone().pragma("query_only", "ON");
        let readers = pool(readers as u32).connect_with(reading.clone()).await?;
        // The log has readers of its own: slow queries of pages must not hold up delivery.
        let log_readers = pool(2).connect_with(reading).await?;
        let log = SqliteLog::open(writer.clone(), log_readers, options, poll).await?;
        Ok(Self { writer, readers, log: Arc::new(log) })
    }

    pub(super) async fn close(&self) {
        self.log.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A connection to a file does not go stale, so none is tested or retired.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

async fn create_folder(file: &Path) -> Result<(), DatabaseError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => tokio::fs::create_dir_all(folder)
            .await
            .map_err(|source| DatabaseError::Folder { path: folder.into(), source }),
        _ => Ok(()),
    }
}
