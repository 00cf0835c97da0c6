//! Revocation: connections end when what they were opened with no longer holds.
//!
//! A revocation is an entry of the log, written in the transaction that signs somebody out or takes a
//! permission away. So it takes effect with the commit and not without it, in the order of the log, and on
//! every server that follows the log.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{PublishError, database::WriteTx, log::Entry};
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

/// Whose connections an entry of the log ends: `None` where it is no revocation, `Some(None)` where it is
/// one that cannot be read, or may be one.
pub(super) fn read(entry: &Entry, is_followed: impl Fn(&str) -> bool) -> Option<Option<Revoked>> {
    match &entry.message {
        Some(channel) if channel.as_str() == CHANNEL => {
            let payload = entry.record.as_deref().map_or("", RawValue::get);
            Some(serde_json::from_str(payload).ok())
        }
        // Of an entry that names no table, nobody can say what it was.
        None if entry.unreadable && !is_followed(&entry.table) => Some(None),
        _ => None,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Op;

    #[test]
    fn spec_sy5_an_entry_that_may_have_been_a_revocation_counts_as_one() {
        let entry = |channel: Option<&str>, payload: &str| {
            let mut entry = Entry::for_tests(1, "", Op::Update);
            entry.message = channel.map(|name| ChannelName::new(name).unwrap());
            entry.record = RawValue::from_string(payload.into()).ok();
            entry
        };
        let read = |entry: &Entry| read(entry, |table| table == "todos");
        let user = || Some(Some(Revoked::User("7".into())));
        assert_eq!(read(&entry(Some(CHANNEL), r#"{"user":"7"}"#)), user());
        for payload in ["{}", r#"{"user":7}"#, r#"{"team":"7"}"#, "null", ""] {
            assert_eq!(read(&entry(Some(CHANNEL), payload)), Some(None), "{payload}");
        }
        for channel in ["access:other", "room:a"] {
            assert_eq!(read(&entry(Some(channel), r#"{"user":"7"}"#)), None, "{channel}");
        }
        let mut unreadable = entry(None, "");
        assert_eq!(read(&unreadable), None);
        unreadable.unreadable = true;
        assert_eq!(read(&unreadable), Some(None));
        unreadable.table = "todos".into();
        assert_eq!(read(&unreadable), None, "a row of a table that is followed");
        unreadable.message = ChannelName::new("room:a").ok();
        assert_eq!(read(&unreadable), None, "a message to others");
    }
}
