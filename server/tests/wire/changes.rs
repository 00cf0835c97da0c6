//! Changes of rows: their payloads, on every channel they belong to, whoever made them.

use std::time::Instant;

use serde_json::json;
use tidewire::contract::Limits;

use crate::support::{TestServer, new_folder, sqlite3};

const SECOND_TODO: &str = "0197f0a0-0000-7000-8000-000000000002";

#[tokio::test]
async fn spec_fb2_payloads_have_exactly_the_documented_fields() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    client.subscribe("table:public.products").await;
    writer.run("INSERT INTO products (id, name, price) VALUES (7, 'Buoy \"x\" é\n', 12.5)").await;
    writer.run("UPDATE products SET price = 13 WHERE id = 7").await;
    writer.run("DELETE FROM products WHERE id = 7").await;
    let before = json!({"id": 7, "name": "Buoy \"x\" é\n", "price": 12.5});
    let after = json!({"id": 7, "name": "Buoy \"x\" é\n", "price": 13.0});
    assert_eq!(
        client.payloads(3).await,
        [
            json!({"type": "INSERT", "schema": "public", "table": "products", "record": before}),
            json!({"type": "UPDATE", "schema": "public", "table": "products", "record": after,
                   "old_record": before}),
            json!({"type": "DELETE", "schema": "public", "table": "products", "old_record": after}),
        ]
    );
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb2_a_row_whose_key_changes_is_a_delete_and_an_insert() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    client.subscribe("resource:product").await;
    writer.run("UPDATE products SET id = 100 WHERE id = 1").await;
    let changes = client.payloads(2).await;
    assert_eq!(
        (&changes[0]["type"], &changes[0]["old_record"]["id"]),
        (&json!("DELETE"), &json!(1))
    );
    assert_eq!((&changes[1]["type"], &changes[1]["record"]["id"]), (&json!("INSERT"), &json!(100)));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb2_booleans_are_true_and_false() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    client.subscribe("resource:todo").await;
    writer.run(format!("INSERT INTO todos (id, title) VALUES ('{SECOND_TODO}', 'Row')")).await;
    writer.run("UPDATE todos SET done = TRUE, version = 2").await;
    let changes = client.payloads(2).await;
    let row = |done: bool, version| json!({"id": SECOND_TODO, "title": "Row", "done": done, "version": version});
    assert_eq!(changes[0]["record"], row(false, 1));
    assert_eq!((&changes[1]["old_record"], &changes[1]["record"]), (&row(false, 1), &row(true, 2)));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq2_spec_fb3_a_change_reaches_table_resource_and_record_channels() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let channels =
        ["table:public.products", "table:main.products", "resource:product", "product:2"];
    for channel in channels {
        client.subscribe(channel).await;
    }
    // Of the rest of the world nothing arrives.
    client.subscribe("product:1").await;
    client.subscribe("resource:todo").await;
    writer.run("UPDATE products SET name = 'Lamp' WHERE id = 2").await;
    let mut heard = Vec::new();
    for _ in channels {
        let frame = client.expect("broadcast").await;
        assert_eq!(frame["payload"]["record"]["name"], "Lamp");
        heard.push(frame["channel"].as_str().unwrap().to_owned());
    }
    heard.sort();
    let mut expected = channels.map(str::to_owned);
    expected.sort();
    assert_eq!(heard, expected);
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb5_realtime_is_switched_off_and_on_while_clients_listen() {
    let server = TestServer::start_bare(new_folder(), Limits::default()).await;
    let writer = server.writer().await;
    let listed = async || {
        let tables = server.realtime.database().realtime_tables().await.unwrap();
        tables.into_iter().map(|table| table.to_string()).collect::<Vec<_>>()
    };
    writer.run("CREATE TABLE boats (id INTEGER PRIMARY KEY, name TEXT)").await;
    assert_eq!(listed().await, ["public.notes", "public.products", "public.todos"]);
    let mut client = server.connect().await;
    client.send_json(json!({"type": "subscribe", "channel": "table:public.boats"})).await;
    client.expect_error("unknown_channel").await;

    server.realtime.enable_realtime("public", "boats").await.unwrap();
    assert_eq!(listed().await, ["public.boats", "public.notes", "public.products", "public.todos"]);
    for channel in ["table:public.boats", "table:main.boats", "resource:todo"] {
        client.subscribe(channel).await;
    }
    writer.run("INSERT INTO boats VALUES (1, 'Argo')").await;
    client.payloads(1).await;
    client.payloads(1).await;

    server.realtime.disable_realtime("main", "boats").await.unwrap();
    assert_eq!(listed().await, ["public.notes", "public.products", "public.todos"]);
    let mut told = Vec::new();
    for _ in 0..2 {
        let error = client.expect_error("unknown_channel").await;
        told.push(error["channel"].as_str().unwrap().to_owned());
    }
    told.sort();
    assert_eq!(told, ["table:main.boats", "table:public.boats"]);
    client.send_json(json!({"type": "subscribe", "channel": "table:main.boats"})).await;
    client.expect_error("unknown_channel").await;
    client.send_json(json!({"type": "unsubscribe", "channel": "table:public.boats"})).await;
    client.expect_error("not_subscribed").await;
    writer.run("INSERT INTO boats VALUES (2, 'unheard')").await;
    writer.run(format!("INSERT INTO todos (id, title) VALUES ('{SECOND_TODO}', 'Heard')")).await;
    assert_eq!(client.payloads(1).await[0]["table"], "todos");

    server.realtime.enable_realtime("public", "boats").await.unwrap();
    client.subscribe("table:public.boats").await;
    writer.run("INSERT INTO boats VALUES (3, 'Beagle')").await;
    assert_eq!(client.payloads(1).await[0]["record"]["name"], "Beagle");

    for (schema, table) in [("public", "nosuch"), ("nosuch", "boats"), ("public", "tidewire_log")] {
        assert!(server.realtime.enable_realtime(schema, table).await.is_err(), "{schema}.{table}");
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb5_switching_a_resource_off_tells_the_resource_and_record_channels_too() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    let channels =
        ["product:1", "resource:product", "table:main.products", "table:public.products"];
    for channel in channels {
        client.subscribe(channel).await;
    }
    client.subscribe("resource:todo").await;
    server.realtime.disable_realtime("public", "products").await.unwrap();
    let mut told = Vec::new();
    for _ in channels {
        let error = client.expect_error("unknown_channel").await;
        told.push(error["channel"].as_str().unwrap().to_owned());
    }
    told.sort();
    assert_eq!(told, channels);
    client.expect_silence().await;
    assert_eq!(server.realtime.stats().subscriptions, 1);
    server.realtime.enable_realtime("public", "products").await.unwrap();
    for channel in channels {
        client.subscribe(channel).await;
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb6_a_row_written_by_the_sqlite3_command_arrives() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    client.subscribe("table:public.products").await;
    let mut delays = Vec::new();
    for n in 0..20 {
        let sql = format!("INSERT INTO products (name, price) VALUES ('cli{n}', {n})");
        if !sqlite3(&server.file(), &sql).await {
            println!("no sqlite3 command on this machine: skipped");
            break;
        }
        let committed = Instant::now();
        let change = client.payloads(1).await.remove(0);
        delays.push(committed.elapsed());
        assert_eq!(change["record"]["name"], format!("cli{n}"));
    }
    // The command has ended a little after its commit, so the true delay is a little longer.
    delays.sort();
    if let (Some(median), Some(longest)) = (delays.get(delays.len() / 2), delays.last()) {
        println!(
            "sqlite3 command, end of process to frame: median {median:?}, longest {longest:?}"
        );
    }
    let writer = server.writer().await;
    let mut delays = Vec::new();
    for n in 0..50 {
        let sql = format!("INSERT INTO products (name, price) VALUES ('x{n}', {n})");
        writer.run(sql).await;
        let committed = Instant::now();
        client.payloads(1).await;
        delays.push(committed.elapsed());
    }
    delays.sort();
    let (median, longest) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!("external connection, commit to frame: median {median:?}, longest {longest:?}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb10_a_row_of_100_kilobytes_arrives_whole() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe("resource:product").await;
    let name = "tide ✓ ".repeat(100_000 / 9 + 1);
    assert!(name.len() > 100_000);
    writer.run(format!("INSERT INTO products (id, name) VALUES (50, '{name}')")).await;
    assert_eq!(client.payloads(1).await[0]["record"]["name"], name);
    // Replayed as well.
    let ack = client.subscribe_since("resource:product", &start).await;
    assert_eq!(ack["replay"], 1);
    assert_eq!(client.payloads(1).await[0]["record"]["name"], name);
    drop(client);
    server.stop().await;
}
