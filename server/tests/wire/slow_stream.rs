//! Event streams that are read too slowly or not at all: as with WebSockets, they harm nobody and end.

use std::time::Duration;

use serde_json::{Value, json};
use tidewire::contract::Limits;
use tokio::net::TcpSocket;

use crate::support::{Events, Socket, TestServer, eventually, new_folder};

const RESOURCE: &str = "resource:product";

fn offset(position: &Value) -> u64 {
    let position = position.as_str().expect("a position");
    position.split_once('-').expect("epoch and offset").1.parse().expect("a number")
}

/// A stream whose client can hardly hold anything it has not read.
async fn narrow(server: &TestServer, parameters: &str) -> Events {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let tcp = socket.connect(server.address).await.unwrap();
    let mut stream = Events::over(tcp, parameters, "").await;
    stream.expect("ack").await;
    stream
}

async fn flood(server: &TestServer, fast: &mut Socket, until: impl Fn() -> bool) {
    let writer = server.writer().await;
    let big = "x".repeat(60_000);
    for n in 0..2_000 {
        writer.run(format!("INSERT INTO products (name, price) VALUES ('{big}', {n})")).await;
        fast.payloads(1).await;
        if until() {
            return;
        }
    }
    panic!("the slow one took everything");
}

#[tokio::test]
async fn spec_nx5_a_slow_stream_is_told_what_it_lost_and_harms_nobody() {
    let limits = Limits { queue_bytes: 1_000_000, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut fast = server.connect().await;
    fast.subscribe(RESOURCE).await;
    let mut slow = narrow(&server, &format!("channel={RESOURCE}")).await;
    flood(&server, &mut fast, || server.realtime.stats().dropped > 0).await;
    let mut last = None;
    let resync = loop {
        let frame = slow.next_json().await;
        if frame["type"] == "resync" {
            break frame;
        }
        let offset = offset(&frame["position"]);
        assert!(last.is_none_or(|last| offset == last + 1), "a gap without a word");
        last = Some(offset);
    };
    assert_eq!(resync["reason"], "overflow");
    server.writer().await.products("live", 0..1).await;
    while slow.next_json().await["payload"]["record"]["name"] != "live0" {}
    drop((slow, fast));
    server.stop().await;
}

#[tokio::test]
async fn spec_nx5_a_stream_that_is_not_read_at_all_is_closed_and_counted_out() {
    let limits = Limits {
        queue_bytes: 1_000_000,
        write_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut fast = server.connect().await;
    fast.subscribe(RESOURCE).await;
    let slow = narrow(&server, &format!("channel={RESOURCE}")).await;
    flood(&server, &mut fast, || server.realtime.stats().connections == 1).await;
    let answer = slow.post("", b"{\"type\":\"heartbeat\"}").await;
    assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("unknown_connection")));
    drop((slow, fast));
    server.stop().await;
}

/// Nobody answers for it any more, and its session has nothing to miss: the system notices.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn spec_fb8_a_stream_whose_client_takes_nothing_any_more_is_counted_out() {
    let server =
        TestServer::start_in(new_folder(), |config| config.limit_args.heartbeat_seconds = 1).await;
    let mut fast = server.connect().await;
    fast.subscribe(RESOURCE).await;
    let slow = narrow(&server, &format!("channel={RESOURCE}")).await;
    // However much of this the system holds for it, the program at the other end takes nothing.
    let writer = server.writer().await;
    let big = "x".repeat(60_000);
    for _ in 0..20 {
        writer.run(format!("INSERT INTO products (name) VALUES ('{big}')")).await;
        fast.payloads(1).await;
    }
    let began = std::time::Instant::now();
    eventually("it is counted out", async || {
        // The other one is read, and stays.
        _ = tokio::time::timeout(Duration::from_millis(1), fast.next()).await;
        server.realtime.stats().connections == 1
    })
    .await;
    assert!(began.elapsed() < Limits::default().write_timeout, "{:?}", began.elapsed());
    drop((slow, fast));
    server.stop().await;
}
