//! Clients that take their time, or send more than anybody needs: each loses its own connection and nobody
//! else notices.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::{PATIENCE, TestServer, eventually, get, new_folder, post_json, request};

const ADD: &str = "/api/app/todos/model/add_todo";

/// What comes until the server closes the connection.
async fn rest(mut tcp: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end like any other.
    _ = timeout(PATIENCE, tcp.read_to_end(&mut bytes)).await.expect("it is held open");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn hasty() -> TestServer {
    TestServer::start_in(new_folder(), |config| {
        config.header_seconds = 1;
        config.limit_args.write_timeout_seconds = 1;
        config.limit_args.http_connections_per_address = 40;
    })
    .await
}

#[tokio::test]
async fn spec_ig10_a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let server = hasty().await;
    let began = Instant::now();
    let (mut from, mut to) = TcpStream::connect(server.address).await.unwrap().into_split();
    let drip = tokio::spawn(async move {
        for byte in b"GET /todos HTTP/1.1\r\nHost: x\r\nCookie: ".iter().chain([b'a'; 600].iter()) {
            if to.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let mut bytes = Vec::new();
    _ = timeout(PATIENCE, from.read_to_end(&mut bytes)).await.expect("it is held open");
    assert!(began.elapsed() < Duration::from_secs(5), "each byte gave it more time");
    assert!(!String::from_utf8_lossy(&bytes).contains("200 OK"));
    drip.abort();
    server.stop().await;
}

#[tokio::test]
async fn spec_ig10_connections_that_say_nothing_are_few_and_short() {
    let server = hasty().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    // One more than an address may have, while the others are open.
    let more = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(rest(more).await, "");
    // They end by themselves, and then there is room again.
    for tcp in silent {
        assert_eq!(rest(tcp).await, "");
    }
    eventually("there is room again", async || {
        request(server.address, "GET /healthz HTTP/1.1\r\n", b"").await.is_ok()
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn spec_ig10_a_connection_between_two_requests_is_not_kept_for_ever() {
    let server = hasty().await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    tcp.write_all(head.as_bytes()).await.unwrap();
    assert!(rest(tcp).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_head_beyond_all_bounds_is_refused() {
    let server = TestServer::start().await;
    let many: String = (0..101).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("Cookie: a={}\r\n", "x".repeat(200 * 1024));
    for lines in [many, long] {
        let head = format!("GET /healthz HTTP/1.1\r\n{lines}");
        let answer = request(server.address, &head, b"").await;
        // Whoever still writes when it is closed may not get to read why.
        assert_eq!(answer.map_or(431, |answer| answer.status), 431, "{} bytes", lines.len());
    }
    let usual: String = (0..60).map(|n| format!("X-{n}: {}\r\n", "y".repeat(300))).collect();
    let head = format!("GET /healthz HTTP/1.1\r\n{usual}");
    assert_eq!(request(server.address, &head, b"").await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_form_beyond_its_bounds_is_not_read() {
    let server =
        TestServer::start_in(new_folder(), |config| config.limit_args.max_body_bytes = 2_000).await;
    let id = ("id", "0197f0a0-0000-7000-8000-000000000001");
    let title = "x".repeat(2_100);
    let answer = post_json(server.address, ADD, &[id, ("title", &title)]).await.unwrap();
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.json()["failed"]["message"].as_str().unwrap().contains("2000 bytes"));
    // Announced and not sent, sent and not announced, and from a browser without scripts.
    let announced = format!(
        "POST {ADD} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\nConnection: close\r\n\r\n"
    );
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(announced.as_bytes()).await.unwrap();
    assert!(rest(tcp).await.starts_with("HTTP/1.1 413"));
    let chunked = format!(
        "POST {ADD} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n\
         900\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x900)
    );
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(chunked.as_bytes()).await.unwrap();
    let answer = rest(tcp).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("larger than the 2000"),
        "{answer}"
    );
    assert_eq!(server.writer().await.text("SELECT title FROM todos").await, None);
    let answer = post_json(server.address, ADD, &[id, ("title", "Small")]).await.unwrap();
    assert_eq!(answer.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_form_that_does_not_come_is_not_waited_for() {
    let server = hasty().await;
    let began = Instant::now();
    let head = format!(
        "POST {ADD} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nConnection: close\r\n\r\nid="
    );
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(tcp).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(get(server.address, "/todos").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig10_a_socket_that_is_opened_and_never_speaks_is_closed() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.limit_args.heartbeat_seconds = 1;
        config.limit_args.dead_after_seconds = Some(2);
    })
    .await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let upgrade = format!(
        "GET /realtime HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.address
    );
    tcp.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    tcp.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 101");
    let mut bytes = Vec::new();
    _ = timeout(PATIENCE, tcp.read_to_end(&mut bytes)).await.expect("it is held open");
    // The last frame: close, code 4001.
    assert!(bytes.windows(2).any(|two| two == [0x0F, 0xA1]), "no close code 4001");
    eventually("it is counted out", async || server.realtime.stats().connections == 0).await;
    drop(tcp);
    server.stop().await;
}
