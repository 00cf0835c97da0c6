//! Broadcasts: who may send what, who gets it, and what outlives a crash.

use std::time::Duration;

use app::products::model::Product;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidewire::{
    Channel, Live, Op,
    contract::{Delivery, Limits, Message, ResyncReason},
    server::{Builder, Database, Published, ServerEvent, ServerSubscription},
};
use tokio::time::timeout;

use crate::support::{
    Binary, Cursor, ErrorCount, Nudge, PATIENCE, Shipped, Socket, TestServer, declare, eventually,
    file, new_folder, sqlite3, url,
};

async fn server() -> TestServer {
    TestServer::start_with(new_folder(), Limits::default(), declare).await
}

fn shipped(number: u64) -> Shipped {
    Shipped { number, note: String::new() }
}

fn broadcast(channel: &str, payload: Value) -> Value {
    json!({"type": "broadcast", "channel": channel, "payload": payload, "ref": 1})
}

/// The next event, which has to come in time.
async fn next<E: serde::de::DeserializeOwned>(
    events: &mut ServerSubscription<E>,
) -> ServerEvent<E> {
    timeout(PATIENCE, events.next()).await.expect("in time").expect("it goes on")
}

#[tokio::test]
async fn spec_sy1_publish_says_how_many_it_reached() {
    let server = server().await;
    let (mut ann, mut bob) = (server.connect().await, server.connect().await);
    for channel in ["order:1", "cursor:1", "nudge:1"] {
        ann.subscribe(channel).await;
        bob.subscribe(channel).await;
    }
    let realtime = &server.realtime;
    let order = Shipped::channel("1").unwrap();
    let durable = realtime.publish(&order, &shipped(1)).await.unwrap();
    assert_eq!(durable.reached, 2);
    let position = durable.position.expect("it is in the log").to_string();
    let cursor = Cursor { who: "cleo".into(), at: 3, pad: String::new() };
    let latest = realtime.publish(&Cursor::channel("1").unwrap(), &cursor).await.unwrap();
    assert_eq!(latest, Published { reached: 2, position: None });
    let expected = json!({"type": "broadcast", "channel": "order:1", "position": position,
        "payload": {"number": 1, "note": ""}});
    for client in [&mut ann, &mut bob] {
        // The log's way is longer than the others', so either may come first.
        let (one, two) = (client.expect("broadcast").await, client.expect("broadcast").await);
        let (first, second) = if one["channel"] == "order:1" { (one, two) } else { (two, one) };
        assert_eq!(first, expected);
        assert_eq!(second["payload"], json!({"who": "cleo", "at": 3, "pad": ""}));
        assert_eq!(second.get("position"), None);
    }
    bob.close().await;
    let nudge = Nudge { number: 1, pad: String::new() };
    let channel = Nudge::channel("1").unwrap();
    eventually("one is left", async || {
        realtime.publish(&channel, &nudge).await.unwrap().reached == 1
    })
    .await;
    let nobody = realtime.publish(&Nudge::channel("2").unwrap(), &nudge).await.unwrap();
    assert_eq!(nobody.reached, 0);
    let elsewhere = Channel::<Nudge>::named("order:1").unwrap();
    let refused = realtime.publish(&elsewhere, &nudge).await.unwrap_err();
    assert_eq!(refused.to_string(), "order:1 does not carry messages of \"nudge\"");
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy1_server_code_subscribes_and_unsubscribes() {
    let server = server().await;
    let realtime = server.realtime.clone();
    let order = Shipped::channel("1").unwrap();
    let first = realtime.publish(&order, &shipped(1)).await.unwrap();
    realtime.publish(&order, &shipped(2)).await.unwrap();
    server.caught_up().await;
    eventually("the probe has left", async || realtime.stats().subscriptions == 0).await;
    let mut orders = realtime.subscribe(&order, first.position).await.unwrap();
    let mut products = realtime.subscribe_to_changes(&Product::all(), None).await.unwrap();

    let mut client = server.connect().await;
    client.send_json(broadcast("order:1", json!({"number": 3}))).await;
    let ack = client.expect("ack").await;
    assert_eq!(ack["reached"], 1, "{ack}");
    for number in [2, 3] {
        let ServerEvent::Event { position: Some(_), event } = next(&mut orders).await else {
            panic!("an order")
        };
        assert_eq!(event, shipped(number));
    }
    server.writer().await.products("lamp", 0..1).await;
    let ServerEvent::Event { event, .. } = next(&mut products).await else { panic!("a change") };
    assert_eq!((event.op, event.record.unwrap().name.as_str()), (Op::Insert, "lamp0"));

    let figures = realtime.channel_figures();
    let of = |name| figures.iter().find(|figures| figures.channel.as_str() == name).unwrap();
    assert_eq!((of("order:1").subscribers, of("order:1").events), (1, 1));
    assert!(of("resource:product").last_event_ms.is_some_and(|ms| ms > 1_700_000_000_000));

    assert_eq!(realtime.stats().subscriptions, 2);
    orders.unsubscribe();
    assert_eq!(realtime.publish(&order, &shipped(4)).await.unwrap().reached, 0);
    drop(products);
    assert_eq!(realtime.stats().subscriptions, 0);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy11_a_stop_ends_the_servers_own_subscriptions() {
    let server = server().await;
    let order = Shipped::channel("1").unwrap();
    let mut waits = server.realtime.subscribe(&order, None).await.unwrap();
    let mut idle = server.realtime.subscribe(&order, None).await.unwrap();
    let waiting = tokio::spawn(async move { waits.next().await.is_none() });
    // It checks that no subscription is left, though both are still held.
    server.stop_now().await;
    assert!(timeout(PATIENCE, waiting).await.expect("in time").unwrap());
    assert!(idle.next().await.is_none());
}

#[tokio::test]
async fn spec_nx5_server_code_that_does_not_read_is_told_what_it_lost() {
    let limits = Limits { queue_frames: 3, ..Limits::default() };
    let server = TestServer::start_with(new_folder(), limits, declare).await;
    let order = Shipped::channel("1").unwrap();
    let mut slow = server.realtime.subscribe(&order, None).await.unwrap();
    for number in 0..10 {
        server.realtime.publish(&order, &shipped(number)).await.unwrap();
    }
    eventually("its queue has run over", async || server.realtime.counts().resyncs.overflow == 1)
        .await;
    server.caught_up().await;
    let ServerEvent::Resync { reason, position } = next(&mut slow).await else {
        panic!("what waited lies behind the gap")
    };
    assert_eq!(reason, ResyncReason::Overflow);
    let next_one = server.realtime.publish(&order, &shipped(10)).await.unwrap();
    assert_eq!(next_one.position.unwrap().offset, position.offset + 1);
    assert!(
        matches!(next(&mut slow).await, ServerEvent::Event { event, .. } if event == shipped(10))
    );
    drop(slow);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_what_clients_send_is_checked_against_its_type() {
    let errors = ErrorCount::start();
    let server = server().await;
    let mut client = server.connect().await;
    client.subscribe("order:1").await;
    client.subscribe("fragile:1").await;
    for (payload, problem) in [
        (json!({"number": "seven"}), "expected u64"),
        (json!({"note": "x"}), "missing field `number`"),
        (json!("text"), "expected struct Shipped"),
        (Value::Null, "expected struct Shipped"),
    ] {
        client.send_json(broadcast("order:1", payload)).await;
        let error = client.expect_error("invalid_payload").await;
        assert!(error["error"].as_str().unwrap().contains(problem), "{error}");
        assert_eq!((&error["channel"], &error["ref"]), (&json!("order:1"), &json!(1)));
    }
    assert_eq!(errors.lines(), Vec::<String>::new(), "a client's mistake is not the server's");
    // Nothing that the type does not know reaches anybody.
    client.send_json(broadcast("order:1", json!({"number": 7, "admin": true}))).await;
    let (one, two) = (client.next_json().await, client.next_json().await);
    let (ack, event) = if one["type"] == "ack" { (one, two) } else { (two, one) };
    assert_eq!(event["payload"], json!({"number": 7, "note": ""}));
    assert_eq!((&ack["reached"], &ack["position"]), (&json!(1), &event["position"]));
    assert!(ack["position"].is_string());

    client.send_json(broadcast("fragile:1", json!(0))).await;
    client.expect_error("internal").await;
    client.send_json(broadcast("fragile:1", json!(50))).await;
    assert_eq!(client.expect("broadcast").await["payload"], 2);
    client.expect("ack").await;

    // Who sends is what the server knows, whatever the client says.
    client.subscribe("cursor:1").await;
    client.send_json(broadcast("cursor:1", json!({"who": "the president", "at": 1}))).await;
    let event = client.expect("broadcast").await;
    assert_ne!(event["payload"]["who"], "the president");
    assert_eq!(event["payload"]["at"], 1);
    client.expect("ack").await;
    client.send_json(broadcast("cursor:1", json!({"who": "", "at": u64::MAX}))).await;
    client.expect_error("permission_denied").await;

    // What no type is declared for carries anything.
    client.send_json(broadcast("room:any", json!([1, {"x": null}]))).await;
    assert_eq!(client.expect("ack").await["reached"], 0);
    for channel in [
        "resource:product",
        "product:1",
        "table:public.products",
        "query:q:pe30",
        "query",
        "revalidate:todos",
    ] {
        client.send_json(broadcast(channel, json!({"number": 1}))).await;
        client.expect_error("permission_denied").await;
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx3_a_transaction_that_is_rolled_back_publishes_nothing() {
    let server = server().await;
    let mut client = server.connect().await;
    client.subscribe("order:1").await;
    client.subscribe("resource:product").await;
    let order = Shipped::channel("1").unwrap();
    for number in 0..4 {
        let mut tx = server.realtime.database().write().await.unwrap();
        let insert =
            sqlx::query("INSERT INTO products (name) VALUES ($1)").bind(number.to_string());
        tidewire::sql!(tx, |db| insert.execute(db)).unwrap();
        tx.publish(&order, &shipped(number)).await.unwrap();
        if number % 2 == 1 {
            tx.commit::<()>(None).await.unwrap();
        }
    }
    let payloads = client.payloads(4).await;
    for (n, number) in [1, 3].into_iter().enumerate() {
        assert_eq!(payloads[2 * n]["record"]["name"], number.to_string());
        assert_eq!(payloads[2 * n + 1]["number"], number);
    }
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}

/// A durable message on channels that the product's rules open to all.
#[derive(serde::Serialize, serde::Deserialize)]
struct Rung {
    number: u64,
}

impl Message for Rung {
    const PREFIX: &'static str = "room";
    const DELIVERY: Delivery = Delivery::Durable;
}

#[tokio::test]
async fn spec_nx3_a_durable_message_outlives_kill_9() {
    let folder = new_folder();
    let mut binary = Binary::start("127.0.0.1:0", &file(&folder)).await;
    let mut client = Socket::connect(binary.address).await;
    let start = client.subscribe("room:1").await;
    let database = Database::open(&url(&folder)).await.unwrap();
    let room = Rung::channel("1").unwrap();
    let publish = async |number| {
        let mut tx = database.write().await.unwrap();
        tx.publish(&room, &Rung { number }).await.unwrap();
        tx.commit::<()>(None).await.unwrap();
    };
    publish(1).await;
    assert_eq!(client.payloads(1).await[0]["number"], 1);
    binary.kill().await;
    publish(2).await;
    binary = Binary::start("127.0.0.1:0", &file(&folder)).await;
    publish(3).await;
    let mut again = Socket::connect(binary.address).await;
    let answer = again.subscribe_since("room:1", &start).await;
    assert_eq!(answer["type"], "ack", "{answer}");
    let numbers: Vec<_> = again.payloads(3).await.iter().map(|p| p["number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    database.close().await;
    binary.kill().await;
}

#[tokio::test]
async fn spec_nx3_missed_messages_come_from_memory_or_from_the_log_or_are_owned_up_to() {
    let limits = Limits { history_events: 3, ..Limits::default() };
    let server = TestServer::start_with(new_folder(), limits, declare).await;
    let order = Shipped::channel("1").unwrap();
    let mut positions = Vec::new();
    for number in 0..10 {
        let published = server.realtime.publish(&order, &shipped(number)).await.unwrap();
        positions.push(published.position.unwrap().to_string());
    }
    server.caught_up().await;
    let mut client = server.connect().await;
    for (from, from_ring, from_log) in [(8, 1, 0), (2, 1, 1)] {
        let answer = client.subscribe_since("order:1", &positions[from]).await;
        assert_eq!(answer["replay"], 9 - from, "{answer}");
        let payloads = client.payloads(9 - from).await;
        for (number, payload) in (from + 1..).zip(payloads) {
            assert_eq!(payload["number"], number);
        }
        let counts = server.realtime.counts();
        assert_eq!((counts.replays_from_ring, counts.replays_from_log), (from_ring, from_log));
    }
    let ahead = positions[0].replace("-1", "-1000");
    assert_eq!(client.subscribe_since("order:1", &ahead).await["reason"], "ahead");
    assert_eq!(server.realtime.counts().resyncs_at_subscribe.ahead, 1);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx3_sqlite3_publishes_and_a_damaged_message_is_owned_up_to() {
    let server = server().await;
    let mut client = server.connect().await;
    let start = client.subscribe("order:1").await;
    client.subscribe("order:2").await;
    let insert = |channel: &str, payload: &str| {
        format!(
            "INSERT INTO tidewire_log (at_ms, tbl, op, new) \
             VALUES (unixepoch() * 1000, '{channel}', 'MESSAGE', '{payload}')"
        )
    };
    let sql = insert("order:1", r#"{"number": 1}"#);
    if !sqlite3(&server.file(), &sql).await {
        server.writer().await.run(sql).await;
    }
    let event = client.expect("broadcast").await;
    assert_eq!((&event["channel"], &event["payload"]), (&json!("order:1"), &json!({"number": 1})));
    let writer = server.writer().await;
    writer.run(insert("order:1", "{no json")).await;
    let resync = client.expect("resync").await;
    assert_eq!((&resync["channel"], &resync["reason"]), (&json!("order:1"), &json!("unreadable")));
    // The other channel has missed nothing; where not even the channel can be read, everybody may have.
    writer.run(insert("no channel", "1")).await;
    let mut told = [client.expect("resync").await, client.expect("resync").await];
    told.sort_by_key(|frame| frame["channel"].to_string());
    assert_eq!(told.map(|frame| frame["channel"].clone()), ["order:1", "order:2"]);
    let answer = client.subscribe_since("order:1", &start).await;
    assert_eq!((&answer["type"], &answer["reason"]), (&json!("resync"), &json!("unreadable")));
    drop(client);
    server.stop().await;
}

macro_rules! messages {
    ($($name:ident $prefix:literal),*) => {$(
        #[derive(Serialize, Deserialize)]
        struct $name;

        impl Message for $name {
            const PREFIX: &'static str = $prefix;
            const DELIVERY: Delivery = Delivery::Lossy;
        }
    )*};
}

messages!(Resource "product", Twice "order", Reserved "query", Revalidation "revalidate", NoSegment "a:b", Empty "");

#[tokio::test]
async fn message_types_without_channels_of_their_own_are_refused_at_start() {
    type Add = fn(Builder) -> Builder;
    let cases: [(Add, &str); 6] = [
        (Builder::messages::<Resource>, "a resource has this name"),
        (Builder::messages::<Twice>, "two types"),
        (Builder::messages::<Reserved>, "taken"),
        (Builder::messages::<Revalidation>, "taken"),
        (Builder::messages::<NoSegment>, "first segment"),
        (Builder::messages::<Empty>, "first segment"),
    ];
    let folder = new_folder();
    let database = Database::open_with(&url(&folder), Duration::from_secs(1)).await.unwrap();
    database.migrate(&app::MIGRATIONS).await.unwrap();
    for (add, problem) in cases {
        let builder =
            declare(app::resources(tidewire::server::Realtime::builder(database.clone())));
        let Err(refused) = add(builder).start().await else { panic!("not refused: {problem}") };
        assert!(refused.to_string().contains(problem), "{refused}");
    }
    database.close().await;
}
