//! Other programs that write to the database: a connection that knows nothing of the server, and the
//! `sqlite3` command.

use std::{path::Path, process::Stdio, time::Duration};

use sqlx::{
    AssertSqlSafe, Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};

/// A plain connection with a default configuration, as any program would open it.
#[derive(Clone)]
pub struct Writer {
    pool: SqlitePool,
}

impl Writer {
    pub async fn open(file: &Path) -> Self {
        let options =
            SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        Self { pool: pool.expect("the file opens") }
    }

    /// Runs one or more statements.
    pub async fn run(&self, sql: impl Into<String>) {
        let sql = sql.into();
        let done = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&self.pool).await;
        done.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// A value of the first column of the first row.
    pub async fn text(&self, sql: &'static str) -> Option<String> {
        let row: Option<SqliteRow> =
            sqlx::query(sql).fetch_optional(&self.pool).await.expect("a query");
        row.map(|row| row.get(0))
    }

    /// The pool, for typed queries.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Adds products `{prefix}{n}` for each number, one statement each, in one transaction.
    pub async fn products(&self, prefix: &str, numbers: impl Iterator<Item = usize>) {
        let mut sql = String::from("BEGIN IMMEDIATE;");
        for n in numbers {
            sql += &format!("INSERT INTO products (name, price) VALUES ('{prefix}{n}', {n});");
        }
        self.run(sql + "COMMIT;").await;
    }
}

/// Runs statements with the `sqlite3` command; `false` when this machine has none.
pub async fn sqlite3(file: &Path, sql: &str) -> bool {
    let command = tokio::process::Command::new("sqlite3")
        .args(["-cmd", ".timeout 5000"])
        .arg(file)
        .arg(sql)
        .stdin(Stdio::null())
        .output()
        .await;
    match command {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => panic!("sqlite3: {error}"),
    }
}
