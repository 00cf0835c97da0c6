//! Notices writes: those of this process at once, those of other processes by looking regularly.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{Mutex, Notify},
    time::sleep,
};

/// How long to wait after the database could not be asked.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The watch over one database file.
pub(super) struct Watch {
    own: Notify,
    foreign: Mutex<Foreign>,
    poll: Duration,
}

/// SQLite counts the commits of *other* connections, so this one must never write.
struct Foreign {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    version: Option<i64>,
    closed: bool,
}

impl Watch {
    pub(super) fn new(options: SqliteConnectOptions, poll: Duration) -> Self {
        // Fifty statements a second would bury everything else in a debug log.
        let options = options.disable_statement_logging();
        let foreign = Foreign { options, connection: None, version: None, closed: false };
        Self { own: Notify::new(), foreign: Mutex::new(foreign), poll }
    }

    /// Wakes [`Self::changed`], now or at its next call.
    pub(super) fn wake(&self) {
        self.own.notify_one();
    }

    /// Resolves when something may have been written since it last resolved.
    pub(super) async fn changed(&self) {
        loop {
            tokio::select! {
                biased;
                () = self.own.notified() => return,
                () = sleep(self.poll) => {}
            }
            match self.foreign.lock().await.moved().await {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => {
                    tracing::warn!(%error, "the database could not be watched");
                    // The caller reads, and so learns what is wrong.
                    return sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Closes the connection for good.
    pub(super) async fn close(&self) {
        let mut foreign = self.foreign.lock().await;
        foreign.closed = true;
        if let Some(connection) = foreign.connection.take() {
            let _ = connection.close().await;
        }
    }
}

impl Foreign {
    /// Whether another connection has committed since the last call; the first call says yes.
    async fn moved(&mut self) -> Result<bool, sqlx::Error> {
        if self.closed {
            return Err(sqlx::Error::PoolClosed);
        }
        if self.connection.is_none() {
            self.version = None;
            self.connection = Some(self.options.connect().await?);
        }
        let Some(connection) = &mut self.connection else { return Ok(true) };
        let read: Result<i64, _> =
            sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await;
        match read {
            Ok(version) => Ok(self.version.replace(version) != Some(version)),
            Err(error) => {
                self.connection = None;
                Err(error)
            }
        }
    }
}
