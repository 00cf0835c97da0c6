//! A note: its type, who may see it, and the server functions that read and write it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use tidewire::{Live, Refusal, RowId, Snapshot, Written};

/// A note, from the database row to the view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(sqlx::FromRow))]
pub struct Note {
    pub id: RowId,
    /// The id of the guest or user whose it is.
    pub owner: String,
    /// What others call them.
    pub author: String,
    pub text: String,
    /// Everybody sees it.
    pub shared: bool,
}

impl Live for Note {
    const RESOURCE: &'static str = "note";
    const TABLE: &'static str = "notes";
    type Id = RowId;

    fn id(&self) -> RowId {
        self.id
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl tidewire::server::RowPolicy for Note {
    fn may_see(&self, who: &tidewire::server::Identity) -> bool {
        self.shared || *self.owner == **who.id()
    }
}

/// The longest note, in characters.
pub const MAX_TEXT: u32 = 500;

/// One's own notes and what others share: the same rows that [`RowPolicy`](tidewire::server::RowPolicy) lets
/// through.
#[server(input = leptos::server_fn::codec::Json)]
pub async fn list_notes() -> Result<Snapshot<Note>, Refusal> {
    let who = crate::accounts::visitor();
    let mut tx = tidewire::server::database()?.read().await?;
    let rows = tidewire::sql!(tx, |db| sqlx::query_as(
        "SELECT * FROM notes WHERE owner = $1 OR shared ORDER BY id"
    )
    .bind(who.id().as_ref())
    .fetch_all(db))?;
    Ok(tx.snapshot(rows))
}

/// Adding the same id and text twice makes one note. An id that is taken, by whomever, makes one of its own.
#[server]
pub async fn add_note(
    id: RowId,
    text: String,
    #[server(default)] shared: bool,
) -> Result<Written<Note>, Refusal<Note>> {
    let text = checked(&text)?;
    let who = crate::accounts::visitor();
    let mut tx = tidewire::server::database()?.write().await?;
    let note = Note {
        id,
        owner: who.id().to_string(),
        author: crate::accounts::shown_name(&who),
        text,
        shared,
    };
    let note = match insert(&mut tx, &note).await? {
        Some(note) => note,
        None => match find(&mut tx, id, &who).await? {
            Some(same) if same.text == note.text => same,
            _ => insert(&mut tx, &Note { id: RowId::new(), ..note }).await?.ok_or(Refusal::Gone)?,
        },
    };
    Ok(tx.commit(Some(note)).await?)
}

/// Shares a note of one's own with everybody, or takes it back.
#[server]
pub async fn share_note(id: RowId, shared: bool) -> Result<Written<Note>, Refusal<Note>> {
    let who = crate::accounts::visitor();
    let mut tx = tidewire::server::database()?.write().await?;
    let note: Option<Note> = tidewire::sql!(tx, |db| sqlx::query_as(
        "UPDATE notes SET shared = $3 WHERE id = $1 AND owner = $2 RETURNING *"
    )
    .bind(id)
    .bind(who.id().as_ref())
    .bind(shared)
    .fetch_optional(db))?;
    Ok(tx.commit(Some(note.ok_or(Refusal::Gone)?)).await?)
}

/// Changes a note of one's own that was read as `was`.
#[server]
pub async fn edit_note(
    id: RowId,
    was: String,
    text: String,
) -> Result<Written<Note>, Refusal<Note>> {
    let text = checked(&text)?;
    let who = crate::accounts::visitor();
    let mut tx = tidewire::server::database()?.write().await?;
    let note: Option<Note> = tidewire::sql!(tx, |db| sqlx::query_as(
        "UPDATE notes SET text = $4 WHERE id = $1 AND owner = $2 AND text = $3 RETURNING *"
    )
    .bind(id)
    .bind(who.id().as_ref())
    .bind(was)
    .bind(text)
    .fetch_optional(db))?;
    if note.is_some() {
        return Ok(tx.commit(note).await?);
    }
    // Of a note that is somebody else's this says what it says of one that does not exist.
    let current = find(&mut tx, id, &who).await?;
    Err(current.map_or(Refusal::Gone, |current| Refusal::Conflict { current }))
}

/// Removes a note of one's own. One that is not there is no longer there, whoever's it was.
#[server]
pub async fn remove_note(id: RowId) -> Result<Written<Note>, Refusal<Note>> {
    let who = crate::accounts::visitor();
    let mut tx = tidewire::server::database()?.write().await?;
    tidewire::sql!(tx, |db| sqlx::query("DELETE FROM notes WHERE id = $1 AND owner = $2")
        .bind(id)
        .bind(who.id().as_ref())
        .execute(db))?;
    Ok(tx.commit(None).await?)
}

#[cfg(not(target_arch = "wasm32"))]
mod queries {
    use tidewire::server::{Identity, database::WriteTx};

    use super::{MAX_TEXT, Note, Refusal, RowId};

    pub(super) fn checked(text: &str) -> Result<String, Refusal<Note>> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Refusal::invalid("text", "A note needs a text."));
        }
        if text.chars().count() > MAX_TEXT as usize {
            return Err(Refusal::invalid("text", "A note may have 500 characters."));
        }
        Ok(text.to_owned())
    }

    /// `None` when the id is taken.
    pub(super) async fn insert(tx: &mut WriteTx, note: &Note) -> Result<Option<Note>, sqlx::Error> {
        tidewire::sql!(tx, |db| sqlx::query_as(
            "INSERT INTO notes (id, owner, author, text, shared) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO NOTHING RETURNING *"
        )
        .bind(note.id)
        .bind(&note.owner)
        .bind(&note.author)
        .bind(&note.text)
        .bind(note.shared)
        .fetch_optional(db))
    }

    /// A note of one's own.
    pub(super) async fn find(
        tx: &mut WriteTx,
        id: RowId,
        who: &Identity,
    ) -> Result<Option<Note>, sqlx::Error> {
        tidewire::sql!(tx, |db| sqlx::query_as("SELECT * FROM notes WHERE id = $1 AND owner = $2")
            .bind(id)
            .bind(who.id().as_ref())
            .fetch_optional(db))
    }
}

#[cfg(not(target_arch = "wasm32"))]
use queries::{checked, find, insert};

#[cfg(test)]
mod tests {
    use tidewire::server::{Identity, RowPolicy};

    use super::*;

    #[test]
    fn spec_fb9_a_note_is_its_owners_until_it_is_shared() {
        let note = |shared| Note {
            id: RowId::new(),
            owner: "ann".into(),
            author: "Ann".into(),
            text: "x".into(),
            shared,
        };
        let (ann, bob) = (Identity::user("ann"), Identity::user("bob"));
        assert!(note(false).may_see(&ann) && note(true).may_see(&ann));
        assert!(!note(false).may_see(&bob) && note(true).may_see(&bob));
    }
}
