//! Tables and columns of every shape, and every way in which a row can change.

use serde_json::json;

use super::{Fixture, Writer, json as parsed};
use crate::contract::Op::{self, Delete, Insert, Update};

fn ops(expected: &[(Op, &str)]) -> Vec<(Op, Option<String>)> {
    expected.iter().map(|(op, id)| (*op, Some((*id).to_owned()))).collect()
}

#[tokio::test]
async fn spec_fb2_an_update_carries_both_rows_and_a_delete_the_old_one() {
    for writer in Writer::BOTH {
        let schema = "CREATE TABLE todos (id INTEGER PRIMARY KEY, title TEXT)";
        let test = Fixture::following(schema, &["todos"]).await;
        test.write(
            writer,
            "INSERT INTO todos VALUES (1, 'a'); UPDATE todos SET title = 'b'; DELETE FROM todos;",
        )
        .await;
        let found: Vec<_> = test
            .entries()
            .await
            .iter()
            .map(|e| (e.offset, e.op, parsed(&e.old_record), parsed(&e.record)))
            .collect();
        let (a, b) = (json!({"id": 1, "title": "a"}), json!({"id": 1, "title": "b"}));
        assert_eq!(
            found,
            [
                (1, Insert, json!(null), a.clone()),
                (2, Update, a, b.clone()),
                (3, Delete, b, json!(null))
            ]
        );
        let entry = &test.entries().await[0];
        assert_eq!((&*entry.schema, &*entry.table), ("public", "todos"));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!((now.as_millis() as i64 - entry.at_ms).abs() < 60_000, "{}", entry.at_ms);
    }
}

#[tokio::test]
async fn odd_names_are_only_names() {
    let table = r#"a "b" 'c' tidewire [x] 表"#;
    let quoted = r#""a ""b"" 'c' tidewire [x] 表""#;
    let schema = format!(
        r#"CREATE TABLE {quoted} ("select" TEXT PRIMARY KEY, "sp ace" INT, "q""uo'te" INT, "\back" INT,
           "größe" INT, "NEW" INT)"#
    );
    for writer in Writer::BOTH {
        let test = Fixture::following(&schema, &[table]).await;
        test.write(writer, &format!("INSERT INTO {quoted} VALUES ('k', 1, 2, 3, 4, 5)")).await;
        assert_eq!(
            test.record().await,
            json!({"select": "k", "sp ace": 1, "q\"uo'te": 2, "\\back": 3, "größe": 4, "NEW": 5})
        );
        assert_eq!(&*test.entries().await[0].table, table);
        assert_eq!(test.db.realtime_tables().await.unwrap()[0].name, table);
        test.db.disable_realtime("public", table).await.unwrap();
        assert!(test.db.realtime_tables().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn any_number_of_columns() {
    for count in [70, 1_500] {
        let columns: Vec<_> = (0..count).map(|i| format!("c{i} INT DEFAULT {i}")).collect();
        let schema = format!("CREATE TABLE wide ({})", columns.join(", "));
        let test = Fixture::following(&schema, &["wide"]).await;
        for writer in Writer::BOTH {
            test.write(writer, "INSERT INTO wide DEFAULT VALUES; UPDATE wide SET c0 = 0").await;
            let record = test.record().await;
            assert_eq!(record.as_object().unwrap().len(), count);
            assert_eq!(record["c69"], 69);
        }
    }
}

#[tokio::test]
async fn rows_are_named_by_their_key() {
    let cases = [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)", "7, 8, 9", Some("7")),
        ("CREATE TABLE t (a, b, c, PRIMARY KEY (c, a))", "'x', 8, 9", Some("9:x")),
        ("CREATE TABLE t (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID", "'x', 8, 9", Some("9:x")),
        ("CREATE TABLE t (a BLOB PRIMARY KEY, b, c)", "x'ABCD', 1, 1", Some("abcd")),
        ("CREATE TABLE t (a TEXT PRIMARY KEY, b, c)", "NULL, 1, 1", None),
        ("CREATE TABLE t (a, b, c)", "1, 2, 3", Some("1")),
        ("CREATE TABLE t (a, rowid, oid)", "5, 6, 7", Some("1")),
        ("CREATE TABLE t (_rowid_, rowid, oid)", "5, 6, 7", None),
    ];
    for (schema, values, id) in cases {
        for writer in Writer::BOTH {
            let test = Fixture::following(schema, &["t"]).await;
            test.write(writer, &format!("INSERT INTO t VALUES ({values}); DELETE FROM t")).await;
            let id = id.map(str::to_owned);
            assert_eq!(test.ops().await, [(Insert, id.clone()), (Delete, id)], "{schema}");
        }
    }
}

#[tokio::test]
async fn a_row_whose_key_changes_leaves_and_comes_back() {
    for writer in Writer::BOTH {
        let schema = "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT, c, PRIMARY KEY (a, b))";
        let test = Fixture::following(schema, &["t"]).await;
        test.write(writer, "INSERT INTO t VALUES ('x', 1, 0); UPDATE t SET c = 5, b = b").await;
        test.write(writer, "UPDATE t SET b = 2; UPDATE t SET a = 'X'").await;
        assert_eq!(
            test.ops().await,
            ops(&[
                (Insert, "x:1"),
                (Update, "x:1"),
                (Delete, "x:1"),
                (Insert, "x:2"),
                (Delete, "x:2"),
                (Insert, "X:2"),
            ])
        );
        let entries = test.entries().await;
        assert_eq!(parsed(&entries[2].old_record), json!({"a": "x", "b": 1, "c": 5}));
        assert_eq!(parsed(&entries[3].record), json!({"a": "x", "b": 2, "c": 5}));
        assert!(entries.iter().all(|entry| !entry.unreadable));
    }
}

#[tokio::test]
async fn replace_reports_the_rows_that_it_removes() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)";
    let test = Fixture::following(schema, &["t"]).await;
    test.write(Writer::Own, "INSERT INTO t VALUES (1, 'a'), (2, 'b')").await;
    test.write(Writer::Own, "INSERT OR REPLACE INTO t VALUES (3, 'a'), (2, 'c')").await;
    assert_eq!(
        test.ops().await[2..],
        ops(&[(Delete, "1"), (Insert, "3"), (Delete, "2"), (Insert, "2")])
    );
}

