//! Requests that are refused: all of them by name, and all of them counted.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Answer, Events, TestServer, get, new_folder, request};

fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json()["code"], code, "{answer:?}");
    assert!(answer.json()["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer:?}");
}

#[tokio::test]
async fn spec_sy10_whatever_a_request_lacks_it_is_refused_by_name() {
    let server = TestServer::start().await;
    for (path, status) in [
        ("/realtime", 400),
        ("/realtime?token=a&token=b", 400),
        ("/realtime/stats?after=x", 400),
        ("/api/realtime/stats?after=-1", 400),
        ("/realtime/channel/users", 400),
        ("/realtime/channel/users?channel=a&channel=b", 400),
        ("/realtime/", 404),
        ("/realtime/nowhere", 404),
        ("/realtime/channel/nowhere", 404),
        ("/realtime/broadcast", 405),
    ] {
        check(&get(server.address, path).await, status, "malformed_message");
    }
    for path in ["/realtime", "/realtime/stats", "/metrics", "/readyz"] {
        let head = format!("DELETE {path} HTTP/1.1\r\n");
        let answer = request(server.address, &head, b"").await.unwrap();
        check(&answer, 405, "malformed_message");
    }
    let wrong = get(server.address, "/realtime/channel/users?channel=../admin").await;
    check(&wrong, 400, "invalid_channel_name");
    let gone = b"POST /realtime/sse?connection=c0ffee HTTP/1.1\r\n";
    let gone = request(server.address, std::str::from_utf8(gone).unwrap(), b"{}").await.unwrap();
    check(&gone, 404, "unknown_connection");
    // What the application has instead of a page is still its own.
    assert!(get(server.address, "/nowhere").await.body.contains("<html"));
    let counted = server.realtime.stats().errors;
    let expected =
        [("malformed_message", 14), ("invalid_channel_name", 1), ("unknown_connection", 1)];
    assert_eq!(counted, expected.into(), "each once, whichever address refused it");
    server.stop().await;
}

#[tokio::test]
async fn spec_sy10_a_server_that_is_off_counts_whom_it_refuses() {
    let server = TestServer::start_in(new_folder(), |config| config.realtime = false).await;
    check(&get(server.address, "/realtime").await, 503, "realtime_disabled");
    check(&get(server.address, "/realtime/sse").await, 503, "realtime_disabled");
    check(&get(server.address, "/realtime/nowhere").await, 404, "malformed_message");
    let expected = [("realtime_disabled", 2), ("malformed_message", 1)];
    assert_eq!(server.realtime.stats().errors, expected.into());
    server.stop().await;
}

/// What another server sends with its messages.
const KEY: &str = "Authorization: Bearer key\r\n";

/// What comes back for these bytes, after which the client says nothing more.
async fn answer_to(server: &TestServer, text: &str) -> String {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(10), tcp.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "it is held open");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn spec_sy10_a_body_that_is_broken_is_refused_by_name() {
    let server =
        TestServer::start_in(new_folder(), |config| config.broadcast_key = Some("key".into()))
            .await;
    let stream = Events::open(server.address, "").await;
    let open = format!("/realtime/sse?connection={}", stream.connection);
    for (path, proof) in [("/realtime/broadcast", KEY), (&open, "")] {
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{proof}\
             Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
        );
        let answer = answer_to(&server, &text).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("\"malformed_message\""), "{answer}");
    }
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_body_that_does_not_come_is_not_waited_for() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.broadcast_key = Some("key".into());
        config.limit_args.write_timeout_seconds = 1;
    })
    .await;
    let mut stream = Events::open(server.address, "channel=room:a").await;
    stream.expect("ack").await;
    let open = format!("/realtime/sse?connection={}", stream.connection);
    for (path, proof) in [("/realtime/broadcast", KEY), (&open, "")] {
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{proof}\
             Connection: close\r\nContent-Length: 50000\r\n\r\nnot all of it"
        );
        let answer = answer_to(&server, &text).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("did not come"), "{answer}");
    }
    // The stream's one place is free again.
    stream.send(json!({"type": "hello"})).await;
    stream.expect("welcome").await;
    drop(stream);
    server.stop().await;
}
