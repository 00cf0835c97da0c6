//! Revalidation: durable notices that clients have to fetch something again.
//!
//! A notice is a message in the log, so that a client which was away hears of it by its position. One for a
//! user names that user, and is handed out and replayed to that user's connections alone.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{PublishError, Realtime, database::WriteTx};
use crate::contract::{ChannelName, InvalidChannelName, Scope};

/// How long to wait after the database could not be written.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A notice: where it goes, and to which user if not to all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    channel: ChannelName,
    user: Option<String>,
}

/// What travels.
#[derive(Serialize, Deserialize)]
struct Payload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

/// Notices that belong to no transaction, until they are written together.
#[derive(Default)]
pub(super) struct Revalidations {
    waiting: Mutex<BTreeSet<Notice>>,
}

/// Whom a message in the log is for.
#[derive(Debug, PartialEq, Eq)]
pub enum Addressee {
    /// Everybody on its channel.
    All,
    /// One user.
    User(Box<str>),
    /// It does not say so in a way that can be read.
    Nobody,
}

impl Notice {
    fn new(key: &str, scope: Scope<'_>) -> Result<Self, InvalidChannelName> {
        let user = match scope {
            Scope::User(id) => Some(id.to_owned()),
            Scope::All | Scope::Room(_) => None,
        };
        Ok(Self { channel: scope.channel(key)?, user })
    }

    async fn write(&self, tx: &mut WriteTx) -> Result<(), PublishError> {
        let payload = to_raw_value(&Payload { user: self.user.clone() })?;
        Ok(tx.publish_raw(&self.channel, &payload).await?)
    }
}

impl Addressee {
    /// Reads a message in the log.
    pub(super) fn of(channel: &ChannelName, payload: Option<&RawValue>) -> Self {
        if channel.prefix() != "revalidate" {
            return Self::All;
        }
        let payload = payload.map_or("", RawValue::get);
        match serde_json::from_str::<Payload>(payload) {
            Ok(Payload { user: None }) => Self::All,
            Ok(Payload { user: Some(user) }) => Self::User(user.into()),
            // Rather one too few than one to somebody whom it does not concern.
            Err(_) => Self::Nobody,
        }
    }

    /// Whether it is for this user; `None` is somebody who has not signed in.
    pub(super) fn includes(&self, user: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::User(id) => user == Some(id),
            Self::Nobody => false,
        }
    }
}

impl WriteTx {
    /// Once this is committed, clients that show what `key` names fetch it again. Said several times in
    /// one transaction, it is one notice.
    ///
    /// # Errors
    /// [`PublishError`] when the key is not one segment of a channel's name, such as `todos.list`, or the
    /// database fails.
    pub async fn revalidate(&mut self, key: &str, scope: Scope<'_>) -> Result<(), PublishError> {
        let notice = Notice::new(key, scope)?;
        if self.revalidated.contains(&notice) {
            return Ok(());
        }
        notice.write(self).await?;
        self.revalidated.insert(notice);
        Ok(())
    }
}

impl Realtime {
    /// Clients that show what `key` names fetch it again, for what no transaction has written. Notices are
    /// collected for the limits' `revalidate_debounce` and then written, each once. Those that wait when
    /// the process is killed are lost.
    ///
    /// # Errors
    /// When the key is not one segment of a channel's name, such as `todos.list`.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn revalidate(&self, key: &str, scope: Scope<'_>) -> Result<(), InvalidChannelName> {
        let notice = Notice::new(key, scope)?;
        let mut waiting = self.revalidations().lock();
        if waiting.insert(notice) && waiting.len() == 1 {
            self.tasks().spawn(write_later(self.clone()));
        }
        Ok(())
    }
}

impl Revalidations {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Notice>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_later(realtime: Realtime) {
    let mut wait = realtime.limits().revalidate_debounce;
    loop {
        // A stop does not lose what waits: it waits for this task.
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = realtime.stopping() => {}
        }
        let notices = std::mem::take(&mut *realtime.revalidations().lock());
        match write_all(&realtime, &notices).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(%error, "revalidations could not be written");
                if realtime.any_database().is_err() {
                    return;
                }
                let mut waiting = realtime.revalidations().lock();
                // Somebody who came meanwhile has begun another task, which takes these along.
                let alone = waiting.is_empty();
                waiting.extend(notices);
                if !alone || realtime.is_stopping() {
                    return;
                }
                wait = RETRY_AFTER;
            }
        }
    }
}

async fn write_all(realtime: &Realtime, notices: &BTreeSet<Notice>) -> Result<(), PublishError> {
    let mut tx = realtime.any_database()?.write().await?;
    for notice in notices {
        notice.write(&mut tx).await?;
    }
    tx.commit::<()>(None).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_ig3_a_notice_reaches_whom_it_names_and_if_it_cannot_be_read_nobody() {
        let read = |channel: &str, payload: &str| {
            let payload = RawValue::from_string(payload.into()).unwrap();
            Addressee::of(&ChannelName::new(channel).unwrap(), Some(&payload))
        };
        assert_eq!(read("revalidate:a", "{}"), Addressee::All);
        assert_eq!(read("revalidate:a", r#"{"more":1}"#), Addressee::All);
        assert_eq!(read("revalidate:a", r#"{"user":7}"#), Addressee::Nobody);
        assert_eq!(read("revalidate:a", "null"), Addressee::Nobody);
        assert_eq!(read("room:a", r#"{"user":"7"}"#), Addressee::All);
        let seven = read("revalidate:a:room:b", r#"{"user":"7"}"#);
        assert!(seven.includes(Some("7")));
        assert!(!seven.includes(Some("8")) && !seven.includes(None));
    }
}
