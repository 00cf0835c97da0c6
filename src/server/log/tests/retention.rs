//! How the log is kept short, and what identifies it.

use std::time::Duration;

use super::{Fixture, Writer, url};
use crate::server::database::Database;

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
const EVER: Duration = Duration::from_secs(u64::MAX);

async fn ten() -> Fixture {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    test.write(Writer::Own, "INSERT INTO t VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)").await;
    test
}

#[tokio::test]
async fn an_empty_log_begins_at_zero() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    let log = test.db.log();
    assert_eq!((log.head().await.unwrap(), log.floor().await.unwrap()), (0, 0));
    assert!(log.read(0, 10).await.unwrap().is_empty());
    assert_eq!(log.trim(Duration::ZERO, 0).await.unwrap(), 0);
}

#[tokio::test]
async fn entries_are_read_in_pages() {
    let test = ten().await;
    let page = test.db.log().read(4, 3).await.unwrap();
    assert_eq!(page.iter().map(|entry| entry.offset).collect::<Vec<_>>(), [5, 6, 7]);
    assert!(test.db.log().read(u64::MAX, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn too_many_entries_are_trimmed_from_the_front() {
    let test = ten().await;
    let log = test.db.log();
    assert_eq!(log.trim(EVER, 4).await.unwrap(), 6);
    assert_eq!((log.floor().await.unwrap(), log.head().await.unwrap()), (6, 10));
    assert_eq!(log.read(0, 10).await.unwrap()[0].offset, 7);
    assert_eq!(log.trim(EVER, u64::MAX).await.unwrap(), 0);
}

#[tokio::test]
async fn a_log_that_was_trimmed_to_nothing_keeps_its_head() {
    let test = ten().await;
    assert_eq!(test.db.log().trim(EVER, 0).await.unwrap(), 10);
    let test = test.reopen().await;
    let log = test.db.log();
    assert_eq!((log.floor().await.unwrap(), log.head().await.unwrap()), (10, 10));
    assert_eq!(test.db.read().await.unwrap().position().offset, 10);
    test.write(Writer::Foreign, "INSERT INTO t VALUES (11)").await;
    assert_eq!((log.floor().await.unwrap(), log.head().await.unwrap()), (10, 11));
}

#[tokio::test]
async fn old_entries_are_trimmed_whatever_the_clock_has_done() {
    let test = ten().await;
    let hour = Duration::from_secs(3600);
    let log = test.db.log();
    assert_eq!(log.trim(hour, u64::MAX).await.unwrap(), 0);
    // 6 is younger than 7: what follows a young entry stays with it.
    test.write(
        Writer::Own,
        "UPDATE tidewire_log SET at_ms = at_ms - 7200000 WHERE id IN (1, 2, 3, 4, 5, 7)",
    )
    .await;
    assert_eq!(log.trim(hour, u64::MAX).await.unwrap(), 5);
    assert_eq!(log.floor().await.unwrap(), 5);
}

#[tokio::test]
async fn trimming_much_goes_in_steps() {
    let test = Fixture::following(SCHEMA, &["t"]).await;
    test.write(
        Writer::Own,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12345)
         INSERT INTO t SELECT i FROM n",
    )
    .await;
    assert_eq!(test.db.log().trim(EVER, 45).await.unwrap(), 12_300);
    assert_eq!(test.db.log().floor().await.unwrap(), 12_300);
}

#[tokio::test]
async fn the_epoch_is_the_logs_own() {
    let test = ten().await;
    let epoch = test.db.log().epoch();
    let other = Fixture::following(SCHEMA, &[]).await;
    assert_ne!(other.db.log().epoch(), epoch);
    let test = test.reopen().await;
    assert_eq!(test.db.log().epoch(), epoch);
    assert_eq!(Database::open(&url(&test.path)).await.unwrap().log().epoch(), epoch);
    // Numbers of a log that is made anew would mean other entries.
    test.write(Writer::Foreign, "DROP TABLE tidewire_log").await;
    let test = test.reopen().await;
    assert_ne!(test.db.log().epoch(), epoch);
    test.write(Writer::Own, "INSERT INTO t VALUES (11)").await;
    assert_eq!(test.db.log().head().await.unwrap(), 1);
}
