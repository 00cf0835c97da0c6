//! The client for pages. Together with its helpers the only code that touches the browser for
//! the connection: everything it decides is decided by [`ClientCore`].
//!
//! The socket is the browser's own and not gloo-net's: its futures, channels and binary conversions
//! would be downloaded by every visitor for nothing.

mod callbacks;
mod driver;
mod event_stream;
mod page;
mod presence;
mod socket;

use std::rc::Rc;

use serde_json::value::RawValue;

pub use self::callbacks::ListenerId;
use self::driver::Inner;
use super::{
    config::ClientConfig,
    core::Input,
    event::{ClientEvent, OwnerId},
    state::ConnectionState,
};
use crate::contract::{ChannelName, ErrorCode, LiveError, Position, Transport, protocol::Health};

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this page to the server.
    Sent,
    /// From the server to this page.
    Received,
}

/// Takes the answer to a broadcast.
pub type BroadcastCallback = Box<dyn FnOnce(Result<usize, LiveError>)>;

/// Takes the connection's states.
pub type StateCallback = Box<dyn FnMut(ConnectionState, Option<Transport>)>;

/// Takes the frames that pass.
pub type FrameCallback = Box<dyn FnMut(Direction, &str)>;

/// Takes how the connection is doing.
pub type HealthCallback = Box<dyn Fn(Health)>;

/// A page's client. Cheap to clone; the connection ends when the last clone is dropped.
///
/// Callbacks may call any method, their own client's included: what follows from it happens after
/// they return. A callback that owns a clone keeps the client alive until it is removed.
#[derive(Clone)]
pub struct BrowserClient {
    inner: Rc<Inner>,
}

impl BrowserClient {
    /// A client at rest. Register callbacks, then call [`BrowserClient::connect`].
    pub fn new(config: ClientConfig) -> Self {
        Self { inner: Inner::new(config) }
    }

    /// Opens a connection and keeps it; does nothing while there is one.
    pub fn connect(&self) {
        self.inner.step(Input::Connect);
    }

    /// Ends the connection and stays disconnected. Subscriptions keep their positions.
    pub fn disconnect(&self) {
        self.inner.step(Input::Disconnect);
    }

    /// Does not wait for the back-off; also connects anew after a failure.
    pub fn retry_now(&self) {
        self.inner.step(Input::RetryNow);
    }

    /// Checks whether the connection is alive. The page's own events do so already.
    pub fn wake(&self) {
        self.inner.step(Input::Wake);
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.inner.core.borrow().state()
    }

    /// How often what the page may see has become another: see [`ClientEvent::Resync`].
    pub fn views(&self) -> u32 {
        self.inner.core.borrow().views()
    }

    /// Listens to a channel: after `since`, or from now on. Ends with [`BrowserClient::unsubscribe`].
    ///
    /// On a channel that is live already, `Ready` may come before this returns.
    pub fn subscribe(
        &self,
        channel: &ChannelName,
        since: Option<Position>,
        callback: Box<dyn FnMut(ClientEvent)>,
    ) -> OwnerId {
        let owner = self.inner.core.borrow_mut().subscribe(channel, since, self.inner.clock.now());
        self.inner.events.add(owner.0, callback);
        self.inner.pump();
        owner
    }

    /// Listens to every change of a resource.
    ///
    /// # Errors
    /// `invalid_channel_name` when the name cannot be part of a channel.
    pub fn subscribe_to_resource(
        &self,
        resource: &str,
        since: Option<Position>,
        callback: Box<dyn FnMut(ClientEvent)>,
    ) -> Result<OwnerId, LiveError> {
        self.subscribe_to_record("resource", resource, since, callback)
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
        callback: Box<dyn FnMut(ClientEvent)>,
    ) -> Result<OwnerId, LiveError> {
        let channel = ChannelName::record(resource, id)
            .ok_or_else(|| LiveError::new(ErrorCode::InvalidChannelName, "Not a channel name."))?;
        Ok(self.subscribe(&channel, since, callback))
    }

    /// Stops listening; the last owner of a channel ends its subscription.
    pub fn unsubscribe(&self, owner: OwnerId) {
        self.inner.events.remove(owner.0);
        self.inner.core.borrow_mut().unsubscribe(owner, self.inner.clock.now());
        self.inner.pump();
    }

    /// Goes on after a resync: the owner's snapshot was loaded again and stands at `position`.
    pub fn rebase(&self, owner: OwnerId, position: Position) {
        self.inner.core.borrow_mut().rebase(owner, position, self.inner.clock.now());
        self.inner.pump();
    }

    /// Sends a message to everybody on a channel. `done` learns how many subscribers it reached, or
    /// why it did not; without a connection at once.
    pub fn broadcast(
        &self,
        channel: &ChannelName,
        payload: Box<RawValue>,
        done: BroadcastCallback,
    ) {
        let now = self.inner.clock.now();
        let reference = self.inner.core.borrow_mut().broadcast(channel, payload, now);
        self.inner.broadcasts.borrow_mut().push((reference, done));
        self.inner.pump();
    }

    /// Hears of every change of the connection's state, and how its frames travel while it is open.
    pub fn on_state(&self, mut callback: StateCallback) -> ListenerId {
        self.inner.states.add_next(Box::new(move |(state, transport)| callback(state, transport)))
    }

    /// Hears of every frame, for a log on the page.
    pub fn on_frame(&self, mut callback: FrameCallback) -> ListenerId {
        self.inner.frames.add_next(Box::new(move |(direction, text): (Direction, Rc<str>)| {
            callback(direction, &text);
        }))
    }

    /// How the connection is doing.
    pub fn health(&self) -> Health {
        self.inner.health.get()
    }

    /// Hears of every change of it. There is one listener: a later one takes its place.
    pub fn on_health(&self, callback: HealthCallback) {
        self.inner.on_health.replace(Some(callback));
    }

    /// Ends what [`BrowserClient::on_state`] began.
    pub fn off_state(&self, listener: ListenerId) {
        self.inner.states.remove(listener.0);
    }

    /// Ends what [`BrowserClient::on_frame`] began.
    pub fn off_frame(&self, listener: ListenerId) {
        self.inner.frames.remove(listener.0);
    }
}
