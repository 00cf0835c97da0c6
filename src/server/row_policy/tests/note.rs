//! Rows that are one user's unless they are shared, and who may see them, said a second and a third time.

use serde::{Deserialize, Serialize};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    contract::{ChannelName, Live, Snapshot},
    server::{Action, Database, Identity, RowPolicy},
    sql,
};

pub(super) const SCHEMA: &str = "CREATE TABLE notes (id TEXT PRIMARY KEY, owner TEXT NOT NULL, \
     shared BOOLEAN NOT NULL, room INTEGER NOT NULL, body TEXT NOT NULL)";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) shared: bool,
    pub(super) room: i64,
    /// Of this state of the row and no other; names its owner, and whether it is shared.
    pub(super) body: String,
}

impl Live for Note {
    const RESOURCE: &'static str = "note";
    const TABLE: &'static str = "notes";
    type Id = String;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn scopes(&self) -> Vec<ChannelName> {
        let room = self.room.to_string();
        ["room", "shelf"].iter().filter_map(|prefix| ChannelName::record(prefix, &room)).collect()
    }
}

impl RowPolicy for Note {
    fn may_see(&self, who: &Identity) -> bool {
        self.shared || who.signed_in().is_some_and(|id| **id == *self.owner) || sees_all(who)
    }
}

/// Whether a permission opens every note.
fn sees_all(who: &Identity) -> bool {
    who.permissions().allow(Action::Read, &ChannelName::new("notes:all").unwrap())
}

/// The same rule as [`RowPolicy`]'s, for the tests.
pub(super) fn is_for(who: &Identity, owner: &str, shared: bool) -> bool {
    match who.signed_in() {
        Some(id) if **id == *owner => true,
        _ => shared || sees_all(who),
    }
}

/// What a channel carries.
#[derive(Clone, Debug)]
pub(super) enum Part {
    All,
    Record(String),
    Room(i64),
}

/// The same rule as SQL: what a page would load.
pub(super) async fn load(database: &Database, who: &Identity, part: &Part) -> Snapshot<Note> {
    let mut tx = database.read().await.unwrap();
    let rows = sql!(tx, |db| select(db, who, part)).unwrap();
    tx.snapshot(rows)
}

pub(super) async fn select(
    db: &mut SqliteConnection,
    who: &Identity,
    part: &Part,
) -> Result<Vec<Note>, sqlx::Error> {
    let (record, room) = match part {
        Part::All => (None, None),
        Part::Record(id) => (Some(id), None),
        Part::Room(room) => (None, Some(*room)),
    };
    let select = "SELECT id, owner, shared, room, body FROM notes WHERE (shared OR owner = $1 OR $2) \
                  AND ($3 IS NULL OR id = $3) AND ($4 IS NULL OR room = $4)";
    let rows = sqlx::query(select)
        .bind(who.signed_in().map(|id| id.to_string()))
        .bind(sees_all(who))
        .bind(record)
        .bind(room)
        .fetch_all(db);
    let note = |row: &SqliteRow| Note {
        id: row.get(0),
        owner: row.get(1),
        shared: row.get(2),
        room: row.get(3),
        body: row.get(4),
    };
    Ok(rows.await?.iter().map(note).collect())
}
