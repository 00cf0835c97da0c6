//! Who is there, over real sockets: tabs, grace, silence, idleness, counts, guests.

use std::time::Duration;

use serde_json::{Value, json};
use tidewire::{ChannelName, contract::Limits};

use crate::support::{PATIENCE, Socket, TestServer, eventually, get, new_folder};

pub(super) const ANN: &str = "0000000000000000000000000000000a";
pub(super) const BOB: &str = "0000000000000000000000000000000b";
pub(super) const ROOM: &str = "room:general";

/// Subscribes and says what is wanted of presence.
async fn enter(socket: &mut Socket, presence: Value) {
    let frame = json!({"type": "subscribe", "channel": ROOM, "presence": presence});
    socket.send_json(frame).await;
    assert_eq!(socket.expect("ack").await["channel"], ROOM);
}

/// Joins; returns the state that came.
pub(super) async fn join(socket: &mut Socket, name: &str) -> Value {
    enter(socket, json!({"name": name})).await;
    socket.expect("presence_state").await
}

async fn watch(server: &TestServer) -> Socket {
    let mut watcher = server.connect().await;
    enter(&mut watcher, json!(true)).await;
    watcher.expect("presence_state").await;
    watcher
}

/// The next difference: what happened and the whole frame.
async fn difference(socket: &mut Socket, action: &str) -> Value {
    let frame = socket.expect("presence_update").await;
    assert_eq!((&frame["action"], &frame["channel"]), (&json!(action), &json!(ROOM)), "{frame}");
    frame
}

async fn say(socket: &mut Socket, fields: Value) {
    let mut frame = json!({"type": "presence", "channel": ROOM});
    frame.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    socket.send_json(frame).await;
}

pub(super) fn names(users: &Value) -> Vec<&str> {
    users.as_array().unwrap().iter().map(|user| user["data"]["name"].as_str().unwrap()).collect()
}

fn soon() -> Limits {
    Limits { presence_grace: Duration::from_millis(300), ..Limits::default() }
}

