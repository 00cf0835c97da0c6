//! The database file, its writers and its readers.

use std::{collections::BTreeMap, path::Path as FilePath, str::FromStr, time::Duration};

use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tidewire::{
    Position, Snapshot,
    server::{
        Database,
        database::{Connection, ReadTx, Transaction, WriteTx},
    },
    sql,
};

use super::{
    edit::{Edit, Statement},
    item::{Item, Items, Topic},
    model::Truth,
    paths::Path,
};

/// A real file, in memory where the system has such a folder.
pub struct Disk {
    pub database: Database,
    foreign: SqliteConnection,
    url: String,
    _folder: TempDir,
}

/// Who writes, and how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The server's own process, which wakes the tailer.
    Own,
    /// Another program: the tailer learns of it when it looks the next time.
    Foreign,
    /// Dropped before the commit.
    RolledBack,
    /// Another program that also spoils its last entry of the log.
    Damaged,
}

impl Disk {
    pub async fn create() -> Self {
        let mut builder = tempfile::Builder::new();
        let folder = builder.prefix("tidewire-oracle-");
        let folder = match FilePath::new("/dev/shm") {
            memory if memory.is_dir() => folder.tempdir_in(memory),
            _ => folder.tempdir(),
        };
        let folder = folder.expect("a folder");
        let url = format!("sqlite://{}/db.sqlite", folder.path().display());
        let database = open(&url).await;
        let options = SqliteConnectOptions::from_str(&url).expect("an address");
        let mut foreign = options.connect().await.expect("a connection");
        let tables = "CREATE TABLE items (id INTEGER PRIMARY KEY, room INTEGER, note INTEGER); \
                      CREATE TABLE noise (n INTEGER);";
        sqlx::raw_sql(tables).execute(&mut foreign).await.expect("tables");
        for table in ["items", "noise"] {
            database.enable_realtime("public", table).await.expect("a followed table");
        }
        Self { database, foreign, url, _folder: folder }
    }

    /// No rows and an empty log, as on the first day.
    pub async fn reset(&mut self) {
        let statements = [
            "BEGIN IMMEDIATE",
            "DELETE FROM items",
            "DELETE FROM noise",
            "DELETE FROM tidewire_log",
            "DELETE FROM sqlite_sequence WHERE name = 'tidewire_log'",
            "COMMIT",
        ];
        run(&mut self.foreign, statements.map(|sql| (sql, Vec::new()))).await;
    }

    /// Opens the file anew; `new_life` is what an operator does after restoring a backup.
    pub async fn reopen(&mut self, new_life: bool) {
        if new_life {
            let sql = "DELETE FROM tidewire_meta WHERE key = 'epoch'";
            run(&mut self.foreign, [(sql, Vec::new())]).await;
        }
        let old = std::mem::replace(&mut self.database, open(&self.url).await);
        old.close().await;
    }

    /// Writes, and tells the model first: the server may be faster than the caller. Returns where
    /// the log stood after a commit of our own.
    pub async fn write(&mut self, truth: &Truth, writer: Writer, edits: &[Edit]) -> Position {
        let own = matches!(writer, Writer::Own | Writer::RolledBack);
        let mut statements: Vec<Statement> = Vec::new();
        let position = {
            let mut model = truth.lock();
            let mut rows = model.rows_at(model.head());
            let mut entries = Vec::new();
            for edit in edits {
                let planned = edit.plan(&mut rows);
                statements.extend(planned.statement);
                entries.extend(planned.entries);
                planned.path.into_iter().for_each(|path| model.paths.hit(path));
            }
            if let (Writer::Damaged, Some(last)) = (writer, entries.last_mut()) {
                last.readable = false;
                let sql = "UPDATE tidewire_log SET new = '{' \
                           WHERE id = (SELECT max(id) FROM tidewire_log)";
                statements.push((sql, Vec::new()));
            }
            model.paths.hit(match writer {
                Writer::Own => Path::OwnWrite,
                Writer::Foreign => Path::ForeignWrite,
                Writer::RolledBack => Path::RolledBack,
                Writer::Damaged => Path::Damaged,
            });
            if writer != Writer::RolledBack {
                model.entries.extend(entries);
            }
            model.position()
        };
        if !own {
            statements.insert(0, ("BEGIN IMMEDIATE", Vec::new()));
            statements.push(("COMMIT", Vec::new()));
            run(&mut self.foreign, statements).await;
            return position;
        }
        let mut tx: WriteTx = self.database.write().await.expect("a transaction");
        let Connection::Sqlite(connection) = tx.connection();
        run(connection, statements).await;
        if writer == Writer::Own {
            let written = tx.commit::<()>(None).await.expect("a commit");
            truth.lock().check(written.position == position, || {
                format!("committed at {} instead of {position}", written.position)
            });
        }
        position
    }

    pub async fn trim(&mut self, truth: &Truth, keep: u64) {
        {
            let mut model = truth.lock();
            model.floor = model.floor.max(model.head().saturating_sub(keep));
            model.paths.hit(Path::Trimmed);
        }
        let week = Duration::from_secs(7 * 24 * 3600);
        self.database.log().trim(week, keep).await.expect("a trim");
    }

    /// The rows of a channel as they are now.
    pub async fn select(&mut self, topic: Topic) -> Items {
        let mut tx = self.database.read().await.expect("a transaction");
        rows(&mut tx, topic).await.into_iter().map(|item| (item.id, item)).collect()
    }
}

async fn run(connection: &mut SqliteConnection, statements: impl IntoIterator<Item = Statement>) {
    for (sql, values) in statements {
        let query = values.into_iter().fold(sqlx::query(sql), |query, value| query.bind(value));
        query.execute(&mut *connection).await.expect("a statement");
    }
}

/// Reads the rest of a snapshot, whose position was fixed when `tx` began.
pub async fn snapshot(truth: &Truth, mut tx: ReadTx, topic: Topic) -> Snapshot<Item> {
    let snapshot = {
        let rows = rows(&mut tx, topic).await;
        tx.snapshot(rows)
    };
    let mut model = truth.lock();
    let held: BTreeMap<_, _> = snapshot.rows.iter().map(|item| (item.id, item.clone())).collect();
    let truth = model.list_at(topic, snapshot.position.offset);
    model.check(held == truth, || {
        format!("a snapshot of {topic:?} at {} is {held:?}, not {truth:?}", snapshot.position)
    });
    if snapshot.position.offset < model.head() {
        model.paths.hit(Path::LoadAcrossWrite);
    }
    drop(model);
    snapshot
}

async fn rows(tx: &mut ReadTx, topic: Topic) -> Vec<Item> {
    let text = format!("SELECT id, room, note FROM items WHERE {}", topic.condition());
    sql!(tx, |conn| sqlx::query_as(AssertSqlSafe(text)).fetch_all(conn)).expect("rows")
}

async fn open(url: &str) -> Database {
    // Other programs' writes are looked for when a schedule says so.
    Database::open_with(url, Duration::from_secs(1_000_000)).await.expect("a database")
}
