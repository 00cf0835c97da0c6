//! What a server says of itself, and the address by which other servers speak.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidewire::{
    ChannelName,
    server::{Action, Database, Identity, Policy, Realtime},
};
use tokio::net::TcpListener;

use crate::support::{
    Answer, Socket, TestServer, eventually, get, new_folder, post_body, request, url,
};

const DOCUMENT: &str = include_str!("../../../docs/operating.md");

/// An answer as another server gets it.
async fn ask(server: &TestServer, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\n{KEY}\r\n");
    request(server.address, &head, b"").await.expect("an answer")
}

async fn json(server: &TestServer, path: &str) -> Value {
    let answer = ask(server, path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn spec_sy4_each_client_and_each_channel_has_its_numbers() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.broadcast_key = Some("a-long-secret".into());
    })
    .await;
    for detail in ["channels", "clients"] {
        // Addresses are personal data: a visitor does not see the others'.
        let path = format!("/realtime/stats?detail={detail}");
        let refused = get(server.address, &path).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (401, &json!("authentication_required"))
        );
    }
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    one.subscribe("room:b").await;
    one.subscribe("room:a").await;
    two.subscribe("room:a").await;
    for n in 0..3 {
        two.send_json(json!({"type": "broadcast", "channel": "room:a", "payload": n})).await;
        one.expect("broadcast").await;
    }
    one.send_json(json!({"type": "heartbeat", "rtt_ms": 12, "applied_ms": 3})).await;
    one.expect_silence().await;

    let list = json(&server, "/realtime/stats?detail=channels").await;
    let [a, b] = &list["channels"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!((&a["channel"], &a["subscribers"]), (&json!("room:a"), &json!(2)));
    assert_eq!((&a["events"], &b["events"]), (&json!(3), &json!(0)));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let recent = |value: &Value| value.as_u64().is_some_and(|at| at <= now && now - at < 60_000);
    assert!(recent(&a["last_event_ms"]), "{a}");
    assert_eq!(b["last_event_ms"], Value::Null);

    let list = json(&server, "/realtime/stats?detail=clients").await;
    let [first, second] = &list["clients"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!(first["subscriptions"], json!(["room:a", "room:b"]));
    assert_eq!(second["subscriptions"], json!(["room:a"]));
    assert_eq!(
        (&first["address"], &first["transport"]),
        (&json!("127.0.0.1"), &json!("web_socket"))
    );
    assert!(recent(&first["connected_since_ms"]) && recent(&first["last_heard_ms"]), "{first}");
    // Two subscribes, a heartbeat and a hello; two subscribes' answers, three messages and two answers.
    assert_eq!((&first["received"], &first["sent"]), (&json!(4), &json!(7)));
    assert_eq!((&first["rtt_ms"], &first["applied_ms"]), (&json!(12), &json!(3)));
    assert_eq!((&second["rtt_ms"], &second["queued"]), (&Value::Null, &json!(0)));
    assert_ne!(first["user"], second["user"]);
    // Pages of the list go on behind a number.
    let after = format!("/realtime/stats?detail=clients&after={}", first["id"]);
    assert_eq!(json(&server, &after).await["clients"].as_array().unwrap().len(), 1);
    let wrong = ask(&server, "/realtime/stats?detail=all").await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &json!("malformed_message")));
    drop((one, two));
    eventually("clients are forgotten", async || server.realtime.client_stats(0, 10).is_empty())
        .await;
    server.stop().await;
}

/// Reads are allowed, nothing else.
struct ReadOnly;

#[async_trait]
impl Policy for ReadOnly {
    async fn allows(&self, _: &Identity, action: Action, _: &ChannelName) -> bool {
        action == Action::Read
    }
}

#[tokio::test]
async fn spec_sy4_only_those_who_may_inspect_see_who_is_connected() {
    let folder: Arc<TempDir> = new_folder();
    let database = Database::open(&url(&folder)).await.unwrap();
    let realtime = Realtime::builder(database).policy(ReadOnly).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let router: axum::Router = tidewire::server::routes(realtime.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    for detail in ["channels", "clients"] {
        let refused = get(address, &format!("/realtime/stats?detail={detail}")).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.json()["code"], "authentication_required");
    }
    let counts = get(address, "/realtime/stats").await;
    assert_eq!((counts.status, &counts.json()["connections"]), (200, &json!(0)));
    realtime.stop().await;
    serving.abort();
}

