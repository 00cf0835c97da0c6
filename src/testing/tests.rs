//! Tests of the setup itself, as an application would use it.

use serde::{Deserialize, Serialize};

use super::TestBed;
use crate::{
    client::{ClientEvent, Heard},
    contract::{Change, Channel, ChannelName, Delivery, Live, Message, Op, Position},
    server::ServerEvent,
    sql,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: i64,
    text: String,
}

impl Live for Note {
    const RESOURCE: &'static str = "note";
    const TABLE: &'static str = "notes";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";

#[tokio::test]
async fn spec_sy9_a_change_travels_from_row_to_client_in_memory() {
    let bed = TestBed::start(SCHEMA, |server| server.resource::<Note>()).await;
    let client = bed.client();
    let mut notes = client.subscribe(Note::all().name(), None);
    assert!(matches!(notes.next().await, Some(ClientEvent::Ready { .. })));

    let mut tx = bed.realtime().database().write().await.unwrap();
    sql!(tx, |db| sqlx::query("INSERT INTO notes VALUES (7, 'hello')").execute(db)).unwrap();
    let written = tx.commit::<Note>(None).await.unwrap();

    let Some(ClientEvent::Change { position, payload }) = notes.next().await else {
        panic!("a change was expected");
    };
    let change: Change<Note> = serde_json::from_str(payload.get()).unwrap();
    assert_eq!(position, written.position);
    assert_eq!(change.op, Op::Insert);
    assert_eq!(change.record, Some(Note { id: 7, text: "hello".into() }));
    bed.finish().await;
}

#[tokio::test]
async fn spec_bq2_a_message_reaches_everybody_on_a_custom_channel() {
    let bed = TestBed::start(SCHEMA, |server| server).await;
    let room = Channel::<String>::named("room:general").unwrap();
    let (one, two) = (bed.client(), bed.client());
    let mut heard = two.subscribe(room.name(), None);
    assert!(matches!(heard.next().await, Some(ClientEvent::Ready { .. })));

    assert_eq!(bed.realtime().send(&room, &"from the server".to_owned()).unwrap(), 1);
    assert_eq!(one.broadcast(room.name(), "from a client").await, Ok(1));
    for expected in ["\"from the server\"", "\"from a client\""] {
        let Some(ClientEvent::Message { payload }) = heard.next().await else {
            panic!("a message was expected");
        };
        assert_eq!(payload.get(), expected);
    }
    bed.finish().await;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shipped {
    number: u64,
}

impl Message for Shipped {
    const PREFIX: &'static str = "order";
    const DELIVERY: Delivery = Delivery::Durable;
}

#[tokio::test]
async fn spec_nx3_a_listener_that_was_away_hears_the_durable_messages_it_missed() {
    let bed = TestBed::start(SCHEMA, |server| server.messages::<Shipped>()).await;
    let order = Shipped::channel("7").unwrap();
    let (client, other) = (bed.client(), bed.client());
    let mut heard = client.subscribe(order.name(), None);
    assert!(matches!(heard.next().await, Some(ClientEvent::Ready { .. })));
    assert_eq!(other.broadcast(order.name(), &Shipped { number: 1 }).await, Ok(1));
    let refused = other.broadcast(order.name(), "no order").await.unwrap_err();
    assert_eq!(refused.code.as_str(), "invalid_payload");
    assert_eq!(listen(&mut heard).await, Heard::Event(Shipped { number: 1 }));

    client.disconnect();
    for number in [2, 3] {
        let published = bed.realtime().publish(&order, &Shipped { number }).await.unwrap();
        assert!(published.position.is_some());
    }
    client.connect();
    for number in [2, 3] {
        assert_eq!(listen(&mut heard).await, Heard::Event(Shipped { number }));
    }
    // Of a position that nobody can replay it is told.
    let elsewhere = Position::new(1, 1);
    let mut lost = other.subscribe(order.name(), Some(elsewhere));
    assert!(matches!(listen(&mut lost).await, Heard::Missed(_)));
    bed.finish().await;
}

/// The next thing that a listener is told.
async fn listen(events: &mut crate::client::NativeSubscription) -> Heard<Shipped> {
    loop {
        let event = events.next().await.expect("the subscription goes on");
        if let Some(heard) = Heard::message(event) {
            return heard;
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Talk {
    id: i64,
    room: i64,
}

impl Live for Talk {
    const RESOURCE: &'static str = "talk";
    const TABLE: &'static str = "talks";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn scopes(&self) -> Vec<ChannelName> {
        ChannelName::record("room", &self.room.to_string()).into_iter().collect()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wave(u64);

impl Message for Wave {
    const PREFIX: &'static str = "room";
    const DELIVERY: Delivery = Delivery::Lossy;
}

#[tokio::test]
async fn spec_sy1_who_listens_to_rows_hears_no_messages_and_the_other_way_round() {
    let schema = "CREATE TABLE talks (id INTEGER PRIMARY KEY, room INTEGER NOT NULL)";
    let bed = TestBed::start(schema, |server| server.resource::<Talk>().messages::<Wave>()).await;
    let room = Wave::channel("1").unwrap();
    let rows = Channel::<Talk>::new(room.name().clone());
    let mut waves = bed.realtime().subscribe(&room, None).await.unwrap();
    let mut talks = bed.realtime().subscribe_to_changes(&rows, None).await.unwrap();
    assert_eq!(bed.realtime().publish(&room, &Wave(1)).await.unwrap().reached, 2);
    let mut tx = bed.realtime().database().write().await.unwrap();
    sql!(tx, |db| sqlx::query("INSERT INTO talks VALUES (7, 1)").execute(db)).unwrap();
    let written = tx.commit::<Talk>(None).await.unwrap().position;
    let Some(ServerEvent::Event { position, event }) = talks.next().await else {
        panic!("a change was expected");
    };
    assert_eq!((position, event.record), (Some(written), Some(Talk { id: 7, room: 1 })));
    bed.realtime().publish(&room, &Wave(2)).await.unwrap();
    for number in [1, 2] {
        let Some(ServerEvent::Event { position: None, event }) = waves.next().await else {
            panic!("a wave was expected");
        };
        assert_eq!(event, Wave(number));
    }
    bed.finish().await;
    assert!(talks.next().await.is_none() && waves.next().await.is_none());
}
