//! Event streams: the same events with the same positions as a WebSocket, and the same limits.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tidewire::{
    LiveError,
    contract::{Limits, LiveQuery},
    server::{
        Identity,
        identity::{Authenticate, Connect},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Events, TestServer, declare, eventually, new_folder, post_frame,
    queries::{self, Dearer},
};

const TABLE: &str = "table:public.products";
const RESOURCE: &str = "resource:product";

fn offset(position: &Value) -> u64 {
    let position = position.as_str().expect("a position");
    position.split_once('-').expect("epoch and offset").1.parse().expect("a number")
}

#[tokio::test]
async fn spec_en1_an_event_stream_brings_what_a_websocket_brings() {
    let server = TestServer::start().await;
    let mut socket = server.connect().await;
    let start = socket.subscribe(TABLE).await;
    server.writer().await.products("missed", 0..3).await;
    server.caught_up().await;
    let parameters = format!("channel={TABLE}&since={start}");
    let mut stream = Events::open(server.address, &parameters).await;
    let ack = stream.expect("ack").await;
    let expected = json!({"type": "ack", "channel": TABLE, "position": start, "replay": 3});
    assert_eq!(ack, expected);
    let writer = server.writer().await;
    writer.products("live", 0..3).await;
    writer.run("UPDATE products SET price = 9 WHERE name LIKE 'live%'").await;
    writer.run("DELETE FROM products WHERE name = 'live1'").await;
    for _ in 0..10 {
        assert_eq!(stream.expect("broadcast").await, socket.expect("broadcast").await);
    }
    drop((stream, socket));
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_nobody_on_the_way_holds_events_back() {
    let server = TestServer::start().await;
    let accept = "Accept-Encoding: gzip, br\r\nAccept: text/event-stream\r\n";
    let mut stream = Events::open_with(server.address, "channel=resource:todo", accept).await;
    for line in
        ["content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"]
    {
        assert!(stream.head.contains(&format!("\r\n{line}\r\n")), "{}", stream.head);
    }
    assert!(!stream.head.contains("content-encoding"), "{}", stream.head);
    assert_eq!(stream.expect("ack").await["channel"], "resource:todo");
    let other = Events::open(server.address, "").await;
    assert_ne!(stream.connection, other.connection);
    for name in [&stream.connection, &other.connection] {
        assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    }
    drop((stream, other));
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_frames_are_posted_and_answered_on_the_stream() {
    let server = TestServer::start().await;
    let mut stream = Events::open(server.address, "").await;
    stream.send(json!({"type": "hello"})).await;
    stream.expect("welcome").await;
    stream.send(json!({"type": "subscribe", "channel": "room:a", "ref": 4})).await;
    assert_eq!(stream.expect("ack").await["ref"], 4);
    // JSON may have line ends between its parts; a server-sent event may not.
    let lines =
        b"{\"type\": \"broadcast\",\r\n\"channel\": \"room:a\",\n\"payload\": [1,\r\n\r\n2]}";
    assert_eq!(stream.post("", lines).await.status, 202);
    assert_eq!(stream.expect("broadcast").await["payload"], json!([1, 2]));
    assert_eq!(stream.expect("ack").await["reached"], 1);
    stream.send(json!({"type": "unsubscribe", "channel": "room:a"})).await;
    stream.send(json!({"type": "unsubscribe", "channel": "room:a"})).await;
    stream.expect_error("not_subscribed").await;
    stream.send(json!({"type": "heartbeat"})).await;
    let heartbeat = stream.next().await.unwrap();
    assert_eq!(heartbeat["type"], "heartbeat");
    assert_eq!(stream.last_id.as_deref(), heartbeat["position"].as_str());
    assert_eq!(server.realtime.stats().subscriptions, 0);
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_mistakes_are_answered_by_name_and_harm_nothing() {
    let limits = Limits { max_frame_bytes: 200_000, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let parameters = "channel=a b&channel=resource:boat&channel=room:a&channel=";
    let parameters = parameters.replace(' ', "%20");
    let mut stream = Events::open(server.address, &parameters).await;
    stream.expect_error("invalid_channel_name").await;
    stream.expect_error("unknown_channel").await;
    assert_eq!(stream.expect("ack").await["channel"], "room:a");
    stream.expect_error("invalid_channel_name").await;
    for (code, body) in [
        ("malformed_message", b"".as_slice()),
        ("malformed_message", b"{"),
        ("malformed_message", b"\xff\xfe{}"),
        ("unknown_type", b"{\"type\":\"dance\"}"),
        ("message_too_large", &[b' '; 65_537]),
        ("message_too_large", &[b' '; 200_000]),
    ] {
        assert_eq!(stream.post("", body).await.status, 202, "{code}");
        stream.expect_error(code).await;
    }
    // What is not even read is refused at its own address; the stream goes on.
    for head in ["Content-Length: 200001\r\n", "Content-Length: 99999999999\r\n"] {
        let answer = raw_post(&server, &stream.connection, head, b"").await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("message_too_large"));
    }
    let chunked = [b"30d41\r\n".as_slice(), &[b' '; 200_001], b"\r\n"].concat();
    let head = "Transfer-Encoding: chunked\r\n";
    let answer = raw_post(&server, &stream.connection, head, &chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let mut bad = Events::open(server.address, "channel=resource:todo&since=yesterday").await;
    bad.expect_error("invalid_position").await;
    stream.send(json!({"type": "hello"})).await;
    stream.expect("welcome").await;
    drop((stream, bad));
    server.stop().await;
}

/// A request as it is, and the start of the answer.
async fn raw_post(server: &TestServer, connection: &str, headers: &str, body: &[u8]) -> String {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let path = format!("/realtime/sse?connection={connection}");
    let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", server.address);
    tcp.write_all(head.as_bytes()).await.unwrap();
    tcp.write_all(body).await.unwrap();
    let mut answer = vec![0; 2_048];
    let read = tokio::time::timeout(crate::support::PATIENCE, tcp.read(&mut answer)).await;
    answer.truncate(read.expect("an answer in time").expect("an answer"));
    String::from_utf8(answer).unwrap()
}

/// Each change is one entry of the log and comes on both channels; wherever the stream is cut, the last
/// `id` leads back to all that did not come.
#[tokio::test]
async fn spec_en1_wherever_it_is_cut_the_last_event_id_resumes_without_loss() {
    let limits = Limits { heartbeat: Duration::from_millis(10), ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let writer = server.writer().await;
    let parameters = format!("channel={TABLE}&channel={RESOURCE}");
    for cut in 0..14 {
        let mut stream = Events::open(server.address, &parameters).await;
        let (first, second) = (stream.expect("ack").await, stream.expect("ack").await);
        let start = offset(&first["position"]).min(offset(&second["position"]));
        let mut seen = BTreeSet::new();
        let mut note = |frame: &Value| {
            let offset = offset(&frame["position"]);
            seen.insert((offset, frame["channel"].as_str().unwrap().to_owned()));
            offset
        };
        writer.products("one", 0..3).await;
        for received in 0..cut {
            if received == 6 {
                // So that some ids stand between changes.
                tokio::time::sleep(Duration::from_millis(15)).await;
                writer.products("two", 0..4).await;
            }
            note(&stream.expect("broadcast").await);
        }
        let id = stream.last_id.take().expect("an id from the first answer on");
        drop(stream);
        writer.products("away", 0..2).await;
        server.caught_up().await;
        let head = offset(&json!(server.realtime.database().read().await.unwrap().position()));

        let resume = format!("Last-Event-ID: {id}\r\n");
        let stale = format!("{parameters}&since=0000000000000000-0");
        let mut stream = Events::open_with(server.address, &stale, &resume).await;
        let (mut acks, mut events) = (0, [0, 0]);
        while acks < 2 || events != [head, head] {
            let frame = stream.next_json().await;
            if frame["type"] == "ack" {
                assert_eq!(frame["position"], id);
                acks += 1;
                continue;
            }
            assert_eq!(frame["type"], "broadcast", "{frame}");
            events[usize::from(frame["channel"] == TABLE)] = note(&frame);
        }
        let all = (start + 1..=head).flat_map(|n| [(n, RESOURCE.into()), (n, TABLE.into())]);
        assert_eq!(seen, all.collect(), "cut after {cut} changes");
        drop(stream);
    }
    server.stop().await;
}

/// An answer stands nowhere in the log, and a message that was sent starts no subscription: neither may
/// take the stream back to where it would miss something, or read everything again.
#[tokio::test]
async fn spec_en1_neither_an_answer_nor_a_sent_message_moves_the_last_event_id() {
    let describe = |builder| queries::add(declare(builder));
    let server = TestServer::start_with(new_folder(), Limits::default(), describe).await;
    let writer = server.writer().await;
    writer.products("before", 0..3).await;
    server.caught_up().await;
    let query = Dearer { tag: "stream".into(), than: 100 }.channel().unwrap().name().to_string();
    let parameters = format!("channel={query}&channel={RESOURCE}");
    let mut stream = Events::open(server.address, &parameters).await;
    assert_eq!(offset(&stream.expect("ack").await["position"]), 0);
    assert_eq!(stream.last_id, None, "a query's own beginning leads nowhere");
    let first = loop {
        let frame = stream.next().await.expect("the stream goes on");
        if frame["type"] == "ack" {
            break frame["position"].clone();
        }
    };
    assert_eq!(stream.last_id.as_deref(), first.as_str());
    let mut sender = Events::open(server.address, "").await;
    let frame = json!({"type": "broadcast", "channel": "order:1", "payload": {"number": 1}});
    sender.send(frame).await;
    assert!(sender.expect("ack").await["position"].is_string());
    assert_eq!(sender.last_id, None, "nothing is subscribed");
    drop(sender);
    let id = stream.last_id.take().unwrap();
    drop(stream);

    // Nothing of the query's table has changed, and still its answer comes.
    let resume = format!("Last-Event-ID: {id}\r\n");
    let mut stream = Events::open_with(server.address, &parameters, &resume).await;
    let (mut answers, mut acks) = (0, 0);
    while answers == 0 || acks < 2 {
        let frame = stream.next_json().await;
        acks += usize::from(frame["type"] == "ack");
        answers += usize::from(frame["type"] == "broadcast" && frame["channel"] == query);
    }
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_who_only_listens_stays_connected() {
    let limits = Limits {
        heartbeat: Duration::from_millis(100),
        dead_after: Duration::from_millis(400),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut stream = Events::open(server.address, "channel=resource:todo").await;
    stream.expect("ack").await;
    for _ in 0..20 {
        assert_eq!(stream.next().await.expect("it is not taken for dead")["type"], "heartbeat");
    }
    assert!(stream.comments > 10);
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_a_client_that_is_gone_leaves_nothing() {
    let server = TestServer::start().await;
    let mut streams = Vec::new();
    for n in 0..30 {
        let parameters = format!("channel=room:{n}&channel=resource:todo");
        let mut stream = Events::open(server.address, &parameters).await;
        stream.expect("ack").await;
        streams.push(stream);
    }
    assert_eq!(server.realtime.stats().connections, 30);
    // One of them is in the middle of a frame.
    let name = streams[0].connection.clone();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    let head = format!("POST /realtime/sse?connection={name} HTTP/1.1\r\nHost: a\r\n");
    half.write_all((head + "Content-Length: 100\r\n\r\n{").as_bytes()).await.unwrap();
    drop(streams);
    eventually("all are counted out", async || {
        let stats = server.realtime.stats();
        (stats.connections, stats.subscriptions, stats.channels) == (0, 0, 0)
    })
    .await;
    let mut answer = [0; 12];
    half.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 404");
    for name in [name.as_str(), "", "c0ffee"] {
        let answer = post_frame(server.address, name, "", b"{\"type\":\"heartbeat\"}").await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("unknown_connection")));
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy11_a_stop_drains_streams_and_ends_them() {
    let server = TestServer::start().await;
    let mut stream = Events::open(server.address, "channel=resource:todo").await;
    stream.expect("ack").await;
    let goodbye = tokio::spawn(async move {
        assert_eq!(stream.next_json().await, json!({"type": "drain", "within_ms": 5_000}));
        assert_eq!(stream.next().await, None);
    });
    let began = std::time::Instant::now();
    server.stop_now().await;
    assert!(began.elapsed() < Duration::from_secs(5), "clients that read are not waited for");
    goodbye.await.unwrap();
}

/// Whoever a header says.
struct ByName;

#[async_trait]
impl Authenticate for ByName {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(match (header("x-user"), header("x-guest")) {
            (Some(user), _) => Identity::user(user),
            (None, Some(guest)) => Identity::guest(guest),
            (None, None) => Identity::guest(tidewire::RowId::new().to_string()),
        })
    }
}

#[tokio::test]
async fn spec_en1_nobody_speaks_on_another_ones_stream() {
    let server = TestServer::start_with(new_folder(), Limits::default(), |builder| {
        builder.authenticate(ByName)
    })
    .await;
    let hello = b"{\"type\":\"hello\"}";
    let everybody = ["X-User: ann\r\n", "X-User: bob\r\n", "X-Guest: ann\r\n", "X-Guest: eve\r\n"];
    for owner in everybody {
        let mut stream = Events::open_with(server.address, "", owner).await;
        for other in everybody.iter().filter(|other| **other != owner).chain(&[""]) {
            let answer = stream.post(other, hello).await;
            assert_eq!(answer.status, 404, "{other} on {owner}");
            assert_eq!(answer.json()["code"], "unknown_connection");
        }
        assert_eq!(stream.post(owner, hello).await.status, 202);
        stream.expect("welcome").await;
        // None of what the others sent has arrived.
        assert_eq!(stream.post(owner, b"{\"type\":\"heartbeat\"}").await.status, 202);
        assert_eq!(stream.next().await.unwrap()["type"], "heartbeat");
    }
    // Who cannot be told from another guest is known by the connection's name alone.
    let mut stream = Events::open(server.address, "").await;
    assert_eq!(stream.post("", hello).await.status, 202);
    stream.expect("welcome").await;
    drop(stream);
    server.stop().await;
}
