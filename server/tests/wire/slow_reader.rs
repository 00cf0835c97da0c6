//! Readers that are too slow: they harm nobody, and what they lose is owned up to.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::extract::ws::Message;
use futures::{Sink, Stream, task::AtomicWaker};
use serde_json::{Value, json};
use tidewire::{
    contract::Limits,
    server::{Peer, Session},
};
use tokio::{net::TcpSocket, sync::mpsc};

use crate::support::{Socket, TestServer, eventually, new_folder};

fn offset(frame: &Value) -> u64 {
    let position = frame["position"].as_str().expect("a position");
    position.split_once('-').expect("epoch and offset").1.parse().expect("a number")
}

/// A client that can hardly hold anything it has not read.
async fn narrow(server: &TestServer) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let tcp = socket.connect(server.address).await.unwrap();
    Socket::over(server.address, tcp).await
}

/// Writes big rows, one by one, until the slow reader's queue was full; `fast` gets all of them.
async fn flood(server: &TestServer, fast: &mut Socket, longest: usize) -> usize {
    let writer = server.writer().await;
    let big = "x".repeat(60_000);
    for n in 0..longest {
        writer.run(format!("INSERT INTO products (name, price) VALUES ('{big}', {n})")).await;
        assert_eq!(fast.payloads(1).await[0]["record"]["price"], n as f64);
        if server.realtime.stats().dropped > 0 {
            return n + 1;
        }
    }
    panic!("the queue never was full");
}

