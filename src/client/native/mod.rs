//! The client for native programs: tests, load tools, services.
//!
//! One task (`driver`) owns the socket; handles and subscriptions share the [`ClientCore`]
//! behind a lock that is held only for a step of the pure machine.

mod driver;
mod event_stream;
mod socket;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::Instant,
};

pub(crate) use self::socket::auth_frame;
pub use self::socket::{Connector, Socket, SocketEvent, SocketFrame, Target, network};
use super::{
    config::ClientConfig,
    core::{ClientCore, Input},
    event::{ClientEvent, OwnerId},
    state::ConnectionState,
};
use crate::contract::{
    ChannelName, ErrorCode, LiveError, Position, Present, Transport, protocol::Health,
};

/// A client of one server. Cheap to clone; the connection ends when the last clone is dropped.
#[derive(Clone)]
pub struct NativeClient {
    inner: Arc<Inner>,
    /// Dropped with the last handle; subscriptions do not keep a client alive.
    _handles: Arc<Handles>,
}

/// One subscriber of one channel. Dropping it unsubscribes.
///
/// Events wait without a bound until they are read.
pub struct NativeSubscription {
    owner: OwnerId,
    events: mpsc::UnboundedReceiver<ClientEvent>,
    inner: Arc<Inner>,
}

impl NativeClient {
    /// Starts a client and connects, by a WebSocket or an event stream, without TLS.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn start(config: ClientConfig) -> Self {
        Self::with_connector(config, fastrand::u64(..), network())
    }

    /// The same with any transport and a fixed seed, for tests that inject faults.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn with_connector(config: ClientConfig, seed: u64, connector: Connector) -> Self {
        let inner = Arc::new(Inner {
            shared: Mutex::new(Shared {
                core: ClientCore::new(&config, seed),
                receivers: HashMap::new(),
                broadcasts: HashMap::new(),
                closed: false,
            }),
            wake: Notify::new(),
            state: watch::Sender::new(ConnectionState::Disconnected),
            started: Instant::now(),
        });
        tokio::spawn(driver::run(inner.clone(), config, connector));
        let client = Self { _handles: Arc::new(Handles(inner.clone())), inner };
        client.connect();
        client
    }

    /// Connects again after [`NativeClient::disconnect`] or a failure; otherwise does nothing.
    pub fn connect(&self) {
        self.inner.handle(Input::Connect);
    }

    /// Ends the connection and stays disconnected. Subscriptions keep their positions.
    pub fn disconnect(&self) {
        self.inner.handle(Input::Disconnect);
    }

    /// Ends the connection for good, for every handle. Subscriptions end.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Does not wait for the back-off.
    pub fn retry_now(&self) {
        self.inner.handle(Input::RetryNow);
    }

    /// Checks whether the connection is alive.
    pub fn wake(&self) {
        self.inner.handle(Input::Wake);
    }

    /// How the open connection's frames travel; `None` while there is none.
    pub fn transport(&self) -> Option<Transport> {
        self.inner.lock().core.transport()
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.inner.lock().core.state()
    }

    /// The same as a stream of changes.
    pub fn states(&self) -> watch::Receiver<ConnectionState> {
        self.inner.state.subscribe()
    }

    /// How the connection is doing.
    pub fn health(&self) -> Health {
        self.inner.lock().core.health()
    }

    /// Listens to a channel: after `since`, or from now on.
    pub fn subscribe(&self, channel: &ChannelName, since: Option<Position>) -> NativeSubscription {
        self.listen(|core, now_ms| core.subscribe(channel, since, now_ms))
    }

    fn listen(&self, begin: impl FnOnce(&mut ClientCore, u64) -> OwnerId) -> NativeSubscription {
        let (sender, events) = mpsc::unbounded_channel();
        let now_ms = self.inner.now_ms();
        let mut shared = self.inner.lock();
        let owner = begin(&mut shared.core, now_ms);
        if !shared.closed {
            shared.receivers.insert(owner, sender);
        }
        drop(shared);
        self.inner.wake.notify_one();
        NativeSubscription { owner, events, inner: self.inner.clone() }
    }

    /// Listens to every change of a resource.
    ///
    /// # Errors
    /// `invalid_channel_name` when the name cannot be part of a channel.
    pub fn subscribe_to_resource(
        &self,
        resource: &str,
        since: Option<Position>,
    ) -> Result<NativeSubscription, LiveError> {
        self.subscribe_to_record("resource", resource, since)
    }

    /// Listens to the changes of one record.
    ///
    /// # Errors
    /// `invalid_channel_name` when resource or id cannot be part of a channel.
    pub fn subscribe_to_record(
        &self,
        resource: &str,
        id: &str,
        since: Option<Position>,
    ) -> Result<NativeSubscription, LiveError> {
        let channel = ChannelName::record(resource, id)
            .ok_or_else(|| LiveError::new(ErrorCode::InvalidChannelName, "Not a channel name."))?;
        Ok(self.subscribe(&channel, since))
    }

    /// Listens to a channel and is told who is there, by [`ClientEvent::Presence`]; with data, a JSON object,
    /// it is shown itself.
    pub fn subscribe_to_presence(
        &self,
        channel: &ChannelName,
        data: Option<Box<RawValue>>,
    ) -> NativeSubscription {
        self.listen(|core, now_ms| core.subscribe_to_presence(channel, data, now_ms))
    }

    /// Who is in a channel that a subscription of this client takes part in.
    pub fn online_users(&self, channel: &ChannelName) -> Vec<Present> {
        self.inner.lock().core.online_users(channel).to_vec()
    }

    /// Says whether nobody looks at this program's window.
    pub fn set_idle(&self, idle: bool) {
        let now_ms = self.inner.now_ms();
        self.inner.lock().core.set_idle(idle, now_ms);
        self.inner.wake.notify_one();
    }

    /// Sends a message to everybody on a channel; how many subscribers it reached.
    ///
    /// # Errors
    /// What the server refused, or `internal` when there is no connection or it was lost before the
    /// answer came.
    pub async fn broadcast(
        &self,
        channel: &ChannelName,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<usize, LiveError> {
        let payload = serde_json::value::to_raw_value(payload)
            .map_err(|error| LiveError::new(ErrorCode::MalformedMessage, error.to_string()))?;
        let (sender, answer) = oneshot::channel();
        {
            let now_ms = self.inner.now_ms();
            let mut shared = self.inner.lock();
            let reference = shared.core.broadcast(channel, payload, now_ms);
            if !shared.closed {
                shared.broadcasts.insert(reference, sender);
            }
        }
        self.inner.wake.notify_one();
        let ended = |_| LiveError::new(ErrorCode::Internal, "The client has ended.");
        answer.await.map_err(ended)?
    }
}

