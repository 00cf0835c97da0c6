//! Revocation: connections end when what they were opened with no longer holds.
//!
//! A revocation is an entry of the log, written in the transaction that signs somebody out or takes a
//! permission away. So it takes effect with the commit and not without it, in the order of the log, and on
//! every server that follows the log.

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::{PublishError, database::WriteTx};
use crate::contract::ChannelName;

/// Whose connections end. They may come back, and are asked anew who they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// Everybody's with this [id](super::Identity::id): permissions have changed, an account has ended.
    User(String),
    /// Those that were proved by this [credential](super::Identity::credential): a session has been signed
    /// out, a key revoked.
    Credential(String),
}

/// Where revocations are in the log. No client may do anything on it, or on any other below `access`.
pub(super) const CHANNEL: &str = "access:revoked";
/// The first segment of such channels.
pub(super) const PREFIX: &str = "access";

impl WriteTx {
    /// Once this is committed, these connections end.
    ///
    /// # Errors
    /// [`PublishError`] when the database fails.
    pub async fn revoke(&mut self, whose: &Revoked) -> Result<(), PublishError> {
        let channel = ChannelName::new(CHANNEL).expect("a name by the rule");
        let payload = to_raw_value(whose)?;
        Ok(self.publish_raw(&channel, &payload).await?)
    }
}
