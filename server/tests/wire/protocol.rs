//! The conversation: acks, messages, who may broadcast, the contract, and Fluxbase's own script.

use serde_json::{Value, json};
use tidewire::contract::Channel;

use crate::support::{TestServer, new_folder};

#[tokio::test]
async fn spec_fb1_a_subscribe_is_acknowledged_before_anything_else_arrives() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    client.send_json(json!({"type": "subscribe", "channel": "table:public.products"})).await;
    writer.products("p", 0..20).await;
    let ack = client.next_json().await;
    assert_eq!((&ack["type"], &ack["channel"]), (&json!("ack"), &json!("table:public.products")));
    assert_eq!(ack["replay"], 0);
    assert_eq!(ack.get("ref"), None);
    // What was committed before the ack is before its position; what follows has no gap.
    let since = ack["position"].as_str().unwrap().to_owned();
    writer.products("q", 0..1).await;
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "q0") {
        let payload = client.payloads(1).await.remove(0);
        names.push(payload["record"]["name"].as_str().unwrap().to_owned());
    }
    let mut again = server.connect().await;
    let replay = again.subscribe_since("table:public.products", &since).await["replay"].clone();
    assert_eq!(replay, names.len());
    drop((client, again));
    server.stop().await;
}

#[tokio::test]
async fn spec_fb1_a_client_that_only_knows_the_fluxbase_document_is_served() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    // The document's `useRealtime`: its state, its switch, its frames, nothing more.
    client.send_text(r#"{"type":"subscribe","channel":"table:public.products"}"#).await;
    let mut data: Vec<Value> = Vec::new();
    writer.run("INSERT INTO products (id, name, price) VALUES (123, 'New Product', 99.99)").await;
    writer.run("UPDATE products SET name = 'Updated Product', price = 149.99 WHERE id = 123").await;
    writer.run("INSERT INTO products (id, name, price) VALUES (124, 'Other', 1)").await;
    writer.run("DELETE FROM products WHERE id = 124").await;
    let mut changes = 0;
    while changes < 4 {
        let message = client.next_json().await;
        if message["type"] != "broadcast" {
            continue;
        }
        changes += 1;
        let payload = &message["payload"];
        let (record, old) = (payload["record"].clone(), &payload["old_record"]);
        match payload["type"].as_str().unwrap() {
            "INSERT" => data.push(record),
            "UPDATE" => {
                for item in data.iter_mut().filter(|item| item["id"] == record["id"]) {
                    *item = record.clone();
                }
            }
            "DELETE" => data.retain(|item| item["id"] != old["id"]),
            other => panic!("{other}"),
        }
    }
    assert_eq!(data, [json!({"id": 123, "name": "Updated Product", "price": 149.99})]);
    client.send_text(r#"{"type":"unsubscribe","channel":"table:public.products"}"#).await;
    client.expect_silence().await;
    writer.products("unheard", 0..1).await;
    let mut other = server.connect().await;
    let position = other.subscribe("table:public.products").await;
    assert!(!position.is_empty());
    client.expect_silence().await;
    drop((client, other));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq2_a_message_on_a_custom_channel_reaches_every_subscriber_and_says_how_many() {
    let server = TestServer::start().await;
    let (mut ann, mut ben, mut cleo) =
        (server.connect().await, server.connect().await, server.connect().await);
    for client in [&mut ann, &mut ben] {
        client.subscribe("room:general").await;
    }
    cleo.subscribe("room:other").await;
    let payload = json!({"text": "<b>hi</b> \u{2028} 👋", "n": 1.50});
    let frame =
        json!({"type": "broadcast", "channel": "room:general", "payload": payload, "ref": 7});
    // Who sends need not listen.
    cleo.send_json(frame.clone()).await;
    let ack = cleo.expect("ack").await;
    assert_eq!(ack, json!({"type": "ack", "channel": "room:general", "reached": 2, "ref": 7}));
    for client in [&mut ann, &mut ben] {
        let heard = client.next_json().await;
        assert_eq!(
            heard,
            json!({"type": "broadcast", "channel": "room:general", "payload": payload})
        );
    }
    // Who listens hears itself, before its own ack.
    ann.send_json(frame).await;
    ann.expect("broadcast").await;
    assert_eq!(ann.expect("ack").await["reached"], 2);
    // Server code sends on the same channels.
    let channel = Channel::<Value>::named("room:other").unwrap();
    assert_eq!(server.realtime.send(&channel, &json!("from the server")).unwrap(), 1);
    assert_eq!(cleo.expect("broadcast").await["payload"], "from the server");
    drop((ann, ben, cleo));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_only_the_database_publishes_on_its_channels() {
    let server = TestServer::start().await;
    let (mut liar, mut victim) = (server.connect().await, server.connect().await);
    for channel in [
        "table:public.products",
        "table:main.todos",
        "table:nosuch",
        "resource:todo",
        "resource:nosuch",
        "todo:42",
        "product:1:x",
    ] {
        if !channel.contains("nosuch") {
            victim.subscribe(channel).await;
        }
        liar.send_json(
            json!({"type": "broadcast", "channel": channel, "payload": {"type": "DELETE"}, "ref": 1}),
        )
        .await;
        let error = liar.expect_error("permission_denied").await;
        assert_eq!((&error["channel"], &error["ref"]), (&json!(channel), &json!(1)));
    }
    victim.expect_silence().await;
    drop((liar, victim));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq1_only_named_resources_broadcast() {
    let named = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let server = TestServer::start_in(new_folder(), |c| c.resources = named(&["todo"])).await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    client.send_json(json!({"type": "subscribe", "channel": "resource:product"})).await;
    client.expect_error("unknown_channel").await;
    client.subscribe("resource:todo").await;
    writer.products("unheard", 0..1).await;
    writer.run("INSERT INTO todos (id, title) VALUES ('01', 'heard')").await;
    assert_eq!(client.payloads(1).await[0]["record"]["title"], "heard");
    drop(client);
    let folder = server.folder();
    server.stop().await;

    // None named: all.
    let server = TestServer::start_in(folder, |_| {}).await;
    let mut client = server.connect().await;
    client.subscribe("resource:product").await;
    client.subscribe("resource:todo").await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx2_hello_says_whether_the_page_fits_the_server() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    let (first, _) = app::CONTRACT.split_once(',').expect("more than one type");
    let changed = format!("{first}0");
    let cases = [
        (json!({"type": "hello", "contract": app::CONTRACT}), "same"),
        (json!({"type": "hello", "contract": first}), "compatible"),
        (json!({"type": "hello"}), "compatible"),
        (json!({"type": "hello", "contract": changed}), "reload"),
        (json!({"type": "hello", "contract": "Gone=12345678"}), "reload"),
    ];
    for (hello, verdict) in cases {
        client.send_json(hello.clone()).await;
        let welcome = client.expect("welcome").await;
        assert_eq!(welcome["contract"], verdict, "{hello}");
        assert_eq!(
            welcome["limits"],
            json!({"max_message_bytes": 65_536, "max_subscriptions": 100, "heartbeat_ms": 30_000})
        );
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb1_a_clients_heartbeat_is_answered_with_the_position() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    let position = client.subscribe("resource:todo").await;
    client.send_json(json!({"type": "heartbeat"})).await;
    let answer = client.next().await.unwrap();
    assert_eq!(answer, json!({"type": "heartbeat", "position": position}));
    drop(client);
    server.stop().await;
}
