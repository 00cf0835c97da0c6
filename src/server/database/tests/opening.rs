//! Which addresses open what, and how.

use std::time::Duration;

use crate::{
    server::{
        database::{Database, DatabaseError},
        log::tests::url,
    },
    sql,
};

#[tokio::test]
async fn folder_and_file_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/yet here/app.db");
    let db = Database::open(&url(&path)).await.unwrap();
    assert!(path.is_file());
    db.close().await;
    let address = format!("sqlite:{}?mode=rwc", path.display());
    Database::open_with(&address, Duration::from_secs(1)).await.unwrap().close().await;
}

#[tokio::test]
async fn other_addresses_are_refused_by_name_and_never_shown() {
    let open = async |url: &str| match Database::open(url).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    };
    let error = open("postgres://me:secret@host/db").await;
    assert!(matches!(&error, DatabaseError::Unsupported { scheme } if scheme == "postgres"));
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(matches!(open("sqlite::memory:").await, DatabaseError::InMemory));
    assert!(matches!(open("sqlite://x.db?mode=memory").await, DatabaseError::InMemory));
    for url in ["", "app.db", "sqlite://", "sqlite:", "sqlite://folder/"] {
        assert!(matches!(open(url).await, DatabaseError::Address), "{url}");
    }
}

#[tokio::test]
async fn connections_are_safe_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let db = Database::open(&url(&folder.path().join("a.db"))).await.unwrap();
    let mut tx = db.write().await.unwrap();
    for (pragma, expected) in [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("busy_timeout", 5_000),
    ] {
        let query = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
        let value: i64 = sql!(tx, |conn| sqlx::query_scalar(query).fetch_one(conn)).unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    let mode: String =
        sql!(tx, |conn| sqlx::query_scalar("PRAGMA journal_mode").fetch_one(conn)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn closing_ends_every_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = Database::open(&url(&path)).await.unwrap();
    let log = db.log();
    let _ = tokio::time::timeout(Duration::from_millis(100), log.changed()).await;
    db.close().await;
    assert!(db.read().await.is_err() && db.write().await.is_err());
    assert!(!path.with_extension("db-wal").exists(), "the last connection clears the WAL away");
    tokio::time::timeout(Duration::from_secs(5), log.changed()).await.unwrap();
    assert!(log.read(0, 1).await.is_err());
}
