//! Tests of the log on real SQLite files, and what they share.

mod messages;
mod oracle;
mod retention;
mod tables;
mod triggers;
mod values;
mod writers;

use std::path::PathBuf;

use serde_json::{Value, value::RawValue};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tokio::process::Command;

use super::Entry;
use crate::{contract::Op, server::database::Database, sql};

/// A database file in a folder of its own.
pub(in crate::server) struct Fixture {
    pub(in crate::server) db: Database,
    pub(in crate::server) path: PathBuf,
    _folder: TempDir,
}

/// Who writes: what the log holds must be the same.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) enum Writer {
    /// This process.
    Own,
    /// The `sqlite3` command, or a plain connection where there is none.
    Foreign,
}

impl Writer {
    pub(in crate::server) const BOTH: [Self; 2] = [Self::Own, Self::Foreign];
}

impl Fixture {
    /// A database with these tables, all of which are followed.
    pub(in crate::server) async fn following(schema: &str, tables: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let db = Database::open(&url(&path)).await.unwrap();
        let fixture = Self { db, path, _folder: folder };
        fixture.write(Writer::Own, schema).await;
        for table in tables {
            fixture.db.enable_realtime("public", table).await.unwrap();
        }
        fixture
    }

    /// Opens the file again, as after a restart.
    pub(in crate::server) async fn reopen(mut self) -> Self {
        self.db.close().await;
        self.db = Database::open(&url(&self.path)).await.unwrap();
        self
    }

    /// Runs statements.
    pub(in crate::server) async fn write(&self, writer: Writer, statements: &str) {
        match writer {
            Writer::Own => {
                let mut tx = self.db.write().await.unwrap();
                let script = AssertSqlSafe(statements.to_owned());
                sql!(tx, |conn| sqlx::raw_sql(script).execute(conn)).unwrap();
                tx.commit::<()>(None).await.unwrap();
            }
            Writer::Foreign => foreign(&self.path, statements).await,
        }
    }

    /// The whole log.
    pub(in crate::server) async fn entries(&self) -> Vec<Entry> {
        self.db.log().read(0, usize::MAX).await.unwrap()
    }

    /// The whole log as `(op, row_id)`.
    pub(in crate::server) async fn ops(&self) -> Vec<(Op, Option<String>)> {
        self.entries().await.into_iter().map(|entry| (entry.op, entry.row_id)).collect()
    }

    /// The newest entry's record.
    pub(in crate::server) async fn record(&self) -> Value {
        json(&self.entries().await.pop().unwrap().record)
    }
}

pub(in crate::server) fn url(path: &std::path::Path) -> String {
    format!("sqlite://{}", path.display())
}

pub(in crate::server) fn json(row: &Option<Box<RawValue>>) -> Value {
    row.as_ref().map_or(Value::Null, |row| serde_json::from_str(row.get()).unwrap())
}

/// Whether the `sqlite3` command can be run.
pub(in crate::server) async fn has_command() -> bool {
    Command::new("sqlite3").arg("--version").output().await.is_ok()
}

async fn foreign(path: &std::path::Path, statements: &str) {
    if has_command().await {
        let mut command = Command::new("sqlite3");
        let output =
            command.args(["-bail", "-cmd", ".timeout 5000"]).arg(path).arg(statements).output();
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        let options = SqliteConnectOptions::new().filename(path);
        let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }
}
