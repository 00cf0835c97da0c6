//! A snapshot equals the log folded up to its position, whoever writes meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{Fixture, Writer, json};
use crate::{contract::Snapshot, sql};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n INT)";

async fn snapshot(test: &Fixture) -> Snapshot<(i64, i64)> {
    let mut tx = test.db.read().await.unwrap();
    // Give writers every chance to come between the position and the rows.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let query = sqlx::query_as::<_, (i64, i64)>("SELECT id, n FROM t ORDER BY id");
    let rows = sql!(tx, |conn| query.fetch_all(conn)).unwrap();
    tx.snapshot(rows)
}

/// A different small statement for each `i`, keys changing included.
fn statement(i: u64, who: u64) -> String {
    let (id, other) = (i * 7 % 13, i * 11 % 13);
    match (i + who) % 5 {
        0 | 1 => format!("INSERT OR REPLACE INTO t VALUES ({id}, {i})"),
        2 => format!("UPDATE t SET n = {i} WHERE id >= {id}"),
        3 => format!("DELETE FROM t WHERE id = {id}"),
        _ => format!("UPDATE OR REPLACE t SET id = {other} WHERE id = {id}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_are_of_one_moment() {
    let test = Arc::new(Fixture::following(SCHEMA, &["t"]).await);
    let stop = Arc::new(AtomicBool::new(false));
    let (own, other) = (test.clone(), test.clone());
    let (stop_own, stop_other) = (stop.clone(), stop.clone());
    let own = tokio::spawn(async move {
        for i in 0.. {
            if stop_own.load(Ordering::Relaxed) {
                break;
            }
            own.write(Writer::Own, &[statement(i, 0), statement(i + 3, 1)].join(";")).await;
        }
    });
    let other = tokio::spawn(async move {
        let options =
            SqliteConnectOptions::new().filename(&other.path).pragma("recursive_triggers", "ON");
        let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
        for i in 0.. {
            if stop_other.load(Ordering::Relaxed) {
                break;
            }
            let script = AssertSqlSafe(statement(i, 2));
            sqlx::raw_sql(script).execute(&mut conn).await.unwrap();
        }
    });
    let mut snapshots = Vec::new();
    for _ in 0..100 {
        snapshots.push(snapshot(&test).await);
    }
    stop.store(true, Ordering::Relaxed);
    own.await.unwrap();
    other.await.unwrap();
    snapshots.push(snapshot(&test).await);

    let mut entries = test.entries().await.into_iter().peekable();
    let mut rows = BTreeMap::new();
    let mut folded = 0;
    for snapshot in snapshots {
        while let Some(entry) = entries.next_if(|e| e.offset <= snapshot.position.offset) {
            folded += 1;
            assert_eq!(entry.offset, folded, "offsets have no gaps");
            let id: i64 = entry.row_id.as_ref().unwrap().parse().unwrap();
            match entry.record {
                Some(_) => rows.insert(id, json(&entry.record)["n"].as_i64().unwrap()),
                None => rows.remove(&id),
            };
        }
        let folded: Vec<_> = rows.iter().map(|(id, n)| (*id, *n)).collect();
        assert_eq!(folded, snapshot.rows);
    }
    assert!(entries.next().is_none());
    println!("{folded} changes behind 101 snapshots");
    assert!(folded > 100);
}
