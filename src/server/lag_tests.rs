//! Tests of what may be sent while the hub is behind the database: nothing that it does not know of, for it
//! may stand behind a revocation.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{
    AnswerQuery, Builder, Database, Identity, Realtime, Revoked,
    attach::{Request, attach},
    connections::Seat,
    database::ReadTx,
    lease::Lease,
    log::{ChangeLog, Entry, LogError, TableRef},
    queue::Queue,
    subscription::Subscription,
};
use crate::{
    contract::{ChannelName, Limits, Live, LiveQuery, Position, Refusal},
    sql,
    testing::OpenPolicy,
};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    id: i64,
}

impl Live for Note {
    const RESOURCE: &'static str = "note";
    const TABLE: &'static str = "notes";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Count {}

impl LiveQuery for Count {
    const NAME: &'static str = "count";
    type Output = i64;
}

impl AnswerQuery for Count {
    const TABLES: &'static [&'static str] = &["notes"];

    async fn answer(&self, tx: &mut ReadTx, _: &Identity) -> Result<i64, Refusal> {
        Ok(sql!(tx, |db| sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(db))?)
    }
}

/// A log whose follower hears of nothing until the test lets it.
struct Late {
    log: Arc<dyn ChangeLog>,
    waits: Semaphore,
    may_go: Semaphore,
}

#[async_trait]
impl ChangeLog for Late {
    fn epoch(&self) -> u64 {
        self.log.epoch()
    }

    async fn head(&self) -> Result<u64, LogError> {
        self.log.head().await
    }

    async fn floor(&self) -> Result<u64, LogError> {
        self.log.floor().await
    }

    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Entry>, LogError> {
        self.log.read(after, limit).await
    }

    async fn trim(&self, older_than: Duration, keep_at_most: u64) -> Result<u64, LogError> {
        self.log.trim(older_than, keep_at_most).await
    }

    async fn enable(&self, schema: &str, table: &str) -> Result<(), LogError> {
        self.log.enable(schema, table).await
    }

    async fn disable(&self, schema: &str, table: &str) -> Result<(), LogError> {
        self.log.disable(schema, table).await
    }

    async fn tables(&self) -> Result<Vec<TableRef>, LogError> {
        self.log.tables().await
    }

    async fn changed(&self) {
        self.waits.add_permits(1);
        self.may_go.acquire().await.expect("it stays open").forget();
    }

    fn wake(&self) {}
}

/// Somebody's connection without its session.
struct Client {
    who: Identity,
    queue: Arc<Queue>,
    lease: Arc<Lease>,
}

impl Client {
    fn new(realtime: &Realtime, id: &str) -> Self {
        let (who, lease) = (Identity::user(id), Arc::new(Lease::new(None)));
        let queue = Arc::new(Queue::new(realtime.limits()));
        realtime.hub().connections().add(&Seat::new(&who, &queue, &lease), u64::MAX);
        Self { who, queue, lease }
    }

    async fn subscribe(
        &self,
        realtime: &Realtime,
        channel: &ChannelName,
        since: Option<Position>,
    ) -> Arc<Subscription> {
        let request = Request { channel, since, reference: None, who: &self.who };
        attach(realtime, &self.queue, request).await.expect("it is followed")
    }

    /// What waits, without positions.
    fn frames(&self) -> Vec<String> {
        let frames = self.queue.take().into_iter().filter_map(|frame| frame.into_text(|| true));
        frames.map(|text| text.to_string()).collect()
    }
}

async fn add_notes(realtime: &Realtime, ids: &[i64], revoked: Option<&Revoked>) {
    let mut tx = realtime.database().write().await.unwrap();
    for (index, id) in ids.iter().enumerate() {
        if let Some(revoked) = revoked.filter(|_| index == 1) {
            tx.revoke(revoked).await.unwrap();
        }
        let insert = "INSERT INTO notes VALUES ($1)";
        sql!(tx, |db| sqlx::query(insert).bind(*id).execute(db)).unwrap();
    }
    tx.commit::<()>(None).await.unwrap();
}

#[tokio::test]
async fn spec_sy5_neither_a_replay_nor_an_answer_overtakes_a_revocation() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db", folder.path().display());
    let database = Database::open(&url).await.unwrap();
    let mut tx = database.write().await.unwrap();
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
    sql!(tx, |db| sqlx::raw_sql(schema).execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap();
    let log =
        Arc::new(Late { log: database.log(), waits: Semaphore::new(0), may_go: Semaphore::new(0) });
    // So short a ring that whoever comes back is served from the log.
    let limits = Limits { history_events: 1, ..Limits::default() };
    let builder = Builder::new(log.clone(), Some(database)).policy(OpenPolicy).limits(limits);
    let realtime = builder.resource::<Note>().query::<Count>().start().await.unwrap();
    let waits = async || log.waits.acquire().await.expect("it stays open").forget();
    waits().await;
    add_notes(&realtime, &[1, 2, 3], None).await;
    log.may_go.add_permits(1);
    waits().await;
    assert_eq!(realtime.position().offset, 3);

    // Note 4, the revocation, note 5: committed, and not known to the hub.
    add_notes(&realtime, &[4, 5], Some(&Revoked::User("ann".into()))).await;
    let (ann, bob) = (Client::new(&realtime, "ann"), Client::new(&realtime, "bob"));
    let since = Some(Position::new(realtime.position().epoch, 0));
    let (notes, count) = (Note::all(), Count {}.channel().unwrap());
    let mut subscriptions = Vec::new();
    for client in [&ann, &bob] {
        subscriptions.push(client.subscribe(&realtime, notes.name(), since).await);
        let frames = client.frames();
        assert!(frames[0].contains("\"replay\":3"), "{frames:?}");
        assert_eq!(frames.len(), 4);
        subscriptions.push(client.subscribe(&realtime, count.name(), None).await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    for client in [&ann, &bob] {
        let frames = client.frames();
        assert_eq!(frames.len(), 1, "an ack; the answer knows of note 5: {frames:?}");
    }

    log.may_go.add_permits(1);
    waits().await;
    let mut heard = Vec::new();
    while !heard.iter().any(|frame: &String| frame.contains(r#"{"result":5}"#)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        heard.extend(bob.frames());
    }
    assert_eq!(heard.len(), 3, "notes 4 and 5, and the answer: {heard:?}");
    assert!(ann.lease.is_cut() && !bob.lease.is_cut());
    assert_eq!(ann.frames(), [""; 0]);
    subscriptions.iter().for_each(|subscription| realtime.hub().unsubscribe(subscription));
    realtime.stop().await;
    realtime.database().close().await;
}
