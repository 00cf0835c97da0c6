//! How much one connection, one address and all of them may ask for; a crowd that comes back.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use server::LimitArgs;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Socket, TestServer, TurnedAway, eventually, get, new_folder};

/// The product with other limits.
async fn start(set: impl FnOnce(&mut LimitArgs)) -> TestServer {
    TestServer::start_in(new_folder(), |config| set(&mut config.limit_args)).await
}

async fn turned_away(server: &TestServer, headers: &[(&'static str, &str)]) -> TurnedAway {
    Socket::attempt(server.address, headers).await.err().expect("it is turned away")
}

fn check(refused: &TurnedAway, status: u16, limit: &str) {
    assert_eq!(refused.status, status, "{refused:?}");
    assert_eq!(refused.body["code"], "rate_limited", "{refused:?}");
    assert!(refused.body["message"].as_str().unwrap().contains(limit), "{refused:?}");
    let milliseconds = refused.body["retry_after_ms"].as_u64().unwrap();
    assert_eq!(refused.retry_after, Some(milliseconds.div_ceil(1_000).max(1)), "{refused:?}");
}

#[tokio::test]
async fn spec_sy7_a_request_too_many_is_refused_by_the_limits_name_and_the_rest_goes_on() {
    let server = start(|limits| {
        limits.subscribes_per_window = 5;
        limits.broadcasts_per_window = 3;
        limits.presences_per_window = 2;
        limits.others_per_window = 4;
        // Longer than the test may take on a busy machine.
        limits.request_window_seconds = 100;
    })
    .await;
    let mut client = server.connect().await;
    for n in 0..5 {
        client.subscribe(&format!("room:{n}")).await;
    }
    client.send_json(json!({"type": "subscribe", "channel": "room:x", "ref": 8})).await;
    let refused = client.expect_error("rate_limited").await;
    assert_eq!((&refused["channel"], &refused["ref"]), (&json!("room:x"), &json!(8)));
    assert!(refused["error"].as_str().unwrap().starts_with("subscribes_per_window"), "{refused}");
    let wait = refused["retry_after_ms"].as_u64().unwrap();
    assert!((10_000..=20_000).contains(&wait), "5 in 100 s are one each 20 s: {wait}");
    // Every kind has its own.
    for _ in 0..3 {
        client.send_json(json!({"type": "broadcast", "channel": "room:other", "payload": 1})).await;
        client.expect("ack").await;
    }
    client.send_json(json!({"type": "broadcast", "channel": "room:other", "payload": 1})).await;
    let refused = client.expect_error("rate_limited").await;
    assert!(refused["error"].as_str().unwrap().starts_with("broadcasts_per_window"), "{refused}");
    for _ in 0..4 {
        client.send_text("nonsense").await;
        client.expect_error("malformed_message").await;
    }
    client.send_text("nonsense").await;
    let refused = client.expect_error("rate_limited").await;
    assert!(refused["error"].as_str().unwrap().starts_with("others_per_window"), "{refused}");
    // Another connection is not concerned, and reaches this one.
    let mut other = server.connect().await;
    other.send_json(json!({"type": "broadcast", "channel": "room:1", "payload": 2})).await;
    assert_eq!(other.expect("ack").await["reached"], 1);
    assert_eq!(client.expect("broadcast").await["payload"], 2);
    drop((client, other));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_what_was_refused_is_granted_when_the_server_said_so() {
    let server = start(|limits| {
        limits.subscribes_per_window = 10;
        limits.request_window_seconds = 1;
    })
    .await;
    let mut client = server.connect().await;
    for n in 0..10 {
        client.subscribe(&format!("room:{n}")).await;
    }
    client.send_json(json!({"type": "subscribe", "channel": "room:x"})).await;
    let refused = client.expect_error("rate_limited").await;
    let wait = Duration::from_millis(refused["retry_after_ms"].as_u64().unwrap());
    tokio::time::sleep(wait).await;
    client.subscribe("room:x").await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_who_floods_on_is_closed_with_a_code_to_return_after() {
    let server = start(|limits| limits.others_per_window = 5).await;
    let mut client = server.connect().await;
    let mut refusals = 0;
    let code = loop {
        client.send_json(json!({"type": "hello"})).await;
        match client.next().await {
            Ok(frame) if frame["type"] == "error" => refusals += 1,
            Ok(frame) => assert_eq!(frame["type"], "welcome"),
            Err(code) => break code,
        }
        assert!(refusals <= 45, "ten times the limit");
    };
    assert_eq!(code, Some(4_003));
    assert_eq!(server.realtime.stats().closed, [(4_003, 1)].into());
    drop(client);
    let mut again = server.connect().await;
    again.expect_silence().await;
    drop(again);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_an_address_has_so_many_connections_and_gets_a_place_back() {
    let server = start(|limits| limits.connections_per_address = 2).await;
    let (one, two) = (server.connect().await, server.connect().await);
    check(&turned_away(&server, &[]).await, 429, "connections_per_address");
    assert_eq!(server.realtime.stats().turned_away, [("connections_per_address", 1)].into());
    drop(one);
    eventually("the place is free", async || server.realtime.stats().connections == 1).await;
    let mut three = until_let_in(&server).await;
    three.expect_silence().await;
    drop((two, three));
    server.stop().await;
}

/// The place is given back a moment after the connection is no longer counted.
async fn until_let_in(server: &TestServer) -> Socket {
    crate::support::until("a place", async || Socket::attempt(server.address, &[]).await.ok()).await
}

#[tokio::test]
async fn spec_ig10_an_address_may_connect_so_often_in_a_minute() {
    let server = start(|limits| limits.connects_per_minute = 3).await;
    for _ in 0..3 {
        server.connect().await.close().await;
    }
    let refused = turned_away(&server, &[]).await;
    check(&refused, 429, "connects_per_minute");
    assert!((15..=20).contains(&refused.retry_after.unwrap()), "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn spec_nx14_a_crowd_is_let_in_at_the_servers_pace_and_asked_to_come_later() {
    let server = start(|limits| limits.admissions_per_second = 5).await;
    let address = server.address;
    let crowd = join_all((0..30).map(|_| Socket::attempt(address, &[]))).await;
    let (inside, outside): (Vec<_>, Vec<_>) = crowd.into_iter().partition(Result::is_ok);
    assert!((5..=15).contains(&inside.len()), "{} of 30 were let in", inside.len());
    for refused in outside {
        check(&refused.err().unwrap(), 503, "admissions_per_second");
    }
    // Pages and answers to other requests are not held back.
    assert_eq!(get(address, "/realtime/stats").await.status, 200);
    drop(inside);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_clients_of_a_trusted_proxy_count_each_for_themselves() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        config.limit_args.connections_per_address = 1;
    })
    .await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let one = Socket::attempt(server.address, &from("198.51.100.1")).await.unwrap();
    let two = Socket::attempt(server.address, &from("1.1.1.1, 198.51.100.2")).await.unwrap();
    let six = Socket::attempt(server.address, &from("2001:db8::1")).await.unwrap();
    let refused = turned_away(&server, &from("9.9.9.9, 198.51.100.1, 127.0.0.9")).await;
    check(&refused, 429, "connections_per_address");
    let refused = turned_away(&server, &from("2001:db8::2")).await;
    check(&refused, 429, "connections_per_address");
    let mut seen: Vec<_> = server.realtime.client_stats(0, 10);
    seen.sort_by_key(|client| client.address);
    let seen: Vec<_> = seen.iter().map(|client| client.address.unwrap().to_string()).collect();
    assert_eq!(seen, ["198.51.100.1", "198.51.100.2", "2001:db8::1"]);
    drop((one, two, six));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_nobody_gets_more_places_by_inventing_addresses() {
    let server = start(|limits| limits.connections_per_address = 1).await;
    let one =
        Socket::attempt(server.address, &[("x-forwarded-for", "198.51.100.1")]).await.unwrap();
    let refused = turned_away(&server, &[("x-forwarded-for", "198.51.100.2")]).await;
    check(&refused, 429, "connections_per_address");
    drop(one);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_a_request_whose_head_never_ends_is_closed() {
    let server = TestServer::start_in(new_folder(), |config| config.header_seconds = 1).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(b"GET /realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n").await.unwrap();
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(5), tcp.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "it is held open");
    // One that is open is not concerned, however long it is silent.
    let mut client = server.connect().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq8_realtime_can_be_switched_off_and_pages_are_served() {
    let server = TestServer::start_in(new_folder(), |config| config.realtime = false).await;
    let refused = turned_away(&server, &[]).await;
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("realtime_disabled")));
    assert_eq!(get(server.address, "/todos").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx14_the_more_there_are_the_longer_they_take_to_come_back() {
    let server = start(|limits| {
        limits.admissions_per_second = 20;
        limits.drain_seconds = 1;
    })
    .await;
    // Twenty at ten a second, half of what is let in.
    let mut clients: Vec<Socket> = Vec::new();
    for _ in 0..20 {
        clients.push(server.connect().await);
    }
    let told = clients.into_iter().map(|mut client| {
        tokio::spawn(async move { client.next_json().await["within_ms"].as_u64().unwrap() })
    });
    let told: Vec<_> = told.collect();
    server.stop_now().await;
    for told in told {
        assert_eq!(told.await.unwrap(), 2_000);
    }
}

#[tokio::test]
async fn spec_sy7_an_address_may_look_so_often_at_what_costs_the_server_a_look() {
    let server = start(|limits| limits.looks_per_minute = 4).await;
    let users = "/realtime/channel/users?channel=room:a";
    for path in ["/realtime/stats", users, "/metrics", "/readyz"] {
        assert_eq!(get(server.address, path).await.status, 200, "{path}");
    }
    for path in ["/realtime/stats", "/api/realtime/stats", users, "/metrics", "/readyz"] {
        let refused = get(server.address, path).await;
        let (body, retry_after) = (refused.json(), refused.retry_after);
        let refused = TurnedAway { status: refused.status, retry_after, body };
        check(&refused, 429, "looks_per_minute");
    }
    // Whoever asks whether the process runs is never told that it does not.
    for _ in 0..10 {
        assert_eq!(get(server.address, "/healthz").await.status, 200);
    }
    server.connect().await.close().await;
    server.stop().await;
}

/// Everybody at once, each from where they stand.
async fn come_back(server: &TestServer, positions: &[String]) -> Vec<(Socket, Value)> {
    let back = positions.iter().map(|position| async {
        let mut client = server.connect().await;
        let answer = client.subscribe_since("resource:product", position).await;
        (client, answer)
    });
    join_all(back).await
}

#[tokio::test]
async fn spec_nx14_two_hundred_clients_come_back_without_a_read_of_the_database() {
    let server = TestServer::start().await;
    let (folder, writer) = (server.folder(), server.writer().await);
    let mut clients = Vec::new();
    let mut positions = Vec::new();
    for _ in 0..200 {
        let mut client = server.connect().await;
        positions.push(client.subscribe("resource:product").await);
        clients.push(client);
    }
    writer.products("seen-by-none", 0..3).await;
    let leave =
        tokio::spawn(async move { join_all(clients.iter_mut().map(Socket::next_json)).await });
    server.stop_now().await;
    leave.await.unwrap();
    writer.products("while-away", 0..4).await;

    let server = TestServer::start_in(folder, |_| {}).await;
    let began = Instant::now();
    let back = come_back(&server, &positions).await;
    for (_, answer) in &back {
        assert_eq!((&answer["type"], &answer["replay"]), (&json!("ack"), &json!(7)), "{answer}");
    }
    println!("200 came back in {:?}", began.elapsed());
    let mut back: Vec<Socket> = back.into_iter().map(|(client, _)| client).collect();
    for client in &mut back {
        assert_eq!(client.payloads(7).await.len(), 7);
    }
    let numbers = get(server.address, "/metrics").await.body;
    let has = |line: &str| numbers.lines().any(|other| other == line);
    assert!(has("tidewire_subscribe_reads_total 0"), "{numbers}");
    assert!(has("tidewire_replays_total{source=\"ring\"} 200"), "{numbers}");
    assert!(has("tidewire_replays_total{source=\"log\"} 0"), "{numbers}");
    drop(back);
    server.stop().await;
}
