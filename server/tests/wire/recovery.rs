//! Coming back: from a position every missed change, in order, once; or a resync with its reason.

use std::time::Duration;

use serde_json::{Value, json};
use tidewire::contract::Limits;

use crate::support::{TestServer, new_folder, post_json, snapshot};

const CHANNEL: &str = "resource:product";

fn names(changes: &[Value]) -> Vec<&str> {
    changes.iter().map(|change| change["record"]["name"].as_str().unwrap()).collect()
}

fn numbered(prefix: &str, numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|n| format!("{prefix}{n}")).collect()
}

#[tokio::test]
async fn spec_nx1_subscribing_from_a_snapshot_misses_nothing_and_repeats_nothing() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer.products("before", 0..3).await;
    let products = snapshot(server.address, "products/model/list_products").await.unwrap();
    let todos = snapshot(server.address, "todos/model/list_todos").await.unwrap();
    assert_eq!(products["rows"].as_array().unwrap().len(), 6);
    assert_eq!(products["position"], todos["position"]);
    // A slow page: two ways of writing happen before it subscribes.
    writer.products("between", 0..5).await;
    let fields = [("name", "posted"), ("price", "1.5")];
    let written = post_json(server.address, "/api/app/products/model/add_product", &fields).await;
    let written = written.unwrap().json();
    let id = "0197f0a0-0000-7000-8000-000000000001";
    let fields = [("id", id), ("title", "A todo")];
    post_json(server.address, "/api/app/todos/model/add_todo", &fields).await.unwrap();
    server.caught_up().await;

    let mut client = server.connect().await;
    let ack = client.subscribe_since(CHANNEL, products["position"].as_str().unwrap()).await;
    assert_eq!((&ack["type"], &ack["replay"]), (&json!("ack"), &json!(6)));
    assert_eq!(ack["position"], products["position"]);
    let missed = client.payloads(6).await;
    let mut expected = numbered("between", 0..5);
    expected.push("posted".into());
    assert_eq!(names(&missed), expected);
    let ack = client.subscribe_since("resource:todo", todos["position"].as_str().unwrap()).await;
    assert_eq!(ack["replay"], 1);
    assert_eq!(client.payloads(1).await[0]["record"]["title"], "A todo");
    // From the position that the write itself returned, that write is not repeated.
    let ack = client.subscribe_since(CHANNEL, written["position"].as_str().unwrap()).await;
    assert_eq!(ack["replay"], 0);
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spec_nx1_a_snapshot_taken_amid_writes_fits_its_subscription_exactly() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let writes = tokio::spawn(async move {
        for n in 0..300 {
            writer.products("w", n..n + 1).await;
        }
    });
    for _ in 0..10 {
        let taken = snapshot(server.address, "products/model/list_products").await.unwrap();
        let mut held: Vec<i64> = Vec::new();
        held.extend(
            taken["rows"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()),
        );
        let mut client = server.connect().await;
        let ack = client.subscribe_since(CHANNEL, taken["position"].as_str().unwrap()).await;
        assert_eq!(ack["type"], "ack");
        let replay = ack["replay"].as_u64().unwrap() as usize;
        // Ids count up by one, so a gap or a double shows.
        let ids = client.payloads(replay).await.into_iter();
        held.extend(ids.map(|change| change["record"]["id"].as_i64().unwrap()));
        let counted: Vec<i64> = (1..=held.len() as i64).collect();
        assert_eq!(held, counted);
    }
    writes.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_a_client_that_was_cut_off_gets_exactly_what_it_missed() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    client.subscribe(CHANNEL).await;
    writer.products("seen", 0..1).await;
    let seen = client.expect("broadcast").await["position"].as_str().unwrap().to_owned();
    // Dropped, not closed: the server hears of it from TCP, or not at all.
    drop(client);
    for n in 0..100 {
        writer.products("missed", n..n + 1).await;
    }
    server.caught_up().await;
    let mut client = server.connect().await;
    let ack = client.subscribe_since(CHANNEL, &seen).await;
    assert_eq!((&ack["type"], &ack["replay"]), (&json!("ack"), &json!(100)), "{ack}");
    assert_eq!(names(&client.payloads(100).await), numbered("missed", 0..100));
    writer.products("live", 0..1).await;
    assert_eq!(names(&client.payloads(1).await), ["live0"]);
    client.expect_silence().await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb10_spec_nx4_positions_outlive_the_server() {
    let server = TestServer::start().await;
    let folder = server.folder();
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    drop(client);
    writer.products("a", 0..10).await;
    server.stop().await;
    // Nobody is there at all.
    writer.products("b", 0..10).await;
    let server = TestServer::start_in(folder, |_| {}).await;
    writer.products("c", 0..10).await;
    let mut client = server.connect().await;
    let ack = client.subscribe_since(CHANNEL, &start).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    let expected: Vec<String> = ["a", "b", "c"].iter().flat_map(|p| numbered(p, 0..10)).collect();
    assert_eq!(names(&client.payloads(30).await), expected);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_what_the_memory_no_longer_holds_comes_from_the_log() {
    let limits = Limits { history_events: 5, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    // More than one page of the log, with other tables' changes in between.
    for n in 0..4 {
        writer.products("p", n * 700..(n + 1) * 700).await;
        writer.run(format!("INSERT INTO todos (id, title) VALUES ('{n}', 'other')")).await;
    }
    assert_eq!(client.payloads(2_800).await.len(), 2_800);
    let ack = client.subscribe_since(CHANNEL, &start).await;
    assert_eq!((&ack["type"], &ack["replay"]), (&json!("ack"), &json!(2_800)));
    assert_eq!(names(&client.payloads(2_800).await), numbered("p", 0..2_800));
    drop(client);
    server.stop().await;
}

/// The answer to a position that cannot be continued; afterwards the subscription is live.
async fn resync(server: &TestServer, since: &str, reason: &str) {
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let frame = json!({"type": "subscribe", "channel": CHANNEL, "since": since, "ref": 3});
    client.send_json(frame).await;
    let verdict = client.expect("resync").await;
    assert_eq!((&verdict["reason"], &verdict["ref"]), (&json!(reason), &json!(3)), "{verdict}");
    let position = verdict["position"].as_str().unwrap().to_owned();
    writer.products("after", 0..1).await;
    assert_eq!(names(&client.payloads(1).await), ["after0"]);
    // Its position is one to come back from.
    assert_eq!(client.subscribe_since(CHANNEL, &position).await["replay"], 1);
    client.payloads(1).await;
}

#[tokio::test]
async fn spec_nx4_each_position_that_cannot_be_continued_is_told_why() {
    let limits = Limits { history_events: 4, replay_events: 20, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    writer.products("p", 0..20).await;
    client.payloads(20).await;
    drop(client);
    let (epoch, offset) = start.split_once('-').unwrap();
    let head = offset.parse::<u64>().unwrap() + 20;

    resync(&server, &format!("{epoch}-{}", head + 1_000), "ahead").await;
    resync(&server, &format!("{epoch}-{}", u64::MAX), "ahead").await;
    resync(&server, "0123456789abcdef-1", "epoch").await;
    // 20 changes are allowed, and the three above made 23.
    resync(&server, &start, "too_many").await;
    writer.run(format!("DELETE FROM tidewire_log WHERE id <= {}", head - 10)).await;
    resync(&server, &start, "too_old").await;
    let mut client = server.connect().await;
    let at_the_edge = format!("{epoch}-{}", head - 10);
    assert_eq!(client.subscribe_since(CHANNEL, &at_the_edge).await["type"], "ack");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_looking_through_too_much_of_the_log_is_a_resync() {
    let limits = Limits { history_events: 4, replay_scan: 20, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    let other = "resource:todo";
    writer.products("p", 0..24).await;
    client.payloads(24).await;
    assert_eq!(client.subscribe_since(other, &start).await["type"], "ack", "20 are not in memory");
    writer.products("q", 0..1).await;
    client.payloads(1).await;
    // None of them is a to-do, so nothing else bounds how much would be read.
    let answer = client.subscribe_since(other, &start).await;
    assert_eq!((&answer["type"], &answer["reason"]), (&json!("resync"), &json!("too_many")));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_a_replay_of_too_many_bytes_is_a_resync() {
    let limits = Limits { replay_bytes: 100_000, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    for _ in 0..4 {
        writer.products(&"x".repeat(20_000), 0..1).await;
    }
    client.payloads(4).await;
    drop(client);
    resync(&server, &start, "too_many").await;
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_a_log_that_was_made_anew_has_another_epoch() {
    let server = TestServer::start().await;
    let folder = server.folder();
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    drop(client);
    server.stop().await;
    // As after a restored backup.
    writer.run("DELETE FROM tidewire_meta WHERE key = 'epoch'").await;
    let server = TestServer::start_in(folder, |_| {}).await;
    resync(&server, &start, "epoch").await;
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_an_entry_that_cannot_be_read_is_a_resync_live_and_replayed() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    writer.run("INSERT INTO tidewire_log (at_ms, tbl, op) VALUES (0, 'products', 'MYSTERY')").await;
    assert_eq!(client.expect("resync").await["reason"], "unreadable");
    writer.products("p", 0..1).await;
    assert_eq!(names(&client.payloads(1).await), ["p0"]);
    drop(client);
    resync(&server, &start, "unreadable").await;
    server.stop().await;
}

#[tokio::test]
async fn a_heartbeat_moves_the_position_past_other_channels_changes() {
    let limits = Limits {
        heartbeat: Duration::from_millis(50),
        dead_after: Duration::from_secs(60),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe("resource:todo").await;
    writer.products("p", 0..5).await;
    let moved = loop {
        let frame = client.next().await.unwrap();
        assert_eq!(frame["type"], "heartbeat", "{frame}");
        let position = frame["position"].as_str().unwrap().to_owned();
        if position != start {
            break position;
        }
    };
    writer.run("DELETE FROM tidewire_log").await;
    let ack = client.subscribe_since("resource:todo", &moved).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_nx4_what_happened_while_a_table_was_off_is_a_resync() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut client = server.connect().await;
    let start = client.subscribe(CHANNEL).await;
    drop(client);
    server.realtime.disable_realtime("public", "products").await.unwrap();
    writer.products("unseen", 0..1).await;
    server.realtime.enable_realtime("public", "products").await.unwrap();
    let mut client = server.connect().await;
    let mut answer = client.subscribe_since(CHANNEL, &start).await;
    if answer["type"] == "ack" {
        // The tailer had not come to the gap yet.
        answer = client.next_json().await;
    }
    assert_eq!(answer["type"], "resync", "the change is lost without a word: {answer}");
    drop(client);
    server.stop().await;
}