impl NativeSubscription {
    /// The next event; `None` when the subscription was refused or the client has ended.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        self.events.recv().await
    }

    /// The next event if it is there already.
    pub fn try_next(&mut self) -> Option<ClientEvent> {
        self.events.try_recv().ok()
    }

    /// Goes on after a resync: the snapshot was loaded again and stands at `position`.
    pub fn rebase(&self, position: Position) {
        let now_ms = self.inner.now_ms();
        self.inner.lock().core.rebase(self.owner, position, now_ms);
        self.inner.wake.notify_one();
    }

    /// Says something new about oneself, if this takes part in its channel's presence: a JSON object.
    pub fn update_presence(&self, data: Box<RawValue>) {
        let now_ms = self.inner.now_ms();
        self.inner.lock().core.update_presence(self.owner, data, now_ms);
        self.inner.wake.notify_one();
    }
}

impl Drop for NativeSubscription {
    fn drop(&mut self) {
        let now_ms = self.inner.now_ms();
        let mut shared = self.inner.lock();
        shared.core.unsubscribe(self.owner, now_ms);
        shared.receivers.remove(&self.owner);
        drop(shared);
        self.inner.wake.notify_one();
    }
}

struct Inner {
    shared: Mutex<Shared>,
    /// Tells the driver that there may be outputs or a new deadline.
    wake: Notify,
    state: watch::Sender<ConnectionState>,
    started: Instant,
}

struct Shared {
    core: ClientCore,
    receivers: HashMap<OwnerId, mpsc::UnboundedSender<ClientEvent>>,
    broadcasts: HashMap<u64, oneshot::Sender<Result<usize, LiveError>>>,
    closed: bool,
}

struct Handles(Arc<Inner>);

impl Drop for Handles {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        // No step of the core leaves it half done, so a panic elsewhere does no harm.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn deadline(&self) -> Option<Instant> {
        let deadline = self.lock().core.next_deadline()?;
        Some(self.started + Duration::from_millis(deadline))
    }

    /// For the driver, which looks at the outputs anyway.
    fn step(&self, input: Input<'_>) {
        let now_ms = self.now_ms();
        let mut shared = self.lock();
        if !shared.closed {
            shared.core.handle(input, now_ms);
        }
    }

    fn handle(&self, input: Input<'_>) {
        self.step(input);
        self.wake.notify_one();
    }

    fn close(&self) {
        self.step(Input::Disconnect);
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Whoever still waits for something learns that nothing comes.
    fn end(&self) {
        let mut shared = self.lock();
        shared.receivers.clear();
        shared.broadcasts.clear();
    }
}
