//! The change log in a SQLite file.
//!
//! `tidewire_log` holds the entries, `tidewire_meta` the epoch. Triggers write the changes;
//! a message is a row with the `op` MESSAGE, its channel as `tbl` and its payload as `new`, which any
//! program may insert. There is one writer at a
//! time and the id is drawn inside its transaction, so the order of ids is the order of commits, and
//! a write that is rolled back gives its ids back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use serde_json::value::RawValue;
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions};

use super::{
    ChangeLog, Entry, LogError, PUBLIC, TableRef,
    entry::COLUMNS,
    realtime::{self, install, remove},
    table::resolve,
    watch::Watch,
};
use crate::contract::ChannelName;

/// How many entries one transaction removes, so that trimming does not keep writers waiting.
const TRIM_CHUNK: i64 = 5_000;

/// The last id that was drawn: `sqlite_sequence` remembers it when its entry has been trimmed.
const HEAD: &str =
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'tidewire_log'), 0)";

/// The change log in a SQLite file.
pub(in crate::server) struct SqliteLog {
    writer: SqlitePool,
    readers: SqlitePool,
    watch: Watch,
    epoch: AtomicU64,
    schema: Arc<str>,
}

/// Adds a message to the log, as part of whatever transaction the connection is in.
pub(in crate::server) async fn add_message(
    conn: &mut SqliteConnection,
    channel: &ChannelName,
    payload: &RawValue,
) -> Result<(), sqlx::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    sqlx::query("INSERT INTO tidewire_log (at_ms, tbl, op, new) VALUES ($1, $2, 'MESSAGE', $3)")
        .bind(i64::try_from(now).unwrap_or(i64::MAX))
        .bind(channel.as_str())
        .bind(payload.get())
        .execute(conn)
        .await?;
    Ok(())
}

/// The offset of the newest entry that this connection can see.
pub(in crate::server) async fn head(conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let head: i64 = sqlx::query_scalar(HEAD).fetch_one(conn).await?;
    Ok(head.unsigned_abs())
}

impl SqliteLog {
    /// Makes the log's tables if they are missing and refreshes the triggers of followed tables,
    /// whose columns may have changed. `options` is for the connection that looks for writes of other
    /// processes every `poll`.
    pub(in crate::server) async fn open(
        writer: SqlitePool,
        readers: SqlitePool,
        options: SqliteConnectOptions,
        poll: Duration,
    ) -> Result<Self, LogError> {
        let epoch = create(&writer).await?;
        let log = Self {
            writer,
            readers,
            watch: Watch::new(options, poll),
            epoch: AtomicU64::new(epoch),
            schema: PUBLIC.into(),
        };
        // A migration that was cut off may have left tables to be followed again.
        log.resume(&[]).await?;
        Ok(log)
    }

    /// Drops all triggers and remembers whose they were, for a migration that they stand in the way
    /// of. [`Self::resume`] or the next start brings them back.
    pub(in crate::server) async fn suspend(&self) -> Result<(), LogError> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for table in realtime::tables(&mut tx).await? {
            remove(&mut tx, &table).await?;
            sqlx::query("INSERT OR IGNORE INTO tidewire_meta VALUES ('suspended:' || $1, $1)")
                .bind(table)
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Follows the suspended tables again, and those of `before` that have lost their triggers because
    /// they were made anew. What happened in between was not logged, so the log begins a new life.
    pub(in crate::server) async fn resume(&self, before: &[TableRef]) -> Result<(), LogError> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let mut wanted: Vec<String> = sqlx::query_scalar(
            "DELETE FROM tidewire_meta WHERE substr(key, 1, 10) = 'suspended:' RETURNING value",
        )
        .fetch_all(&mut *tx)
        .await?;
        wanted.extend(before.iter().map(|table| table.name.clone()));
        let followed = realtime::tables(&mut tx).await?;
        wanted.retain(|table| !followed.contains(table));
        let mut missed = false;
        for table in wanted {
            match resolve(&mut tx, &table).await {
                Ok(name) => {
                    install(&mut tx, name).await?;
                    missed = true;
                }
                Err(LogError::Sql(error)) => return Err(error.into()),
                // The migration dropped the table, or made something else of it.
                Err(_) => {}
            }
        }
        for table in followed {
            install(&mut tx, table).await?;
        }
        let epoch = if missed { Some(draw_epoch(&mut tx).await?) } else { None };
        tx.commit().await?;
        if let Some(epoch) = epoch {
            self.epoch.store(epoch, Ordering::Release);
        }
        Ok(())
    }

    /// Stops watching the file.
    pub(in crate::server) async fn close(&self) {
        self.watch.close().await;
        self.readers.close().await;
    }
}

#[async_trait]
impl ChangeLog for SqliteLog {
    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    async fn head(&self) -> Result<u64, LogError> {
        let head: i64 = sqlx::query_scalar(HEAD).fetch_one(&self.readers).await?;
        Ok(head.unsigned_abs())
    }

