//! Somebody with a client, and everything that their socket brings, looked at.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use serde_json::Value;

use super::note::{Note, Part, is_for, load};
use crate::{
    client::{
        ClientConfig, ClientEvent, NativeClient, NativeSubscription,
        native::{Connector, Socket, SocketEvent},
        rows::Rows,
        strategy::Strategy,
    },
    contract::{Change, ChannelName, Position, Snapshot},
    server::{Database, Identity},
};

/// What came that should not have.
pub(super) type Leaks = Arc<Mutex<Vec<String>>>;

pub(super) struct Viewer {
    pub(super) who: Identity,
    pub(super) client: NativeClient,
    pub(super) lists: Vec<List>,
}

/// Rows as a page has them: loaded, then folded.
pub(super) struct List {
    pub(super) part: Part,
    pub(super) channel: ChannelName,
    events: NativeSubscription,
    rows: Rows<Note>,
    resynced: bool,
}

impl Viewer {
    pub(super) fn new(who: Identity, connector: Connector, leaks: &Leaks) -> Self {
        let connector = watched(connector, who.clone(), leaks.clone());
        let client = NativeClient::with_connector(ClientConfig::default(), 1, connector);
        Self { who, client, lists: Vec::new() }
    }

    /// Begins to follow what was loaded, now or some time ago.
    pub(super) fn follow(&mut self, part: Part, channel: ChannelName, loaded: Snapshot<Note>) {
        let events = self.client.subscribe(&channel, Some(loaded.position));
        let mut rows = Rows::new(Strategy::Replace, None);
        rows.load(loaded);
        self.lists.push(List { part, channel, events, rows, resynced: false });
    }

    /// Takes what has come. Who was resynced loads again.
    pub(super) async fn take(&mut self, database: &Database) {
        for list in &mut self.lists {
            list.take();
            if std::mem::take(&mut list.resynced) {
                list.rows.load(load(database, &self.who, &list.part).await);
                list.events.rebase(list.position());
            }
        }
    }

    /// Whether every list has everything up to there.
    pub(super) fn has_reached(&self, position: Position) -> bool {
        self.lists.iter().all(|list| !position.is_after(list.position()))
    }
}

impl List {
    fn position(&self) -> Position {
        self.rows.position().expect("it was loaded")
    }

    fn take(&mut self) {
        while let Some(event) = self.events.try_next() {
            match event {
                ClientEvent::Change { position, payload } => {
                    let change: Change<Note> = serde_json::from_str(payload.get()).unwrap();
                    self.rows.apply(position, change);
                }
                ClientEvent::Ready { position } => {
                    self.rows.advance(position.unwrap());
                }
                ClientEvent::Resync { .. } => self.resynced = true,
                other => panic!("{}: {other:?}", self.channel),
            }
        }
    }

    /// What it shows, by id.
    pub(super) fn shown(&self) -> HashMap<String, Note> {
        let row = |id: String| (id.clone(), self.rows.get(&id).unwrap().clone());
        self.rows.ids().into_iter().map(row).collect()
    }
}

fn watched(connector: Connector, who: Identity, leaks: Leaks) -> Connector {
    Arc::new(move |url| {
        let (open, who, leaks) = (connector(url), who.clone(), leaks.clone());
        Box::pin(async move {
            let Socket { incoming, outgoing } = open.await?;
            let incoming = incoming.inspect(move |event| {
                if let SocketEvent::Text(text) = event
                    && let Some(leak) = leak(&who, text)
                {
                    leaks.lock().unwrap().push(format!("{who:?} got {leak}: {text}"));
                }
            });
            Some(Socket { incoming: Box::pin(incoming), outgoing })
        })
    })
}

/// What is in a frame that `who` may not see: of rows only those of this very moment, and of ids only those
/// of such rows. Channels are named by who asks for them, which tells nothing.
fn leak(who: &Identity, text: &str) -> Option<String> {
    let mut frame: Value = serde_json::from_str(text).unwrap();
    frame.as_object_mut().unwrap().remove("channel");
    let mut known = Vec::new();
    for side in ["record", "old_record"] {
        if let Some(row) = frame["payload"].get(side) {
            let row: Note = serde_json::from_value(row.clone()).unwrap();
            if !is_for(who, &row.owner, row.shared) {
                return Some(side.into());
            }
            known.push(row.id);
        }
    }
    let text = frame.to_string();
    // A body is `<owner,shared,number>`, an id `note-{number}`.
    for body in text.split('<').skip(1) {
        let mut parts = body.split(',');
        let (owner, shared) = (parts.next().unwrap(), parts.next().unwrap());
        if !is_for(who, owner, shared == "true") {
            return Some(format!("the body <{body}"));
        }
    }
    let mut ids = text.match_indices("note-").map(|(at, _)| {
        let digits = text[at + 5..].bytes().take_while(u8::is_ascii_digit).count();
        &text[at..at + 5 + digits]
    });
    ids.find(|id| !known.iter().any(|known| known == id)).map(|id| format!("the id of {id}"))
}
