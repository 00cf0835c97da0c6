//! What a server is made from: resources, limits, rules.

use std::sync::{Arc, atomic::AtomicUsize};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Realtime,
    database::Database,
    hub::Hub,
    identity::{Authenticate, Guests},
    log::{ChangeLog, LogError},
    policy::{DenyAll, Policy},
    realtime::Inner,
    routing::Routing,
    tailer,
};
use crate::contract::{Limits, Live};

/// What a server is made from.
pub struct Builder {
    database: Option<Database>,
    log: Arc<dyn ChangeLog>,
    routing: Routing,
    limits: Limits,
    contract: Option<String>,
    only: Vec<String>,
    authenticate: Arc<dyn Authenticate>,
    policy: Arc<dyn Policy>,
}

impl Builder {
    pub(super) fn new(log: Arc<dyn ChangeLog>, database: Option<Database>) -> Self {
        Self {
            database,
            log,
            routing: Routing::default(),
            limits: Limits::default(),
            contract: None,
            only: Vec::new(),
            authenticate: Arc::new(Guests),
            policy: Arc::new(DenyAll),
        }
    }

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
        let Self { database, log, mut routing, limits, contract, only, authenticate, policy } =
            self;
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
        let head = log.head().await?;
        let floor = log.floor().await?.max(head.saturating_sub(limits.history_events as u64));
        let routing = Arc::new(routing);
        let hub = Hub::new(log.epoch(), floor, &limits, routing.clone());
        let realtime = Realtime::from_inner(Inner {
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
        });
        realtime.refresh_tables().await?;
        let last = tailer::warm_up(&realtime, floor).await?;
        realtime.tasks().spawn(tailer::keep_following(realtime.clone(), last));
        Ok(realtime)
    }
}
