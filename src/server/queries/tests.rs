//! A runner's life, over a real database in memory.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::AnswerQuery;
use crate::{
    client::{ClientEvent, native::NativeSubscription},
    contract::{ChannelName, ErrorCode, Limits, Live, LiveQuery, Position, Refusal},
    server::{
        Identity, Realtime,
        attach::{Request, attach},
        database::ReadTx,
        queue::Queue,
    },
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

/// Never finds its answer.
#[derive(Clone, Serialize, Deserialize)]
struct Endless {}

impl LiveQuery for Endless {
    const NAME: &'static str = "endless";
    type Output = i64;
}

impl AnswerQuery for Endless {
    const TABLES: &'static [&'static str] = &["notes"];

    async fn answer(&self, _: &mut ReadTx, _: &Identity) -> Result<i64, Refusal> {
        std::future::pending().await
    }
}

async fn add_a_note(realtime: &Realtime) {
    let mut tx = realtime.database().write().await.unwrap();
    sql!(tx, |db| sqlx::query("INSERT INTO notes DEFAULT VALUES").execute(db)).unwrap();
    tx.commit::<()>(None).await.unwrap();
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

#[tokio::test]
async fn spec_sy3_equal_parameters_are_one_question_however_they_are_spelled() {
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
    let bed = TestBed::start(schema, |server| server.resource::<Note>().query::<Count>()).await;
    let client = bed.client();
    // `{}`, `{ }` and `{"no":1}`
    let names = ["query:count:pe30", "query:count:peyB9", "query:count:peyJubyI6MX0"];
    let mut all: Vec<_> =
        names.iter().map(|name| client.subscribe(&ChannelName::new(name).unwrap(), None)).collect();
    for subscription in &mut all {
        assert_eq!(message(subscription).await, r#"{"result":0}"#);
    }
    assert_eq!(bed.realtime().queries().running(), 1);
    add_a_note(bed.realtime()).await;
    for subscription in &mut all {
        assert_eq!(message(subscription).await, r#"{"result":1}"#);
    }
    assert_eq!(bed.realtime().counts().latest, 6, "an answer is a latest value");
    drop((client, all));
    bed.finish().await;
}

#[tokio::test]
async fn spec_sy3_no_more_questions_are_kept_answered_than_the_limit_says() {
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
    let limits = Limits { query_runners: 1, ..Limits::default() };
    let bed = TestBed::start(schema, |server| {
        server.resource::<Note>().query::<Count>().query::<Endless>().limits(limits)
    })
    .await;
    let (realtime, who) = (bed.realtime(), Identity::guest("ann"));
    let subscribe = async |name: &str| {
        let channel = ChannelName::new(name).unwrap();
        let queue = Arc::new(Queue::new(&Limits::default()));
        let request = Request { channel: &channel, since: None, reference: None, who: &who };
        attach(realtime, &queue, request).await
    };
    let one = subscribe("query:count:pe30").await.ok().unwrap();
    let refused = subscribe("query:endless:pe30").await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::RateLimited);
    assert!(refused.retry_after_ms.is_some());
    let two = subscribe("query:count:peyB9").await.ok().unwrap();
    for subscription in [one, two] {
        realtime.hub().unsubscribe(&subscription);
    }
    assert_eq!(realtime.stats().subscriptions, 0, "the refused one has left nothing");
    bed.finish().await;
}

#[tokio::test]
async fn spec_sy3_a_question_that_takes_too_long_is_refused_and_makes_room_for_others() {
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY)";
    let query_timeout = Duration::from_millis(50);
    let limits = Limits { query_concurrency: 1, query_timeout, ..Limits::default() };
    let bed = TestBed::start(schema, |server| {
        server.resource::<Note>().query::<Count>().query::<Endless>().limits(limits)
    })
    .await;
    let client = bed.client();
    let mut endless = client.subscribe(Endless {}.channel().unwrap().name(), None);
    let refused = message(&mut endless).await;
    assert!(refused.starts_with(r#"{"refused""#), "{refused}");
    let mut count = client.subscribe(Count {}.channel().unwrap().name(), None);
    for expected in [r#"{"result":0}"#, r#"{"result":1}"#] {
        assert_eq!(message(&mut count).await, expected);
        add_a_note(bed.realtime()).await;
    }
    drop((client, endless, count));
    bed.finish().await;
}
