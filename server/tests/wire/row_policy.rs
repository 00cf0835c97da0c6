//! Rows that not everybody may see, over real sockets and event streams.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use fastrand::Rng;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Row;
use tidewire::{
    Change, ChannelName, Live, LiveError, Position, Snapshot,
    client::{
        Auth, ClientConfig, ClientEvent, NativeClient, NativeSubscription, Transports,
        native::{Connector, Socket, SocketEvent, network},
        rows::Rows,
        strategy::Strategy,
    },
    contract::Limits,
    server::{
        Action, Database, Identity, Permissions, RowPolicy,
        identity::{Authenticate, Connect},
    },
};

use crate::support::{Events, TestServer, eventually, new_folder, url};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Paper {
    id: i64,
    owner: String,
    shared: bool,
}

impl Live for Paper {
    const RESOURCE: &'static str = "paper";
    const TABLE: &'static str = "papers";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn scopes(&self) -> Vec<ChannelName> {
        ChannelName::record("desk", &self.owner).into_iter().collect()
    }
}

impl RowPolicy for Paper {
    fn may_see(&self, who: &Identity) -> bool {
        self.shared
            || who.signed_in().is_some_and(|id| **id == *self.owner)
            || who.permissions().allow(Action::Read, &name("papers"))
    }
}

/// A token is a user's id; the auditor is a service that may read all papers, and nobody a guest.
struct People;

#[async_trait]
impl Authenticate for People {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        let all =
            ["read:papers", "read:resource:paper", "read:table:*", "read:paper:*", "read:desk:*"];
        let bearer = request.bearer().and_then(|token| std::str::from_utf8(token).ok());
        Ok(match request.token.or(bearer) {
            None => Identity::guest("ann"),
            Some("auditor") => {
                Identity::service("auditor").limited_to(Permissions::parse(all).unwrap())
            }
            Some(user) => Identity::user(user),
        })
    }
}

fn name(text: &str) -> ChannelName {
    ChannelName::new(text).unwrap()
}

