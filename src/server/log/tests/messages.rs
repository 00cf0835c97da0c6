//! Messages in the log: written by the transaction that publishes them, and by other programs.

use serde::{Deserialize, Serialize};
use serde_json::json as value;

use super::{Fixture, Writer, json};
use crate::{
    contract::{Channel, ChannelName, Delivery, Message},
    server::messages::PublishError,
    sql,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shipped {
    order: i64,
}

impl Message for Shipped {
    const PREFIX: &'static str = "order";
    const DELIVERY: Delivery = Delivery::Durable;
}

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY)";

#[tokio::test]
async fn spec_nx3_a_message_is_logged_by_its_transaction_or_not_at_all() {
    let test = Fixture::following(TABLE, &["t"]).await;
    let channel = Shipped::channel("7").unwrap();
    for commits in [true, false] {
        let mut tx = test.db.write().await.unwrap();
        sql!(tx, |conn| sqlx::query("INSERT INTO t DEFAULT VALUES").execute(conn)).unwrap();
        tx.publish(&channel, &Shipped { order: 7 }).await.unwrap();
        sql!(tx, |conn| sqlx::query("DELETE FROM t").execute(conn)).unwrap();
        if commits {
            let written = tx.commit::<()>(None).await.unwrap();
            assert_eq!(written.position.offset, 3);
        }
    }
    let entries = test.entries().await;
    let messages: Vec<_> = entries.iter().map(|entry| entry.message.clone()).collect();
    assert_eq!(messages, [None, Some(channel.name().clone()), None]);
    assert_eq!(json(&entries[1].record), value!({"order": 7}));
    assert_eq!(&*entries[1].table, "");
    assert!(entries[1].at_ms > 1_700_000_000_000 && !entries[1].unreadable);
}

#[tokio::test]
async fn a_message_on_a_channel_of_another_type_is_refused_by_name() {
    let test = Fixture::following(TABLE, &["t"]).await;
    let mut tx = test.db.write().await.unwrap();
    let channel = Channel::<Shipped>::named("orders:7").unwrap();
    let refused = tx.publish(&channel, &Shipped { order: 7 }).await.unwrap_err();
    assert!(matches!(refused, PublishError::Channel { prefix: "order", .. }), "{refused}");
    drop(tx);
    assert!(test.entries().await.is_empty());
}

#[tokio::test]
async fn spec_nx3_any_program_publishes_by_inserting_a_row() {
    for writer in Writer::BOTH {
        let test = Fixture::following(TABLE, &["t"]).await;
        let insert = r#"INSERT INTO tidewire_log (at_ms, tbl, op, new)
            VALUES (0, 'order:7', 'MESSAGE', '{"order": 7}')"#;
        test.write(writer, insert).await;
        let entry = test.entries().await.pop().unwrap();
        assert_eq!(entry.message.unwrap().as_str(), "order:7");
        assert_eq!(json(&entry.record), value!({"order": 7}));
    }
}

#[tokio::test]
async fn a_damaged_message_keeps_its_place_and_its_channel() {
    let test = Fixture::following(TABLE, &["t"]).await;
    test.write(
        Writer::Own,
        "INSERT INTO tidewire_log (at_ms, tbl, op, old, new) VALUES
         (0, 'order:1', 'MESSAGE', NULL, '{'), (0, 'order:2', 'MESSAGE', NULL, NULL),
         (0, 'order:3', 'MESSAGE', '1', '1'), (0, 't t', 'MESSAGE', NULL, '1'),
         (0, x'ff', 'MESSAGE', NULL, '1'), (0, 'order:6', 'MESSAGE', NULL, 'null')",
    )
    .await;
    let entries = test.entries().await;
    let read: Vec<_> = entries
        .iter()
        .map(|entry| (entry.message.as_ref().map(ChannelName::as_str), entry.unreadable))
        .collect();
    let order = |name| (Some(name), true);
    assert_eq!(
        read,
        [
            order("order:1"),
            order("order:2"),
            order("order:3"),
            (None, true),
            (None, true),
            (Some("order:6"), false)
        ]
    );
    assert!(entries.iter().all(|entry| entry.table.is_empty()), "none passes for a table's");
}
