//! What transactions promise.

use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::timeout;

use crate::{
    contract::{Position, Written},
    server::{
        database::Transaction,
        log::tests::{Fixture, Writer},
    },
    sql,
};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)";

async fn all(tx: &mut impl Transaction) -> Vec<(i64, String)> {
    sql!(tx, |conn| sqlx::query_as("SELECT id, a FROM t ORDER BY id").fetch_all(conn)).unwrap()
}

async fn insert(tx: &mut impl Transaction, id: i64) -> Result<(i64, String), sqlx::Error> {
    let text = "INSERT INTO t VALUES ($1, 'x') RETURNING id, a";
    sql!(tx, |conn| sqlx::query_as(text).bind(id).fetch_one(conn))
}

#[tokio::test]
async fn a_write_answers_with_the_position_that_includes_it() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut tx = test.db.write().await.unwrap();
    insert(&mut tx, 1).await.unwrap();
    let row = insert(&mut tx, 2).await.unwrap();
    assert_eq!(all(&mut tx).await.len(), 2, "it sees its own writes");
    let written = tx.commit(Some(row)).await.unwrap();
    let position = Position::new(test.db.log().epoch(), 2);
    assert_eq!(written, Written { position, row: Some((2, "x".into())) });
    let mut tx = test.db.read().await.unwrap();
    let rows = all(&mut tx).await;
    assert_eq!(tx.position(), position);
    let snapshot = tx.snapshot(rows);
    assert_eq!((snapshot.position, snapshot.rows.len()), (position, 2));
}

#[tokio::test]
async fn a_read_stays_at_its_position() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut tx = test.db.read().await.unwrap();
    for writer in Writer::BOTH {
        test.write(writer, "INSERT INTO t (a) VALUES ('later')").await;
    }
    assert!(all(&mut tx).await.is_empty());
    assert_eq!(tx.position().offset, 0);
    assert_eq!(test.db.read().await.unwrap().position().offset, 2);
}

#[tokio::test]
async fn a_read_transaction_cannot_write() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut tx = test.db.read().await.unwrap();
    assert!(insert(&mut tx, 1).await.is_err());
}

#[tokio::test]
async fn a_write_that_begins_with_a_read_cannot_be_overtaken() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut tx = test.db.write().await.unwrap();
    all(&mut tx).await;
    let options = SqliteConnectOptions::new().filename(&test.path).busy_timeout(Duration::ZERO);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let overtaken = sqlx::query("INSERT INTO t VALUES (1, 'y')").execute(&mut other).await;
    assert!(overtaken.is_err());
    insert(&mut tx, 1).await.unwrap();
    tx.commit::<()>(None).await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_dropped_leaves_nothing_and_lets_the_next_one_in() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    for _ in 0..20 {
        let mut tx = test.db.write().await.unwrap();
        insert(&mut tx, 1).await.unwrap();
        drop(tx);
    }
    let mut tx = timeout(Duration::from_secs(2), test.db.write()).await.unwrap().unwrap();
    assert!(all(&mut tx).await.is_empty());
    insert(&mut tx, 1).await.unwrap();
    assert_eq!(tx.commit::<()>(None).await.unwrap().position.offset, 1);
}

#[tokio::test]
async fn a_future_that_is_cancelled_leaves_no_transaction_behind() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    for wait in 0..40_u64 {
        let work = async {
            let mut tx = test.db.write().await.unwrap();
            insert(&mut tx, 1).await.unwrap();
            let mut read = test.db.read().await.unwrap();
            all(&mut read).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        };
        assert!(timeout(Duration::from_micros(wait * 100), work).await.is_err());
    }
    // Every reader of the pool sees what is committed now, so none is stuck in an old transaction.
    test.write(Writer::Own, "INSERT INTO t VALUES (1, 'x')").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut tx = timeout(Duration::from_secs(2), test.db.read()).await.unwrap().unwrap();
        assert_eq!((tx.position().offset, all(&mut tx).await.len()), (1, 1));
        held.push(tx);
    }
}

#[tokio::test]
async fn a_commit_that_fails_rolls_back() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT,
                  p INT REFERENCES t DEFERRABLE INITIALLY DEFERRED)";
    let test = Fixture::following(schema, &["t"]).await;
    let mut tx = test.db.write().await.unwrap();
    sql!(tx, |conn| sqlx::query("INSERT INTO t VALUES (1, '', 99)").execute(conn)).unwrap();
    assert!(tx.commit::<()>(None).await.is_err());
    assert_eq!(test.db.log().head().await.unwrap(), 0);
    test.write(Writer::Own, "INSERT INTO t VALUES (1, '', 1)").await;
    assert_eq!(test.db.log().head().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_queue() {
    let test = std::sync::Arc::new(Fixture::following(SCHEMA, &["t"]).await);
    let writers = (0..50).map(|id| {
        let test = test.clone();
        tokio::spawn(async move {
            let mut tx = test.db.write().await.unwrap();
            insert(&mut tx, id).await.unwrap();
            tx.commit::<()>(None).await.unwrap().position.offset
        })
    });
    let mut offsets = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        offsets.push(writer.await.unwrap());
    }
    offsets.sort();
    assert_eq!(offsets, (1..=50).collect::<Vec<_>>());
}