    async fn floor(&self) -> Result<u64, LogError> {
        // Read from the log itself, so that it is right in the very transaction that trims, and also
        // when somebody deletes entries by hand.
        let floor: i64 = sqlx::query_scalar(
            "SELECT coalesce((SELECT min(id) - 1 FROM tidewire_log), \
             (SELECT seq FROM sqlite_sequence WHERE name = 'tidewire_log'), 0)",
        )
        .fetch_one(&self.readers)
        .await?;
        Ok(floor.unsigned_abs())
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, LogError> {
        let sql = format!("SELECT {COLUMNS} FROM tidewire_log WHERE id > $1 ORDER BY id LIMIT $2");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.readers)
            .await?;
        let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
        for row in &rows {
            let last = entries.last().map(|entry| &entry.table);
            entries.push(Entry::from_row(row, &self.schema, last)?);
        }
        Ok(entries)
    }

    async fn trim(&self, older_than: Duration, keep_at_most: u64) -> Result<u64, LogError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = now.saturating_sub(older_than).as_millis();
        let head = i64::try_from(self.head().await?).unwrap_or(i64::MAX);
        // Only from the front, whatever the clock has done: the log must stay without gaps.
        let first_young: Option<i64> =
            sqlx::query_scalar("SELECT id FROM tidewire_log WHERE at_ms >= $1 ORDER BY id LIMIT 1")
                .bind(i64::try_from(oldest).unwrap_or(i64::MAX))
                .fetch_optional(&self.readers)
                .await?;
        let too_old = first_young.map_or(head, |id| id - 1);
        let too_many = head.saturating_sub(i64::try_from(keep_at_most).unwrap_or(i64::MAX));
        let mut trimmed = 0;
        loop {
            let removed = sqlx::query(
                "DELETE FROM tidewire_log WHERE id <= \
                 min($1, (SELECT min(id) FROM tidewire_log) + $2 - 1)",
            )
            .bind(too_old.max(too_many))
            .bind(TRIM_CHUNK)
            .execute(&self.writer)
            .await?
            .rows_affected();
            trimmed += removed;
            if removed < TRIM_CHUNK.unsigned_abs() {
                return Ok(trimmed);
            }
        }
    }

    async fn enable(&self, schema: &str, table: &str) -> Result<(), LogError> {
        realtime::enable(&self.writer, schema, table).await
    }

    async fn disable(&self, schema: &str, table: &str) -> Result<(), LogError> {
        realtime::disable(&self.writer, schema, table).await
    }

    async fn tables(&self) -> Result<Vec<TableRef>, LogError> {
        let mut conn = self.readers.acquire().await?;
        let names = realtime::tables(&mut conn).await?;
        Ok(names.into_iter().map(|name| TableRef { schema: PUBLIC.into(), name }).collect())
    }

    async fn changed(&self) {
        self.watch.changed().await;
    }

    fn wake(&self) {
        self.watch.wake();
    }
}

/// Makes the log's tables if they are missing and returns the epoch.
async fn create(writer: &SqlitePool) -> Result<u64, sqlx::Error> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    let fresh: bool = sqlx::query_scalar(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'tidewire_log')",
    )
    .fetch_one(&mut *tx)
    .await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS tidewire_log (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             at_ms INTEGER NOT NULL, -- milliseconds since 1970
             tbl TEXT NOT NULL, -- a message's channel
             op TEXT NOT NULL, -- INSERT, UPDATE, DELETE or MESSAGE
             row_id TEXT, -- the primary key
             old TEXT, -- the row before, as JSON
             new TEXT -- the row after or the message, as JSON
         );
         -- what a REPLACE may be about to remove: its table and key, the key in its place, and itself
         CREATE TABLE IF NOT EXISTS tidewire_replaced (tbl TEXT, row_id TEXT, new_id TEXT, old TEXT);
         CREATE TABLE IF NOT EXISTS tidewire_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);",
    )
    .execute(&mut *tx)
    .await?;
    let known: Option<String> =
        sqlx::query_scalar("SELECT value FROM tidewire_meta WHERE key = 'epoch'")
            .fetch_optional(&mut *tx)
            .await?;
    let epoch = match known.and_then(|text| u64::from_str_radix(&text, 16).ok()) {
        // A log that is made anew counts from 1 again: it must not pass for the old one.
        Some(epoch) if !fresh => epoch,
        _ => draw_epoch(&mut tx).await?,
    };
    tx.commit().await?;
    Ok(epoch)
}

/// Begins a new life of the log: every older position is answered with `resync`.
async fn draw_epoch(conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let text: String = sqlx::query_scalar(
        "INSERT OR REPLACE INTO tidewire_meta VALUES ('epoch', lower(hex(randomblob(8)))) \
         RETURNING value",
    )
    .fetch_one(conn)
    .await?;
    u64::from_str_radix(&text, 16).map_err(|error| sqlx::Error::Decode(error.into()))
}
