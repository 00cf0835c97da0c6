//! Switching tables on and off, and what happens to their triggers when they change.

use serde_json::json;

use super::{Fixture, Writer};
use crate::server::log::{LogError, TableRef};

fn public(name: &str) -> TableRef {
    TableRef { schema: "public".into(), name: name.into() }
}

#[tokio::test]
async fn spec_fb5_tables_are_switched_on_and_off_at_run_time_and_listed() {
    let schema = "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY)";
    let test = Fixture::following(schema, &["b", "A"]).await;
    assert_eq!(test.db.realtime_tables().await.unwrap(), [public("a"), public("b")]);
    test.db.enable_realtime("main", "a").await.unwrap();
    test.write(Writer::Own, "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)").await;
    test.db.disable_realtime("public", "a").await.unwrap();
    test.db.disable_realtime("public", "a").await.unwrap();
    test.write(Writer::Own, "INSERT INTO a VALUES (2); INSERT INTO b VALUES (2)").await;
    assert_eq!(test.db.realtime_tables().await.unwrap(), [public("b")]);
    assert_eq!(test.entries().await.len(), 3);
    let test = test.reopen().await;
    assert_eq!(test.db.realtime_tables().await.unwrap(), [public("b")]);
    assert_eq!(public("b").to_string(), "public.b");
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_by_name() {
    let schema = "CREATE TABLE t (a); CREATE VIEW v AS SELECT 1;";
    let test = Fixture::following(schema, &[]).await;
    let enable =
        async |schema: &str, table: &str| test.db.enable_realtime(schema, table).await.unwrap_err();
    assert!(
        matches!(enable("public", "nope").await, LogError::UnknownTable { table, .. } if table == "nope")
    );
    assert!(matches!(enable("other", "t").await, LogError::UnknownSchema { .. }));
    assert!(
        matches!(enable("public", "v").await, LogError::NotATable { kind, .. } if kind == "view")
    );
    for table in ["tidewire_log", "Tidewire_Meta", "sqlite_sequence", "sqlite_master"] {
        let error = enable("public", table).await;
        assert!(
            matches!(error, LogError::Reserved { .. } | LogError::UnknownTable { .. }),
            "{error}"
        );
    }
    assert!(matches!(enable("public", "tidewire_log").await, LogError::Reserved { .. }));
    let unknown = test.db.disable_realtime("public", "nope").await;
    assert!(matches!(unknown, Err(LogError::UnknownTable { .. })));
    test.db.disable_realtime("public", "t").await.unwrap();
}

#[tokio::test]
async fn new_columns_are_logged_after_a_restart_or_when_enabled_again() {
    let test = Fixture::following("CREATE TABLE t (id INTEGER PRIMARY KEY)", &["t"]).await;
    test.write(Writer::Foreign, "ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'x'").await;
    let test = test.reopen().await;
    test.write(Writer::Own, "INSERT INTO t (id) VALUES (1)").await;
    assert_eq!(test.record().await, json!({"id": 1, "a": "x"}));
    test.write(Writer::Foreign, "ALTER TABLE t ADD COLUMN b BOOLEAN DEFAULT 1").await;
    test.db.enable_realtime("public", "t").await.unwrap();
    test.write(Writer::Foreign, "INSERT INTO t (id) VALUES (2)").await;
    assert_eq!(test.record().await, json!({"id": 2, "a": "x", "b": true}));
}

#[tokio::test]
async fn renamed_tables_and_columns_are_logged_by_their_new_names() {
    let test = Fixture::following("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", &["t"]).await;
    test.write(Writer::Foreign, "ALTER TABLE t RENAME COLUMN a TO b; ALTER TABLE t RENAME TO u")
        .await;
    let test = test.reopen().await;
    assert_eq!(test.db.realtime_tables().await.unwrap(), [public("u")]);
    test.write(Writer::Own, "INSERT INTO u VALUES (1, 2)").await;
    assert_eq!(test.record().await, json!({"id": 1, "b": 2}));
    assert_eq!(&*test.entries().await[0].table, "u");
}

#[tokio::test]
async fn enabling_again_changes_nothing() {
    let test = Fixture::following("CREATE TABLE t (id INTEGER PRIMARY KEY)", &["t"]).await;
    let mut tx = test.db.read().await.unwrap();
    let version = "PRAGMA schema_version";
    let before: i64 = crate::sql!(tx, |conn| sqlx::query_scalar(version).fetch_one(conn)).unwrap();
    drop(tx);
    test.db.enable_realtime("public", "T").await.unwrap();
    let mut tx = test.db.read().await.unwrap();
    let after: i64 = crate::sql!(tx, |conn| sqlx::query_scalar(version).fetch_one(conn)).unwrap();
    assert_eq!(before, after);
}
