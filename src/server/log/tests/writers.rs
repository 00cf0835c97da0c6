//! Whoever writes is seen, and soon; who does not commit is not.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
    time::timeout,
};

use super::{Fixture, Writer, has_command};
use crate::sql;

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a)";

async fn count(test: &Fixture) -> i64 {
    let mut tx = test.db.read().await.unwrap();
    sql!(tx, |conn| sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(conn)).unwrap()
}

/// Takes the wake-ups of what has happened so far.
async fn settle(test: &Fixture) {
    let log = test.db.log();
    while timeout(Duration::from_millis(200), log.changed()).await.is_ok() {}
}

#[tokio::test]
async fn spec_fb6_external_writer_is_seen() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    settle(&test).await;
    let log = test.db.log();
    let started = Instant::now();
    let woken = tokio::spawn(async move {
        log.changed().await;
        Instant::now()
    });
    test.write(Writer::Foreign, "INSERT INTO t VALUES (1, 'from outside')").await;
    let woken = timeout(Duration::from_secs(5), woken).await.unwrap().unwrap();
    println!("the sqlite3 command: {:?} from its start to the wake-up", woken - started);
    assert_eq!(test.record().await["a"], "from outside");
}

#[tokio::test]
async fn spec_fb6_external_writer_wakes_within_a_tenth_of_a_second() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let options = SqliteConnectOptions::new().filename(&test.path);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let mut waits = Vec::new();
    for id in 0..20 {
        settle(&test).await;
        let insert = format!("INSERT INTO t VALUES ({id}, 0)");
        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut other).await.unwrap();
        let committed = Instant::now();
        timeout(Duration::from_secs(5), test.db.log().changed()).await.unwrap();
        waits.push(committed.elapsed());
    }
    waits.sort();
    println!("another connection: {:?} in the middle, {:?} at worst", waits[10], waits[19]);
    assert!(waits[10] < Duration::from_secs(1));
}

#[tokio::test]
async fn own_writes_wake_at_once() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut waits = Vec::new();
    for id in 0..20 {
        settle(&test).await;
        let log = test.db.log();
        let woken = tokio::spawn(async move {
            log.changed().await;
            Instant::now()
        });
        tokio::task::yield_now().await;
        let mut tx = test.db.write().await.unwrap();
        let insert = sqlx::query("INSERT INTO t VALUES ($1, 0)").bind(id);
        sql!(tx, |conn| insert.execute(conn)).unwrap();
        tx.commit::<()>(None).await.unwrap();
        let committed = Instant::now();
        waits.push(woken.await.unwrap().saturating_duration_since(committed));
    }
    waits.sort();
    println!("own writes: {:?} in the middle, {:?} at worst", waits[10], waits[19]);
    assert!(waits[10] < Duration::from_millis(500));
}

#[tokio::test]
async fn a_wake_up_is_not_lost_while_nobody_waits() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    settle(&test).await;
    for writer in Writer::BOTH {
        test.write(writer, "INSERT INTO t DEFAULT VALUES").await;
        timeout(Duration::from_secs(5), test.db.log().changed()).await.unwrap();
        settle(&test).await;
    }
}

#[tokio::test]
async fn spec_nx3_change_and_row_commit_together() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut tx = test.db.write().await.unwrap();
    let insert = "INSERT INTO t VALUES (1, 'a'), (2, 'b')";
    sql!(tx, |conn| sqlx::query(insert).execute(conn)).unwrap();
    assert_eq!((count(&test).await, test.entries().await.len()), (0, 0), "not before the commit");
    drop(tx);
    assert_eq!((count(&test).await, test.entries().await.len()), (0, 0), "not after a rollback");
    test.write(Writer::Own, insert).await;
    assert_eq!((count(&test).await, test.entries().await.len()), (2, 2));
    test.write(Writer::Foreign, "BEGIN; INSERT INTO t VALUES (3, 'c'); ROLLBACK").await;
    assert_eq!((count(&test).await, test.entries().await.len()), (2, 2));
    test.write(Writer::Foreign, "INSERT INTO t VALUES (3, 'c')").await;
    let offsets: Vec<_> = test.entries().await.iter().map(|entry| entry.offset).collect();
    assert_eq!(offsets, [1, 2, 3], "a rollback leaves no gap");
}

#[tokio::test]
async fn spec_nx3_what_a_savepoint_undoes_is_not_logged() {
    for writer in Writer::BOTH {
        let test = Fixture::following(SCHEMA, &["t"]).await;
        test.write(
            writer,
            "SAVEPOINT a; INSERT INTO t VALUES (1, 0); SAVEPOINT b; INSERT INTO t VALUES (2, 0);
             ROLLBACK TO b; INSERT INTO t VALUES (3, 0); RELEASE a;",
        )
        .await;
        let found: Vec<_> =
            test.entries().await.into_iter().map(|e| (e.offset, e.row_id.unwrap())).collect();
        assert_eq!(found, [(1, "1".into()), (2, "3".into())]);
    }
}

#[tokio::test]
async fn spec_nx3_a_writer_that_is_killed_leaves_neither() {
    if !has_command().await {
        return;
    }
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let mut command = Command::new("sqlite3");
    command.arg(&test.path).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // A small cache makes it write into the file before it commits.
    stdin
        .write_all(
            b"PRAGMA cache_size = 1; BEGIN IMMEDIATE; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL \
              SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, hex(zeroblob(100)) FROM n; \
              SELECT count(*) FROM tidewire_log;\n",
        )
        .await
        .unwrap();
    stdin.flush().await.unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("5000"));
    child.kill().await.unwrap();
    assert_eq!((count(&test).await, test.entries().await.len()), (0, 0));
    test.write(Writer::Own, "INSERT INTO t VALUES (1, 0)").await;
    assert_eq!((count(&test).await, test.db.log().head().await.unwrap()), (1, 1));
}
