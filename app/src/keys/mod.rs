//! API keys, by which other servers prove themselves: made, shown once, looked up by their hash, revoked.
//!
//! The table is no live resource: using a key is not a change that anybody is told of.

mod secret;
mod table;

use tidewire::server::{InvalidPermission, Permissions, PublishError};

pub use secret::{PREFIX, Secret};
pub use table::{add, find, list, note_use, revoke};

/// A key as the table has it: everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names it where it is listed and revoked.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// All that whoever has it may do.
    pub permissions: Permissions,
    /// When it was made, in milliseconds after 1970.
    pub created_ms: u64,
    /// When it was last used, to the minute; milliseconds after 1970.
    pub used_ms: Option<u64>,
    /// Since when it does not hold any longer, in milliseconds after 1970.
    pub revoked_ms: Option<u64>,
}

/// What keeps a key from being made, found or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others could not be shown this name.
    #[error("a key's name has 1 to 64 characters, and none that cannot be seen")]
    Name,
    /// The system has none, so nothing on this machine is safe.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// Somebody has changed the table by hand.
    #[error("the table of keys is damaged: {0}")]
    Permission(#[from] InvalidPermission),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The database failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
}
