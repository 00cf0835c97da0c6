//! The time of a connection: it expires, is renewed by an `auth` frame, and becomes somebody's by one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tidewire::{
    ChannelName,
    client::{Auth, ClientConfig, ClientEvent, ConnectionState, NativeClient, Transports},
    contract::{Limits, Scope},
    server::Revoked,
};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{ByToken, Events, PATIENCE, TestServer, new_folder};

async fn server() -> TestServer {
    server_with(Limits::default()).await
}

async fn server_with(limits: Limits) -> TestServer {
    TestServer::start_with(new_folder(), limits, |builder| builder.authenticate(ByToken)).await
}

fn auth(token: &str) -> Value {
    json!({"type": "auth", "token": token, "ref": 5})
}

#[tokio::test]
async fn spec_sy5_a_connection_ends_when_its_time_is_over() {
    let server = server().await;
    let began = Instant::now();
    let mut socket = server.connect_as("ann.phone~1500").await;
    let mut stream = Events::open(server.address, "token=ann.phone~1500&channel=room:a").await;
    stream.expect("ack").await;
    let mut lasting = server.connect_as("ann.laptop").await;
    socket.send_json(json!({"type": "hello"})).await;
    let welcome = socket.expect("welcome").await;
    let left = welcome["expires_in_ms"].as_u64().expect("it ends");
    assert!((1..=1_500).contains(&left), "{welcome}");
    assert_eq!(socket.until_closed().await, (Vec::new(), Some(4004)));
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
    stream.until_closed().await;
    lasting.send_json(json!({"type": "hello"})).await;
    let welcome = lasting.expect("welcome").await;
    assert_eq!(welcome.get("expires_in_ms"), None);
    assert_eq!(welcome["view"].as_str().map(str::len), Some(16), "{welcome}");
    drop(lasting);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_an_equal_identity_renews_the_time_and_the_credential() {
    let server = server().await;
    let mut ann = server.connect_as("ann.first~3000").await;
    let stream = Events::open(server.address, "token=ann.first~3000&channel=room:a").await;
    ann.subscribe("resource:product").await;
    ann.send_json(json!({"type": "hello"})).await;
    let view = ann.expect("welcome").await["view"].clone();
    ann.send_json(auth("ann.second~60000")).await;
    let answer = ann.expect("authenticated").await;
    let left = answer["expires_in_ms"].as_u64().expect("it ends");
    assert!((50_000..=60_000).contains(&left), "{answer}");
    assert_eq!(
        (&answer["userId"], &answer["ref"], &answer["view"]),
        (&json!("ann"), &json!(5), &view)
    );
    let posted = stream.post("", auth("ann.second~60000").to_string().as_bytes()).await;
    assert_eq!(posted.status, 404, "a request says whose it is, too");
    drop(stream);

    // The first proof means nothing to it any more, and its time has passed.
    server.revoke(&Revoked::Credential("first".into())).await;
    sleep(Duration::from_millis(3_000)).await;
    ann.expect_silence().await;
    server.revoke(&Revoked::Credential("second".into())).await;
    assert_eq!(ann.until_closed().await.1, Some(4004));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_token_that_does_not_hold_changes_nothing() {
    let limits = Limits { others_per_window: 3, ..Limits::default() };
    let server = server_with(limits).await;
    let mut guest = server.connect_as("guest-7").await;
    guest.subscribe("room:a").await;
    for _ in 0..3 {
        guest.send_json(auth("wrong")).await;
        let error = guest.expect_error("authentication_required").await;
        assert_eq!(error["ref"], 5);
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    guest.send_json(auth("ann")).await;
    let error = guest.expect_error("rate_limited").await;
    let which = error["error"].as_str().and_then(|text| text.split(':').next());
    assert_eq!((&error["ref"], which), (&json!(5), Some("others_per_window")));
    guest.subscribe("room:b").await;
    assert_eq!(&*server.realtime.client_stats(0, 10)[0].user, "7");
    drop(guest);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_the_first_frame_makes_a_connection_somebodys() {
    let server = server().await;
    let mut known = server.connect_as("ann").await;
    known.send_json(json!({"type": "hello"})).await;
    let view = known.expect("welcome").await["view"].clone();
    let mut ann = server.connect_as("anybody").await;
    ann.send_json(auth("ann.phone")).await;
    let answer = ann.expect("authenticated").await;
    assert_eq!((&answer["userId"], &answer["view"]), (&json!("ann"), &view));
    assert_eq!(answer.get("expires_in_ms"), None);
    let numbers = server.realtime.client_stats(0, 10);
    assert_eq!(numbers.iter().map(|client| &*client.user).collect::<Vec<_>>(), ["ann", "ann"]);

    // Its events are ann's, its presence is ann's, and what is taken from ann is taken from it.
    let join = json!({"type": "subscribe", "channel": "room:a", "presence": {}});
    ann.send_json(join).await;
    ann.expect("ack").await;
    assert_eq!(ann.expect("presence_state").await["users"][0]["userId"], "ann");
    ann.subscribe("revalidate:inbox").await;
    server.realtime.revalidate("inbox", Scope::User("ann")).unwrap();
    assert_eq!(ann.expect("broadcast").await["payload"]["user"], "ann");
    // Now it has subscriptions: as somebody else it would have to begin anew.
    ann.send_json(auth("bob")).await;
    assert_eq!(ann.until_closed().await, (Vec::new(), Some(4004)));

    let mut again = server.connect_as("anybody").await;
    again.subscribe("room:a").await;
    again.send_json(json!({"type": "unsubscribe", "channel": "room:a"})).await;
    again.send_json(auth("ann.phone")).await;
    assert_eq!(again.expect("authenticated").await["userId"], "ann");
    server.revoke(&Revoked::Credential("phone".into())).await;
    assert_eq!(again.until_closed().await.1, Some(4004));
    drop(known);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_stream_stays_whoevers_it_was_opened_as() {
    let server = server().await;
    for (opened, others) in [("guest-7", "ann.phone"), ("anybody", "ann.phone"), ("ann", "bob")] {
        let mut stream = Events::open(server.address, &format!("token={opened}")).await;
        let name = format!("{}&token={opened}", stream.connection);
        let post = async |frame: Value| {
            let frame = frame.to_string();
            let answer =
                crate::support::post_frame(server.address, &name, "", frame.as_bytes()).await;
            assert_eq!(answer.status, 202, "{answer:?}");
        };
        // Whoever opened it would go on speaking, and as somebody else.
        post(auth(others)).await;
        let refused = stream.expect_error("permission_denied").await;
        assert_eq!(refused["ref"], 5, "{refused}");
        let join =
            json!({"type": "subscribe", "channel": format!("room:{opened}"), "presence": {}});
        post(join).await;
        stream.expect("ack").await;
        let who = stream.expect("presence_state").await["users"][0]["userId"].take();
        assert!(who != "ann" || opened == "ann", "{opened} is {who}");
    }
    // Of the same user it is a renewal, and what is taken from the new proof is taken from the stream.
    let mut stream = Events::open(server.address, "token=ann").await;
    let name = format!("{}&token=ann", stream.connection);
    let frame = auth("ann.phone").to_string();
    crate::support::post_frame(server.address, &name, "", frame.as_bytes()).await;
    assert_eq!(stream.expect("authenticated").await["userId"], "ann");
    server.revoke(&Revoked::Credential("phone".into())).await;
    assert_eq!(stream.until_closed().await.len(), 0);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq4_a_native_client_outlives_its_tokens_without_a_gap() {
    let server = server().await;
    for transports in [Transports::WebSocketOnly, Transports::EventStreamOnly] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let fresh = Auth::fetch(move || {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            async move { format!("ann.{number}~3000") }
        });
        let url = format!("ws://{}/realtime", server.address);
        let config = ClientConfig { auth: Some(fresh), transports, ..ClientConfig::new(url) };
        let client = NativeClient::start(config);
        let channel = ChannelName::new("resource:product").unwrap();
        let mut events = client.subscribe(&channel, None);
        let first = timeout(PATIENCE, events.next()).await.expect("in time");
        assert!(matches!(first, Some(ClientEvent::Ready { .. })), "{first:?}");
        let opened = server.realtime.stats().opened;
        timeout(PATIENCE, async {
            while count.load(Ordering::Relaxed) < 3 {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("tokens are asked for");
        let writer = server.writer().await;
        writer.run("INSERT INTO products (name) VALUES ('later')").await;
        let change = timeout(PATIENCE, events.next()).await.expect("in time");
        assert!(matches!(change, Some(ClientEvent::Change { .. })), "{change:?}");
        assert_eq!(client.state(), ConnectionState::Connected);
        assert_eq!(server.realtime.stats().opened, opened, "it is still the first connection");
        drop((events, client));
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_client_that_was_revoked_comes_back_at_once_and_goes_on() {
    let server = server().await;
    let url = format!("ws://{}/realtime", server.address);
    let who = Arc::new(AtomicUsize::new(0));
    let said = who.clone();
    let auth = Auth::fetch(move || {
        let token = if said.load(Ordering::Relaxed) == 0 { "ann" } else { "bob" };
        async move { token.to_owned() }
    });
    let client = NativeClient::start(ClientConfig { auth: Some(auth), ..ClientConfig::new(url) });
    let channel = ChannelName::new("resource:product").unwrap();
    let mut events = client.subscribe(&channel, None);
    let mut next =
        async || timeout(PATIENCE, events.next()).await.expect("in time").expect("an event");
    assert!(matches!(next().await, ClientEvent::Ready { .. }));
    let writer = server.writer().await;
    // As the same person: nothing is missed.
    server.revoke(&Revoked::User("ann".into())).await;
    writer.run("INSERT INTO products (name) VALUES ('one')").await;
    let mut heard = Vec::new();
    while !matches!(heard.last(), Some(ClientEvent::Change { .. })) {
        heard.push(next().await);
    }
    assert!(!heard.iter().any(|event| matches!(event, ClientEvent::Resync { .. })), "{heard:?}");
    // As another one: nothing of before counts.
    who.store(1, Ordering::Relaxed);
    server.revoke(&Revoked::User("ann".into())).await;
    let mut heard = next().await;
    while matches!(heard, ClientEvent::Ready { .. }) {
        heard = next().await;
    }
    let permission = tidewire::contract::ResyncReason::Permission;
    assert!(
        matches!(heard, ClientEvent::Resync { reason, .. } if reason == permission),
        "{heard:?}"
    );
    drop((events, client));
    server.stop().await;
}
