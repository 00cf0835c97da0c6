//! Another process as far as SQLite is concerned: a connection that the server knows nothing of.

use std::time::{Duration, Instant};

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::sleep;

use crate::{Failure, latency::now_us, product::Product};

/// Rows that [`Writer::update`] goes round.
const ROWS: usize = 1_000;

/// Writes products whose name is the time.
pub struct Writer(SqliteConnection);

impl Writer {
    /// Opens the file.
    pub async fn open(url: &str) -> Result<Self, Failure> {
        let options: SqliteConnectOptions = url.parse()?;
        let options = options.busy_timeout(Duration::from_secs(30));
        Ok(Self(SqliteConnection::connect_with(&options).await?))
    }

    /// Inserts so many rows, one transaction each.
    pub async fn insert(&mut self, count: usize, pause: Duration) -> Result<(), Failure> {
        let start = Instant::now();
        for number in 1..=count {
            sqlx::query("INSERT INTO products (name, price) VALUES ($1, $2)")
                .bind(now_us().to_string())
                .bind(number as f64)
                .execute(&mut self.0)
                .await?;
            sleep((pause * number as u32).saturating_sub(start.elapsed())).await;
        }
        Ok(())
    }

    /// Has a thousand rows, for [`Writer::update`].
    pub async fn fill(&mut self) -> Result<(), Failure> {
        let mut tx = self.0.begin().await?;
        sqlx::query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
             INSERT INTO products (id, name, price) SELECT 1000000 + i, '0', 0 FROM n",
        )
        .bind(ROWS as i64)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Updates so many rows, `batch` in each transaction, `rate` rows a second.
    pub async fn update(&mut self, count: usize, batch: usize, rate: usize) -> Result<(), Failure> {
        let start = Instant::now();
        let mut done = 0;
        while done < count {
            let mut tx = self.0.begin().await?;
            for _ in 0..batch.min(count - done) {
                done += 1;
                sqlx::query("UPDATE products SET name = $1, price = $2 WHERE id = $3")
                    .bind(now_us().to_string())
                    .bind(done as f64)
                    .bind(1_000_001 + (done % ROWS) as i64)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            let due = Duration::from_secs_f64(done as f64 / rate as f64);
            sleep(due.saturating_sub(start.elapsed())).await;
        }
        Ok(())
    }

    /// Takes a user's access away; the entry's number in the log.
    pub async fn revoke(&mut self, user: &str) -> Result<u64, Failure> {
        let revoked = serde_json::json!({ "user": user }).to_string();
        let done = sqlx::query(
            "INSERT INTO tidewire_log (at_ms, tbl, op, new) \
             VALUES ($1, 'access:revoked', 'MESSAGE', $2)",
        )
        .bind(i64::try_from(now_us() / 1_000)?)
        .bind(revoked)
        .execute(&mut self.0)
        .await?;
        Ok(done.last_insert_rowid().unsigned_abs())
    }

    /// What is in the table.
    pub async fn select(&mut self) -> Result<Vec<Product>, Failure> {
        let rows: Vec<(i64, String, f64)> =
            sqlx::query_as("SELECT id, name, price FROM products ORDER BY id")
                .fetch_all(&mut self.0)
                .await?;
        Ok(rows.into_iter().map(|(id, name, price)| Product { id, name, price }).collect())
    }
}
