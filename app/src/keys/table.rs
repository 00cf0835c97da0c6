//! The table of keys.

use sqlx::FromRow;
use tidewire::{
    RowId,
    server::{Database, Permissions, Revoked},
    sql,
};

use super::{ApiKey, KeyError, Secret};
use crate::accounts::sessions::now;

const COLUMNS: &str = "id, name, permissions, created_ms, used_ms, revoked_ms";

/// Makes a key for `name` that may do `permissions` and nothing else; its id, and the key itself, which
/// nobody is told again.
///
/// # Errors
/// [`KeyError`]: which.
pub async fn add(
    database: &Database,
    name: &str,
    permissions: &Permissions,
) -> Result<(String, Secret), KeyError> {
    let visible = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if !visible || name.chars().count() > 64 {
        return Err(KeyError::Name);
    }
    let (id, secret) = (RowId::new().to_string(), Secret::random()?);
    let texts: Vec<_> = permissions.iter().map(ToString::to_string).collect();
    let mut tx = database.write().await?;
    sql!(tx, |db| {
        sqlx::query(
        "INSERT INTO api_keys (id, name, sha256, permissions, created_ms) VALUES ($1, $2, $3, $4, $5)"
    )
    .bind(&id)
    .bind(name)
    .bind(secret.sha256())
    .bind(texts.join(" "))
    .bind(now())
    .execute(db)
    })?;
    tx.commit::<()>(None).await?;
    Ok((id, secret))
}

/// All of them, the oldest first, those that are revoked among them.
///
/// # Errors
/// When the table cannot be read.
pub async fn list(database: &Database) -> Result<Vec<ApiKey>, KeyError> {
    let mut tx = database.read().await?;
    let text = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_ms, id");
    let rows: Vec<Row> = sql!(tx, |db| sqlx::query_as(sqlx::AssertSqlSafe(text)).fetch_all(db))?;
    rows.into_iter().map(Row::read).collect()
}

/// The key that somebody sends, unless it is unknown or revoked.
///
/// # Errors
/// When the table cannot be read.
pub async fn find(database: &Database, secret: &Secret) -> Result<Option<ApiKey>, KeyError> {
    let mut tx = database.read().await?;
    let text = format!("SELECT {COLUMNS} FROM api_keys WHERE sha256 = $1 AND revoked_ms IS NULL");
    let row: Option<Row> = sql!(tx, |db| sqlx::query_as(sqlx::AssertSqlSafe(text))
        .bind(secret.sha256())
        .fetch_optional(db))?;
    row.map(Row::read).transpose()
}

/// Remembers that a key is in use.
///
/// # Errors
/// When the table cannot be written.
pub async fn note_use(database: &Database, id: &str) -> Result<(), KeyError> {
    let mut tx = database.write().await?;
    sql!(tx, |db| sqlx::query("UPDATE api_keys SET used_ms = $2 WHERE id = $1")
        .bind(id)
        .bind(now())
        .execute(db))?;
    tx.commit::<()>(None).await?;
    Ok(())
}

/// From now on the key does not hold, and the connections that were opened with it end. `false` if there
/// is none of this id that still held.
///
/// # Errors
/// When the table cannot be written; then the key still holds.
pub async fn revoke(database: &Database, id: &str) -> Result<bool, KeyError> {
    let mut tx = database.write().await?;
    let text = "UPDATE api_keys SET revoked_ms = $2 WHERE id = $1 AND revoked_ms IS NULL";
    let done = sql!(tx, |db| sqlx::query(text).bind(id).bind(now()).execute(db))?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    tx.revoke(&Revoked::Credential(id.to_owned())).await?;
    tx.commit::<()>(None).await?;
    Ok(true)
}

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    permissions: String,
    created_ms: i64,
    used_ms: Option<i64>,
    revoked_ms: Option<i64>,
}

impl Row {
    /// A key of which one permission is damaged does not hold at all.
    fn read(self) -> Result<ApiKey, KeyError> {
        let Self { id, name, permissions, created_ms, used_ms, revoked_ms } = self;
        Ok(ApiKey {
            id,
            name,
            permissions: Permissions::parse(permissions.split_ascii_whitespace())?,
            created_ms: created_ms.unsigned_abs(),
            used_ms: used_ms.map(i64::unsigned_abs),
            revoked_ms: revoked_ms.map(i64::unsigned_abs),
        })
    }
}
