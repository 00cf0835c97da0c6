//! Servers that are made from less: without a database, or with some of their resources.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    contract::{
        ChannelName, Delivery, ErrorCode, Limits, Live, LiveError, LiveQuery, Message, Refusal,
        Scope,
    },
    server::{
        AnswerQuery, Identity, Realtime,
        attach::{Request, attach},
        database::ReadTx,
        log::LogError,
        queue::Queue,
    },
    testing::{OpenPolicy, TestBed},
};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Row<const WHICH: u8> {
    id: i64,
}

impl<const WHICH: u8> Live for Row<WHICH> {
    const RESOURCE: &'static str = if WHICH == 0 { "note" } else { "boat" };
    const TABLE: &'static str = if WHICH == 0 { "notes" } else { "boats" };
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

    async fn answer(&self, _: &mut ReadTx, _: &Identity) -> Result<i64, Refusal> {
        Ok(0)
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Order(u64);

impl Message for Order {
    const PREFIX: &'static str = "order";
    const DELIVERY: Delivery = Delivery::Durable;
}

const SCHEMA: &str =
    "CREATE TABLE notes (id INTEGER PRIMARY KEY); CREATE TABLE boats (id INTEGER PRIMARY KEY)";

async fn say(realtime: &Realtime, channel: &str) -> Option<ErrorCode> {
    let payload = RawValue::from_string("7".into()).unwrap();
    realtime.broadcast(&Identity::guest("a"), channel, payload).await.err().map(|e| e.code)
}

async fn listen(realtime: &Realtime, channel: &str) -> Result<(), LiveError> {
    let (channel, who) = (ChannelName::new(channel).unwrap(), Identity::guest("a"));
    let queue = Arc::new(Queue::new(&Limits::default()));
    let request = Request { channel: &channel, since: None, reference: None, who: &who };
    attach(realtime, &queue, request).await.map(|subscription| {
        realtime.hub().unsubscribe(&subscription);
    })
}

#[tokio::test]
async fn spec_sy10_without_a_database_what_needs_one_is_refused_by_name() {
    let bed = TestBed::start(SCHEMA, |server| server.resource::<Row<0>>()).await;
    let log = bed.realtime().database().log();
    let alone = || Realtime::over(log.clone()).policy(OpenPolicy).resource::<Row<0>>();
    let refused = alone().query::<Count>().start().await.err();
    assert!(matches!(refused, Some(LogError::Query { .. })), "{refused:?}");

    let server = alone().messages::<Order>().start().await.unwrap();
    assert_eq!(say(&server, "order:1").await, Some(ErrorCode::Internal));
    assert_eq!(say(&server, "room:a").await, None);
    server.revalidate("notes.list", Scope::All).unwrap();
    // Waits for the notice, which nobody can write.
    server.stop().await;
    assert!(server.tasks().is_empty());
    bed.finish().await;
}

#[tokio::test]
async fn spec_bq1_the_channels_of_a_resource_that_is_left_out_carry_nothing_else() {
    let bed = TestBed::start(SCHEMA, |server| {
        server.resource::<Row<0>>().resource::<Row<1>>().only(&["note".to_owned()])
    })
    .await;
    let server = bed.realtime();
    for channel in ["boat:42", "boat", "resource:boat"] {
        let refused = listen(server, channel).await.err().map(|error| error.code);
        assert_eq!(refused, Some(ErrorCode::UnknownChannel), "{channel}");
        assert_eq!(say(server, channel).await, Some(ErrorCode::PermissionDenied), "{channel}");
    }
    for channel in ["note:42", "resource:note", "room:boat"] {
        listen(server, channel).await.unwrap();
    }
    bed.finish().await;
}
