//! From `DATABASE_URL` to how a SQLite connection is opened.

use std::{str::FromStr, time::Duration};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::DatabaseError;

/// How long a connection waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the address; neither folder nor file is touched.
pub(super) fn parse(url: &str) -> Result<SqliteConnectOptions, DatabaseError> {
    let (scheme, rest) = url.split_once(':').ok_or(DatabaseError::Address)?;
    if scheme != "sqlite" {
        return Err(DatabaseError::Unsupported { scheme: scheme.into() });
    }
    let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next().unwrap_or_default();
    if path == ":memory:" || rest.contains("mode=memory") {
        return Err(DatabaseError::InMemory);
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(DatabaseError::Address);
    }
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL may lose the newest commits when the power fails, and with them positions that
        // clients already hold.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        // Without it the rows that REPLACE removes leave no trace in the log.
        .pragma("recursive_triggers", "ON")
        .pragma("journal_size_limit", "67108864");
    Ok(options)
}
