//! What a server is made from: resources, limits, rules.

use std::sync::{Arc, OnceLock};

use ipnet::IpNet;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Realtime, attach,
    database::Database,
    hub::Hub,
    identity::{Authenticate, Guests, Identity},
    limiter::{Admission, Bucket, Looks, WrongProofs},
    log::{ChangeLog, LogError},
    messages::Messages,
    metrics::{Metrics, keep_rates},
    policy::{DenyAll, Policy},
    presence::{self, Presence},
    queries::{AnswerQuery, Queries, Registry},
    realtime::Inner,
    revalidate::Revalidations,
    routing::Routing,
    row_policy::RowPolicy,
    tailer,
};
use crate::contract::{Limits, Live, LiveError, Message};

/// What a server is made from.
pub struct Builder {
    database: Option<Database>,
    log: Arc<dyn ChangeLog>,
    routing: Routing,
    queries: Registry,
    messages: Messages,
    limits: Limits,
    enabled: bool,
    tracks_presence: bool,
    path: String,
    contract: Option<String>,
    only: Vec<String>,
    authenticate: Arc<dyn Authenticate>,
    policy: Arc<dyn Policy>,
    proxies: Vec<IpNet>,
    allowed_origins: Vec<String>,
}

impl Builder {
    pub(super) fn new(log: Arc<dyn ChangeLog>, database: Option<Database>) -> Self {
        Self {
            database,
            log,
            routing: Routing::default(),
            queries: Registry::default(),
            messages: Messages::default(),
            limits: Limits::default(),
            enabled: true,
            tracks_presence: true,
            path: "/realtime".into(),
            contract: None,
            only: Vec::new(),
            authenticate: Arc::new(Guests),
            policy: Arc::new(DenyAll),
            proxies: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }

    /// Makes a row type a live resource: its table is enabled when the server starts.
    pub fn resource<T: Live>(mut self) -> Self {
        self.routing.add::<T>();
        self
    }

    /// The same for a row type that says itself who may see which of its rows: on every channel a
    /// change reaches those alone who may. A row that does not fit its type is seen by nobody; its
    /// channels are resynced.
    pub fn guarded<T: RowPolicy>(mut self) -> Self {
        self.routing.add_guarded::<T>();
        self
    }

    /// Answers a live query. Its tables have to be followed when the server starts.
    pub fn query<Q: AnswerQuery>(mut self) -> Self {
        self.queries.add::<Q>();
        self
    }

    /// Declares what the channels `{PREFIX}` and `{PREFIX}:…` carry: what clients send there is checked
    /// against the type and delivered by its class. Channels that are not declared carry any JSON, lossy.
    pub fn messages<T: Message>(mut self) -> Self {
        self.messages.add::<T>(|_, _| Ok(()));
        self
    }

    /// The same, with a rule for what clients send: `check` may refuse a message by an error of its own,
    /// or correct it. Whatever a message says about its sender has to be set or compared here.
    pub fn messages_checked<T: Message>(
        mut self,
        check: impl Fn(&Identity, &mut T) -> Result<(), LiveError> + Send + Sync + 'static,
    ) -> Self {
        self.messages.add(check);
        self
    }

    /// Declares what those say about themselves who join the channels `{first}` and `{first}:…`. `check` may
    /// refuse it by an error of its own, or correct it: a name that others are shown has to be set here.
    pub fn presence_checked<D: Serialize + DeserializeOwned + 'static>(
        mut self,
        first: &'static str,
        check: impl Fn(&Identity, &mut D) -> Result<(), LiveError> + Send + Sync + 'static,
    ) -> Self {
        self.messages.add_presence(first, check);
        self
    }

    /// Keeps only the named resources; a list without names keeps all. The tables of the others are left
    /// as they are switched; queries of tables that are off are left out.
    pub fn only(mut self, names: &[String]) -> Self {
        self.only = names.iter().filter(|name| !name.is_empty()).cloned().collect();
        self
    }

    /// Replaces the default limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Switches realtime off: nobody can connect, and pages say so. The log goes on being written and
    /// followed, so that positions still hold when it is switched on again.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Whether it is known who is in which channel. Without, whoever joins or asks is refused by
    /// `realtime_disabled`; everything else goes on.
    pub fn presence(mut self, tracked: bool) -> Self {
        self.tracks_presence = tracked;
        self
    }

    /// Where clients connect instead of `/realtime`; begins with a slash and does not end with one.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
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

    /// The proxies that are believed when they say for whom they speak, in `X-Forwarded-For`. Without
    /// this the address of a connection is its peer's.
    pub fn trusted_proxies(mut self, proxies: impl IntoIterator<Item = IpNet>) -> Self {
        self.proxies = proxies.into_iter().collect();
        self
    }

    /// Further sites whose pages may connect, such as `https://app.example.com`, beside the one that the
    /// request's `Host` names.
    pub fn allowed_origins<O: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        self.allowed_origins = origins.into_iter().map(Into::into).collect();
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
    /// When the database cannot be read, a resource's table does not exist, a resource could not
    /// deliver anything as it is declared, a message type has no channels of its own, or there are live
    /// queries and no database to ask.
    pub async fn start(self) -> Result<Realtime, LogError> {
        let Self {
            database,
            log,
            mut routing,
            mut queries,
            messages,
            limits,
            enabled,
            tracks_presence,
            path,
            contract,
            only,
            authenticate,
            policy,
            proxies,
            allowed_origins,
        } = self;
        messages.check(&routing)?;
        routing.retain(&only)?;
        routing.check()?;
        for table in routing.resource_tables() {
            log.enable("public", table).await?;
        }
        let followed = log.tables().await?;
        for table in routing.resource_tables() {
            // SQLite finds `Todos` for `todos`, but changes are routed by the exact name.
            if !followed.iter().any(|found| found.name == table) {
                let (schema, table) = ("public".into(), table.into());
                return Err(LogError::UnknownTable { schema, table });
            }
        }
        let is_followed = |table: &str| followed.iter().any(|found| found.name == table);
        if !only.is_empty() {
            queries.retain(is_followed);
        }
        queries.check(is_followed, database.is_some())?;
        let queries = Queries::new(queries, &limits);
        let head = log.head().await?;
        let floor = log.floor().await?.max(head.saturating_sub(limits.history_events as u64));
        let routing = Arc::new(routing);
        let hub = Hub::new(log.epoch(), floor, &limits, routing.clone());
        let (admission, window) = (Arc::new(Admission::new(&limits)), limits.request_window);
        let looks = Looks::new(&limits);
        let wrong_proofs = WrongProofs::new(&limits);
        let publishing = Bucket::new(limits.broadcasts_per_window, window);
        let presence = Presence::new(&limits);
        let realtime = Realtime::from_inner(Inner {
            database,
            log,
            hub,
            routing,
            queries,
            messages,
            revalidations: Revalidations::default(),
            limits,
            enabled,
            tracks_presence,
            path,
            contract,
            authenticate,
            policy,
            presence,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            metrics: Arc::new(Metrics::default()),
            admission,
            looks,
            wrong_proofs,
            publishing,
            proxies,
            allowed_origins,
            drain: OnceLock::new(),
            looking: tokio::sync::Mutex::new(()),
            replays: Semaphore::new(attach::READERS),
        });
        realtime.refresh_tables().await?;
        let last = tailer::warm_up(&realtime, floor).await?;
        realtime.tasks().spawn(tailer::keep_following(realtime.clone(), last));
        realtime.tasks().spawn(keep_rates(realtime.clone()));
        realtime.tasks().spawn(presence::keep_sweeping(realtime.clone()));
        Ok(realtime)
    }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