#[tokio::test]
async fn spec_fb8_spec_sy4_the_counts_of_the_whole_server() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe("resource:product").await;
    writer.products("p", 0..5).await;
    client.payloads(5).await;
    client.send_text("nonsense").await;
    client.expect_error("malformed_message").await;
    client.send_json(json!({"type": "heartbeat", "rtt_ms": 20})).await;
    client.expect_silence().await;
    client.subscribe_since("resource:product", &start).await;
    client.payloads(5).await;
    client.subscribe_since("resource:product", "0123456789abcdef-1").await;
    let stats = json(&server, "/realtime/stats").await;
    assert_eq!((&stats["connections"], &stats["connected"]), (&json!(1), &json!(1)));
    assert_eq!(stats["transports"], json!({"web_socket": 1, "event_stream": 0}));
    assert_eq!((&stats["opened"], &stats["received"]), (&json!(1), &json!(6)), "{stats}");
    // An ack, five changes, an error, a heartbeat, a welcome, an ack, five changes, a resync.
    assert_eq!(stats["sent"], 16, "{stats}");
    assert_eq!(stats["errors"], json!({"malformed_message": 1}));
    let events = &stats["events"];
    assert_eq!((&stats["dropped"], events.get("dropped")), (&json!(0), None), "said once");
    assert_eq!(
        (&events["resyncs_at_subscribe"]["epoch"], &events["durable"]),
        (&json!(1), &json!(5))
    );
    assert_eq!((&events["replays_from_ring"], &events["replays_from_log"]), (&json!(1), &json!(0)));
    assert!(stats["uptime_ms"].as_u64().is_some());
    let latency = &stats["latency"];
    assert_eq!(latency["round_trip"], json!({"count": 1, "p50_ms": 25, "p99_ms": 25}));
    // Replays are not measured: they are as late as the client was away.
    let live = latency["commit_to_socket"]["count"].as_u64().unwrap();
    assert!((1..=5).contains(&live), "{latency}");
    assert!(
        latency["commit_to_socket"]["p99_ms"].as_u64().is_some_and(|ms| ms <= 2_500),
        "{latency}"
    );
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_en8_times_that_nobody_can_have_measured_are_left_out() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    for wrong in [u32::MAX - 1, 60_001] {
        client.send_json(json!({"type": "heartbeat", "rtt_ms": wrong, "applied_ms": wrong})).await;
    }
    client.send_json(json!({"type": "heartbeat", "rtt_ms": 60_000, "applied_ms": 60_000})).await;
    client.expect_silence().await;
    let latency = server.realtime.stats().latency;
    assert_eq!((latency.round_trip.count, latency.applied.count), (1, 1));
    assert_eq!(server.realtime.client_stats(0, 1)[0].rtt_ms, Some(60_000));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_en8_the_native_client_measures_and_the_server_shows_it() {
    use tidewire::client::{ClientConfig, NativeClient};
    let server = TestServer::start().await;
    let mut config = ClientConfig::new(format!("ws://{}/realtime", server.address));
    config.heartbeat_interval = Duration::from_millis(50);
    let client = NativeClient::start(config);
    eventually("a round trip is measured", async || client.health().rtt_ms.is_some()).await;
    eventually("the server is told", async || {
        let clients = server.realtime.client_stats(0, 10);
        clients.first().is_some_and(|client| client.rtt_ms.is_some() && client.applied_ms.is_some())
    })
    .await;
    assert!(server.realtime.stats().latency.round_trip.count > 0);
    client.close();
    server.stop().await;
}

#[tokio::test]
async fn spec_nx13_the_metrics_are_those_of_the_table() {
    let server = TestServer::start().await;
    let mut client = server.connect().await;
    client.subscribe("room:a").await;
    let answer = get(server.address, "/metrics").await;
    assert_eq!(answer.status, 200);
    let (_, table) = DOCUMENT.split_once("<!-- metrics:begin -->").unwrap();
    let (table, _) = table.split_once("<!-- metrics:end -->").unwrap();
    let rows = table.lines().filter(|row| row.starts_with("| `"));
    let documented: BTreeSet<(String, String)> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let name = cells[1].trim_matches('`').trim_end_matches("_total");
            (name.to_owned(), cells[2].to_owned())
        })
        .collect();
    let types = answer.body.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let told: BTreeSet<(String, String)> = types
        .map(|line| line.split_once(' ').expect("a name and a type"))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    assert_eq!(told, documented);
    let has = |line: &str| answer.body.lines().any(|other| other == line);
    assert!(has("tidewire_connections{transport=\"web_socket\"} 1.0"), "{}", answer.body);
    assert!(has("tidewire_subscriptions 1.0"), "{}", answer.body);
    assert!(has("tidewire_tailer_lag 0.0"), "{}", answer.body);
    assert!(has("tidewire_commit_to_socket_seconds_bucket{le=\"+Inf\"} 0"), "{}", answer.body);
    assert!(answer.body.ends_with("# EOF\n"));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb8_ready_says_why_not() {
    let server = TestServer::start().await;
    assert_eq!(get(server.address, "/healthz").await.body, "ok");
    assert_eq!(get(server.address, "/readyz").await.status, 200);
    server.realtime.database().close().await;
    let answer = get(server.address, "/readyz").await;
    assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("database")));
    let numbers = get(server.address, "/metrics").await;
    assert_eq!(numbers.status, 200);
    assert!(!numbers.body.contains("tidewire_tailer_lag"), "what is not known is not told");
    server.realtime.stop().await;
    let answer = get(server.address, "/readyz").await;
    assert_eq!((answer.status, &answer.json()["reason"]), (503, &json!("stopping")));
    assert_eq!(get(server.address, "/healthz").await.status, 200);
    server.stop_now().await;
}

