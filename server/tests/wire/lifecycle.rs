//! Connections that come, fall silent and go; the counts; stopping and starting again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidewire::contract::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Binary, TestServer, eventually, file, get, new_folder};

async fn stats(server: &TestServer, path: &str) -> Value {
    let answer = get(server.address, path).await;
    assert_eq!(answer.status, 200);
    let mut counts = answer.json();
    let names = ["connections", "connected", "channels", "subscriptions", "dropped"];
    counts.as_object_mut().unwrap().retain(|name, _| names.contains(&name.as_str()));
    counts
}

#[tokio::test]
async fn spec_fb8_spec_bq7_the_stats_count_connections_channels_and_subscriptions() {
    let server = TestServer::start().await;
    let counts = |connections, channels, subscriptions| {
        json!({"connections": connections, "connected": connections, "channels": channels,
               "subscriptions": subscriptions, "dropped": 0})
    };
    assert_eq!(stats(&server, "/realtime/stats").await, counts(0, 0, 0));
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    for client in [&mut one, &mut two] {
        client.subscribe("resource:todo").await;
    }
    one.subscribe("room:general").await;
    assert_eq!(stats(&server, "/realtime/stats").await, counts(2, 2, 3));
    assert_eq!(stats(&server, "/api/realtime/stats").await, counts(2, 2, 3));
    one.send_json(json!({"type": "unsubscribe", "channel": "room:general"})).await;
    one.expect_silence().await;
    assert_eq!(stats(&server, "/realtime/stats").await, counts(2, 1, 2));
    // One leaves politely, the other is cut off.
    one.close().await;
    eventually("the first is gone", async || server.realtime.stats().connections == 1).await;
    drop(two);
    eventually("the second is gone", async || {
        stats(&server, "/realtime/stats").await == counts(0, 0, 0)
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn spec_fb8_heartbeats_arrive_and_a_listener_that_only_answers_pings_stays() {
    let limits = Limits {
        heartbeat: Duration::from_millis(100),
        dead_after: Duration::from_millis(1_000),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut client = server.connect().await;
    let position = client.subscribe("resource:todo").await;
    let began = Instant::now();
    // The client sends nothing by itself; its library answers pings while it is read.
    while began.elapsed() < Duration::from_millis(2_000) {
        let frame = client.next().await.expect("it is not taken for dead");
        assert_eq!(frame, json!({"type": "heartbeat", "position": position}));
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb8_a_silent_dead_connection_is_removed_and_counted_out() {
    let limits = Limits {
        heartbeat: Duration::from_millis(50),
        dead_after: Duration::from_millis(150),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    // An open TCP connection behind which nobody is: it never answers, not even pings.
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let handshake = format!(
        "GET /realtime HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    tcp.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    tcp.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    // A subscribe frame, masked with zeros.
    let subscribe = br#"{"type":"subscribe","channel":"room:quiet"}"#;
    let mut frame = vec![0x81, 0x80 | subscribe.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(subscribe);
    tcp.write_all(&frame).await.unwrap();
    eventually("it is counted", async || server.realtime.stats().subscriptions == 1).await;
    assert_eq!(server.realtime.stats().connections, 1);
    eventually("it is counted out", async || server.realtime.stats().connections == 0).await;
    assert_eq!(server.realtime.stats().subscriptions, 0);
    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).await.unwrap();
    // The last frame: close, code 4001, with its reason.
    let close = [0x0F, 0xA1];
    assert!(rest.windows(2).any(|two| two == close), "no close code 4001");
    drop(tcp);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy11_stopping_tells_clients_when_to_come_back_and_leaks_nothing() {
    let server = TestServer::start().await;
    let folder = server.folder();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        client.subscribe("resource:todo").await;
        client.subscribe("room:general").await;
        clients.push(client);
    }
    let goodbyes = clients.into_iter().map(|mut client| {
        tokio::spawn(async move {
            assert_eq!(client.next_json().await, json!({"type": "drain", "within_ms": 5_000}));
            assert_eq!(client.next().await, Err(Some(4_000)));
        })
    });
    let goodbyes: Vec<_> = goodbyes.collect();
    let began = Instant::now();
    server.stop_now().await;
    assert!(began.elapsed() < Duration::from_secs(5), "clients that answer are not waited for");
    for goodbye in goodbyes {
        goodbye.await.unwrap();
    }
    let server = TestServer::start_in(folder, |_| {}).await;
    let mut client = server.connect().await;
    client.subscribe("resource:todo").await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy11_a_client_that_does_not_answer_the_farewell_does_not_hold_up_the_stop() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    client.subscribe("resource:todo").await;
    // Not read any further, so that even the close frame stays unanswered.
    server.stop_now().await;
    drop(client);
}

#[tokio::test]
async fn spec_sy11_the_program_stops_on_a_signal_and_says_goodbye() {
    let folder = new_folder();
    let binary = Binary::start("127.0.0.1:0", &file(&folder)).await;
    let mut client = crate::support::Socket::connect(binary.address).await;
    client.subscribe("resource:todo").await;
    let goodbye = tokio::spawn(async move {
        let drain = client.next_json().await;
        (drain["type"].clone(), client.next().await)
    });
    let status = binary.terminate().await;
    assert!(status.success(), "{status}");
    assert_eq!(goodbye.await.unwrap(), (json!("drain"), Err(Some(4_000))));
}