#[tokio::test]
async fn a_row_that_is_replaced_is_deleted_first_whoever_writes() {
    let keys = [
        ("id INTEGER PRIMARY KEY, name TEXT", "1", "1"),
        ("id TEXT PRIMARY KEY, name TEXT", "'ä'", "ä"),
        ("id BLOB PRIMARY KEY, name TEXT", "x'ABCD'", "abcd"),
        ("id INTEGER PRIMARY KEY, name TEXT, UNIQUE (id, name)", "-1", "-1"),
    ];
    for writer in Writer::BOTH {
        for (columns, key, id) in keys {
            let test = Fixture::following(&format!("CREATE TABLE t ({columns})"), &["t"]).await;
            let insert =
                |or: &str, name: &str| format!("INSERT {or} INTO t VALUES ({key}, '{name}');");
            let upsert = "ON CONFLICT (id) DO UPDATE SET name = 'd';";
            // What only tries to take the row's place does not delete it, then or later.
            test.write(writer, &(insert("", "a") + &insert("OR IGNORE", "b"))).await;
            test.write(writer, &insert("OR REPLACE", "c")).await;
            test.write(writer, &insert("", "x").replace(';', upsert)).await;
            test.write(writer, &format!("DELETE FROM t; {}", insert("OR REPLACE", "e"))).await;
            let found: Vec<_> = test
                .entries()
                .await
                .iter()
                .map(|e| {
                    let name = |row| parsed(row)["name"].as_str().unwrap_or("").to_owned();
                    assert_eq!(e.row_id.as_deref(), Some(id));
                    (e.op, name(&e.old_record), name(&e.record))
                })
                .collect();
            let row = |op, old: &str, new: &str| (op, old.to_owned(), new.to_owned());
            let expected = [
                row(Insert, "", "a"),
                row(Delete, "a", ""),
                row(Insert, "", "c"),
                row(Update, "c", "d"),
                row(Delete, "d", ""),
                row(Insert, "", "e"),
            ];
            assert_eq!(found, expected, "{columns} {writer:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_drawn_or_spelled_otherwise_replaces_the_row_that_it_does_and_no_other() {
    for writer in Writer::BOTH {
        let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, n); CREATE TABLE r (n);
                      CREATE TABLE s (a TEXT COLLATE NOCASE, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
                      CREATE TABLE u (a PRIMARY KEY)";
        let test = Fixture::following(schema, &["t", "r", "s", "u"]).await;
        // A key that is still to be drawn counts as -1 before the insert.
        test.write(
            writer,
            "INSERT INTO t VALUES (-1, 0); INSERT OR REPLACE INTO t (n) VALUES (1), (2);
             INSERT INTO r (rowid, n) VALUES (-1, 0); INSERT OR REPLACE INTO r (n) VALUES (1);
             INSERT OR REPLACE INTO r (rowid, n) VALUES (0, 2);
             INSERT INTO s VALUES ('x', 1), ('x', 2); INSERT OR REPLACE INTO s VALUES ('X', '1');
             INSERT INTO u VALUES (NULL); INSERT OR REPLACE INTO u VALUES (NULL);",
        )
        .await;
        let key = |op, id: &str| (op, Some(id.to_owned()));
        let expected = [
            key(Insert, "-1"),
            key(Insert, "0"),
            key(Insert, "1"),
            key(Insert, "-1"),
            key(Insert, "0"),
            key(Delete, "0"),
            key(Insert, "0"),
            key(Insert, "x:1"),
            key(Insert, "x:2"),
            key(Delete, "x:1"),
            key(Insert, "X:1"),
            (Insert, None),
            (Insert, None),
        ];
        assert_eq!(test.ops().await, expected, "{writer:?}");
    }
}

#[tokio::test]
async fn upserts_cascades_and_deleting_everything_are_seen() {
    for writer in Writer::BOTH {
        let test = Fixture::following(
            "CREATE TABLE p (id INTEGER PRIMARY KEY, n INT);
             CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p ON DELETE CASCADE)",
            &["p", "c"],
        )
        .await;
        test.write(
            writer,
            "PRAGMA foreign_keys = ON; INSERT INTO p VALUES (1, 0), (2, 0); INSERT INTO c VALUES (10, 1);
             INSERT INTO p VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
             INSERT OR IGNORE INTO p VALUES (1, 9); DELETE FROM p;",
        )
        .await;
        let mut found = test.ops().await;
        assert_eq!(found[..4], ops(&[(Insert, "1"), (Insert, "2"), (Insert, "10"), (Update, "1")]));
        found[4..].sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(found[4..], ops(&[(Delete, "1"), (Delete, "10"), (Delete, "2")]));
    }
}

#[tokio::test]
async fn a_users_trigger_that_changes_the_row_again_is_logged_after_its_cause() {
    let touch = "CREATE TRIGGER touch AFTER UPDATE ON t WHEN NEW.touched IS OLD.touched
                 BEGIN UPDATE t SET touched = touched + 1 WHERE id = NEW.id; END";
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT, touched INT DEFAULT 0)";
    for writer in Writer::BOTH {
        let mut test = Fixture::following(schema, &["t"]).await;
        test.write(writer, touch).await;
        // A trigger that is newer than ours runs first; opening the database sets that right.
        test = test.reopen().await;
        test.write(writer, "INSERT INTO t (title) VALUES ('a'); UPDATE t SET title = 'b'").await;
        assert_eq!(test.record().await, json!({"id": 1, "title": "b", "touched": 1}));
        assert_eq!(test.ops().await, ops(&[(Insert, "1"), (Update, "1"), (Update, "1")]));
    }
}
