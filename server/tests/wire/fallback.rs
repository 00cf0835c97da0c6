//! The client over both transports: it falls back where no WebSocket gets through, and recovers alike.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tidewire::{
    ChannelName,
    client::{
        ClientConfig, ClientEvent, ConnectionState, NativeClient, NativeSubscription, Transports,
    },
    contract::Transport,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};

use crate::support::{PATIENCE, TestServer, eventually};

/// A wire to a server that can be cut, and that may let no WebSocket through.
struct Wire {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<AbortHandle>>>,
    listening: JoinHandle<()>,
}

impl Wire {
    async fn to(server: SocketAddr, websockets: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, open) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<_>>>::default());
        let (is_cut, connections) = (cut.clone(), open.clone());
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !is_cut.load(Ordering::SeqCst) {
                    let task = tokio::spawn(join(client, server, websockets));
                    connections.lock().unwrap().push(task.abort_handle());
                }
            }
        });
        Self { address, cut, open, listening }
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.open.lock().unwrap().drain(..).for_each(|task| task.abort());
    }

    fn resume(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    fn client(&self, transports: Transports) -> NativeClient {
        let url = format!("ws://{}/realtime", self.address);
        NativeClient::start(ClientConfig { transports, ..ClientConfig::new(url) })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        self.listening.abort();
    }
}

async fn join(mut client: TcpStream, server: SocketAddr, websockets: bool) -> Option<()> {
    let mut start = vec![0; 4_096];
    let read = client.read(&mut start).await.ok()?;
    let asks_for_websocket = String::from_utf8_lossy(&start[..read]).contains("Upgrade");
    if asks_for_websocket && !websockets {
        client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.ok()?;
        return None;
    }
    let mut server = TcpStream::connect(server).await.ok()?;
    server.write_all(&start[..read]).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok()?;
    Some(())
}

async fn event(subscription: &mut NativeSubscription) -> ClientEvent {
    timeout(PATIENCE, subscription.next()).await.expect("in time").expect("it is not refused")
}

/// The names of the next `count` products.
async fn names(subscription: &mut NativeSubscription, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < count {
        match event(subscription).await {
            ClientEvent::Change { payload, .. } => {
                let change: serde_json::Value = serde_json::from_str(payload.get()).unwrap();
                names.push(change["record"]["name"].as_str().unwrap().to_owned());
            }
            ClientEvent::Ready { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    names
}

async fn live(client: &NativeClient) {
    let mut states = client.states();
    let connected = states.wait_for(|state| *state == ConnectionState::Connected);
    timeout(PATIENCE, connected).await.expect("in time").expect("it runs");
}

async fn goes_through_cuts(transports: Transports, transport: Transport) {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let wire = Wire::to(server.address, true).await;
    let client = wire.client(transports);
    let mut products = client.subscribe_to_resource("product", None).unwrap();
    assert!(matches!(event(&mut products).await, ClientEvent::Ready { .. }));
    assert_eq!(client.transport(), Some(transport));
    for round in 0..3 {
        writer.products(&format!("live{round}-"), 0..3).await;
        assert_eq!(names(&mut products, 3).await[0], format!("live{round}-0"));
        wire.cut();
        eventually("it notices", async || client.state() != ConnectionState::Connected).await;
        assert_eq!(client.transport(), None);
        writer.products(&format!("away{round}-"), 0..50).await;
        wire.resume();
        client.retry_now();
        let missed: Vec<_> = (0..50).map(|n| format!("away{round}-{n}")).collect();
        assert_eq!(names(&mut products, 50).await, missed, "each once, in order");
    }
    let room = ChannelName::new("room:a").unwrap();
    let mut listener = client.subscribe(&room, None);
    event(&mut listener).await;
    // Many frames at once arrive in the order in which they were sent.
    let sent = (0..20).map(|n| {
        let (client, room) = (&client, &room);
        async move { timeout(PATIENCE, client.broadcast(room, &n)).await.expect("in time") }
    });
    let reached: Vec<_> = futures::future::join_all(sent).await;
    let reached: Vec<_> = reached.into_iter().map(|reached| reached.expect("taken")).collect();
    assert_eq!(reached, [1; 20]);
    for n in 0..20 {
        let ClientEvent::Message { payload } = event(&mut listener).await else { panic!() };
        assert_eq!(payload.get(), n.to_string());
    }
    assert_eq!(client.transport(), Some(transport));
    drop((client, products, listener));
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_a_websocket_recovers_from_cuts() {
    goes_through_cuts(Transports::WebSocketOnly, Transport::WebSocket).await;
}

#[tokio::test]
async fn spec_en1_an_event_stream_recovers_from_cuts() {
    goes_through_cuts(Transports::EventStreamOnly, Transport::EventStream).await;
}

#[tokio::test]
async fn spec_en1_where_no_websocket_gets_through_the_client_is_live_all_the_same() {
    let server = TestServer::start().await;
    let wire = Wire::to(server.address, false).await;
    let client = wire.client(Transports::Auto);
    let mut products = client.subscribe_to_resource("product", None).unwrap();
    live(&client).await;
    assert_eq!(client.transport(), Some(Transport::EventStream));
    assert!(matches!(event(&mut products).await, ClientEvent::Ready { .. }));
    server.writer().await.products("live", 0..2).await;
    assert_eq!(names(&mut products, 2).await, ["live0", "live1"]);
    // A stream that lived shortly is tried first when it was lost.
    wire.cut();
    eventually("it notices", async || client.state() != ConnectionState::Connected).await;
    server.writer().await.products("away", 0..1).await;
    wire.resume();
    assert_eq!(names(&mut products, 1).await, ["away0"]);
    assert_eq!(client.transport(), Some(Transport::EventStream));
    drop((client, products));
    server.stop().await;
}

#[tokio::test]
async fn spec_en1_where_a_websocket_can_be_had_it_is_taken() {
    let server = TestServer::start().await;
    let wire = Wire::to(server.address, true).await;
    let client = wire.client(Transports::Auto);
    live(&client).await;
    assert_eq!(client.transport(), Some(Transport::WebSocket));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_en2_a_client_that_is_not_enabled_does_not_connect() {
    let server = TestServer::start().await;
    let url = format!("ws://{}/realtime", server.address);
    let client =
        NativeClient::start(ClientConfig { enabled: false, ..ClientConfig::new(url.clone()) });
    let mut todos = client.subscribe_to_resource("todo", None).unwrap();
    client.connect();
    client.retry_now();
    // Another one that starts later is there long before.
    let other = NativeClient::start(ClientConfig::new(url));
    live(&other).await;
    assert!(timeout(Duration::from_millis(200), todos.next()).await.is_err());
    assert_eq!(client.state(), ConnectionState::Disconnected);
    assert_eq!(server.realtime.stats().connections, 1);
    drop((client, todos, other));
    server.stop().await;
}
