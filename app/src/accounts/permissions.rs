//! What an account may do beyond the application's rules: given and taken on the command line.

use tidewire::{
    server::{Database, InvalidPermission, Permission, Permissions, PublishError, Revoked},
    sql,
};

/// What keeps an account's permissions from being changed.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// Nobody signs in with this name.
    #[error("nobody signs in with {0:?}")]
    Unknown(String),
    /// Somebody has changed the table by hand.
    #[error("the table of users is damaged: {0}")]
    Permission(#[from] InvalidPermission),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The database failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Gives `login` these permissions (`given`), or takes them away, and returns what they may do now. Their
/// connections end with it, and come back as who they are now; nothing ends when nothing changes.
///
/// # Errors
/// [`PermitError`]: nothing has changed.
pub async fn permit(
    database: &Database,
    login: &str,
    permissions: &[Permission],
    given: bool,
) -> Result<Permissions, PermitError> {
    let login = login.trim().to_lowercase();
    let mut tx = database.write().await?;
    let found: Option<(String, String)> =
        sql!(tx, |db| sqlx::query_as("SELECT id, permissions FROM users WHERE login = $1")
            .bind(&login)
            .fetch_optional(db))?;
    let (id, before) = found.ok_or(PermitError::Unknown(login))?;
    let before = Permissions::parse(before.split_whitespace())?;
    let kept = before.iter().filter(|own| !permissions.contains(own)).cloned();
    let added = permissions.iter().filter(|_| given).cloned();
    let now: Permissions = kept.chain(added).collect();
    if now != before {
        let text: Vec<_> = now.iter().map(ToString::to_string).collect();
        sql!(tx, |db| sqlx::query("UPDATE users SET permissions = $2 WHERE id = $1")
            .bind(&id)
            .bind(text.join(" "))
            .execute(db))?;
        tx.revoke(&Revoked::User(id)).await?;
        tx.commit::<()>(None).await?;
    }
    Ok(now)
}
