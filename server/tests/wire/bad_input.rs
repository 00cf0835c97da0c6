//! Every mistake of a client is answered by name, harms nothing else on the connection, and is no error
//! of the server.

use serde_json::{Value, json};
use tidewire::contract::Limits;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{ErrorCount, Socket, TestServer, new_folder};

fn text(text: impl Into<String>) -> Message {
    Message::text(text.into())
}

fn subscribe(channel: &str, since: Value) -> Message {
    text(json!({"type": "subscribe", "channel": channel, "since": since}).to_string())
}

fn mistakes() -> Vec<(&'static str, Message)> {
    let big = |size| json!({"type": "broadcast", "channel": "x", "payload": "x".repeat(size)});
    let nested =
        format!(r#"{{"type":"subscribe","channel":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    let mut mistakes = vec![
        ("message_too_large", text(big(1000 * 1024).to_string())),
        ("message_too_large", text("x".repeat(64 * 1024 + 1))),
        ("malformed_message", Message::Binary(Bytes::from_static(b"\x00\x01{}"))),
        ("malformed_message", Message::Binary(Bytes::new())),
        ("malformed_message", text(nested)),
        ("malformed_message", text("[".repeat(60_000))),
        ("invalid_channel_name", subscribe("../admin", json!(null))),
        ("invalid_channel_name", subscribe(&"a".repeat(201), json!(null))),
        ("invalid_channel_name", subscribe(&"a".repeat(20_000), json!(null))),
        ("invalid_channel_name", text(r#"{"type":"unsubscribe","channel":"a b"}"#)),
        ("invalid_channel_name", text(r#"{"type":"broadcast","channel":"","payload":1}"#)),
        ("unknown_channel", subscribe("table:public.nosuch", json!(null))),
        ("unknown_channel", subscribe("table:nosuch.products", json!(null))),
        ("unknown_channel", subscribe("table:public.tidewire_log", json!(null))),
        ("unknown_channel", subscribe("table:main.sqlite_master", json!(null))),
        // Without a schema nothing would ever arrive.
        ("unknown_channel", subscribe("table:products", json!(null))),
        ("unknown_channel", subscribe("resource:nosuch", json!(null))),
        ("unknown_channel", subscribe("resource:todo:1", json!(null))),
        ("permission_denied", text(r#"{"type":"broadcast","channel":"todo:1","payload":1}"#)),
        ("not_subscribed", text(r#"{"type":"unsubscribe","channel":"room:never"}"#)),
    ];
    for since in ["", "1", "latest", "00000000000000zz-1", "0000000000000000-", "-1", "' OR 1=1"] {
        mistakes.push(("invalid_position", subscribe("resource:todo", json!(since))));
    }
    for frame in ["", "{", "null", "5", "\"subscribe\"", "[]", "{}", "nonsense", "\u{0}"] {
        mistakes.push(("malformed_message", text(frame)));
    }
    for frame in [
        r#"{"type":null}"#,
        r#"{"type":5}"#,
        r#"{"type":["subscribe"]}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","channel":null}"#,
        r#"{"type":"subscribe","channel":5}"#,
        r#"{"type":"subscribe","channel":{"name":"a"}}"#,
        r#"{"type":"subscribe","channel":"a","since":5}"#,
        r#"{"type":"subscribe","channel":"a","ref":"1"}"#,
        r#"{"type":"subscribe","channel":"a","ref":-1}"#,
        r#"{"type":"subscribe","channel":"a","channel":"b"}"#,
        r#"{"type":"subscribe","channel":"a"} {"type":"heartbeat"}"#,
        r#"{"type":"unsubscribe"}"#,
        r#"{"type":"broadcast","channel":"a"}"#,
        r#"{"type":"broadcast","payload":1}"#,
        r#"{"type":"hello","contract":5}"#,
        r#"{"type":"subscribe","channel":"\ud800"}"#,
    ] {
        mistakes.push(("malformed_message", text(frame)));
    }
    for kind in ["nope", "Subscribe", "ack", "welcome", "", "\\u0000", "heartbeat "] {
        mistakes.push(("unknown_type", text(format!(r#"{{"type":"{kind}"}}"#))));
    }
    mistakes
}

/// Nothing else on the connection has noticed: messages and changes still arrive.
async fn still_receives(client: &mut Socket, other: &mut Socket, n: usize) {
    let message = json!({"type": "broadcast", "channel": "room:calm", "payload": n});
    other.send_json(message).await;
    assert_eq!(other.expect("ack").await["reached"], 1);
    assert_eq!(client.expect("broadcast").await["payload"], n);
}

#[tokio::test]
async fn spec_sy10_each_mistake_is_answered_by_name_while_the_rest_goes_on() {
    let errors = ErrorCount::start();
    let server = TestServer::start_bare(new_folder(), Limits::default()).await;
    let writer = server.writer().await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.subscribe("room:calm").await;
    client.subscribe("resource:product").await;
    for (n, (code, message)) in mistakes().into_iter().enumerate() {
        let shown = message.to_string().chars().take(80).collect::<String>();
        client.send(message).await;
        let error = client.next_json().await;
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{shown}: {error}"
        );
        assert!(error.to_string().len() < 2_000, "an answer repeats too much: {shown}");
        still_receives(&mut client, &mut other, n).await;
    }
    writer.products("still", 0..1).await;
    assert_eq!(client.payloads(1).await[0]["record"]["name"], "still0");
    assert_eq!(server.realtime.stats().subscriptions, 2);
    drop((client, other));
    server.stop().await;
    assert_eq!(errors.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn spec_sy10_what_is_right_but_odd_is_not_refused() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    // Fields of a newer client, escapes, white space, an explicit null.
    let odd = " {\"later\": [1, {\"x\": null}], \"channel\": \"room\\u003aodd\", \"since\": null,\n \
               \"type\": \"subscribe\"} ";
    client.send_text(odd).await;
    assert_eq!(client.expect("ack").await["channel"], "room:odd");
    // Twice is once, with a new ack.
    client.subscribe("room:odd").await;
    assert_eq!(server.realtime.stats().subscriptions, 1);
    // Deep payloads are nobody's business but the receiver's.
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let frame = format!(r#"{{"type":"broadcast","channel":"room:other","payload":{deep}}}"#);
    client.send_text(frame).await;
    assert_eq!(client.expect("ack").await["reached"], 0);
    // Pings, and a heartbeat, need no answer but do no harm.
    client.send(Message::Ping(Bytes::from_static(b"x"))).await;
    client.send_json(json!({"type": "heartbeat"})).await;
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy10_too_many_subscriptions_are_refused_and_one_may_take_the_place_of_another() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    for n in 0..100 {
        client.subscribe(&format!("room:{n}")).await;
    }
    client.send_json(json!({"type": "subscribe", "channel": "room:100", "ref": 9})).await;
    assert_eq!(client.expect_error("too_many_subscriptions").await["ref"], 9);
    client.subscribe("room:7").await;
    client.send_json(json!({"type": "unsubscribe", "channel": "room:8"})).await;
    client.subscribe("room:100").await;
    assert_eq!(server.realtime.stats().subscriptions, 100);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy10_subscriptions_that_the_server_ended_do_not_count() {
    let limits = Limits { max_subscriptions: 2, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let mut client = server.connect().await;
    client.subscribe("table:main.products").await;
    client.subscribe("table:public.products").await;
    server.realtime.disable_realtime("public", "products").await.unwrap();
    client.expect_error("unknown_channel").await;
    client.expect_error("unknown_channel").await;
    client.subscribe("room:a").await;
    client.subscribe("room:b").await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_frame_beyond_all_bounds_closes_only_its_own_connection() {
    let errors = ErrorCount::start();
    let limits = Limits { max_frame_bytes: 100_000, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    other.subscribe("room:calm").await;
    client.send_text("x".repeat(100_001)).await;
    while client.next().await.is_ok() {}
    let mut third = server.connect().await;
    still_receives(&mut other, &mut third, 1).await;
    drop((client, other, third));
    server.stop().await;
    assert_eq!(errors.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn spec_sy8_the_largest_frame_is_refused_by_name_and_a_larger_one_is_not_read() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    client.send_text("x".repeat(1024 * 1024)).await;
    client.expect_error("message_too_large").await;
    client.expect_silence().await;
    client.send_text("x".repeat(1024 * 1024 + 1)).await;
    assert!(client.next().await.is_err(), "it is read and answered");
    drop(client);
    server.stop().await;
}