#[tokio::test]
async fn spec_nx5_a_slow_reader_is_told_what_it_lost_and_harms_nobody() {
    let limits = Limits { queue_bytes: 1_000_000, ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let (mut slow, mut fast) = (narrow(&server).await, server.connect().await);
    let start = slow.subscribe("resource:product").await;
    fast.subscribe("resource:product").await;
    let written = flood(&server, &mut fast, 2_000).await;
    // Now it reads: what it gets first has no gap, then it is told, then it is live.
    let mut last = offset(&json!({"position": start}));
    let resync = loop {
        let frame = slow.next_json().await;
        if frame["type"] == "resync" {
            break frame;
        }
        assert_eq!(offset(&frame), last + 1, "a gap without a word");
        last += 1;
    };
    assert_eq!(resync["reason"], "overflow");
    assert!(offset(&resync) > last);
    server.writer().await.products("live", 0..1).await;
    loop {
        let frame = slow.expect("broadcast").await;
        if frame["payload"]["record"]["name"] == "live0" {
            break;
        }
    }
    assert_eq!(fast.payloads(1).await[0]["record"]["name"], "live0");
    assert!(server.realtime.stats().dropped >= 1);
    println!("the queue was full after {written} rows of 60 kB");
    drop((slow, fast));
    server.stop().await;
}

#[tokio::test]
async fn spec_nx5_who_does_not_read_at_all_is_closed_and_counted_out() {
    let limits = Limits {
        queue_bytes: 1_000_000,
        write_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let (mut slow, mut fast) = (narrow(&server).await, server.connect().await);
    slow.subscribe("resource:product").await;
    fast.subscribe("resource:product").await;
    let mut written = 0;
    let writer = server.writer().await;
    let big = "x".repeat(60_000);
    eventually("the slow one is counted out", async || {
        written += 1;
        assert!(written < 2_000, "nothing came of it");
        writer.run(format!("INSERT INTO products (name) VALUES ('{big}')")).await;
        fast.payloads(1).await;
        server.realtime.stats().connections == 1
    })
    .await;
    drop((slow, fast));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy11_who_does_not_read_does_not_hold_up_the_stop() {
    let limits =
        Limits { queue_bytes: 1_000_000, drain: Duration::from_secs(2), ..Limits::default() };
    let server = TestServer::start_bare(new_folder(), limits).await;
    let (mut slow, mut fast) = (narrow(&server).await, server.connect().await);
    slow.subscribe("resource:product").await;
    fast.subscribe("resource:product").await;
    flood(&server, &mut fast, 2_000).await;
    drop(fast);
    server.stop_now().await;
    drop(slow);
}

/// A socket whose other side takes as many frames as the test allows.
struct Gate {
    requests: mpsc::UnboundedReceiver<Message>,
    sent: mpsc::UnboundedSender<Message>,
    room: Arc<Room>,
}

#[derive(Default)]
struct Room {
    frames: AtomicUsize,
    waits: AtomicUsize,
    waker: AtomicWaker,
}

impl Room {
    fn add(&self, frames: usize) {
        self.frames.fetch_add(frames, Ordering::SeqCst);
        self.waker.wake();
    }

    fn waits(&self) -> usize {
        self.waits.load(Ordering::SeqCst)
    }
}

impl Stream for Gate {
    type Item = Result<Message, ()>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.requests.poll_recv(cx).map(|request| request.map(Ok))
    }
}

impl Sink<Message> for Gate {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.room.waker.register(cx.waker());
        if self.room.frames.load(Ordering::SeqCst) > 0 {
            return Poll::Ready(Ok(()));
        }
        self.room.waits.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), ()> {
        self.room.frames.fetch_sub(1, Ordering::SeqCst);
        self.sent.send(message).map_err(|_| ())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

/// The next text frame that the session sent.
async fn sent(frames: &mut mpsc::UnboundedReceiver<Message>) -> Value {
    loop {
        let next = tokio::time::timeout(crate::support::PATIENCE, frames.recv()).await;
        if let Message::Text(text) = next.expect("in time").expect("the session runs") {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test]
async fn spec_nx5_nothing_is_sent_past_a_gap_before_the_resync() {
    for round in 0..30 {
        let limits = Limits {
            queue_frames: 4,
            heartbeat: if round == 0 { Duration::from_secs(60) } else { Duration::from_millis(3) },
            ..Limits::default()
        };
        let server = TestServer::start_bare(new_folder(), limits).await;
        let writer = server.writer().await;
        let (ask, requests) = mpsc::unbounded_channel();
        let (sent_by_session, mut frames) = mpsc::unbounded_channel();
        let room = Arc::new(Room::default());
        let gate = Gate { requests, sent: sent_by_session, room: room.clone() };
        let session =
            tokio::spawn(Session::new(server.realtime.clone(), gate, Peer::nobody()).run());

        ask.send(Message::text(r#"{"type":"subscribe","channel":"resource:product"}"#)).unwrap();
        room.add(1);
        let mut last = loop {
            let frame = sent(&mut frames).await;
            if frame["type"] == "ack" {
                break offset(&frame);
            }
            room.add(1);
        };
        // The session waits for room with a batch in its hands; meanwhile its queue runs over.
        let before = room.waits();
        writer.products("held", 0..3).await;
        eventually("the session is stuck", async || room.waits() > before).await;
        room.add(round % 2);
        for n in 0.. {
            writer.products("more", n * 3..n * 3 + 3).await;
            if server.realtime.stats().dropped > 0 {
                break;
            }
        }
        room.add(1_000);
        let mut resynced = false;
        writer.products("last", 0..1).await;
        // Whoever is cut off anywhere here comes back with the newest position it was given.
        loop {
            let frame = sent(&mut frames).await;
            match frame["type"].as_str().unwrap() {
                "broadcast" => {
                    assert!(offset(&frame) == last + 1, "a gap after {last}: {frame}");
                    last += 1;
                    if resynced && frame["payload"]["record"]["name"] == "last0" {
                        break;
                    }
                }
                "heartbeat" => {
                    let claimed = frame.get("position").map_or(last, |_| offset(&frame));
                    assert!(claimed <= last, "{claimed} is claimed after {last} was sent");
                }
                "resync" => {
                    assert_eq!(frame["reason"], "overflow");
                    last = offset(&frame);
                    if resynced_past(&server, last).await {
                        break;
                    }
                    resynced = true;
                }
                other => panic!("{other}"),
            }
        }
        drop(ask);
        session.await.unwrap();
        server.stop().await;
    }
}

/// Whether the resync stands at the end of the log, so that nothing follows it.
async fn resynced_past(server: &TestServer, offset: u64) -> bool {
    server.realtime.database().read().await.unwrap().position().offset <= offset
}
