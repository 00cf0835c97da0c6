//! `Realtime`: the running channel layer as one cheap handle.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ipnet::IpNet;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::to_raw_value;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Builder,
    contract_check::compare,
    counters::Counts,
    database::Database,
    event::{Event, encode},
    hub::{ChannelFigures, Hub},
    identity::{Authenticate, Identity},
    limiter::{Admission, Bucket, Looks, WrongProofs},
    log::{ChangeLog, LogError},
    messages::Messages,
    metrics::{ClientNumbers, Metrics, Stats},
    policy::{Action, Policy, refusal},
    presence::{Presence, Roll},
    queries::Queries,
    queue::Queued,
    revalidate::Revalidations,
    revocation,
    routing::Routing,
};
use crate::contract::{
    Channel, ChannelName, ContractVerdict, ErrorCode, Limits, LiveError, Position, Present,
    ServerFrame,
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
    pub(super) queries: Queries,
    pub(super) messages: Messages,
    pub(super) revalidations: Revalidations,
    pub(super) limits: Limits,
    pub(super) enabled: bool,
    pub(super) tracks_presence: bool,
    pub(super) path: String,
    pub(super) contract: Option<String>,
    pub(super) authenticate: Arc<dyn Authenticate>,
    pub(super) policy: Arc<dyn Policy>,
    pub(super) presence: Presence,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) metrics: Arc<Metrics>,
    pub(super) admission: Arc<Admission>,
    pub(super) looks: Looks,
    pub(super) wrong_proofs: WrongProofs,
    pub(super) publishing: Bucket,
    pub(super) proxies: Vec<IpNet>,
    pub(super) allowed_origins: Vec<String>,
    pub(super) drain: OnceLock<Duration>,
    pub(super) looking: tokio::sync::Mutex<()>,
    pub(super) replays: Semaphore,
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

    /// Whether clients may connect.
    pub fn is_enabled(&self) -> bool {
        self.inner.enabled
    }

    /// Where clients connect, `/realtime` unless it was told otherwise.
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// Sends a lossy message of any type on a channel that no type is declared for; returns how many
    /// subscribers it reached. Where one is, use [`Realtime::publish`].
    ///
    /// # Errors
    /// When the message cannot be written as JSON.
    pub fn send<T: Serialize>(
        &self,
        channel: &Channel<T>,
        message: &T,
    ) -> Result<usize, serde_json::Error> {
        let event = Event::message(channel.name().clone(), to_raw_value(message)?);
        Ok(self.inner.hub.send(event))
    }

    /// Who is present in a channel, in the order in which they joined. Who has said something that is no
    /// `D` is left out; nobody is named where there are more than `limits.presence_users`.
    pub fn present<D: DeserializeOwned>(&self, channel: &ChannelName) -> Vec<Present<D>> {
        self.roll(channel).users.into_iter().filter_map(|user| user.read()).collect()
    }

    /// Who is present with their data as JSON, and how many they are.
    pub fn roll(&self, channel: &ChannelName) -> Roll {
        self.inner.presence.roll(channel)
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
                || self.inner.queries.has_lost_a_table(channel, |table| routing.has_table(table))
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
        self.inner.presence.close_channels(ends);
        Ok(())
    }

    /// Counts of connections, channels and subscriptions.
    pub fn stats(&self) -> Stats {
        self.inner.metrics.stats(self.inner.hub.counts(), self.counts())
    }

    /// The numbers of at most `limit` connections, those whose own number is above `after`. They name
    /// addresses, which are personal data.
    pub fn client_stats(&self, after: u64, limit: usize) -> Vec<ClientNumbers> {
        let meters = self.inner.metrics.clients.list(after, limit);
        let queues: Vec<_> = meters.iter().map(|meter| Arc::as_ptr(&meter.queue())).collect();
        let mut names = self.inner.hub.subscriptions_of(&queues);
        let numbers = meters
            .iter()
            .zip(queues)
            .map(|(meter, queue)| meter.numbers(names.remove(&queue).unwrap_or_default()));
        numbers.collect()
    }

    /// What happened to events since the start.
    pub fn counts(&self) -> Counts {
        self.inner.hub.counters().snapshot()
    }

    /// Every channel that has subscribers, with its figures, in no order.
    pub fn channel_figures(&self) -> Vec<ChannelFigures> {
        self.inner.hub.channel_figures()
    }

    /// Stops: every connection is told when to come back and closed, the tailer ends. Waits for all
    /// of them, at most the limits' `drain`.
    pub async fn stop(&self) {
        // Measured while everybody is still here.
        self.drain_window();
        self.inner.stop.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(self.inner.limits.drain, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.inner.tasks.len(), "connections did not end in time");
        }
    }

    /// Over how long the clients of a server that stops come back: they must not be more in a second
    /// than half of those that the next one lets in.
    pub(super) fn drain_window(&self) -> Duration {
        *self.inner.drain.get_or_init(|| {
            let a_second = f64::from(self.inner.limits.admissions_per_second.max(2)) / 2.0;
            let connections = self.stats().connections;
            let needed = Duration::from_secs_f64(connections as f64 / a_second);
            self.inner.limits.drain.max(needed)
        })
    }

    pub(super) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.inner.presence
    }

    /// The database, unless the server runs over a log alone.
    pub(super) fn any_database(&self) -> Result<&Database, sqlx::Error> {
        let missing = || sqlx::Error::Configuration("this server runs over a log alone".into());
        self.inner.database.as_ref().ok_or_else(missing)
    }

    /// Whose turn it is to read the log for a replay.
    pub(super) fn replays(&self) -> &Semaphore {
        &self.inner.replays
    }

    pub(super) fn log(&self) -> &dyn ChangeLog {
        &*self.inner.log
    }

    pub(super) fn routing(&self) -> &Routing {
        &self.inner.routing
    }

    pub(super) fn queries(&self) -> &Queries {
        &self.inner.queries
    }

    pub(super) fn messages(&self) -> &Messages {
        &self.inner.messages
    }

    pub(super) fn revalidations(&self) -> &Revalidations {
        &self.inner.revalidations
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.inner.admission
    }

    pub(super) fn looks(&self) -> &Looks {
        &self.inner.looks
    }

    /// What `POST /realtime/broadcast` may still send.
    pub(super) fn publishing(&self) -> &Bucket {
        &self.inner.publishing
    }

    pub(super) fn proxies(&self) -> &[IpNet] {
        &self.inner.proxies
    }

    pub(super) fn allowed_origins(&self) -> &[String] {
        &self.inner.allowed_origins
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.inner.tasks
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// Is cancelled when the server stops.
    pub(super) fn stop_token(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// Resolves when the server stops.
    pub(super) async fn stopping(&self) {
        self.inner.stop.cancelled().await;
    }

    /// How much of the log has been handed out.
    pub fn position(&self) -> Position {
        self.inner.hub.head()
    }

    pub(super) fn authenticate(&self) -> &dyn Authenticate {
        &*self.inner.authenticate
    }

    pub(super) fn wrong_proofs(&self) -> &WrongProofs {
        &self.inner.wrong_proofs
    }

    /// Asks the identity's permissions, and unless it is limited to them the policy. On the channels of the
    /// channel layer's own entries nobody may do anything.
    ///
    /// # Errors
    /// `permission_denied`, or `authentication_required` for a guest; `realtime_disabled` for presence
    /// where it is switched off.
    pub async fn check(
        &self,
        who: &Identity,
        action: Action,
        channel: &ChannelName,
    ) -> Result<(), LiveError> {
        if !self.inner.tracks_presence && matches!(action, Action::Join | Action::SeeUsers) {
            let text = "presence is switched off on this server";
            return Err(LiveError::new(ErrorCode::RealtimeDisabled, text));
        }
        if channel.prefix() == revocation::PREFIX {
            return Err(refusal(who));
        }
        let permitted = who.permissions().allow(action, channel);
        if permitted || !who.is_limited() && self.inner.policy.allows(who, action, channel).await {
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
}