async fn start(history_events: usize) -> TestServer {
    let folder = new_folder();
    let database = Database::open(&url(&folder)).await.unwrap();
    let mut tx = database.write().await.unwrap();
    let schema = "CREATE TABLE papers (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, \
                  shared BOOLEAN NOT NULL)";
    tidewire::sql!(tx, |db| sqlx::query(schema).execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap();
    database.close().await;
    let limits = Limits { history_events, others_per_window: 100_000, ..Limits::default() };
    TestServer::start_with(folder, limits, |b| b.authenticate(People).guarded::<Paper>()).await
}

/// Whether somebody with this token may see a paper, said once more.
fn is_for(token: Option<&str>, paper: &Paper) -> bool {
    paper.shared || token == Some("auditor") || token == Some(&paper.owner)
}

async fn load(server: &TestServer, token: Option<&str>) -> Snapshot<Paper> {
    let mut tx = server.realtime.database().read().await.unwrap();
    let papers =
        "SELECT id, owner, shared FROM papers WHERE shared OR owner = $1 OR $1 = 'auditor'";
    let rows = tidewire::sql!(tx, |db| sqlx::query(papers).bind(token).fetch_all(db)).unwrap();
    let paper = |row: &sqlx::sqlite::SqliteRow| Paper {
        id: row.get(0),
        owner: row.get(1),
        shared: row.get(2),
    };
    tx.snapshot(rows.iter().map(paper).collect())
}

/// A client, and the list that its page shows.
struct Reader {
    token: Option<&'static str>,
    client: NativeClient,
    events: NativeSubscription,
    rows: Rows<Paper>,
    changes: usize,
}

impl Reader {
    async fn new(
        server: &TestServer,
        token: Option<&'static str>,
        transports: Transports,
        channel: &str,
        leaks: &Arc<Mutex<Vec<String>>>,
    ) -> Self {
        let config = ClientConfig {
            transports,
            auth: token.map(|token| Auth::Token(token.into())),
            ..ClientConfig::new(format!("ws://{}/realtime", server.address))
        };
        let client = NativeClient::with_connector(config, 1, watched(token, leaks.clone()));
        let mut rows = Rows::new(Strategy::Replace, None);
        let loaded = load(server, token).await;
        let events = client.subscribe(&name(channel), Some(loaded.position));
        rows.load(loaded);
        Self { token, client, events, rows, changes: 0 }
    }

    async fn take(&mut self, server: &TestServer) {
        while let Some(event) = self.events.try_next() {
            match event {
                ClientEvent::Change { position, payload } => {
                    let change: Change<Paper> = serde_json::from_str(payload.get()).unwrap();
                    self.rows.apply(position, change);
                    self.changes += 1;
                }
                ClientEvent::Ready { position } => _ = self.rows.advance(position.unwrap()),
                ClientEvent::Resync { .. } => {
                    let loaded = load(server, self.token).await;
                    self.events.rebase(loaded.position);
                    self.rows.load(loaded);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn has_reached(&self, position: Position) -> bool {
        !position.is_after(self.rows.position().unwrap())
    }

    fn shown(&self) -> BTreeMap<i64, Paper> {
        let shown = self.rows.ids().into_iter();
        shown.map(|id| (id, self.rows.get(&id).unwrap().clone())).collect()
    }
}

/// The network, with an eye on every frame.
fn watched(token: Option<&'static str>, leaks: Arc<Mutex<Vec<String>>>) -> Connector {
    let network = network();
    Arc::new(move |url| {
        let (open, leaks) = (network(url), leaks.clone());
        Box::pin(async move {
            let Socket { incoming, outgoing } = open.await?;
            let incoming = incoming.inspect(move |event| {
                let SocketEvent::Text(text) = event else { return };
                let frame: Value = serde_json::from_str(text).unwrap();
                for side in ["record", "old_record"] {
                    let row = frame["payload"].get(side).cloned();
                    let row = row.map(|row| serde_json::from_value::<Paper>(row).unwrap());
                    if row.is_some_and(|row| !is_for(token, &row)) {
                        leaks.lock().unwrap().push(format!("{token:?} got the {side} of {text}"));
                    }
                }
            });
            Some(Socket { incoming: Box::pin(incoming), outgoing })
        })
    })
}

fn statement(random: &mut Rng) -> String {
    let (id, owner) = (random.u8(1..8), random.choice(["ann", "bob"]).unwrap());
    let shared = random.u8(..3) == 0;
    match random.u8(..8) {
        0 => format!("DELETE FROM papers WHERE id = {id};"),
        1 | 2 => format!("UPDATE papers SET owner = '{owner}' WHERE id = {id};"),
        3 => format!("UPDATE papers SET shared = {shared} WHERE id = {id};"),
        4 => format!(
            "UPDATE papers SET id = id + 100 WHERE id = {id} AND id + 100 NOT IN (SELECT id FROM papers);"
        ),
        _ => format!("INSERT OR REPLACE INTO papers VALUES ({id}, '{owner}', {shared});"),
    }
}

#[tokio::test]
async fn spec_fb9_everybody_sees_their_rows_alone_over_sockets_and_event_streams() {
    for (history, seeds) in [(10_000, 0..6), (3, 6..12)] {
        let server = start(history).await;
        let writer = server.writer().await;
        for seed in seeds {
            schedule(&server, &writer, seed).await;
        }
        server.stop().await;
    }
}

async fn schedule(server: &TestServer, writer: &crate::support::Writer, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let leaks = Arc::<Mutex<Vec<String>>>::default();
    let (socket, stream) = (Transports::WebSocketOnly, Transports::EventStreamOnly);
    let mut readers = Vec::new();
    for (token, transports, channel) in [
        (Some("ann"), socket, "resource:paper"),
        (Some("ann"), stream, "table:public.papers"),
        (Some("bob"), stream, "resource:paper"),
        (Some("auditor"), socket, "resource:paper"),
        (None, socket, "resource:paper"),
        (None, stream, "table:public.papers"),
    ] {
        readers.push(Reader::new(server, token, transports, channel, &leaks).await);
    }
    for _ in 0..20 {
        let statements: String = (0..random.u8(1..4)).map(|_| statement(&mut random)).collect();
        writer.run(format!("BEGIN IMMEDIATE; {statements} COMMIT")).await;
        let at = random.usize(..readers.len());
        match random.u8(..6) {
            0 | 1 => readers[at].client.disconnect(),
            2 | 3 => readers[at].client.connect(),
            4 => server.caught_up().await,
            _ => readers[at].take(server).await,
        }
    }
    server.caught_up().await;
    let head = server.realtime.database().read().await.unwrap().position();
    for reader in &mut readers {
        reader.client.connect();
        eventually("everybody has caught up", async || {
            reader.take(server).await;
            reader.client.wake();
            reader.has_reached(head)
        })
        .await;
        let selected = load(server, reader.token).await.rows;
        let selected: BTreeMap<_, _> = selected.into_iter().map(|row| (row.id, row)).collect();
        assert_eq!(reader.shown(), selected, "seed {seed}: {:?}", reader.token);
    }
    assert!(readers.iter().all(|reader| reader.changes > 0), "seed {seed} shows nothing");
    let leaks = leaks.lock().unwrap();
    assert!(leaks.is_empty(), "seed {seed}: {leaks:#?}");
}

#[tokio::test]
async fn spec_fb9_the_answer_counts_what_this_subscriber_gets() {
    for history in [10_000, 1] {
        let server = start(history).await;
        let mut ann = server.connect_as("ann").await;
        let since = ann.subscribe("resource:paper").await;
        let writer = server.writer().await;
        writer
            .run(
                "INSERT INTO papers VALUES (1, 'ann', 0), (2, 'bob', 0), (3, 'bob', 1);
                 UPDATE papers SET owner = 'bob' WHERE id = 1; UPDATE papers SET id = 4 WHERE id = 2",
            )
            .await;
        server.caught_up().await;
        for (token, missed) in [("ann", 3), ("bob", 5), ("cat", 1), ("auditor", 6)] {
            let mut client = server.connect_as(token).await;
            let ack = client.subscribe_since("resource:paper", &since).await;
            assert_eq!((&ack["type"], &ack["replay"]), (&json!("ack"), &json!(missed)), "{token}");
            client.payloads(missed).await;
            client.expect_silence().await;
            // An event stream's session is the same.
            let parameters = format!("channel=resource:paper&since={since}&token={token}");
            let mut stream = Events::open(server.address, &parameters).await;
            let ack = stream.expect("ack").await;
            assert_eq!(ack["replay"], json!(missed), "{token}");
            for _ in 0..missed {
                stream.expect("broadcast").await;
            }
        }
        drop(ann);
        server.stop().await;
    }
}

/// The commonest program that knows nothing of the server, and runs no triggers for what it replaces.
#[tokio::test]
async fn spec_fb9_a_row_that_another_program_replaces_by_a_hidden_one_is_gone() {
    let server = start(10_000).await;
    let leaks = Arc::<Mutex<Vec<String>>>::default();
    let writer = server.writer().await;
    writer.run("INSERT INTO papers VALUES (1, 'ann', 0), (2, 'ann', 1)").await;
    let token = Some("ann");
    let mut reader = Reader::new(&server, token, Transports::Auto, "resource:paper", &leaks).await;
    assert_eq!(reader.shown().len(), 2);
    writer.run("REPLACE INTO papers VALUES (1, 'bob', 0), (2, 'bob', 0)").await;
    eventually("both rows are gone", async || {
        reader.take(&server).await;
        reader.shown().is_empty()
    })
    .await;
    assert!(leaks.lock().unwrap().is_empty());
    drop(reader);
    server.stop().await;
}
