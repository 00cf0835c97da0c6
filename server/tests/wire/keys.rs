//! API keys: made and revoked on the command line, in the database by their hash alone, good for what they
//! were made for and nothing else.

use std::time::Duration;

use serde_json::{Value, json};
use tidewire::server::Revoked;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Answer, Events, Socket, TestServer, eventually,
    jwt::{SECRET, taken},
    new_folder, post_body, request, run,
};

/// Makes a key for `name` by the command line of the program.
async fn add(server: &TestServer, name: &str, permissions: &[&str]) -> String {
    let arguments = [&["key", "add", name], permissions].concat();
    let (done, printed) = run(&server.file(), &[], &arguments).await;
    assert!(done);
    let key = printed.trim_end();
    assert!(key.starts_with("tw_") && key.len() == 67, "{key}");
    key.to_owned()
}

/// What `server key list` says of each key, by its tabs.
async fn list(server: &TestServer) -> Vec<Vec<String>> {
    let (done, printed) = run(&server.file(), &[], &["key", "list"]).await;
    assert!(done);
    printed.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

async fn send(server: &TestServer, key: &str, channel: &str) -> Answer {
    let line = format!("Authorization: Bearer {key}");
    let body = json!({"channel": channel, "payload": {"text": "hello"}}).to_string();
    post_body(server.address, "/realtime/broadcast", &[&line], &body).await
}

async fn look(server: &TestServer, key: &str, path: &str) -> (u16, Value) {
    let head = format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {key}\r\n");
    let answer = request(server.address, &head, b"").await.unwrap();
    (answer.status, answer.json())
}

#[tokio::test]
async fn spec_sy5_spec_sy6_a_key_may_do_what_it_was_made_for_and_nothing_else() {
    let server = TestServer::start().await;
    let key = add(&server, "shop", &["write:room:*", "read:room:a"]).await;
    let mut guest = server.connect().await;
    guest.subscribe("room:a").await;
    assert_eq!(send(&server, &key, "room:a").await.json(), json!({"reached": 1}));
    assert_eq!(guest.message("room:a").await["text"], "hello");
    for (channel, status, code) in [
        ("typing:todos", 403, "permission_denied"),
        ("resource:todo", 403, "permission_denied"),
        ("access:revoked", 403, "permission_denied"),
        ("../admin", 400, "invalid_channel_name"),
    ] {
        let answer = send(&server, &key, channel).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{channel}");
    }
    let lists = "/realtime/stats?detail=clients";
    assert_eq!(look(&server, &key, lists).await.0, 403);
    assert_eq!(look(&server, &key, "/realtime/channel/users?channel=room:a").await.0, 200);
    assert_eq!(look(&server, &key, "/realtime/channel/users?channel=room:b").await.0, 403);
    let inspector = add(&server, "inspector", &["inspect:stats"]).await;
    assert_eq!(look(&server, &inspector, lists).await.0, 200);
    assert_eq!(send(&server, &inspector, "room:a").await.status, 403);
    // A service is somebody like all others: over a socket, too.
    let bearer = format!("Bearer {key}");
    let mut shop = Socket::attempt(server.address, &[("authorization", &bearer)]).await.unwrap();
    let frame = json!({"type": "subscribe", "channel": "room:a", "presence": {}});
    shop.send_json(frame).await;
    shop.expect("ack").await;
    let id = list(&server).await[0][0].clone();
    assert_eq!(shop.expect("presence_state").await["users"][0]["userId"], id);
    shop.send_json(json!({"type": "subscribe", "channel": "resource:product"})).await;
    shop.expect_error("permission_denied").await;
    // Where pages send their tokens there is no place for keys.
    let offered = format!("tidewire, bearer.{key}");
    let away = Socket::attempt(server.address, &[("sec-websocket-protocol", &offered)]).await;
    assert_eq!(away.err().unwrap().status, 401);
    drop((guest, shop));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_revoked_key_is_refused_and_the_log_says_whose_connections_end() {
    let server = TestServer::start().await;
    let key = add(&server, "shop", &["write:room:*"]).await;
    let other = add(&server, "shop", &["write:room:*"]).await;
    assert_ne!(key, other);
    let id = list(&server).await[0][0].clone();
    assert_eq!(send(&server, &key, "room:a").await.status, 200);
    let before = server.realtime.database().read().await.unwrap().position();
    assert!(run(&server.file(), &[], &["key", "revoke", &id]).await.0);
    let answer = send(&server, &key, "room:a").await;
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("authentication_required")));
    // As one that there has never been.
    let never = send(&server, &format!("tw_{}", "0".repeat(64)), "room:a").await;
    assert_eq!((never.status, never.body), (answer.status, answer.body));
    assert_eq!(send(&server, &other, "room:a").await.status, 200, "the other one holds");
    let writer = server.writer().await;
    let entry = "SELECT new FROM tidewire_log WHERE tbl = 'access:revoked'";
    let entry: Value = serde_json::from_str(&writer.text(entry).await.unwrap()).unwrap();
    assert_eq!(entry, json!({"credential": id}));
    let after = server.realtime.database().read().await.unwrap().position();
    assert_eq!(after.offset, before.offset + 1, "one entry, and none for keys that are used");
    assert_eq!(list(&server).await[0][2], "revoked");
    for id in [id.as_str(), "nobody"] {
        let (done, _) = run(&server.file(), &[], &["key", "revoke", id]).await;
        assert!(!done, "{id} does not hold any longer, or never did");
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_keys_of_one_name_are_different_services() {
    let server = TestServer::start().await;
    let (mut sockets, mut bearers) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let key = add(&server, "shop", &["read:room:a", "write:room:a"]).await;
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        let mut shop = Socket::attempt(server.address, &headers).await.unwrap();
        shop.subscribe("room:a").await;
        sockets.push(shop);
        bearers.push(format!("Authorization: {bearer}\r\n"));
    }
    let stream = Events::open_with(server.address, "", &bearers[0]).await;
    let hello = br#"{"type":"hello"}"#;
    assert_eq!(stream.post(&bearers[1], hello).await.status, 404, "it is the other one's");
    assert_eq!(stream.post(&bearers[0], hello).await.status, 202);
    drop(stream);
    // Whose name anybody may give to a key is not taken for them.
    server.revoke(&Revoked::User("shop".into())).await;
    for shop in &mut sockets {
        shop.expect_silence().await;
    }
    let id = list(&server).await[0][0].clone();
    server.revoke(&Revoked::User(id)).await;
    let closed = || server.realtime.stats().closed.get(&4004).copied().unwrap_or_default();
    eventually("one of them ends", async || closed() == 1).await;
    drop(sockets);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_key_that_is_revoked_while_its_message_is_under_way_sends_nothing() {
    let server = TestServer::start().await;
    let key = add(&server, "shop", &["write:room:*"]).await;
    let id = list(&server).await[0][0].clone();
    let mut guest = server.connect().await;
    guest.subscribe("room:a").await;
    let body = json!({"channel": "room:a", "payload": 1}).to_string();
    let (begin, end) = body.split_at(10);
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /realtime/broadcast HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{begin}",
        body.len()
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    // Once it is known whose message this is, the rest of it is waited for.
    eventually("the key is looked up", async || list(&server).await[0][4] != "never used").await;
    assert!(run(&server.file(), &[], &["key", "revoke", &id]).await.0);
    tcp.write_all(end.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    guest.expect_silence().await;
    drop(guest);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_key_is_shown_once_and_kept_as_a_hash() {
    let server = TestServer::start().await;
    let key = add(&server, "shop", &["write:room:*", "read:*"]).await;
    let keys = list(&server).await;
    let [shop] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(
        (shop[1].as_str(), shop[2].as_str(), shop[4].as_str()),
        ("shop", "holds", "never used")
    );
    assert_eq!(shop[5], "read:* write:room:*");
    assert!(!shop.concat().contains(&key[3..]));
    let row = "SELECT id || name || hex(sha256) || permissions || length(sha256) FROM api_keys";
    let row = server.writer().await.text(row).await.unwrap();
    assert!(row.ends_with("32") && !row.to_lowercase().contains(&key[3..]), "{row}");
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_key_in_use_is_noted_once_a_minute_and_nobody_is_told() {
    let server = TestServer::start().await;
    let key = add(&server, "shop", &["write:room:*"]).await;
    let writer = server.writer().await;
    let text = "SELECT CAST(used_ms AS TEXT) FROM api_keys WHERE used_ms IS NOT NULL";
    let used = async || writer.text(text).await;
    assert_eq!(used().await, None);
    let before = server.realtime.database().read().await.unwrap().position();
    for _ in 0..20 {
        assert_eq!(send(&server, &key, "room:a").await.status, 200);
    }
    eventually("it is written down", async || used().await.is_some()).await;
    let first = used().await;
    // Another write would be a later moment.
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..20 {
        assert_eq!(send(&server, &key, "room:a").await.status, 200);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(used().await, first);
    let after = server.realtime.database().read().await.unwrap().position();
    assert_eq!(after, before, "no entry of the log");
    writer.run("UPDATE api_keys SET used_ms = used_ms - 120000").await;
    let (bearer, old) = (format!("Bearer {key}"), used().await);
    // This server remembers when it last wrote; another one over the same database reads it.
    let other = TestServer::start_in(server.folder(), |_| {}).await;
    drop(Socket::attempt(other.address, &[("authorization", &bearer)]).await.unwrap());
    eventually("it is written down again", async || used().await != old).await;
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_damaged_permissions_widen_nothing() {
    let server = TestServer::start().await;
    let key = add(&server, "shop", &["write:room:a"]).await;
    let writer = server.writer().await;
    writer.run("UPDATE api_keys SET permissions = 'write:room:a write:*:'").await;
    let answer = send(&server, &key, "room:a").await;
    assert_eq!((answer.status, &answer.json()["code"]), (500, &json!("internal")));
    writer.run("UPDATE api_keys SET permissions = ''").await;
    assert_eq!(send(&server, &key, "room:a").await.status, 403);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_the_command_line_refuses_what_would_not_hold() {
    let server = TestServer::start_in(new_folder(), taken).await;
    for arguments in [
        &["key", "add", "shop"][..],
        &["key", "add", "shop", "write:ch*"],
        &["key", "add", "shop", "everything"],
        &["key", "add", "", "write:a"],
        &["key", "add", &"a".repeat(65), "write:a"],
        &["key", "revoke"],
        &["token", "--user", "ann", "read:a"],
    ] {
        let (done, printed) = run(&server.file(), &[], arguments).await;
        assert!(!done && printed.is_empty(), "{arguments:?}: {printed}");
    }
    assert!(list(&server).await.is_empty());
    let secret = [("TIDEWIRE_TOKEN_SECRET", SECRET)];
    for arguments in [
        &["token", "read:a"][..],
        &["token", "--user", "", "read:a"],
        &["token", "--user", "ann"],
        &["token", "--user", "ann", "--minutes", "0", "read:a"],
        &["token", "--user", "ann", "read:ch*"],
    ] {
        let (done, printed) = run(&server.file(), &secret, arguments).await;
        assert!(!done && printed.is_empty(), "{arguments:?}: {printed}");
    }
    let arguments = ["token", "--user", "ann", "--name", "Ann", "--minutes", "5", "read:room:a"];
    let (done, token) = run(&server.file(), &secret, &arguments).await;
    assert!(done);
    let bearer = format!("Bearer {}", token.trim());
    let mut ann = Socket::attempt(server.address, &[("authorization", &bearer)]).await.unwrap();
    ann.subscribe("room:a").await;
    ann.send_json(json!({"type": "broadcast", "channel": "room:a", "payload": 1})).await;
    ann.expect_error("permission_denied").await;
    drop(ann);
    server.stop().await;
}
