//! A reader that stalls while every class of message comes: it loses what its classes say, learns of the
//! rest, and nobody else notices.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tidewire::contract::{Limits, Message};
use tokio::net::TcpSocket;

use crate::support::{Cursor, Nudge, Shipped, Socket, TestServer, declare, new_folder};

/// A client that can hardly hold anything it has not read.
async fn narrow(server: &TestServer) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let tcp = socket.connect(server.address).await.unwrap();
    Socket::over(server.address, tcp).await
}

const CHANNELS: [&str; 3] = ["order:1", "cursor:1", "nudge:1"];
const PEOPLE: u64 = 3;

#[tokio::test]
async fn spec_nx5_a_stalled_reader_loses_by_class_and_others_are_not_slowed() {
    let limits = Limits { queue_bytes: 1_000_000, queue_latest: 8, ..Limits::default() };
    let server = TestServer::start_with(new_folder(), limits, declare).await;
    let (mut slow, mut fast) = (narrow(&server).await, server.connect().await);
    for channel in CHANNELS {
        slow.subscribe(channel).await;
        fast.subscribe(channel).await;
    }
    let realtime = &server.realtime;
    let orders = Shipped::channel("1").unwrap();
    let cursors = Cursor::channel("1").unwrap();
    let nudges = Nudge::channel("1").unwrap();
    let pad = "x".repeat(30_000);
    let (mut rounds, mut longest) = (0, Duration::ZERO);
    loop {
        let number = rounds;
        let (note, who) = (pad.clone(), format!("p{}", number % PEOPLE));
        let cursor = Cursor { who, at: number, pad: pad.clone() };
        let began = Instant::now();
        realtime.publish(&orders, &Shipped { number, note }).await.unwrap();
        realtime.publish(&cursors, &cursor).await.unwrap();
        realtime.publish(&nudges, &Nudge { number, pad: pad.clone() }).await.unwrap();
        // Who reads gets everything, at once, whatever the other one does.
        let mut seen = HashSet::new();
        for _ in CHANNELS {
            seen.insert(fast.expect("broadcast").await["channel"].as_str().unwrap().to_owned());
        }
        longest = longest.max(began.elapsed());
        assert_eq!(seen.len(), CHANNELS.len());
        rounds += 1;
        let counts = realtime.counts();
        if counts.dropped_lossy > 20 && counts.resyncs.overflow > 0 && counts.conflated > 20 {
            break;
        }
        assert!(rounds < 2_000, "{counts:?}");
    }
    assert!(longest < Duration::from_secs(5), "somebody was held up for {longest:?}");

    // Now it reads all that there is: the second welcome comes behind any resync.
    let mut frames: Vec<Value> = Vec::new();
    for _ in 0..2 {
        slow.send_json(json!({"type": "hello"})).await;
        loop {
            let frame = slow.next_json().await;
            if frame["type"] == "welcome" {
                break;
            }
            frames.push(frame);
        }
    }
    let counts = realtime.counts();
    let of = |channel: &str| {
        let channel = channel.to_owned();
        frames.iter().filter(move |frame| frame["channel"] == channel.as_str())
    };
    let number = |frame: &Value| frame["payload"]["number"].as_u64();

    let nudged: Vec<u64> = of("nudge:1").filter_map(number).collect();
    assert!(nudged.is_sorted(), "lossy messages keep their order");
    assert_eq!(nudged.len() as u64 + counts.dropped_lossy, rounds, "what is missing was counted");

    let mut newest: HashMap<String, u64> = HashMap::new();
    for frame in of("cursor:1") {
        let who = frame["payload"]["who"].as_str().unwrap().to_owned();
        let at = frame["payload"]["at"].as_u64().unwrap();
        assert!(newest.insert(who, at).is_none_or(|before| before < at));
    }
    let mut at: Vec<u64> = newest.into_values().collect();
    at.sort();
    assert_eq!(at, (rounds - PEOPLE..rounds).collect::<Vec<_>>(), "the newest of everybody");
    let cursors = of("cursor:1").count() as u64;
    assert_eq!(cursors + counts.conflated, rounds, "every other one was replaced, and counted");
    assert_eq!(counts.dropped_latest, 0);

    let durable: Vec<u64> = of("order:1").filter_map(number).collect();
    assert!(durable.iter().copied().eq(0..durable.len() as u64), "no gap before the resync");
    let resyncs: Vec<_> = of("order:1").filter(|frame| frame["type"] == "resync").collect();
    assert_eq!(resyncs.len(), 1, "a gap is owned up to, once");
    assert_eq!(resyncs[0]["reason"], "overflow");
    assert!(server.realtime.stats().dropped > counts.dropped_lossy);
    println!("{rounds} rounds, {counts:?}");
    drop((slow, fast));
    server.stop().await;
}

#[tokio::test]
async fn values_of_too_many_keys_are_dropped_and_counted() {
    let limits = Limits { queue_latest: 2, ..Limits::default() };
    let server = TestServer::start_with(new_folder(), limits, declare).await;
    let mut slow = narrow(&server).await;
    slow.subscribe("cursor:1").await;
    let cursors = Cursor::channel("1").unwrap();
    let pad = "x".repeat(30_000);
    for at in 0..2_000 {
        let cursor = Cursor { who: format!("p{at}"), at, pad: pad.clone() };
        server.realtime.publish(&cursors, &cursor).await.unwrap();
        tokio::task::yield_now().await;
        if server.realtime.counts().dropped_latest > 0 {
            break;
        }
    }
    let counts = server.realtime.counts();
    assert_eq!(counts.dropped_latest, 1);
    assert_eq!(server.realtime.stats().dropped, 1);
    drop(slow);
    server.stop().await;
}
