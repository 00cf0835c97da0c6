//! A runner's life, over a real database in memory.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::AnswerQuery;
use crate::{
    client::{ClientEvent, native::NativeSubscription},
    contract::{Live, LiveQuery, Position, Refusal},
    server::{Identity, database::ReadTx},
    sql,
    testing::TestBed,
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

async fn message(subscription: &mut NativeSubscription) -> String {
    loop {
        match subscription.next().await {
            Some(ClientEvent::Message { payload }) => return payload.get().to_owned(),
            Some(ClientEvent::Ready { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn spec_sy3_a_question_ends_some_seconds_after_the_last_who_asked_it() {
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
    let bed = TestBed::start(schema, |server| server.resource::<Note>().query::<Count>()).await;
    let channel = Count {}.channel().unwrap();
    let realtime = bed.realtime().clone();
    for expected in [r#"{"result":0}"#, r#"{"result":1}"#] {
        let client = bed.client();
        let mut answers = client.subscribe(channel.name(), None);
        assert_eq!(message(&mut answers).await, expected);
        assert_eq!(realtime.queries().running(), 1);
        // A second one joins it.
        let other = bed.client();
        assert_eq!(message(&mut other.subscribe(channel.name(), None)).await, expected);
        assert_eq!(realtime.queries().running(), 1);
        drop((client, answers, other));
        while realtime.stats().subscriptions > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(realtime.queries().running(), 1, "who comes back soon finds it");
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(realtime.queries().running(), 0);
        tokio::time::resume();
        // Nobody is told of this, and who comes afterwards is told the truth.
        let mut tx = realtime.database().write().await.unwrap();
        sql!(tx, |db| sqlx::query("INSERT INTO notes DEFAULT VALUES").execute(db)).unwrap();
        tx.commit::<()>(None).await.unwrap();
    }
    bed.finish().await;
}

/// What a browser does that has no answer yet: it stands at a position of no log.
#[tokio::test]
async fn spec_sy3_who_stands_nowhere_gets_the_answer_also_as_the_second_of_its_client() {
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
    let bed = TestBed::start(schema, |server| server.resource::<Note>().query::<Count>()).await;
    let channel = Count {}.channel().unwrap();
    let client = bed.client();
    let nowhere = Some(Position::new(0, 0));
    let mut first = client.subscribe(channel.name(), nowhere);
    let mut second: Option<NativeSubscription> = None;
    for _ in 0..2 {
        let newest = second.as_mut().unwrap_or(&mut first);
        let Some(ClientEvent::Resync { position, .. }) = newest.next().await else {
            panic!("the server's log has another name");
        };
        newest.rebase(position);
        assert_eq!(message(newest).await, r#"{"result":0}"#);
        second.get_or_insert_with(|| client.subscribe(channel.name(), nowhere));
    }
    let mut tx = bed.realtime().database().write().await.unwrap();
    sql!(tx, |db| sqlx::query("INSERT INTO notes DEFAULT VALUES").execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap();
    let mut second = second.unwrap();
    for subscription in [&mut first, &mut second] {
        while message(subscription).await != r#"{"result":1}"# {}
    }
    drop((first, second));
    bed.finish().await;
}