const KEY: &str = "Authorization: Bearer a-long-secret";

async fn with_key() -> TestServer {
    TestServer::start_in(new_folder(), |config| {
        config.broadcast_key = Some("a-long-secret".into());
        config.limit_args.max_message_bytes = 2_000;
        config.limit_args.broadcasts_per_window = 20;
    })
    .await
}

async fn post(server: &TestServer, headers: &[&str], body: &str) -> (u16, Value) {
    let answer = post_body(server.address, "/realtime/broadcast", headers, body).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn spec_bq7_another_server_sends_a_message_with_its_key() {
    let server = with_key().await;
    let mut clients = [server.connect().await, server.connect().await];
    for client in &mut clients {
        client.subscribe("room:general").await;
    }
    let body = json!({"channel": "room:general", "payload": {"text": "hello"}}).to_string();
    assert_eq!(post(&server, &[KEY], &body).await, (200, json!({"reached": 2})));
    for client in &mut clients {
        let frame = client.expect("broadcast").await;
        assert_eq!(
            (&frame["payload"], &frame["position"]),
            (&json!({"text": "hello"}), &Value::Null)
        );
    }
    drop(clients);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq7_spec_sy10_what_is_not_in_order_is_refused_by_name() {
    let server = with_key().await;
    let body = json!({"channel": "room:a", "payload": 1}).to_string();
    for headers in
        [&[][..], &["Authorization: Bearer wrong"], &["Authorization: Basic a-long-secret"]]
    {
        let (status, error) = post(&server, headers, &body).await;
        assert_eq!(
            (status, &error["code"]),
            (401, &json!("authentication_required")),
            "{headers:?}"
        );
    }
    let large = json!({"channel": "room:a", "payload": "x".repeat(3_000)}).to_string();
    for (body, status, code) in [
        (r#"{"channel": "../admin", "payload": 1}"#, 400, "invalid_channel_name"),
        (r#"{"channel": "resource:todo", "payload": 1}"#, 403, "permission_denied"),
        (r#"{"channel": "table:public.todos", "payload": 1}"#, 403, "permission_denied"),
        (r#"{"channel": "room:a"}"#, 400, "malformed_message"),
        ("nonsense", 400, "malformed_message"),
        (&large, 413, "message_too_large"),
    ] {
        let (answered, error) = post(&server, &[KEY], body).await;
        assert_eq!((answered, &error["code"]), (status, &json!(code)), "{error}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
    // Six of twenty are used up by now.
    for _ in 0..14 {
        assert_eq!(post(&server, &[KEY], &body).await.0, 200);
    }
    let answer = post_body(server.address, "/realtime/broadcast", &[KEY], &body).await;
    assert_eq!((answer.status, &answer.json()["code"]), (429, &json!("rate_limited")));
    assert!(answer.retry_after.is_some() && answer.json()["retry_after_ms"].is_u64());
    assert!(answer.json()["message"].as_str().unwrap().contains("broadcasts_per_window"));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq7_without_a_key_on_the_server_nobody_can_send() {
    for key in [None, Some(server::Secret::from(""))] {
        let server = TestServer::start_in(new_folder(), |config| config.broadcast_key = key).await;
        let body = json!({"channel": "room:a", "payload": 1}).to_string();
        for headers in [&[][..], &["Authorization: Bearer "], &["Authorization: Bearer x"]] {
            assert_eq!(post(&server, headers, &body).await.0, 401);
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn spec_sy8_text_is_handed_on_as_it_is_and_sizes_are_bounded() {
    let server = with_key().await;
    let mut client: Socket = server.connect().await;
    client.subscribe("room:a").await;
    let text = "<script>alert(1)</script>";
    let body = json!({"channel": "room:a", "payload": {"text": text}}).to_string();
    assert_eq!(post(&server, &[KEY], &body).await.0, 200);
    assert_eq!(client.expect("broadcast").await["payload"]["text"], text);
    client.send_json(json!({"type": "hello", "contract": "x".repeat(3_000)})).await;
    client.expect_error("message_too_large").await;
    client.send_json(json!({"type": "subscribe", "channel": "../admin"})).await;
    client.expect_error("invalid_channel_name").await;
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}
