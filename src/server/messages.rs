//! Messages: what channels that are not the database's carry.

use crate::contract::{ChannelName, Message};

/// Why a message was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The channel's first segment is not the type's `PREFIX`.
    #[error("{channel} does not carry messages of {prefix:?}")]
    Channel {
        /// The channel.
        channel: ChannelName,
        /// What its first segment should be.
        prefix: &'static str,
    },
    /// The message cannot be written as JSON.
    #[error("the message cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Whether the channel is one of those that carry `T`: elsewhere nobody would read it as one.
pub(super) fn check_channel<T: Message>(channel: &ChannelName) -> Result<(), PublishError> {
    if channel.prefix() == T::PREFIX {
        return Ok(());
    }
    Err(PublishError::Channel { channel: channel.clone(), prefix: T::PREFIX })
}
