//! A todo: its type, its rules, and the server functions that read and write it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use tidewire::{Live, Refusal, RowId, Snapshot, Written};

/// A todo, from the database row to the view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(sqlx::FromRow))]
pub struct Todo {
    pub id: RowId,
    pub title: String,
    pub done: bool,
    /// Counts the writes, so that an edit of an old state is noticed.
    pub version: i64,
}

impl Live for Todo {
    const RESOURCE: &'static str = "todo";
    const TABLE: &'static str = "todos";
    type Id = RowId;

    fn id(&self) -> RowId {
        self.id
    }

    /// Title and tick are independent; two different titles need a person.
    fn merge(base: &Self, mine: &Self, theirs: &Self) -> Option<Self> {
        Some(Self {
            title: tidewire::contract::merge_field(&base.title, &mine.title, &theirs.title)?,
            done: tidewire::contract::merge_field(&base.done, &mine.done, &theirs.done)?,
            ..theirs.clone()
        })
    }
}

/// The longest title, in characters.
pub const MAX_TITLE: u32 = 200;

#[server(input = leptos::server_fn::codec::Json)]
pub async fn list_todos() -> Result<Snapshot<Todo>, Refusal> {
    let mut tx = tidewire::server::database()?.read().await?;
    let rows =
        tidewire::sql!(tx, |db| sqlx::query_as("SELECT * FROM todos ORDER BY id").fetch_all(db))?;
    Ok(tx.snapshot(rows))
}

/// Adding the same id and title twice makes one todo. The same id with another title is a form that the
/// browser has kept from before, and a todo of its own.
#[server]
pub async fn add_todo(id: RowId, title: String) -> Result<Written<Todo>, Refusal<Todo>> {
    let title = checked(&title)?;
    let mut tx = tidewire::server::database()?.write().await?;
    tidewire::sql!(tx, |db| sqlx::query(
        "INSERT INTO todos (id, title) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING"
    )
    .bind(id)
    .bind(&title)
    .execute(db))?;
    let mut todo = find(&mut tx, id).await?;
    if todo.title != title {
        todo = tidewire::sql!(tx, |db| sqlx::query_as(
            "INSERT INTO todos (id, title) VALUES ($1, $2) RETURNING *"
        )
        .bind(RowId::new())
        .bind(&title)
        .fetch_one(db))?;
    }
    Ok(tx.commit(Some(todo)).await?)
}

/// Changes the title of the version that was read, whose title was `was`.
#[server]
pub async fn rename_todo(
    id: RowId,
    version: i64,
    was: String,
    title: String,
) -> Result<Written<Todo>, Refusal<Todo>> {
    let title = checked(&title)?;
    let mut tx = tidewire::server::database()?.write().await?;
    let current = find(&mut tx, id).await?;
    let base = Todo { title: was, ..current.clone() };
    let mine = Todo { title, ..current.clone() };
    let merged = if current.version == version {
        mine
    } else {
        Todo::merge(&base, &mine, &current)
            .ok_or_else(|| Refusal::Conflict { current: current.clone() })?
    };
    save(tx, merged).await
}

/// Ticks or unticks; that needs no version, for the last click is what everybody wants.
#[server]
pub async fn tick_todo(id: RowId, done: bool) -> Result<Written<Todo>, Refusal<Todo>> {
    let mut tx = tidewire::server::database()?.write().await?;
    let current = find(&mut tx, id).await?;
    save(tx, Todo { done, ..current }).await
}

#[server]
pub async fn remove_todo(id: RowId) -> Result<Written<Todo>, Refusal<Todo>> {
    let mut tx = tidewire::server::database()?.write().await?;
    tidewire::sql!(tx, |db| sqlx::query("DELETE FROM todos WHERE id = $1").bind(id).execute(db))?;
    Ok(tx.commit(None).await?)
}

#[cfg(not(target_arch = "wasm32"))]
mod queries {
    use tidewire::server::database::WriteTx;

    use super::{MAX_TITLE, Refusal, RowId, Todo, Written};

    pub(super) fn checked(title: &str) -> Result<String, Refusal<Todo>> {
        let title = title.trim();
        if title.is_empty() {
            return Err(Refusal::invalid("title", "A todo needs a title."));
        }
        if title.chars().count() > MAX_TITLE as usize {
            return Err(Refusal::invalid("title", "A title may have 200 characters."));
        }
        Ok(title.to_owned())
    }

    pub(super) async fn find(tx: &mut WriteTx, id: RowId) -> Result<Todo, Refusal<Todo>> {
        tidewire::sql!(tx, |db| sqlx::query_as("SELECT * FROM todos WHERE id = $1")
            .bind(id)
            .fetch_optional(db))?
        .ok_or(Refusal::Gone)
    }

    pub(super) async fn save(mut tx: WriteTx, todo: Todo) -> Result<Written<Todo>, Refusal<Todo>> {
        let saved = tidewire::sql!(tx, |db| {
            sqlx::query_as(
            "UPDATE todos SET title = $2, done = $3, version = version + 1 WHERE id = $1 RETURNING *"
        )
        .bind(todo.id)
        .bind(&todo.title)
        .bind(todo.done)
        .fetch_one(db)
        })?;
        Ok(tx.commit(Some(saved)).await?)
    }
}

#[cfg(not(target_arch = "wasm32"))]
use queries::{checked, find, save};
