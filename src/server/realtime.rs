//! `Realtime`: the running channel layer as one cheap handle.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use serde_json::value::to_raw_value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Builder,
    contract_check::compare,
    database::Database,
    event::encode,
    hub::Hub,
    identity::{Authenticate, Connect, Identity},
    log::{ChangeLog, LogError},
    policy::{Action, Policy, refusal},
    queue::Queued,
    routing::Routing,
};
use crate::contract::{
    Channel, ChannelName, ContractVerdict, ErrorCode, Limits, LiveError, ServerFrame,
};

/// The running channel layer. Cheap to clone.
#[derive(Clone)]
pub struct Realtime {
    inner: Arc<Inner>,
}

/// What all handles share; made by the builder.
pub(super) struct Inner {
    pub(super) database: Option<Database>,
    pub(super) log: Arc<dyn ChangeLog>,
    pub(super) hub: Hub,
    pub(super) routing: Arc<Routing>,
    pub(super) limits: Limits,
    pub(super) contract: Option<String>,
    pub(super) authenticate: Arc<dyn Authenticate>,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) connections: AtomicUsize,
    pub(super) looking: tokio::sync::Mutex<()>,
}

/// Counts of a running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Open connections.
    pub connections: usize,
    /// Channels with at least one subscriber.
    pub channels: usize,
    /// Subscriptions of all connections.
    pub subscriptions: usize,
    /// Messages lost, and events that turned into a `resync` instead of being sent.
    pub dropped: u64,
}

impl Realtime {
    /// Begins to describe a server over this database.
    pub fn builder(database: Database) -> Builder {
        Builder::new(database.log(), Some(database))
    }

    /// Begins to describe a server over a log that may be of any kind, without a database beside it.
    pub fn over(log: Arc<dyn ChangeLog>) -> Builder {
        Builder::new(log, None)
    }

    /// The database that is followed.
    ///
    /// # Panics
    /// When the server was made by [`Realtime::over`] and has none.
    pub fn database(&self) -> &Database {
        self.inner.database.as_ref().expect("this server runs over a log alone")
    }

    /// Sends a message to everybody on a channel; returns how many subscribers it reached.
    /// Messages are not in the log: who is not connected does not get them.
    ///
    /// # Errors
    /// When the message cannot be written as JSON.
    pub fn send<T: Serialize>(
        &self,
        channel: &Channel<T>,
        message: &T,
    ) -> Result<usize, serde_json::Error> {
        Ok(self.inner.hub.send(channel.name().clone(), to_raw_value(message)?))
    }

    /// Switches realtime on for a table, at run time.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn enable_realtime(&self, schema: &str, table: &str) -> Result<(), LogError> {
        self.inner.log.enable(schema, table).await?;
        self.refresh_tables().await?;
        // A table that was off leaves a gap in the log. Who subscribes from now on begins after it.
        let head = self.inner.log.head().await?;
        self.inner.log.wake();
        let passed = async {
            while self.inner.hub.head().offset < head && !self.inner.stop.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // If the log cannot be read just now, the gap is passed later and said to more clients.
        _ = tokio::time::timeout(Duration::from_secs(2), passed).await;
        Ok(())
    }

    /// Switches realtime off for a table: the subscribers of its channels, those of its resource and
    /// records among them, are told by an `unknown_channel` error.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn disable_realtime(&self, schema: &str, table: &str) -> Result<(), LogError> {
        self.inner.log.disable(schema, table).await?;
        self.refresh_tables().await?;
        let routing = &self.inner.routing;
        let ends = |channel: &ChannelName| {
            routing.table_behind(channel).is_some_and(|table| !routing.has_table(table))
        };
        self.inner.hub.close_channels(ends, |channel| {
            Queued::Own(encode(&ServerFrame::Error {
                code: ErrorCode::UnknownChannel,
                error: "realtime was switched off for this table".into(),
                channel: Some(channel.to_string()),
                reference: None,
                retry_after_ms: None,
            }))
        });
        Ok(())
    }

    /// Counts of connections, channels and subscriptions.
    pub fn stats(&self) -> Stats {
        let counts = self.inner.hub.counts();
        Stats {
            connections: self.inner.connections.load(Ordering::Relaxed),
            channels: counts.channels,
            subscriptions: counts.subscriptions,
            dropped: counts.dropped,
        }
    }

    /// Stops: every connection is told when to come back and closed, the tailer ends. Waits for all
    /// of them, at most the limits' `drain`.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(self.inner.limits.drain, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.inner.tasks.len(), "connections did not end in time");
        }
    }

    pub(super) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    pub(super) fn log(&self) -> &dyn ChangeLog {
        &*self.inner.log
    }

    pub(super) fn routing(&self) -> &Routing {
        &self.inner.routing
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// Resolves when the server stops.
    pub(super) async fn stopping(&self) {
        self.inner.stop.cancelled().await;
    }

    /// Who makes this request.
    ///
    /// # Errors
    /// What the hook refuses it with.
    pub async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        self.inner.authenticate.identify(request).await
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// `permission_denied`, or `authentication_required` for a guest.
    pub async fn check(
        &self,
        who: &Identity,
        action: Action,
        channel: &ChannelName,
    ) -> Result<(), LiveError> {
        if self.inner.policy.allows(who, action, channel).await {
            Ok(())
        } else {
            Err(refusal(who))
        }
    }

    pub(super) fn compare_contract(&self, theirs: Option<&str>) -> ContractVerdict {
        compare(self.inner.contract.as_deref(), theirs)
    }

    pub(super) async fn refresh_tables(&self) -> Result<(), LogError> {
        // One at a time, so that an older look does not overwrite a newer one.
        let _turn = self.inner.looking.lock().await;
        let tables = self.inner.log.tables().await?;
        let names: HashSet<String> = tables.into_iter().map(|table| table.name).collect();
        self.inner.routing.set_tables(names);
        Ok(())
    }

    /// Counts a connection for as long as the guard lives.
    pub(super) fn count_connection(&self) -> impl Drop + use<> {
        struct Guard(Realtime);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.inner.connections.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.inner.connections.fetch_add(1, Ordering::Relaxed);
        Guard(self.clone())
    }
}
