//! Tests of the setup itself, as an application would use it.

use serde::{Deserialize, Serialize};

use super::TestBed;
use crate::{
    client::ClientEvent,
    contract::{Change, Channel, Live, Op},
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
