//! Does what the core says: sockets, timers, callbacks.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use gloo_timers::callback::Timeout;
use wasm_bindgen_futures::spawn_local;

use super::{
    BroadcastCallback, Direction, HealthCallback,
    callbacks::Callbacks,
    page::{self, Clock, WakeEvents},
    socket::{Socket, SocketEvent},
};
use crate::{
    client::{
        config::{Auth, ClientConfig, stream_address, with_token},
        connection::ABNORMAL,
        core::{ClientCore, Input, Output},
        event::ClientEvent,
        state::ConnectionState,
    },
    contract::{Transport, protocol::Health},
};

/// What all clones share.
pub(super) struct Inner {
    pub(super) config: ClientConfig,
    pub(super) core: RefCell<ClientCore>,
    pub(super) clock: Clock,
    pub(super) socket: RefCell<Option<Socket>>,
    /// The socket that the core waits for; a token that comes too late opens nothing.
    pub(super) wanted: Cell<u64>,
    /// The running timer and when it fires.
    pub(super) timer: RefCell<Option<(u64, Timeout)>>,
    /// Set while outputs are worked off, so that callbacks never run inside each other.
    pub(super) pumping: Cell<bool>,
    pub(super) events: Callbacks<ClientEvent>,
    pub(super) states: Callbacks<(ConnectionState, Option<Transport>)>,
    pub(super) frames: Callbacks<(Direction, Rc<str>)>,
    pub(super) health: Cell<Health>,
    pub(super) on_health: RefCell<Option<HealthCallback>>,
    pub(super) broadcasts: RefCell<Vec<(u64, BroadcastCallback)>>,
    pub(super) _wake: Option<WakeEvents>,
}

impl Inner {
    /// At rest.
    pub(super) fn new(config: ClientConfig) -> Rc<Self> {
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
                health: Cell::default(),
                on_health: RefCell::default(),
                broadcasts: RefCell::new(Vec::new()),
                _wake: WakeEvents::listen(Box::new(move |hidden| {
                    if let Some(inner) = page.upgrade() {
                        inner.looked_at(!hidden);
                    }
                })),
            }
        });
        inner.core.borrow_mut().set_idle(page::hidden(), 0);
        inner
    }

    pub(super) fn step(self: &Rc<Self>, input: Input<'_>) {
        self.core.borrow_mut().handle(input, self.clock.now());
        self.pump();
    }

    /// The page came to the front or went to the background.
    pub(super) fn looked_at(self: &Rc<Self>, visible: bool) {
        self.core.borrow_mut().set_idle(!visible, self.clock.now());
        if visible {
            self.step(Input::Wake);
        } else {
            self.pump();
        }
    }

    /// Works off the core's outputs. Nothing is borrowed while a callback runs.
    pub(super) fn pump(self: &Rc<Self>) {
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
            Output::Open { generation, transport } => self.prepare(generation, transport),
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
            Output::State(state) => {
                let transport = self.core.borrow().transport();
                self.states.call_all((state, transport));
            }
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
    fn prepare(self: &Rc<Self>, generation: u64, transport: Transport) {
        self.wanted.set(generation);
        match &self.config.auth {
            None => self.open(generation, transport, ""),
            Some(Auth::Token(token)) => self.open(generation, transport, token),
            Some(Auth::Fetch(source)) => {
                let token = source();
                let page = Rc::downgrade(self);
                spawn_local(async move {
                    let token = token.await;
                    if let Some(inner) = page.upgrade().filter(|p| p.wanted.get() == generation) {
                        inner.open(generation, transport, &token);
                    }
                });
            }
        }
    }

    fn open(self: &Rc<Self>, generation: u64, transport: Transport, token: &str) {
        let url = match transport {
            Transport::WebSocket => page::address(&self.config.url),
            Transport::EventStream => stream_address(&self.config.url),
        };
        let url = with_token(&url, token);
        let page = Rc::downgrade(self);
        let report = move |event| {
            if let Some(inner) = page.upgrade() {
                inner.happened(generation, event);
            }
        };
        let socket = Socket::open(transport, &url, generation, Box::new(report));
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
                let arrived = self.clock.now();
                self.step(Input::Frame { generation, text: &text });
                self.applied(self.clock.now().saturating_sub(arrived));
            }
            SocketEvent::Closed(code) => {
                self.socket.take();
                self.step(Input::Closed { generation, code });
            }
        }
    }

    /// What followed from a frame is done.
    fn applied(&self, milliseconds: u64) {
        let mut core = self.core.borrow_mut();
        core.applied(milliseconds);
        let health = core.health();
        drop(core);
        if self.health.replace(health) != health
            && let Some(callback) = &*self.on_health.borrow()
        {
            callback(health);
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
