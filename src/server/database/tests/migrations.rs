//! Migrations may do anything to followed tables.

use std::borrow::Cow;

use serde_json::json;
use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::server::{
    database::DatabaseError,
    log::tests::{Fixture, Writer},
};

fn migrations(scripts: &[&str]) -> Migrator {
    let migrations = scripts.iter().zip(1..).map(|(script, version)| {
        let sql = AssertSqlSafe((*script).to_owned()).into_sql_str();
        Migration::new(version, Cow::Borrowed("test"), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

const FIRST: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)";

async fn migrated() -> Fixture {
    let test = Fixture::following("SELECT 1", &[]).await;
    test.db.migrate(&migrations(&[FIRST])).await.unwrap();
    test.db.enable_realtime("public", "t").await.unwrap();
    test.write(Writer::Own, "INSERT INTO t VALUES (1, 'a', 'b')").await;
    test
}

#[tokio::test]
async fn new_columns_are_logged_at_once_and_nobody_has_to_reload() {
    let test = migrated().await;
    let epoch = test.db.log().epoch();
    let second = "ALTER TABLE t ADD COLUMN c BOOLEAN NOT NULL DEFAULT 0; UPDATE t SET a = 'z'";
    for _ in 0..2 {
        test.db.migrate(&migrations(&[FIRST, second])).await.unwrap();
    }
    assert_eq!(test.db.log().epoch(), epoch);
    assert_eq!(test.db.log().head().await.unwrap(), 2, "what a migration writes is logged");
    test.write(Writer::Own, "UPDATE t SET c = 1").await;
    assert_eq!(test.record().await, json!({"id": 1, "a": "z", "b": "b", "c": true}));
}

#[tokio::test]
async fn a_followed_table_can_lose_a_column() {
    let test = migrated().await;
    let epoch = test.db.log().epoch();
    let drop = "ALTER TABLE t DROP COLUMN b";
    test.db.migrate(&migrations(&[FIRST, drop])).await.unwrap();
    assert_ne!(test.db.log().epoch(), epoch, "rows have changed unseen");
    test.write(Writer::Own, "UPDATE t SET a = 'z'").await;
    assert_eq!(test.record().await, json!({"id": 1, "a": "z"}));
    let now = test.db.log().epoch();
    assert_eq!(test.reopen().await.db.log().epoch(), now);
}

#[tokio::test]
async fn a_table_that_is_made_anew_stays_followed() {
    let test = migrated().await;
    let epoch = test.db.log().epoch();
    let rebuild = "CREATE TABLE t2 (id INTEGER PRIMARY KEY, a TEXT NOT NULL);
                   INSERT INTO t2 SELECT id, upper(a) FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t";
    test.db.migrate(&migrations(&[FIRST, rebuild])).await.unwrap();
    assert_ne!(test.db.log().epoch(), epoch);
    test.write(Writer::Own, "UPDATE t SET a = 'z'").await;
    assert_eq!(test.record().await, json!({"id": 1, "a": "z"}));
}

#[tokio::test]
async fn a_table_that_is_dropped_is_followed_no_longer() {
    let test = migrated().await;
    test.db.migrate(&migrations(&[FIRST, "DROP TABLE t"])).await.unwrap();
    assert!(test.db.realtime_tables().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_migration_that_fails_costs_no_trigger() {
    let test = migrated().await;
    let scripts = [FIRST, "ALTER TABLE t DROP COLUMN b", "oops"];
    let error = test.db.migrate(&migrations(&scripts)).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Migrate(_)), "{error}");
    test.write(Writer::Own, "UPDATE t SET a = 'z'").await;
    assert_eq!(test.record().await, json!({"id": 1, "a": "z"}));
}

#[tokio::test]
async fn a_migration_that_is_cut_off_is_made_good_at_the_next_start() {
    let test = migrated().await;
    let epoch = test.db.log().epoch();
    // What the first half of such a migration leaves behind.
    test.write(
        Writer::Foreign,
        "INSERT INTO tidewire_meta VALUES ('suspended:t', 't'); DROP TRIGGER tidewire_t_insert;
         DROP TRIGGER tidewire_t_update; DROP TRIGGER tidewire_t_delete;
         DROP TRIGGER tidewire_t_replace; UPDATE t SET a = 'unseen'",
    )
    .await;
    let test = test.reopen().await;
    assert_ne!(test.db.log().epoch(), epoch);
    test.write(Writer::Own, "UPDATE t SET a = 'seen'").await;
    assert_eq!(test.record().await["a"], "seen");
}
