//! The table of sessions: which browser is signed in as whom, and until when.

use tidewire::{
    RowId,
    server::{
        Database, Identity, Permissions, Revoked,
        database::{Transaction, WriteTx},
        unix_ms,
    },
    sql,
};

use super::{Token, cookies::SESSION_DAYS};

const HOUR_MS: i64 = 3_600_000;
/// How long a session lasts that nobody comes back with.
const LIFETIME_MS: i64 = SESSION_DAYS as i64 * 24 * HOUR_MS;

#[derive(sqlx::FromRow)]
struct Found {
    id: String,
    user: String,
    name: String,
    permissions: String,
    seen: i64,
    expires: i64,
}

/// Now, in milliseconds after 1970.
pub fn now() -> i64 {
    i64::try_from(unix_ms()).unwrap_or(i64::MAX)
}

/// Whose session this is, if it is one and has not ended. That it was seen is written once an hour at most,
/// and lets it last longer.
///
/// # Errors
/// When the database cannot be read.
pub async fn find(database: &Database, token: &Token) -> Result<Option<Identity>, sqlx::Error> {
    let mut tx = database.read().await?;
    let now = now();
    let found: Option<Found> = sql!(tx, |db| {
        sqlx::query_as(
        "SELECT sessions.id, users.id AS user, users.name, users.permissions, sessions.seen, sessions.expires
         FROM sessions JOIN users ON users.id = sessions.owner
         WHERE sessions.token = $1 AND sessions.expires > $2"
    )
    .bind(token.hash())
    .bind(now)
    .fetch_optional(db)
    })?;
    drop(tx);
    let Some(mut found) = found else { return Ok(None) };
    if now - found.seen >= HOUR_MS {
        match touch(database, &found.id, now).await {
            Ok(()) => found.expires = now + LIFETIME_MS,
            // It is as good as it was; the next request tries again.
            Err(error) => tracing::warn!(%error, "a session's last use could not be written"),
        }
    }
    Ok(Some(found.identity()))
}

/// Whether a session has proved who this is, and [`find`] has made it last longer since `then`, in milliseconds
/// after 1970.
pub fn extended(who: &Identity, then: i64) -> bool {
    let session = who.signed_in().is_some() && !who.is_limited() && who.credential().is_some();
    let expires = who.expires_ms().and_then(|ms| i64::try_from(ms).ok());
    session && expires.is_some_and(|ms| ms >= then.saturating_add(LIFETIME_MS))
}

async fn touch(database: &Database, id: &str, now: i64) -> Result<(), sqlx::Error> {
    let mut tx = database.write().await?;
    sql!(tx, |db| sqlx::query("UPDATE sessions SET seen = $2, expires = $3 WHERE id = $1")
        .bind(id)
        .bind(now)
        .bind(now + LIFETIME_MS)
        .execute(db))?;
    tx.commit::<()>(None).await?;
    Ok(())
}

impl Found {
    fn identity(self) -> Identity {
        let permissions = Permissions::parse(self.permissions.split_whitespace());
        let permissions = permissions.unwrap_or_else(|error| {
            tracing::error!(%error, user = self.user, "a user's permissions cannot be read: they have none");
            Permissions::default()
        });
        Identity::user(self.user)
            .named(self.name)
            .with_permissions(permissions)
            .by(self.id)
            .until(u64::try_from(self.expires).unwrap_or(0))
    }
}

/// Begins a session; the token is for its browser alone.
pub(super) async fn begin(
    tx: &mut WriteTx,
    user: &str,
    agent: &str,
    now: i64,
) -> Result<Token, sqlx::Error> {
    let token = Token::new();
    // Here, so that the table does not grow for ever.
    sql!(tx, |db| sqlx::query("DELETE FROM sessions WHERE expires <= $1").bind(now).execute(db))?;
    sql!(tx, |db| sqlx::query(
        "INSERT INTO sessions (id, token, owner, created, seen, expires, agent)
         VALUES ($1, $2, $3, $4, $4, $5, $6)"
    )
    .bind(RowId::new().to_string())
    .bind(token.hash())
    .bind(user)
    .bind(now)
    .bind(now + LIFETIME_MS)
    .bind(agent)
    .execute(db))?;
    Ok(token)
}

/// Ends the session of this token, and with it its connections. Returns whose it was.
pub(super) async fn end(
    tx: &mut WriteTx,
    token: &Token,
) -> Result<Option<String>, tidewire::server::PublishError> {
    let ended: Option<(String, String)> =
        sql!(tx, |db| sqlx::query_as("DELETE FROM sessions WHERE token = $1 RETURNING id, owner")
            .bind(token.hash())
            .fetch_optional(db))?;
    let Some((id, owner)) = ended else { return Ok(None) };
    tx.revoke(&Revoked::Credential(id)).await?;
    Ok(Some(owner))
}

/// A session as its owner is shown it.
#[derive(sqlx::FromRow)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) agent: String,
    pub(super) created: i64,
    pub(super) seen: i64,
}

/// Every session of a user that has not ended, the one that was used last first.
pub(super) async fn of(tx: &mut impl Transaction, user: &str) -> Result<Vec<Listed>, sqlx::Error> {
    sql!(tx, |db| sqlx::query_as(
        "SELECT id, agent, created, seen FROM sessions WHERE owner = $1 AND expires > $2
         ORDER BY seen DESC, created DESC, id"
    )
    .bind(user)
    .bind(now())
    .fetch_all(db))
}
