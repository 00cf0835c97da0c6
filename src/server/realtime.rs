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
    contract_check::compare,
    database::Database,
    event::encode,
    hub::Hub,
    identity::{Authenticate, Connect, Guests, Identity},
    log::{ChangeLog, LogError},
    policy::{Action, DenyAll, Policy, refusal},
    queue::Queued,
    routing::Routing,
    tailer,
};
use crate::contract::{
    Channel, ChannelName, ContractVerdict, ErrorCode, Limits, Live, LiveError, ServerFrame,
};

/// The running channel layer. Cheap to clone.
#[derive(Clone)]
pub struct Realtime {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    log: Arc<dyn ChangeLog>,
    hub: Hub,
    routing: Arc<Routing>,
    limits: Limits,
    contract: Option<String>,
    authenticate: Arc<dyn Authenticate>,
    policy: Arc<dyn Policy>,
    stop: CancellationToken,
    tasks: TaskTracker,
    connections: AtomicUsize,
    looking: tokio::sync::Mutex<()>,
}

/// What a server is made from.
pub struct Builder {
    database: Database,
    routing: Routing,
    limits: Limits,
    contract: Option<String>,
    only: Vec<String>,
    authenticate: Arc<dyn Authenticate>,
    policy: Arc<dyn Policy>,
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

impl Builder {
    /// Makes a row type a live resource: its table is enabled when the server starts.
    pub fn resource<T: Live>(mut self) -> Self {
        self.routing.add::<T>();
        self
    }

    /// Keeps only the named resources; a list without names keeps all. The tables of the others are left
    /// as they are switched.
    pub fn only(mut self, names: &[String]) -> Self {
        self.only = names.iter().filter(|name| !name.is_empty()).cloned().collect();
        self
    }

    /// Replaces the default limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Says who a connection is, from the request that opens it. Without this everybody is a guest.
    pub fn authenticate(mut self, hook: impl Authenticate) -> Self {
        self.authenticate = Arc::new(hook);
        self
    }

    /// Says who may do what on which channel. Without this nobody may do anything.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// The hash of the application's types, which pages built from other types are told of.
    pub fn contract(mut self, contract: impl Into<String>) -> Self {
        self.contract = Some(contract.into());
        self
    }

    /// Checks the resources, enables their tables (those that were switched off too), fills the history and starts to follow the log.
    ///
    /// # Errors
    /// When the database cannot be read, a resource's table does not exist, or a resource could not
    /// deliver anything as it is declared.
    pub async fn start(self) -> Result<Realtime, LogError> {
        let Self { database, mut routing, limits, contract, only, authenticate, policy } = self;
        routing.retain(&only)?;
        routing.check()?;
        for table in routing.resource_tables() {
            database.enable_realtime("public", table).await?;
        }
        let log = database.log();
        let followed = log.tables().await?;
        for table in routing.resource_tables() {
            // SQLite finds `Todos` for `todos`, but changes are routed by the exact name.
            if !followed.iter().any(|found| found.name == table) {
                let (schema, table) = ("public".into(), table.into());
                return Err(LogError::UnknownTable { schema, table });
            }
        }
        let head = log.head().await?;
        let floor = log.floor().await?.max(head.saturating_sub(limits.history_events as u64));
        let routing = Arc::new(routing);
        let hub = Hub::new(log.epoch(), floor, &limits, routing.clone());
        let realtime = Realtime {
            inner: Arc::new(Inner {
                database,
                log,
                hub,
                routing,
                limits,
                contract,
                authenticate,
                policy,
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
                connections: AtomicUsize::new(0),
                looking: tokio::sync::Mutex::new(()),
            }),
        };
        realtime.refresh_tables().await?;
        let last = tailer::warm_up(&realtime, floor).await?;
        realtime.inner.tasks.spawn(tailer::keep_following(realtime.clone(), last));
        Ok(realtime)
    }
}

impl Realtime {
    /// Begins to describe a server over this database.
    pub fn builder(database: Database) -> Builder {
        Builder {
            database,
            routing: Routing::default(),
            limits: Limits::default(),
            contract: None,
            only: Vec::new(),
            authenticate: Arc::new(Guests),
            policy: Arc::new(DenyAll),
        }
    }

    /// The database that is followed.
    pub fn database(&self) -> &Database {
        &self.inner.database
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
        self.inner.database.enable_realtime(schema, table).await?;
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
        self.inner.database.disable_realtime(schema, table).await?;
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

    pub(super) fn hub(&self) -> &Hub {
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

    pub(super) fn tasks(&self) -> &TaskTracker {
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
