//! Revalidation: a write names what has to be fetched again, and whose clients do.

use std::time::Duration;

use serde_json::{Value, json};
use tidewire::{
    ChannelName,
    contract::{Limits, Scope},
};

use crate::support::{ByToken, Socket, TestServer, new_folder, sqlite3};

const ALL: &str = "revalidate:todos.list";
const OF_ROOM: &str = "revalidate:todos.list:room:general";

async fn start() -> TestServer {
    let describe = |builder: tidewire::server::Builder| builder.authenticate(ByToken);
    TestServer::start_with(new_folder(), Limits::default(), describe).await
}

/// A write that revalidates and commits, or does not.
async fn write(server: &TestServer, scopes: &[Scope<'_>], commits: bool) {
    let mut tx = server.realtime.database().write().await.unwrap();
    for scope in scopes {
        let insert = "INSERT INTO products (name, price) VALUES ('Written', 1)";
        tidewire::sql!(tx, |db| sqlx::query(insert).execute(db)).unwrap();
        tx.revalidate("todos.list", *scope).await.unwrap();
    }
    if commits {
        tx.commit::<()>(None).await.unwrap();
    }
}

/// The next notice, which has to come on this channel and to be durable.
async fn notice(client: &mut Socket, channel: &str) -> Value {
    let mut frame = client.expect("broadcast").await;
    assert_eq!(frame["channel"], channel, "{frame}");
    assert!(frame["position"].is_string(), "{frame}");
    frame["payload"].take()
}

/// Nothing that was committed before is on its way to any of them.
async fn expect_silence(server: &TestServer, clients: &mut [&mut Socket]) {
    server.caught_up().await;
    for client in clients {
        client.expect_silence().await;
    }
}

#[tokio::test]
async fn spec_ig2_a_write_revalidates_what_it_names_once_it_is_committed() {
    let server = start().await;
    let mut client = server.connect_as("ann").await;
    let mut other = server.connect_as("bob").await;
    client.subscribe(ALL).await;
    other.subscribe("revalidate:products.list").await;
    write(&server, &[Scope::All], false).await;
    expect_silence(&server, &mut [&mut client]).await;
    write(&server, &[Scope::All], true).await;
    assert_eq!(notice(&mut client, ALL).await, json!({}));
    expect_silence(&server, &mut [&mut client, &mut other]).await;

    let mut tx = server.realtime.database().write().await.unwrap();
    for key in ["", "todos list", "todos.list:room:general"] {
        assert!(tx.revalidate(key, Scope::All).await.is_err(), "{key}");
        assert!(server.realtime.revalidate(key, Scope::All).is_err(), "{key}");
    }
    drop((tx, client, other));
    server.stop().await;
}

#[tokio::test]
async fn spec_ig2_any_program_revalidates_by_a_row_in_the_log() {
    let server = start().await;
    let mut client = server.connect_as("ann").await;
    client.subscribe(ALL).await;
    let sql = format!(
        "INSERT INTO tidewire_log (at_ms, tbl, op, new) VALUES (0, '{ALL}', 'MESSAGE', '{{}}')"
    );
    if sqlite3(&server.file(), &sql).await {
        assert_eq!(notice(&mut client, ALL).await, json!({}));
    } else {
        println!("no sqlite3 command on this machine: skipped");
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig3_one_users_clients_hear_of_it_and_nobody_else_live_and_replayed() {
    // Two entries in memory, so that older ones are replayed from the log itself.
    let limits = Limits { history_events: 2, ..Limits::default() };
    let describe = |builder: tidewire::server::Builder| builder.authenticate(ByToken);
    let server = TestServer::start_with(new_folder(), limits, describe).await;
    let tokens = ["ann", "ann", "bob", "guest-ann"];
    let mut clients = Vec::new();
    let mut start = String::new();
    for token in tokens {
        let mut client = server.connect_as(token).await;
        start = client.subscribe(ALL).await;
        clients.push(client);
    }
    write(&server, &[Scope::User("ann")], true).await;
    for (client, token) in clients.iter_mut().zip(tokens) {
        if token == "ann" {
            assert_eq!(notice(client, ALL).await, json!({"user": "ann"}));
        }
        expect_silence(&server, &mut [client]).await;
    }
    // From memory, and once other changes have taken its place there, from the log.
    for _ in 0..2 {
        for (client, token) in clients.iter_mut().zip(tokens) {
            let ack = client.subscribe_since(ALL, &start).await;
            let missed = usize::from(token == "ann");
            assert_eq!((&ack["type"], &ack["replay"]), (&json!("ack"), &json!(missed)), "{token}");
            for _ in 0..missed {
                notice(client, ALL).await;
            }
            client.expect_silence().await;
        }
        server.writer().await.products("more", 0..5).await;
        server.caught_up().await;
    }
    // What cannot be read as a notice is for nobody.
    let sql = format!(
        "INSERT INTO tidewire_log (at_ms, tbl, op, new) \
         VALUES (0, '{ALL}', 'MESSAGE', '{{\"user\": 7}}')"
    );
    server.writer().await.run(sql).await;
    for client in &mut clients {
        expect_silence(&server, &mut [client]).await;
    }
    drop(clients);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig3_one_rooms_clients_hear_of_it_and_nobody_else() {
    let server = start().await;
    let (general, other) = (name("room:general"), name("room:other"));
    let mut client = server.connect_as("ann").await;
    let mut outside = server.connect_as("bob").await;
    client.subscribe(OF_ROOM).await;
    outside.subscribe(ALL).await;
    outside.subscribe("revalidate:todos.list:room:other").await;
    write(&server, &[Scope::Room(&general)], true).await;
    assert_eq!(notice(&mut client, OF_ROOM).await, json!({}));
    expect_silence(&server, &mut [&mut client, &mut outside]).await;
    server.realtime.revalidate("todos.list", Scope::Room(&other)).unwrap();
    notice(&mut outside, "revalidate:todos.list:room:other").await;
    expect_silence(&server, &mut [&mut client, &mut outside]).await;
    drop((client, outside));
    server.stop().await;
}

fn name(text: &str) -> ChannelName {
    ChannelName::new(text).unwrap()
}

#[tokio::test]
async fn spec_ig8_a_batch_of_writes_revalidates_once_for_each_scope() {
    let server = start().await;
    let room = name("room:general");
    let mut client = server.connect_as("ann").await;
    client.subscribe(ALL).await;
    client.subscribe(OF_ROOM).await;
    let once = [Scope::All, Scope::User("ann"), Scope::Room(&room), Scope::User("bob")];
    let batch: Vec<_> = once.into_iter().cycle().take(40).collect();
    write(&server, &batch, true).await;
    assert_eq!(notice(&mut client, ALL).await, json!({}));
    assert_eq!(notice(&mut client, ALL).await, json!({"user": "ann"}));
    assert_eq!(notice(&mut client, OF_ROOM).await, json!({}));
    expect_silence(&server, &mut [&mut client]).await;
    // The next transaction says it anew.
    write(&server, &[Scope::All], true).await;
    notice(&mut client, ALL).await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig8_notices_of_no_transaction_are_collected() {
    let limits = Limits { revalidate_debounce: Duration::from_millis(300), ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut client = server.connect().await;
    client.subscribe(ALL).await;
    client.subscribe("revalidate:other").await;
    for _ in 0..100 {
        server.realtime.revalidate("todos.list", Scope::All).unwrap();
        server.realtime.revalidate("other", Scope::All).unwrap();
    }
    notice(&mut client, "revalidate:other").await;
    notice(&mut client, ALL).await;
    expect_silence(&server, &mut [&mut client]).await;
    server.realtime.revalidate("todos.list", Scope::All).unwrap();
    notice(&mut client, ALL).await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig8_a_stop_writes_what_was_collected_and_who_was_away_hears_of_it() {
    let limits = Limits { revalidate_debounce: Duration::from_secs(60), ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits.clone()).await;
    let folder = server.folder();
    let mut client = server.connect().await;
    let position = client.subscribe(ALL).await;
    drop(client);
    server.realtime.revalidate("todos.list", Scope::All).unwrap();
    server.stop().await;

    let server = TestServer::start_bare(folder, limits).await;
    let mut client = server.connect().await;
    assert_eq!(client.subscribe_since(ALL, &position).await["replay"], 1);
    assert_eq!(notice(&mut client, ALL).await, json!({}));
    drop(client);
    server.stop().await;
}
