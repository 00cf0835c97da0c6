//! The client for pages. Together with its three helpers the only code that touches the browser for
//! the connection: everything it decides is decided by [`ClientCore`].
//!
//! The socket is the browser's own and not gloo-net's: its futures, channels and binary conversions
//! would be downloaded by every visitor for nothing.

mod callbacks;
mod page;
mod presence;
mod socket;

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use gloo_timers::callback::Timeout;
use serde_json::value::RawValue;
use wasm_bindgen_futures::spawn_local;

pub use self::callbacks::ListenerId;
use self::{
    callbacks::Callbacks,
    page::{Clock, WakeEvents},
    socket::{Socket, SocketEvent},
};
use super::{
    config::{Auth, ClientConfig, with_token},
    connection::ABNORMAL,
    core::{ClientCore, Input, Output},
    event::{ClientEvent, OwnerId},
    state::ConnectionState,
};
use crate::contract::{ChannelName, ErrorCode, LiveError, Position};

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

/// Takes the frames that pass.
pub type FrameCallback = Box<dyn FnMut(Direction, &str)>;

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
        // 53 random bits are what the browser's generator gives.
        let seed = (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64;
        let inner = Rc::new_cyclic(|weak: &Weak<Inner>| {
            let page = weak.clone();
            Inner {
                core: RefCell::new(ClientCore::new(&config, seed)),
                config,
                clock: Clock::new(),
                socket: RefCell::new(None),
                wanted: Cell::new(0),
                timer: RefCell::new(None),
                pumping: Cell::new(false),
                events: Callbacks::default(),
                states: Callbacks::default(),
                frames: Callbacks::default(),
                broadcasts: RefCell::new(Vec::new()),
                _wake: WakeEvents::listen(Box::new(move |hidden| {
                    if let Some(inner) = page.upgrade() {
                        inner.looked_at(!hidden);
                    }
                })),
            }
        });
        inner.core.borrow_mut().set_idle(page::hidden(), 0);
        Self { inner }
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

    /// Hears of every change of the connection's state.
    pub fn on_state(&self, callback: Box<dyn FnMut(ConnectionState)>) -> ListenerId {
        self.inner.states.add_next(callback)
    }

    /// Hears of every frame, for a log on the page.
    pub fn on_frame(&self, mut callback: FrameCallback) -> ListenerId {
        self.inner.frames.add_next(Box::new(move |(direction, text): (Direction, Rc<str>)| {
            callback(direction, &text);
        }))
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

struct Inner {
    config: ClientConfig,
    core: RefCell<ClientCore>,
    clock: Clock,
    socket: RefCell<Option<Socket>>,
    /// The socket that the core waits for; a token that comes too late opens nothing.
    wanted: Cell<u64>,
    /// The running timer and when it fires.
    timer: RefCell<Option<(u64, Timeout)>>,
    /// Set while outputs are worked off, so that callbacks never run inside each other.
    pumping: Cell<bool>,
    events: Callbacks<ClientEvent>,
    states: Callbacks<ConnectionState>,
    frames: Callbacks<(Direction, Rc<str>)>,
    broadcasts: RefCell<Vec<(u64, BroadcastCallback)>>,
    _wake: Option<WakeEvents>,
}

impl Inner {
    fn step(self: &Rc<Self>, input: Input<'_>) {
        self.core.borrow_mut().handle(input, self.clock.now());
        self.pump();
    }

    /// The page came to the front or went to the background.
    fn looked_at(self: &Rc<Self>, visible: bool) {
        self.core.borrow_mut().set_idle(!visible, self.clock.now());
        if visible {
            self.step(Input::Wake);
        } else {
            self.pump();
        }
    }

    /// Works off the core's outputs. Nothing is borrowed while a callback runs.
    fn pump(self: &Rc<Self>) {
        if self.pumping.replace(true) {
            return;
        }
        loop {
            let output = self.core.borrow_mut().next_output();
            let Some(output) = output else { break };
            self.perform(output);
        }
        self.pumping.set(false);
        self.arm();
    }

    fn perform(self: &Rc<Self>, output: Output) {
        match output {
            Output::Open { generation } => self.prepare(generation),
            Output::Close { generation, code } => {
                self.wanted.set(0);
                let socket = self.socket.take();
                if let Some(socket) = socket.filter(|socket| socket.generation == generation) {
                    socket.close(code);
                }
            }
            Output::Send { generation, text } => {
                let sent = match &*self.socket.borrow() {
                    Some(socket) if socket.generation == generation => socket.send(&text),
                    _ => false,
                };
                if sent {
                    self.show(Direction::Sent, &text);
                }
            }
            Output::Deliver { owner, event } => {
                let last = matches!(event, ClientEvent::Refused(_));
                self.events.call(owner.0, event);
                if last {
                    self.events.remove(owner.0);
                }
            }
            Output::State(state) => self.states.call_all(state),
            Output::BroadcastResult { reference, result } => {
                let mut waiting = self.broadcasts.borrow_mut();
                let at = waiting.iter().position(|(number, _)| *number == reference);
                let done = at.map(|at| waiting.swap_remove(at).1);
                drop(waiting);
                if let Some(done) = done {
                    done(result);
                }
            }
            Output::Complaint(error) if self.config.debug => page::debug("!", &error.message),
            Output::Complaint(_) | Output::Verdict(_) => {}
        }
    }

    /// Gets a token if one has to be fetched, then opens.
    fn prepare(self: &Rc<Self>, generation: u64) {
        self.wanted.set(generation);
        match &self.config.auth {
            None => self.open(generation, ""),
            Some(Auth::Token(token)) => self.open(generation, token),
            Some(Auth::Fetch(source)) => {
                let token = source();
                let page = Rc::downgrade(self);
                spawn_local(async move {
                    let token = token.await;
                    if let Some(inner) = page.upgrade().filter(|p| p.wanted.get() == generation) {
                        inner.open(generation, &token);
                    }
                });
            }
        }
    }

    fn open(self: &Rc<Self>, generation: u64, token: &str) {
        let url = with_token(&page::address(&self.config.url), token);
        let page = Rc::downgrade(self);
        let report = move |event| {
            if let Some(inner) = page.upgrade() {
                inner.happened(generation, event);
            }
        };
        let socket = Socket::open(&url, generation, Box::new(report));
        let opened = socket.is_some();
        self.socket.replace(socket);
        if !opened {
            self.step(Input::Closed { generation, code: ABNORMAL });
        }
    }

    fn happened(self: &Rc<Self>, generation: u64, event: SocketEvent) {
        match event {
            SocketEvent::Opened => self.step(Input::Opened { generation }),
            SocketEvent::Text(text) => {
                let outer = self.pumping.replace(true);
                self.show(Direction::Received, &text);
                self.pumping.set(outer);
                self.step(Input::Frame { generation, text: &text });
            }
            SocketEvent::Closed(code) => {
                self.socket.take();
                self.step(Input::Closed { generation, code });
            }
        }
    }

    fn show(&self, direction: Direction, text: &str) {
        if self.config.debug {
            page::debug(if direction == Direction::Sent { "→" } else { "←" }, text);
        }
        if !self.frames.is_empty() {
            self.frames.call_all((direction, text.into()));
        }
    }

    /// Sets the timer. One that fires too early stays: it costs one empty tick, where a new one for
    /// each frame would cost two calls into the browser.
    fn arm(self: &Rc<Self>) {
        let Some(deadline) = self.core.borrow().next_deadline() else {
            self.timer.take();
            return;
        };
        if self.timer.borrow().as_ref().is_some_and(|(fires_at, _)| *fires_at <= deadline) {
            return;
        }
        let wait = deadline.saturating_sub(self.clock.now()).min(i32::MAX as u64) as u32;
        let page = Rc::downgrade(self);
        let timeout = Timeout::new(wait, move || {
            if let Some(inner) = page.upgrade() {
                inner.timer.take();
                inner.step(Input::Tick);
            }
        });
        self.timer.replace(Some((deadline, timeout)));
    }
}