#[tokio::test]
async fn spec_bq3_joining_and_leaving_is_told_to_everyone_in_the_channel() {
    let server = TestServer::start().await;
    let (mut ann, mut bob) =
        (server.connect_with_cookie(ANN).await, server.connect_with_cookie(BOB).await);
    let state = join(&mut ann, "Ann").await;
    assert_eq!(names(&state["users"]), ["Ann"]);
    let state = join(&mut bob, "Bob").await;
    assert_eq!(names(&state["users"]), ["Ann", "Bob"]);
    let joined = difference(&mut ann, "join").await;
    assert_eq!(joined["data"], json!({"name": "Bob"}));
    assert_eq!(joined["userId"], state["users"][1]["userId"]);
    assert_eq!(joined["joinedAt"], state["users"][1]["joinedAt"]);
    bob.send_json(json!({"type": "unsubscribe", "channel": ROOM})).await;
    assert_eq!(difference(&mut ann, "leave").await["userId"], joined["userId"]);
    drop((ann, bob));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq3_the_tabs_of_one_user_are_one_entry() {
    let server = TestServer::start_bare(new_folder(), soon()).await;
    let mut watcher = watch(&server).await;
    let (mut one, mut two) =
        (server.connect_with_cookie(ANN).await, server.connect_with_cookie(ANN).await);
    join(&mut one, "first tab").await;
    let joined = difference(&mut watcher, "join").await;
    assert_eq!(names(&join(&mut two, "second tab").await["users"]), ["second tab"]);
    let update = difference(&mut watcher, "update").await;
    assert_eq!((&update["userId"], &update["joinedAt"]), (&joined["userId"], &joined["joinedAt"]));
    drop(two);
    assert_eq!(difference(&mut watcher, "update").await["data"]["name"], "first tab");
    drop(one);
    difference(&mut watcher, "leave").await;
    drop(watcher);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq3_a_lost_connection_has_a_grace_period() {
    let limits = Limits { presence_grace: Duration::from_secs(2), ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut watcher = watch(&server).await;
    let mut ann = server.connect_with_cookie(ANN).await;
    join(&mut ann, "Ann").await;
    let joined = difference(&mut watcher, "join").await;
    drop(ann);
    eventually("her connection is gone", async || server.realtime.stats().connections == 1).await;
    let mut back = server.connect_with_cookie(ANN).await;
    let state = join(&mut back, "Ann").await;
    assert_eq!(state["users"][0]["joinedAt"], joined["joinedAt"]);
    watcher.expect_silence().await;
    // A close is no farewell: a page that is loaded again says the same.
    back.close().await;
    eventually("her connection is gone", async || server.realtime.stats().connections == 1).await;
    watcher.expect_silence().await;
    difference(&mut watcher, "leave").await;
    drop(watcher);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy2_a_half_open_connection_ends_by_its_time_to_live_and_comes_back_when_heard() {
    let limits = Limits {
        heartbeat: Duration::from_secs(60),
        presence_ttl: Duration::from_millis(400),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut watcher = watch(&server).await;
    let mut ann = server.connect_with_cookie(ANN).await;
    join(&mut ann, "Ann").await;
    difference(&mut watcher, "join").await;
    // The socket stays open, and nothing comes from it.
    difference(&mut watcher, "leave").await;
    assert_eq!(server.realtime.stats().connections, 2);
    difference(&mut ann, "leave").await;
    ann.send_json(json!({"type": "heartbeat"})).await;
    assert_eq!(difference(&mut watcher, "join").await["data"]["name"], "Ann");
    drop((ann, watcher));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy2_presence_data_can_be_updated_and_idleness_is_shown() {
    let server = TestServer::start().await;
    let mut watcher = watch(&server).await;
    let mut ann = server.connect_with_cookie(ANN).await;
    ann.subscribe(ROOM).await;
    say(&mut ann, json!({"data": {"name": "Ann"}})).await;
    assert_eq!(names(&ann.expect("presence_state").await["users"]), ["Ann"]);
    difference(&mut watcher, "join").await;
    say(&mut ann, json!({"data": {"name": "Ann", "cursor": [1, 2]}})).await;
    assert_eq!(difference(&mut watcher, "update").await["data"]["cursor"], json!([1, 2]));
    say(&mut ann, json!({"idle": true})).await;
    assert_eq!(difference(&mut watcher, "update").await["idle"], true);
    say(&mut ann, json!({"idle": true})).await;
    say(&mut ann, json!({"idle": false})).await;
    assert_eq!(difference(&mut watcher, "update").await.get("idle"), None);
    say(&mut ann, json!({"leave": true})).await;
    difference(&mut watcher, "leave").await;
    watcher.expect_silence().await;
    drop((ann, watcher));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy2_what_is_wrong_has_a_name_and_loses_nothing() {
    let server = TestServer::start().await;
    let mut ann = server.connect_with_cookie(ANN).await;
    say(&mut ann, json!({"data": {"name": "Ann"}, "ref": 4})).await;
    assert_eq!(ann.expect_error("not_subscribed").await["ref"], 4);
    let big = json!({"name": "x".repeat(5_000)});
    ann.send_json(json!({"type": "subscribe", "channel": ROOM, "presence": big, "ref": 5})).await;
    assert_eq!(ann.expect_error("invalid_payload").await["ref"], 5);
    ann.send_json(json!({"type": "subscribe", "channel": ROOM, "presence": 7})).await;
    ann.expect_error("malformed_message").await;
    join(&mut ann, "Ann").await;
    for data in [json!([1]), json!("Ann"), big] {
        say(&mut ann, json!({"data": data})).await;
        ann.expect_error("invalid_payload").await;
    }
    say(&mut ann, json!({})).await;
    assert_eq!(names(&ann.expect("presence_state").await["users"]), ["Ann"]);
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig5_who_subscribes_again_gets_the_set_again_and_stays_present() {
    let server = TestServer::start().await;
    let mut watcher = watch(&server).await;
    let mut ann = server.connect_with_cookie(ANN).await;
    join(&mut ann, "Ann").await;
    difference(&mut watcher, "join").await;
    ann.subscribe(ROOM).await;
    assert_eq!(names(&ann.expect("presence_state").await["users"]), ["Ann"]);
    watcher.expect_silence().await;
    enter(&mut ann, json!(true)).await;
    assert_eq!(ann.expect("presence_state").await["users"], json!([]));
    difference(&mut watcher, "leave").await;
    drop((ann, watcher));
    server.stop().await;
}

#[tokio::test]
async fn spec_ig5_too_many_are_counted_and_named_again_when_they_are_few() {
    let limits = Limits { presence_users: 3, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut counter = server.connect().await;
    enter(&mut counter, json!("count")).await;
    assert_eq!(counter.expect("presence_count").await["count"], 0);
    let mut watcher = watch(&server).await;
    let mut people = Vec::new();
    for n in 0..5 {
        let mut socket = server.connect_with_cookie(&format!("{n:032x}")).await;
        enter(&mut socket, json!({"name": n.to_string()})).await;
        let kind = if n < 3 { "presence_state" } else { "presence_count" };
        socket.expect(kind).await;
        people.push(socket);
    }
    for _ in 0..3 {
        difference(&mut watcher, "join").await;
    }
    // One that was told of fewer a moment ago may have to wait a second.
    for socket in [&mut watcher, &mut counter] {
        while socket.expect("presence_count").await["count"] != 5 {}
    }
    let answer = get(server.address, "/realtime/channel/users?channel=room:general").await.json();
    assert_eq!((&answer["count"], &answer["users"]), (&json!(5), &json!([])));
    for mut socket in people.drain(2..) {
        socket.send_json(json!({"type": "unsubscribe", "channel": ROOM})).await;
        socket.close().await;
    }
    let state = loop {
        let frame = watcher.next_json().await;
        if frame["type"] == "presence_state" {
            break frame;
        }
        assert_eq!(frame["type"], "presence_count", "{frame}");
    };
    assert_eq!(names(&state["users"]), ["0", "1"]);
    drop((counter, watcher, people));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq7_the_users_of_a_channel_can_be_asked_for() {
    let server = TestServer::start().await;
    let (mut ann, mut bob) =
        (server.connect_with_cookie(ANN).await, server.connect_with_cookie(BOB).await);
    join(&mut ann, "Ann").await;
    let state = join(&mut bob, "Bob").await;
    let answer = get(server.address, "/realtime/channel/users?channel=room:general").await;
    assert_eq!(answer.status, 200);
    let expected = json!({"channel": ROOM, "users": state["users"], "count": 2});
    assert_eq!(answer.json(), expected);
    let nobody = get(server.address, "/realtime/channel/users?channel=room:empty").await.json();
    assert_eq!(nobody, json!({"channel": "room:empty", "users": [], "count": 0}));
    for (query, code) in [
        ("", "malformed_message"),
        ("?channel=", "invalid_channel_name"),
        ("?channel=a%2Fb", "invalid_channel_name"),
    ] {
        let answer = get(server.address, &format!("/realtime/channel/users{query}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(code)), "{query}");
    }
    let typed = server.realtime.present::<Value>(&ChannelName::new(ROOM).unwrap());
    assert_eq!(typed.iter().map(|user| &user.data["name"]).collect::<Vec<_>>(), ["Ann", "Bob"]);
    drop((ann, bob));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq3_a_stop_leaves_nobody_and_tells_nobody() {
    let server = TestServer::start().await;
    let mut watcher = watch(&server).await;
    let mut ann = server.connect_with_cookie(ANN).await;
    join(&mut ann, "Ann").await;
    difference(&mut watcher, "join").await;
    let realtime = server.realtime.clone();
    let stop = tokio::spawn(server.stop_now());
    watcher.expect("drain").await;
    assert!(watcher.next().await.is_err(), "no leave of those who come back in a moment");
    drop((ann, watcher));
    tokio::time::timeout(PATIENCE, stop).await.expect("in time").unwrap();
    assert_eq!(realtime.roll(&ChannelName::new(ROOM).unwrap()).count, 0);
}

#[tokio::test]
async fn spec_bq3_a_table_that_is_switched_off_ends_the_presences_of_its_channels() {
    let server = TestServer::start().await;
    let mut ann = server.connect_with_cookie(ANN).await;
    let wish = json!({"type": "subscribe", "channel": "product:1", "presence": {"name": "Ann"}});
    ann.send_json(wish.clone()).await;
    ann.expect("ack").await;
    ann.expect("presence_state").await;
    server.realtime.disable_realtime("public", "products").await.unwrap();
    ann.expect_error("unknown_channel").await;
    let channel = ChannelName::new("product:1").unwrap();
    assert_eq!(server.realtime.roll(&channel).count, 0);
    server.realtime.enable_realtime("public", "products").await.unwrap();
    ann.send_json(wish).await;
    ann.expect("ack").await;
    assert_eq!(names(&ann.expect("presence_state").await["users"]), ["Ann"]);
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq5_a_client_joins_says_something_new_and_comes_back_by_itself() {
    use serde_json::value::to_raw_value;
    use tidewire::client::{ClientConfig, ClientEvent, NativeClient, PresenceEvent};
    let server = TestServer::start().await;
    let mut watcher = watch(&server).await;
    let client =
        NativeClient::start(ClientConfig::new(format!("ws://{}/realtime", server.address)));
    let room = ChannelName::new(ROOM).unwrap();
    let data = |name: &str| to_raw_value(&json!({"name": name})).unwrap();
    let mut ann = client.subscribe_to_presence(&room, Some(data("Ann")));
    let joined = difference(&mut watcher, "join").await;
    eventually("the list is there", async || client.online_users(&room).len() == 1).await;
    ann.update_presence(data("Ann B."));
    assert_eq!(difference(&mut watcher, "update").await["data"]["name"], "Ann B.");
    client.set_idle(true);
    assert_eq!(difference(&mut watcher, "update").await["idle"], true);
    client.disconnect();
    let stale = |event| matches!(event, ClientEvent::Presence(PresenceEvent::Stale));
    while !stale(ann.next().await.expect("an event")) {}
    assert_eq!(client.online_users(&room).len(), 1, "the list survives");
    client.connect();
    // Without a cookie the new connection is another guest; the old one leaves after the grace period.
    let again = difference(&mut watcher, "join").await;
    assert_eq!((&again["data"]["name"], &again["idle"]), (&json!("Ann B."), &json!(true)));
    assert_ne!(again["userId"], joined["userId"]);
    drop(ann);
    difference(&mut watcher, "leave").await;
    client.close();
    drop(watcher);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq8_presence_can_be_switched_off_and_the_rest_goes_on() {
    let server = TestServer::start_in(new_folder(), |config| config.presence = false).await;
    let mut ann = server.connect_with_cookie(ANN).await;
    ann.send_json(json!({"type": "subscribe", "channel": ROOM, "presence": {"name": "Ann"}})).await;
    assert_eq!(ann.expect("error").await["code"], "realtime_disabled");
    ann.subscribe(ROOM).await;
    say(&mut ann, json!({"data": {"name": "Ann"}})).await;
    assert_eq!(ann.expect("error").await["code"], "realtime_disabled");
    ann.send_json(json!({"type": "broadcast", "channel": ROOM, "payload": 1})).await;
    assert_eq!(ann.expect("broadcast").await["payload"], 1);
    let users = get(server.address, "/realtime/channel/users?channel=room:general").await;
    assert_eq!((users.status, &users.json()["code"]), (503, &json!("realtime_disabled")));
    let page = get(server.address, "/todos").await;
    assert_eq!(page.status, 200);
    drop(ann);
    server.stop().await;
}
