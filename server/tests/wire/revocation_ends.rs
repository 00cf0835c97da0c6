//! Whose connections end when access is taken away, and what reaches them then: nothing.

use serde_json::{Value, json};
use tidewire::{
    Channel,
    contract::{Limits, LiveQuery, Message},
    server::{Builder, Revoked, database::WriteTx},
    sql,
};

use crate::support::{
    ByToken, Cursor, Events, Nudge, Shipped, Socket, TestServer, declare, eventually, new_folder,
    queries::{self, Dearer},
};

fn describe(builder: Builder) -> Builder {
    queries::add(declare(builder)).authenticate(ByToken)
}

async fn server() -> TestServer {
    TestServer::start_with(new_folder(), Limits::default(), describe).await
}

async fn product(tx: &mut WriteTx, name: &str) {
    let insert = "INSERT INTO products (name, price) VALUES ($1, 1)";
    sql!(tx, |db| sqlx::query(insert).bind(name).execute(db)).unwrap();
}

/// Changes a product before and after the revocation, in its transaction.
async fn revoke(server: &TestServer, whose: &Revoked) {
    let mut tx = server.realtime.database().write().await.unwrap();
    product(&mut tx, "before").await;
    tx.revoke(whose).await.unwrap();
    product(&mut tx, "after").await;
    tx.commit::<()>(None).await.unwrap();
}

fn names(frames: &[Value]) -> Vec<&str> {
    let records = frames.iter().map(|frame| &frame["payload"]["record"]["name"]);
    records.filter_map(Value::as_str).collect()
}

async fn ends_with_nothing_behind(mut socket: Socket) {
    let (frames, code) = socket.until_closed().await;
    assert_eq!(code, Some(4004), "{frames:?}");
    // What came before it may have been sent, or have waited and been thrown away.
    assert!(!names(&frames).contains(&"after"), "{frames:?}");
}

async fn goes_on(socket: &mut Socket) {
    for name in ["before", "after"] {
        assert_eq!(socket.expect("broadcast").await["payload"]["record"]["name"], name);
    }
}

#[tokio::test]
async fn spec_sy5_signing_one_session_out_ends_its_connections_and_no_others() {
    let server = server().await;
    let mut sockets = Vec::new();
    for token in ["ann.phone", "ann.phone", "ann.laptop", "bob.tablet", "guest-7", "ann"] {
        let mut socket = server.connect_as(token).await;
        socket.subscribe("resource:product").await;
        sockets.push(socket);
    }
    let mut stream = Events::open(server.address, "token=ann.phone&channel=resource:product").await;
    stream.expect("ack").await;
    let mut other = Events::open(server.address, "token=bob.tablet&channel=resource:product").await;
    other.expect("ack").await;

    revoke(&server, &Revoked::Credential("phone".into())).await;
    for socket in sockets.drain(..2) {
        ends_with_nothing_behind(socket).await;
    }
    let frames = stream.until_closed().await;
    assert!(!names(&frames).contains(&"after"), "{frames:?}");
    for socket in &mut sockets {
        goes_on(socket).await;
    }
    for name in ["before", "after"] {
        assert_eq!(other.expect("broadcast").await["payload"]["record"]["name"], name);
    }

    // Of the user: all that is left of theirs, whatever it was proved by.
    revoke(&server, &Revoked::User("ann".into())).await;
    let (bob, guest) = (1, 2);
    ends_with_nothing_behind(sockets.remove(3)).await;
    ends_with_nothing_behind(sockets.remove(0)).await;
    goes_on(&mut sockets[bob - 1]).await;
    goes_on(&mut sockets[guest - 1]).await;

    // They may come back, and go on.
    let mut back = server.connect_as("ann.phone").await;
    back.subscribe("resource:product").await;
    let closed = server.realtime.stats().closed;
    assert_eq!(closed.get(&4004), Some(&5), "{closed:?}");
    drop((sockets, other, back));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_revocation_that_is_rolled_back_takes_nothing_away() {
    let server = server().await;
    let mut ann = server.connect_as("ann.phone").await;
    ann.subscribe("resource:product").await;
    let mut tx = server.realtime.database().write().await.unwrap();
    tx.revoke(&Revoked::User("ann".into())).await.unwrap();
    tx.revoke(&Revoked::Credential("phone".into())).await.unwrap();
    drop(tx);
    revoke(&server, &Revoked::User("nobody".into())).await;
    goes_on(&mut ann).await;
    ann.expect_silence().await;
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_no_message_answer_or_presence_reaches_who_was_revoked() {
    let server = server().await;
    let query = Dearer { tag: "revoked".into(), than: 0 }.channel().unwrap();
    let channels = ["nudge:a", "cursor:a", "order:a", query.name().as_str(), "resource:product"];
    let mut ann = server.connect_as("ann").await;
    let mut bob = server.connect_as("bob").await;
    for socket in [&mut ann, &mut bob] {
        for channel in channels {
            socket.subscribe(channel).await;
            if channel.starts_with("query") {
                socket.message(channel).await;
            }
        }
        let watch = json!({"type": "subscribe", "channel": "room:a", "presence": true});
        socket.send_json(watch).await;
        socket.expect("ack").await;
        socket.expect("presence_state").await;
    }
    let mut joins = server.connect_as("guest-7").await;
    server.revoke(&Revoked::User("ann".into())).await;

    // By now her session may or may not have ended; nothing of this may be sent by it.
    let nudge = Nudge { number: 5318008, pad: String::new() };
    let cursor = Cursor { who: "mark".into(), at: 5318008, pad: String::new() };
    let shipped = Shipped { number: 5318008, note: String::new() };
    publish(&server, &nudge, "a").await;
    publish(&server, &cursor, "a").await;
    publish(&server, &shipped, "a").await;
    let mut tx = server.realtime.database().write().await.unwrap();
    product(&mut tx, "5318008").await;
    tx.commit::<()>(None).await.unwrap();
    let join = json!({"type": "subscribe", "channel": "room:a", "presence": {"n": 5318008}});
    joins.send_json(join).await;
    let (frames, code) = ann.until_closed().await;
    assert_eq!((frames, code), (Vec::new(), Some(4004)));

    // It was all sent, and others got it.
    let mut kinds: Vec<String> = Vec::new();
    while kinds.len() < 6 {
        let frame = bob.next_json().await;
        kinds.push(frame["channel"].as_str().unwrap_or_default().to_owned());
    }
    kinds.sort();
    let mut expected: Vec<_> = channels.into_iter().chain(["room:a"]).collect();
    expected.sort_unstable();
    assert_eq!(kinds, expected);
    drop((bob, joins));
    server.stop().await;
}

async fn publish<T: Message>(server: &TestServer, message: &T, rest: &str) {
    let channel: Channel<T> = T::channel(rest).unwrap();
    server.realtime.publish(&channel, message).await.unwrap();
}

#[tokio::test]
async fn spec_sy5_who_does_not_read_is_cut_off_too() {
    let server = server().await;
    let mut ann = server.connect_as("ann").await;
    ann.subscribe("nudge:a").await;
    let nudge = Nudge { number: 1, pad: "x".repeat(60_000) };
    // More than the kernel takes: the session stands in a write.
    for _ in 0..200 {
        publish(&server, &nudge, "a").await;
    }
    server.revoke(&Revoked::User("ann".into())).await;
    eventually("the connection has ended", async || server.realtime.stats().subscriptions == 0)
        .await;
    let (frames, _) = ann.until_closed().await;
    assert!(frames.len() < 200, "what waited is thrown away");
    drop(ann);
    server.stop().await;
}
