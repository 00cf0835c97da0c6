//! API keys: looked up in the database at each request, so that a revoked one does not hold any longer.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use app::keys::{self, ApiKey, Secret};
use tidewire::{
    ErrorCode, LiveError,
    server::{Database, Identity, unix_ms},
};

use super::refused;

/// How often it is written down that a key is in use, in milliseconds.
const NOTE_EVERY_MS: u64 = 60_000;

/// Looks keys up.
pub(super) struct Keys {
    database: Database,
    /// When the use of each was last written down.
    noted: Mutex<HashMap<String, u64>>,
}

impl Keys {
    pub(super) fn new(database: Database) -> Self {
        Self { database, noted: Mutex::default() }
    }

    /// Whose key this is.
    ///
    /// # Errors
    /// `authentication_required` when it does not hold; `internal` when the database failed.
    pub(super) async fn identify(&self, text: &str) -> Result<Identity, LiveError> {
        // It does not say whether there has ever been such a key.
        let gone = || refused("the key does not hold: there is none like it, or it was revoked");
        let secret = Secret::read(text).ok_or_else(gone)?;
        let found = keys::find(&self.database, &secret).await.map_err(|error| {
            tracing::error!(%error, "API keys could not be read");
            LiveError::new(ErrorCode::Internal, "the server could not look the key up")
        })?;
        let key = found.ok_or_else(gone)?;
        self.note(&key);
        // Not by its name, which another key may have, too.
        let who = Identity::service(key.id.clone()).named(key.name);
        Ok(who.limited_to(key.permissions).by(key.id))
    }

    /// Has it written down that the key is in use, if that was not done lately; nobody waits for it.
    fn note(&self, key: &ApiKey) {
        let now = unix_ms();
        let recent = |at: u64| now.saturating_sub(at) < NOTE_EVERY_MS;
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if key.used_ms.is_some_and(recent) || noted.get(&key.id).copied().is_some_and(recent) {
                return;
            }
            noted.insert(key.id.clone(), now);
        }
        let (database, id) = (self.database.clone(), key.id.clone());
        tokio::spawn(async move {
            if let Err(error) = keys::note_use(&database, &id).await {
                tracing::debug!(%error, "the use of a key could not be written down");
            }
        });
    }
}
