//! Live queries: the first answer with the subscription, then each other answer, asked once for all.

use std::time::Duration;

use serde_json::{Value, json};
use tidewire::contract::{Limits, LiveQuery};
use tokio::time::sleep;

use crate::support::{
    ByToken, ErrorCount, Socket, TestServer, new_folder,
    queries::{self, Dearer, Mine, Moody, runs},
    sqlite3,
};

pub const TODO: &str = "0197f0a0-0000-7000-8000-000000000001";

/// A server whose log has begun: at its very beginning nobody has seen anything.
pub async fn start(limits: Limits) -> TestServer {
    let server = TestServer::start_with(new_folder(), limits, queries::add).await;
    server.writer().await.run("UPDATE products SET price = price WHERE id = 1").await;
    server.caught_up().await;
    server
}

pub fn channel<Q: LiveQuery>(query: &Q) -> String {
    query.channel().unwrap().name().to_string()
}

pub fn dearer(tag: &str, than: i64) -> String {
    channel(&Dearer { tag: tag.into(), than })
}

/// Subscribes without a position and reads the first answer.
pub async fn first(client: &mut Socket, channel: &str) -> Value {
    client.subscribe(channel).await;
    client.message(channel).await
}

/// A heartbeat's position once there is one: everything up to it has been sent.
pub async fn settled(client: &mut Socket) -> String {
    loop {
        client.send_json(json!({"type": "heartbeat"})).await;
        let frame = client.next().await.unwrap();
        assert_eq!(frame["type"], "heartbeat", "{frame}");
        if let Some(position) = frame["position"].as_str() {
            return position.to_owned();
        }
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn spec_sy3_spec_ig1_the_first_answer_comes_with_the_subscription_and_others_when_it_changes()
{
    let server = start(Limits::default()).await;
    let channel = dearer("first", 100);
    let mut client = server.connect().await;
    client.send_json(json!({"type": "subscribe", "channel": channel, "ref": 4})).await;
    let ack = client.expect("ack").await;
    assert_eq!((&ack["ref"], &ack["replay"]), (&json!(4), &json!(0)), "{ack}");
    assert!(ack["position"].is_string(), "{ack}");
    assert_eq!(client.message(&channel).await, json!({"result": 1}));

    // As a server function writes.
    let mut tx = server.realtime.database().write().await.unwrap();
    let insert = "INSERT INTO products (name, price) VALUES ('Dear', 101)";
    tidewire::sql!(tx, |db| sqlx::query(insert).execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap();
    assert_eq!(client.message(&channel).await, json!({"result": 2}));
    let sql = "INSERT INTO products (name, price) VALUES ('From a shell', 500)";
    if sqlite3(&server.file(), sql).await {
        assert_eq!(client.message(&channel).await, json!({"result": 3}));
    } else {
        println!("no sqlite3 command on this machine: skipped");
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_an_answer_that_is_the_same_is_not_pushed() {
    let server = start(Limits::default()).await;
    let writer = server.writer().await;
    let channel = dearer("same", 100);
    let mut client = server.connect().await;
    assert_eq!(first(&mut client, &channel).await, json!({"result": 1}));
    writer.run("INSERT INTO products (name, price) VALUES ('Cheap', 1)").await;
    server.caught_up().await;
    settled(&mut client).await;
    assert_eq!(runs("same"), 2, "it was asked");
    writer.run(format!("INSERT INTO todos (id, title) VALUES ('{TODO}', 'Another table')")).await;
    server.caught_up().await;
    settled(&mut client).await;
    assert_eq!(runs("same"), 2, "it reads nothing of todos");
    writer.run("INSERT INTO products (name, price) VALUES ('Dear', 1000)").await;
    assert_eq!(client.message(&channel).await, json!({"result": 2}));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_equal_parameters_are_asked_once_for_fifty_subscribers() {
    let server = start(Limits::default()).await;
    let writer = server.writer().await;
    let channel = dearer("fifty", 100);
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = server.connect().await;
        client.subscribe(&channel).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.message(&channel).await, json!({"result": 1}));
    }
    assert_eq!(runs("fifty"), 1);
    writer.run("UPDATE products SET price = 1000").await;
    for client in &mut clients {
        assert_eq!(client.message(&channel).await, json!({"result": 3}));
    }
    assert_eq!(runs("fifty"), 2);
    drop(clients);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_changes_in_quick_succession_are_one_answer() {
    let limits = Limits { query_debounce: Duration::from_millis(400), ..Limits::default() };
    let server = start(limits).await;
    let writer = server.writer().await;
    let channel = dearer("debounced", 100);
    let mut client = server.connect().await;
    first(&mut client, &channel).await;
    for n in 0..10 {
        writer.run(format!("INSERT INTO products (name, price) VALUES ('{n}', 1000)")).await;
    }
    assert_eq!(client.message(&channel).await, json!({"result": 11}));
    assert_eq!(runs("debounced"), 2);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_other_parameters_are_another_question() {
    let server = start(Limits::default()).await;
    let writer = server.writer().await;
    let (cheap, dear) = (dearer("parameters", 10), dearer("parameters", 200));
    let mut client = server.connect().await;
    let one = first(&mut client, &cheap).await;
    let two = first(&mut client, &dear).await;
    assert_eq!((one, two), (json!({"result": 3}), json!({"result": 1})));
    writer.run("INSERT INTO products (name, price) VALUES ('Between', 100)").await;
    assert_eq!(client.message(&cheap).await, json!({"result": 4}));
    settled(&mut client).await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_what_is_no_query_is_refused_by_name() {
    let server = start(Limits::default()).await;
    let mut client = server.connect().await;
    for (channel, code) in [
        ("query:nosuch:pe30", "unknown_channel"),
        ("query:dearer", "invalid_payload"),
        ("query", "unknown_channel"),
        ("query:dearer:pe30", "invalid_payload"),
        ("query:dearer:e30", "invalid_payload"),
        ("query:dearer:pe30:more", "invalid_payload"),
    ] {
        client.send_json(json!({"type": "subscribe", "channel": channel})).await;
        let error = client.expect_error(code).await;
        assert_eq!(error["channel"], channel);
    }
    for channel in [dearer("forged", 1).as_str(), "revalidate:todos.list"] {
        client.send_json(json!({"type": "broadcast", "channel": channel, "payload": 1})).await;
        client.expect_error("permission_denied").await;
    }
    server.realtime.disable_realtime("public", "todos").await.unwrap();
    client.send_json(json!({"type": "subscribe", "channel": channel(&Mine {})})).await;
    client.expect_error("unknown_channel").await;
    assert_eq!(server.realtime.stats().subscriptions, 0);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_switching_a_table_off_ends_the_queries_that_read_it() {
    let server = start(Limits::default()).await;
    let (mine, products) = (channel(&Mine {}), dearer("off", 1));
    let mut client = server.connect().await;
    first(&mut client, &mine).await;
    first(&mut client, &products).await;
    server.realtime.disable_realtime("public", "todos").await.unwrap();
    assert_eq!(client.expect_error("unknown_channel").await["channel"], mine);
    client.expect_silence().await;
    server.realtime.enable_realtime("public", "todos").await.unwrap();
    assert_eq!(first(&mut client, &mine).await["result"][1], 0);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_what_cannot_be_answered_is_refused_and_tried_again_at_the_next_change() {
    let errors = ErrorCount::start();
    let limits = Limits { query_bytes: 1_000, ..Limits::default() };
    let server = start(limits).await;
    let writer = server.writer().await;
    let channel = channel(&Moody {});
    let mut client = server.connect().await;
    assert_eq!(first(&mut client, &channel).await, json!({"result": "Tide gauge"}));
    let rename = async |name: &str| {
        writer.run(format!("UPDATE products SET name = '{name}' WHERE id = 1")).await;
    };
    rename("refuse").await;
    let refusal = json!({"refused": {"invalid": {"field": "name", "message": "Not today."}}});
    assert_eq!(client.message(&channel).await, refusal);
    assert!(errors.lines().is_empty(), "a refusal is no fault: {:?}", errors.lines());
    for (count, name) in [(1, "panic"), (2, "grow"), (4, "fail")] {
        rename(name).await;
        let payload = client.message(&channel).await;
        assert!(payload["refused"]["failed"]["message"].is_string(), "{payload}");
        assert_eq!(errors.lines().len(), count, "{:?}", errors.lines());
        rename("well again").await;
        assert_eq!(client.message(&channel).await, json!({"result": "well again"}));
    }
    // Who comes while it is refused is told so.
    rename("refuse").await;
    assert_eq!(client.message(&channel).await, refusal);
    let mut other = server.connect().await;
    assert_eq!(first(&mut other, &channel).await, refusal);
    drop((client, other));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_an_answer_of_one_user_reaches_that_user_alone() {
    let describe = |builder| queries::add(builder).authenticate(ByToken);
    let server = TestServer::start_with(new_folder(), Limits::default(), describe).await;
    let writer = server.writer().await;
    let channel = channel(&Mine {});
    let mut ann = server.connect_as("ann").await;
    let mut bob = server.connect_as("bob").await;
    let mut ann_again = server.connect_as("ann").await;
    for (client, name) in [(&mut ann, "ann"), (&mut bob, "bob"), (&mut ann_again, "ann")] {
        assert_eq!(first(client, &channel).await, json!({"result": [name, 0]}));
    }
    writer.run(format!("INSERT INTO todos (id, title) VALUES ('{TODO}', 'One')")).await;
    for (client, name) in [(&mut ann, "ann"), (&mut bob, "bob"), (&mut ann_again, "ann")] {
        assert_eq!(client.message(&channel).await, json!({"result": [name, 1]}));
        settled(client).await;
    }
    drop((ann, bob, ann_again));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_a_reader_who_pauses_gets_the_newest_answer_not_all_of_them() {
    let limits = Limits {
        query_debounce: Duration::from_millis(1),
        // Nothing but the newest answer fits.
        queue_frames: 1,
        queue_bytes: 1,
        ..Limits::default()
    };
    let server = start(limits).await;
    let channel = dearer("newest", 100);
    let mut client = server.connect().await;
    first(&mut client, &channel).await;
    let writer = server.writer().await;
    for n in 2..40 {
        writer.run(format!("INSERT INTO products (name, price) VALUES ('{n}', 1000)")).await;
    }
    let mut last = 1;
    while last < 39 {
        let result = client.message(&channel).await["result"].as_i64().unwrap();
        assert!(result > last, "answers come in order");
        last = result;
    }
    assert_eq!(server.realtime.stats().dropped, 0, "an answer is never lost");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy3_a_query_that_could_not_work_is_refused_at_the_start() {
    use tidewire::server::{AnswerQuery, Builder, Database, Identity, Realtime, database::ReadTx};
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Broken<const WHICH: u8> {}
    impl<const WHICH: u8> LiveQuery for Broken<WHICH> {
        const NAME: &'static str = if WHICH == 1 { "a:b" } else { "broken" };
        type Output = ();
    }
    impl<const WHICH: u8> AnswerQuery for Broken<WHICH> {
        const TABLES: &'static [&'static str] = match WHICH {
            0 => &["products", "nosuch"],
            2 => &[],
            _ => &["products"],
        };
        async fn answer(&self, _: &mut ReadTx, _: &Identity) -> Result<(), tidewire::Refusal> {
            Ok(())
        }
    }
    let folder = new_folder();
    let start = async |describe: fn(Builder) -> Builder| {
        let database = Database::open(&crate::support::url(&folder)).await.unwrap();
        database.migrate(&app::MIGRATIONS).await.unwrap();
        let started = describe(app::resources(Realtime::builder(database))).start().await;
        started.err().expect("it is refused").to_string()
    };
    for (problem, expected) in [
        (start(|b| b.query::<Broken<0>>()).await, "does not exist or is not followed"),
        (start(|b| b.query::<Broken<1>>()).await, "cannot be part of a channel"),
        (start(|b| b.query::<Broken<2>>()).await, "names no tables"),
        (start(|b| b.query::<Broken<3>>().query::<Broken<3>>()).await, "same name"),
    ] {
        assert!(problem.contains(expected), "{problem}");
    }
}
