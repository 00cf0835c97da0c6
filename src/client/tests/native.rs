//! The native driver over an in-memory transport with faults, and once over a real socket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{SinkExt, StreamExt, channel::mpsc as pipe};
use tokio::{
    net::TcpListener,
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use super::super::{
    config::{Auth, ClientConfig},
    event::ClientEvent,
    native::{Connector, NativeClient, Socket, SocketEvent, SocketFrame, Target},
    state::{ConnectionState, FailReason},
};
use crate::contract::{ChannelName, ErrorCode, Position, protocol::Token};

/// The server's end of one in-memory socket.
struct Peer {
    target: Target,
    to_client: pipe::UnboundedSender<SocketEvent>,
    from_client: pipe::UnboundedReceiver<SocketFrame>,
}

impl Peer {
    /// The next frame behind the greeting.
    async fn heard(&mut self) -> String {
        loop {
            let text = self.heard_any().await;
            if !text.starts_with(r#"{"type":"hello""#) {
                return text;
            }
        }
    }

    async fn heard_any(&mut self) -> String {
        match self.from_client.next().await {
            Some(SocketFrame::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn say(&self, text: impl Into<String>) {
        self.to_client.unbounded_send(SocketEvent::Text(text.into())).expect("a client");
    }
}

/// A connector that hands every socket's other end to the test.
fn memory() -> (Connector, mpsc::UnboundedReceiver<Peer>) {
    let (peers, accepted) = mpsc::unbounded_channel();
    let connector: Connector = Arc::new(move |target| {
        let peers = peers.clone();
        Box::pin(async move {
            let (to_client, incoming) = pipe::unbounded();
            let (outgoing, from_client) = pipe::unbounded();
            peers.send(Peer { target, to_client, from_client }).ok()?;
            let outgoing = Box::pin(outgoing.sink_map_err(|_| ()));
            Some(Socket { incoming: Box::pin(incoming), outgoing })
        })
    });
    (connector, accepted)
}

fn at(offset: u64) -> Position {
    Position::new(1, offset)
}

fn ack(position: Position, replay: usize, number: u64) -> String {
    let start = r#"{"type":"ack","channel":"resource:todo","position":""#;
    format!(r#"{start}{position}","replay":{replay},"ref":{number}}}"#)
}

fn change(position: Position) -> String {
    let start = r#"{"type":"broadcast","channel":"resource:todo","payload":{},"position":""#;
    format!(r#"{start}{position}"}}"#)
}

fn offset(event: Option<ClientEvent>) -> u64 {
    match event {
        Some(ClientEvent::Change { position, .. }) => position.offset,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_followed_by_what_was_missed() {
    let (connector, mut accepted) = memory();
    let config = ClientConfig { contract: Some("v1".into()), ..ClientConfig::new("ws://x") };
    let client = NativeClient::with_connector(config, 1, connector);
    let mut todos = client.subscribe_to_resource("todo", Some(at(3))).unwrap();
    let mut peer = accepted.recv().await.unwrap();
    assert_eq!(peer.heard_any().await, r#"{"type":"hello","contract":"v1"}"#);
    let since = at(3);
    assert_eq!(
        peer.heard().await,
        format!(r#"{{"type":"subscribe","channel":"resource:todo","since":"{since}","ref":1}}"#)
    );
    peer.say(ack(at(3), 1, 1));
    peer.say(change(at(4)));
    peer.say(change(at(4)));
    assert_eq!(offset(todos.next().await), 4);
    assert!(matches!(todos.next().await, Some(ClientEvent::Ready { .. })));
    assert_eq!(client.state(), ConnectionState::Connected);

    drop(peer);
    let mut peer = accepted.recv().await.unwrap();
    assert!(peer.heard().await.contains(&format!(r#""since":"{}""#, at(4))));
    peer.say(ack(at(4), 1, 2));
    peer.say(change(at(9)));
    assert_eq!(offset(todos.next().await), 9);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_client_and_nothing_is_left() {
    let (connector, mut accepted) = memory();
    let client = NativeClient::with_connector(ClientConfig::new("ws://x"), 1, connector);
    let mut listener = client.subscribe_to_record("todo", "1", None).unwrap();
    let clone = client.clone();
    let mut peer = accepted.recv().await.unwrap();
    peer.heard().await;
    drop(client);
    assert!(timeout(Duration::from_secs(1), listener.next()).await.is_err(), "a clone is left");
    drop(clone);
    assert_eq!(peer.from_client.next().await, Some(SocketFrame::Close(1000)));
    assert_eq!(peer.from_client.next().await, None);
    assert!(listener.next().await.is_none());
    assert!(accepted.recv().await.is_none(), "the task has let go of its connector");
}

#[tokio::test(start_paused = true)]
async fn spec_en6_dropping_the_last_subscription_unsubscribes() {
    let (connector, mut accepted) = memory();
    let client = NativeClient::with_connector(ClientConfig::new("ws://x"), 1, connector);
    let channel = ChannelName::new("room:a").unwrap();
    let (one, two) = (client.subscribe(&channel, None), client.subscribe(&channel, None));
    let mut peer = accepted.recv().await.unwrap();
    assert!(peer.heard().await.contains("subscribe"));
    drop(one);
    drop(two);
    assert_eq!(peer.heard().await, r#"{"type":"unsubscribe","channel":"room:a"}"#);
}

#[tokio::test(start_paused = true)]
async fn spec_bq5_a_broadcast_ends_with_its_own_answer() {
    let (connector, mut accepted) = memory();
    let client = NativeClient::with_connector(ClientConfig::new("ws://x"), 1, connector);
    let channel = ChannelName::new("room:a").unwrap();
    let refused = client.broadcast(&channel, "too early").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Internal);

    let mut peer = accepted.recv().await.unwrap();
    let mut states = client.states();
    states.wait_for(|state| *state == ConnectionState::Connected).await.unwrap();
    let server = async {
        assert_eq!(
            peer.heard().await,
            r#"{"type":"broadcast","channel":"room:a","payload":"one","ref":2}"#
        );
        peer.heard().await;
        peer.heard().await;
        let code = "not_subscribed";
        peer.say(format!(r#"{{"type":"error","code":"{code}","error":"no","ref":3}}"#));
        peer.say(r#"{"type":"ack","channel":"room:a","reached":5,"ref":2}"#);
        drop(peer);
    };
    let one = client.broadcast(&channel, "one");
    let two = client.broadcast(&channel, "two");
    let lost = client.broadcast(&channel, "three");
    let (one, two, lost, ()) = tokio::join!(one, two, lost, server);
    assert_eq!(one, Ok(5));
    assert_eq!(two.unwrap_err().code, ErrorCode::NotSubscribed);
    assert!(lost.unwrap_err().message.contains("lost"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_left_and_a_refusal_is_final() {
    let (connector, mut accepted) = memory();
    let client = NativeClient::with_connector(ClientConfig::new("ws://x"), 1, connector);
    let mut peer = accepted.recv().await.unwrap();
    assert_eq!(peer.heard().await, r#"{"type":"heartbeat"}"#);
    assert_eq!(peer.heard().await, r#"{"type":"heartbeat"}"#);
    assert_eq!(peer.from_client.next().await, Some(SocketFrame::Close(4001)));

    let peer = accepted.recv().await.unwrap();
    peer.to_client.unbounded_send(SocketEvent::Closed(4500)).unwrap();
    let failed = ConnectionState::Failed(FailReason::Refused(4500));
    client.states().wait_for(|state| *state == failed).await.unwrap();
    client.retry_now();
    accepted.recv().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_changed_contract_ends_the_connection() {
    let (connector, mut accepted) = memory();
    let client = NativeClient::with_connector(ClientConfig::new("ws://x"), 1, connector);
    let mut peer = accepted.recv().await.unwrap();
    peer.heard_any().await;
    let limits = r#"{"max_message_bytes":1,"max_subscriptions":1,"heartbeat_ms":1}"#;
    peer.say(format!(r#"{{"type":"welcome","contract":"reload","limits":{limits}}}"#));
    assert_eq!(peer.from_client.next().await, Some(SocketFrame::Close(1000)));
    assert_eq!(client.state(), ConnectionState::Failed(FailReason::ContractChanged));
}

#[tokio::test(start_paused = true)]
async fn spec_bq4_a_fresh_token_is_fetched_before_each_connect() {
    let (connector, mut accepted) = memory();
    let count = Arc::new(AtomicUsize::new(0));
    let auth = Auth::fetch(move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move { format!("t{number}") }
    });
    let config = ClientConfig { auth: Some(auth), ..ClientConfig::new("ws://x") };
    let _client = NativeClient::with_connector(config, 1, connector);
    for token in ["t0", "t1"] {
        let target = accepted.recv().await.unwrap().target;
        assert_eq!(target.url, "ws://x", "an address is written into logs");
        assert_eq!(target.token, Some(Token(token.into())));
        assert!(!format!("{target:?}").contains(token));
    }
}

#[tokio::test(start_paused = true)]
async fn spec_bq4_a_fresh_token_is_sent_before_the_old_one_expires() {
    let (connector, mut accepted) = memory();
    let count = Arc::new(AtomicUsize::new(0));
    let auth = Auth::fetch(move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move { format!("t{number}") }
    });
    let config = ClientConfig { auth: Some(auth), ..ClientConfig::new("ws://x") };
    let _client = NativeClient::with_connector(config, 1, connector);
    let mut peer = accepted.recv().await.unwrap();
    let limits = r#"{"max_message_bytes":1,"max_subscriptions":1,"heartbeat_ms":1}"#;
    peer.say(format!(
        r#"{{"type":"welcome","contract":"same","limits":{limits},"view":"v","expires_in_ms":20000}}"#
    ));
    let began = Instant::now();
    for number in 1..=3 {
        let mut frame = peer.from_client.next().await;
        while matches!(frame, Some(SocketFrame::Text(_))) {
            frame = peer.from_client.next().await;
        }
        assert_eq!(frame, Some(SocketFrame::Auth(Token(format!("t{number}")))));
        assert!(!format!("{frame:?}").contains(&format!("t{number}")));
        assert_eq!(began.elapsed().as_secs(), 16 * number, "at four fifths");
        peer.say(
            r#"{"type":"authenticated","userId":"7","view":"v","expires_in_ms":20000}"#.to_owned(),
        );
    }
}

#[tokio::test]
async fn a_real_socket_carries_frames_and_close_codes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/realtime", listener.local_addr().unwrap());
    let client = NativeClient::start(ClientConfig::new(url));
    let mut todos = client.subscribe_to_resource("todo", None).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = accept_async(stream).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap();
    assert_eq!(hello.to_text().unwrap(), r#"{"type":"hello"}"#);
    let heard = socket.next().await.unwrap().unwrap();
    assert!(heard.to_text().unwrap().contains(r#""channel":"resource:todo""#));
    socket.send(Message::text(ack(at(7), 0, 1))).await.unwrap();
    socket.send(Message::text(change(at(8)))).await.unwrap();
    assert!(matches!(todos.next().await, Some(ClientEvent::Ready { .. })));
    assert_eq!(offset(todos.next().await), 8);
    client.close();
    let farewell = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(frame) => break frame.unwrap(),
            _ => continue,
        }
    };
    assert_eq!(u16::from(farewell.code), 1000);
    assert!(todos.next().await.is_none());
}
