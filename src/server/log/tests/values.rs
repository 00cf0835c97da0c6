//! A row in the log decodes into the very type that a SELECT decodes into.

use serde::Deserialize;
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Fixture, Writer};
use crate::sql;

const EVERYTHING: &str = "CREATE TABLE everything (
    id TEXT PRIMARY KEY, done BOOLEAN NOT NULL, maybe BOOL, count INTEGER NOT NULL, price REAL NOT NULL,
    title TEXT NOT NULL, note TEXT, tags JSON NOT NULL, meta JSONB, total REAL AS (price * count) STORED,
    shout TEXT GENERATED ALWAYS AS (upper(title)) VIRTUAL)";

#[derive(Debug, PartialEq, Deserialize, FromRow)]
struct Everything {
    #[sqlx(try_from = "String")]
    id: Uuid,
    done: bool,
    maybe: Option<bool>,
    count: i64,
    price: f64,
    title: String,
    note: Option<String>,
    #[sqlx(try_from = "Option<String>")]
    tags: Parsed,
    #[sqlx(try_from = "Option<String>")]
    meta: Parsed,
    total: f64,
    shout: String,
}

/// A JSON column, read from its text in the table and as it is in the log.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(transparent)]
struct Parsed(serde_json::Value);

impl TryFrom<Option<String>> for Parsed {
    type Error = serde_json::Error;

    fn try_from(text: Option<String>) -> Result<Self, Self::Error> {
        serde_json::from_str(text.as_deref().unwrap_or("null")).map(Self)
    }
}

#[tokio::test]
async fn one_type_reads_the_table_and_the_log() {
    for writer in Writer::BOTH {
        let test = Fixture::following(EVERYTHING, &["everything"]).await;
        test.write(
            writer,
            r#"INSERT INTO everything (id, done, maybe, count, price, title, note, tags, meta) VALUES
               ('0190b5a4-7e5c-7a00-8000-000000000001', 1, NULL, 9223372036854775807, 0.1,
                'Ünï "quoted" \ ' || char(10, 9, 1, 128512), NULL, '["a","b"]', '{"x": [1, 2.50, null]}'),
               ('0190b5a4-7e5c-7a00-8000-000000000002', 0, 0, -3, 0.1 + 0.2, '', 'n', '[ ]', NULL),
               ('0190b5a4-7e5c-7a00-8000-000000000003', 7, 1, 2, 5, 'five', '', '[]', 'true')"#,
        )
        .await;
        let mut tx = test.db.read().await.unwrap();
        let rows = sql!(tx, |conn| sqlx::query_as::<_, Everything>(
            "SELECT * FROM everything ORDER BY rowid"
        )
        .fetch_all(conn))
        .unwrap();
        let entries = test.entries().await;
        assert_eq!(rows.len(), 3);
        for (row, entry) in rows.iter().zip(&entries) {
            let record = entry.record.as_ref().unwrap();
            assert_eq!(*row, serde_json::from_str::<Everything>(record.get()).unwrap());
            assert_eq!(entry.row_id.as_deref(), Some(&*row.id.to_string()));
        }
        assert_eq!(rows[1].price, 0.30000000000000004, "no digit is lost");
    }
}

#[tokio::test]
async fn values_that_json_does_not_have_never_fail_the_write() {
    let schema = "CREATE TABLE t (a, b BOOLEAN, j JSON, r REAL)";
    for writer in Writer::BOTH {
        let test = Fixture::following(schema, &["t"]).await;
        test.write(writer, "INSERT INTO t VALUES (x'00ff', x'AB', x'7b7d', x'')").await;
        assert_eq!(test.record().await, json!({"a": "00ff", "b": "ab", "j": "7b7d", "r": ""}));
        test.write(writer, "INSERT INTO t VALUES (9e999, -9e999, 9e999, -9e999)").await;
        assert_eq!(test.record().await, json!({"a": null, "b": null, "j": null, "r": null}));
        test.write(writer, "INSERT INTO t VALUES ('a' || char(0) || 'b', 'yes', '{oops', 'x')")
            .await;
        assert_eq!(
            test.record().await,
            json!({"a": "a\0b", "b": "yes", "j": "{oops", "r": "x"}),
            "text that does not fit its column's type is text"
        );
        test.write(writer, "INSERT INTO t VALUES (1.5, 1.5, 12, 1e300)").await;
        assert_eq!(test.record().await, json!({"a": 1.5, "b": 1.5, "j": 12, "r": 1e300}));
        test.write(writer, "INSERT INTO t DEFAULT VALUES").await;
        assert_eq!(test.record().await, json!({"a": null, "b": null, "j": null, "r": null}));
        assert!(test.entries().await.iter().all(|entry| !entry.unreadable));
    }
}

#[tokio::test]
async fn text_that_is_not_unicode_is_logged_and_marked() {
    for writer in Writer::BOTH {
        let test = Fixture::following("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", &["t"]).await;
        test.write(writer, "INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT)), (2, 'fine')").await;
        let entries = test.entries().await;
        assert_eq!(entries.len(), 2);
        assert!(entries[0].unreadable && entries[0].record.is_none());
        assert!(!entries[1].unreadable && entries[1].record.is_some());
    }
}

#[tokio::test]
async fn a_damaged_entry_keeps_its_place() {
    let test = Fixture::following("CREATE TABLE t (id INTEGER PRIMARY KEY)", &["t"]).await;
    test.write(Writer::Own, "INSERT INTO t VALUES (1), (2), (3), (4), (5), (6)").await;
    test.write(
        Writer::Foreign,
        "UPDATE tidewire_log SET new = '{' WHERE id = 1; UPDATE tidewire_log SET op = 'NOPE' WHERE id = 2;
         UPDATE tidewire_log SET new = NULL WHERE id = 3; UPDATE tidewire_log SET old = '{}' WHERE id = 4;
         UPDATE tidewire_log SET tbl = x'ff', at_ms = 'x', row_id = x'ff' WHERE id = 5;",
    )
    .await;
    let entries = test.entries().await;
    let offsets: Vec<_> = entries.iter().map(|entry| entry.offset).collect();
    assert_eq!(offsets, [1, 2, 3, 4, 5, 6]);
    let unreadable: Vec<_> = entries.iter().map(|entry| entry.unreadable).collect();
    assert_eq!(unreadable, [true, true, true, true, false, false]);
}

#[tokio::test]
async fn numbers_survive_the_log_exactly() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL)";
    let test = Fixture::following(schema, &["t"]).await;
    let mut tx = test.db.write().await.unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut numbers =
        vec![0.1, 0.1 + 0.2, -0.0, 5.0, 19.99, 1e23, 1e50, 1e-50, 123_456_789.012_345];
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7b7e_f767_814f);
        let number = f64::from_bits(state);
        numbers.extend(Some(number).filter(|n| (1e-50..1e50).contains(&n.abs())));
    }
    for number in &numbers {
        let insert = sqlx::query("INSERT INTO t (r) VALUES ($1)").bind(number);
        sql!(tx, |conn| insert.execute(conn)).unwrap();
    }
    tx.commit::<()>(None).await.unwrap();
    let entries = test.entries().await;
    assert_eq!(entries.len(), numbers.len());
    for (number, entry) in numbers.iter().zip(entries) {
        // Not read with serde_json, which by default may be off by the last digit.
        let record = entry.record.unwrap();
        let text = record.get().rsplit_once(':').unwrap().1.trim_end_matches('}');
        assert_eq!(text.parse::<f64>().unwrap(), *number, "{text}");
    }
}
