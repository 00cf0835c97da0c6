//! A whole client without its socket: the connection and the subscriptions, joined by frames.
//!
//! Drivers (`native`, `browser`) feed it inputs with their time and do what [`ClientCore::next_output`]
//! says until it says nothing more.

mod receive;
mod view;

use std::collections::VecDeque;

use serde_json::value::RawValue;

#[cfg(not(target_arch = "wasm32"))]
use super::{config::Auth, renewal::Renewal};
use super::{
    config::ClientConfig,
    connection::{Connection, ConnectionInput, ConnectionOutput, millis},
    event::{ClientEvent, OwnerId},
    presence::Presences,
    state::ConnectionState,
    subscriptions::{SubscriptionOutput, Subscriptions},
};
use crate::contract::{
    ChannelName, ClientFrame, ContractVerdict, ErrorCode, Hello, LiveError, Position, Present,
    Transport, protocol::Health,
};

/// What happens to a client, apart from calls of its owner.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Open a connection and keep it.
    Connect,
    /// End the connection.
    Disconnect,
    /// Try again at once.
    RetryNow,
    /// The page or the machine woke up: check the connection.
    Wake,
    /// [`ClientCore::next_deadline`] is due.
    Tick,
    /// The socket of this number is open.
    Opened { generation: u64 },
    /// The socket of this number is closed, or could not be opened.
    Closed { generation: u64, code: u16 },
    /// A text frame came from the socket of this number.
    Frame { generation: u64, text: &'a str },
}

/// What a driver has to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open a socket over this transport under this number.
    Open { generation: u64, transport: Transport },
    /// Close the socket of this number.
    Close { generation: u64, code: u16 },
    /// Send a text frame on the socket of this number.
    Send { generation: u64, text: String },
    /// Hand an event to a subscriber. It may have left in the meantime.
    Deliver { owner: OwnerId, event: ClientEvent },
    /// The connection's state changed.
    State(ConnectionState),
    /// What the server said about the contract.
    Verdict(ContractVerdict),
    /// How a broadcast ended: how many subscribers it reached, or why it was refused.
    BroadcastResult { reference: u64, result: Result<usize, LiveError> },
    /// Ask for a token, and prove by it on the socket of this number who the client is.
    #[cfg(not(target_arch = "wasm32"))]
    Renew { generation: u64 },
    /// The server complained about something that nobody waits for.
    Complaint(LiveError),
}

/// The client's state. Nothing in it waits, sleeps or touches a network.
#[derive(Debug)]
pub struct ClientCore {
    connection: Connection,
    subscriptions: Subscriptions,
    presences: Presences,
    contract: Option<String>,
    /// What everything here was seen by, and how often it has been another one.
    view: Option<String>,
    views: u32,
    #[cfg(not(target_arch = "wasm32"))]
    renewal: Renewal,
    /// Broadcasts whose answer is under way.
    broadcasts: Vec<u64>,
    /// How long to wait for another try of what was refused for now: at first, and at most.
    delay_ms: (u64, u64),
    random: fastrand::Rng,
    health: Health,
    /// When the server was asked for an answer that tells the round trip.
    asked_ms: Option<u64>,
    /// The longest time from a frame's arrival to its effect since the last heartbeat.
    applied_ms: Option<u32>,
    outputs: VecDeque<Output>,
    // Emptied after each use, kept for its memory.
    events: Vec<SubscriptionOutput>,
    now_ms: u64,
}

impl ClientCore {
    /// A client at rest. The seed decides the back-off's jitter.
    pub fn new(config: &ClientConfig, seed: u64) -> Self {
        Self {
            connection: Connection::new(config, seed),
            subscriptions: Subscriptions::default(),
            presences: Presences::default(),
            contract: config.contract.clone(),
            view: config.view.clone(),
            views: 0,
            #[cfg(not(target_arch = "wasm32"))]
            renewal: Renewal::new(matches!(config.auth, Some(Auth::Fetch(_)))),
            broadcasts: Vec::new(),
            delay_ms: (millis(config.delay).max(1), millis(config.max_delay).max(1)),
            random: fastrand::Rng::with_seed(seed ^ 1),
            health: Health::default(),
            asked_ms: None,
            applied_ms: None,
            outputs: VecDeque::new(),
            events: Vec::new(),
            now_ms: 0,
        }
    }

    /// Takes one input. `now_ms` is in milliseconds of a clock that never runs backwards.
    pub fn handle(&mut self, input: Input<'_>, now_ms: u64) {
        self.now_ms = now_ms;
        if matches!(input, Input::Tick) {
            self.subscriptions.tick(now_ms, &mut self.events);
            let references = &mut self.subscriptions.references;
            self.presences.tick(now_ms, references, &mut self.events);
            self.flush();
            #[cfg(not(target_arch = "wasm32"))]
            if let Some(generation) = self.connection.open_generation()
                && self.renewal.tick(now_ms)
            {
                self.outputs.push_back(Output::Renew { generation });
            }
        }
        self.step(match input {
            Input::Connect => ConnectionInput::Connect,
            Input::Disconnect => ConnectionInput::Disconnect,
            Input::RetryNow => ConnectionInput::RetryNow,
            Input::Wake => ConnectionInput::Wake,
            Input::Tick => ConnectionInput::Tick,
            Input::Opened { generation } => ConnectionInput::Opened { generation },
            Input::Closed { generation, code } => ConnectionInput::Closed { generation, code },
            Input::Frame { generation, text } => return self.receive(generation, text),
        });
    }

    /// What to do next; `None` when everything is done.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call with [`Input::Tick`], in the milliseconds of `handle`.
    pub fn next_deadline(&self) -> Option<u64> {
        let asked_again = [self.subscriptions.next_deadline(), self.presences.next_deadline()];
        let asked_again = asked_again.into_iter().flatten();
        #[cfg(not(target_arch = "wasm32"))]
        let asked_again = asked_again.chain(self.renewal.next_deadline());
        self.connection.next_deadline().into_iter().chain(asked_again).min()
    }

    /// When a subscription is asked for again that was refused for now; `None` when there is none.
    pub fn asks_again_at(&self) -> Option<u64> {
        self.subscriptions.next_deadline()
    }

    /// How the connection is doing: the newest round trip, and the longest time from a frame's arrival to
    /// its effect since the last heartbeat that told one.
    pub fn health(&self) -> Health {
        let applied_ms = self.applied_ms.max(self.health.applied_ms);
        Health { applied_ms, ..self.health }
    }

    /// The driver has done what followed from a frame, so many milliseconds after it came.
    pub fn applied(&mut self, milliseconds: u64) {
        self.applied_ms = self.applied_ms.max(u32::try_from(milliseconds).ok());
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.connection.state()
    }

    /// How the open connection's frames travel; `None` while there is none.
    pub fn transport(&self) -> Option<Transport> {
        self.connection.transport()
    }

    /// How many channels are subscribed, or wait for a socket to be.
    pub fn channels(&self) -> usize {
        self.subscriptions.len()
    }

    /// Listens to a channel: after `since`, or from now on.
    pub fn subscribe(
        &mut self,
        channel: &ChannelName,
        since: Option<Position>,
        now_ms: u64,
    ) -> OwnerId {
        self.now_ms = now_ms;
        let owner = self.subscriptions.subscribe(channel, since, &mut self.events);
        self.flush();
        owner
    }

    /// Stops listening; the last owner of a channel ends its subscription.
    pub fn unsubscribe(&mut self, owner: OwnerId, now_ms: u64) {
        self.now_ms = now_ms;
        self.subscriptions.unsubscribe(owner, &mut self.events);
        // A farewell to the channel is one to its users, too.
        let subscribed = self.events.is_empty();
        let references = &mut self.subscriptions.references;
        self.presences.remove(owner, subscribed, references, &mut self.events);
        self.flush();
    }

    /// Listens to a channel and is told who is there; with data, a JSON object, it is shown itself. Ends
    /// with [`ClientCore::unsubscribe`].
    pub fn subscribe_to_presence(
        &mut self,
        channel: &ChannelName,
        data: Option<Box<RawValue>>,
        now_ms: u64,
    ) -> OwnerId {
        self.now_ms = now_ms;
        let owner = self.subscriptions.subscribe(channel, None, &mut self.events);
        self.presences.add(owner, channel, data, &mut self.events);
        self.flush();
        // Where the channel was subscribed already, nothing has been asked yet.
        if self.connection.open_generation().is_some() {
            self.ask_presence(channel.as_str());
        }
        owner
    }

    /// Says something new about oneself where this owner takes part.
    pub fn update_presence(&mut self, owner: OwnerId, data: Box<RawValue>, now_ms: u64) {
        self.now_ms = now_ms;
        let references = &mut self.subscriptions.references;
        self.presences.update(owner, data, references, &mut self.events);
        self.flush();
    }

    /// Says whether nobody looks at the page.
    pub fn set_idle(&mut self, idle: bool, now_ms: u64) {
        self.now_ms = now_ms;
        let references = &mut self.subscriptions.references;
        self.presences.set_idle(idle, references, &mut self.events);
        self.flush();
    }

    /// Who is in a channel that somebody takes part in; empty where they are too many to name.
    pub fn online_users(&self, channel: &ChannelName) -> &[Present] {
        self.presences.users(channel)
    }

    /// The owner has loaded its snapshot again, which stands at `position`.
    pub fn rebase(&mut self, owner: OwnerId, position: Position, now_ms: u64) {
        self.now_ms = now_ms;
        self.subscriptions.rebase(owner, position, &mut self.events);
        self.flush();
    }

    /// Sends a message to everybody on a channel. The answer comes as [`Output::BroadcastResult`]
    /// with the number returned; without a connection it is an error at once.
    pub fn broadcast(&mut self, channel: &ChannelName, payload: Box<RawValue>, now_ms: u64) -> u64 {
        self.now_ms = now_ms;
        let reference = self.subscriptions.next_reference();
        self.broadcasts.push(reference);
        if self.connection.open_generation().is_some() {
            let channel = channel.as_str().into();
            self.send(&ClientFrame::Broadcast { channel, payload, reference: Some(reference) });
        } else {
            self.abandon_broadcasts("There is no connection.");
        }
        reference
    }

    fn step(&mut self, input: ConnectionInput) {
        let mut outputs = Vec::new();
        self.connection.handle(input, self.now_ms, &mut outputs);
        for output in outputs {
            match output {
                ConnectionOutput::Open { generation, transport } => {
                    self.outputs.push_back(Output::Open { generation, transport });
                }
                ConnectionOutput::Close { generation, code } => {
                    self.outputs.push_back(Output::Close { generation, code });
                }
                ConnectionOutput::SendHeartbeat => {
                    self.asked_ms = Some(self.now_ms);
                    self.health.applied_ms = self.applied_ms.take();
                    self.send(&ClientFrame::Heartbeat(self.health));
                }
                ConnectionOutput::SendHello => {
                    self.asked_ms = Some(self.now_ms);
                    // First, so that what the client may see is known before anything else.
                    self.send(&ClientFrame::Hello(Hello { contract: self.contract.clone() }));
                    self.subscriptions.connected(&mut self.events);
                    self.flush();
                }
                ConnectionOutput::Lost => {
                    self.asked_ms = None;
                    #[cfg(not(target_arch = "wasm32"))]
                    self.renewal.disconnected();
                    self.subscriptions.disconnected();
                    self.presences.disconnected(&mut self.events);
                    self.flush();
                    self.abandon_broadcasts("The connection was lost before the answer came.");
                }
                ConnectionOutput::StateChanged(state) => {
                    self.outputs.push_back(Output::State(state));
                }
            }
        }
    }

    /// What the server was asked for last has been answered. A heartbeat that was under way by itself can
    /// pass for the answer once; the next one corrects that.
    fn answered(&mut self) {
        if let Some(asked_ms) = self.asked_ms.take() {
            self.health.rtt_ms = u32::try_from(self.now_ms.saturating_sub(asked_ms)).ok();
        }
    }

    /// Turns what the subscriptions said into outputs.
    fn flush(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match event {
                SubscriptionOutput::Send(frame) => {
                    self.send(&frame);
                    if let ClientFrame::Subscribe { channel, .. } = &frame {
                        self.ask_presence(channel);
                    }
                }
                SubscriptionOutput::Deliver { owner, event } => {
                    if matches!(event, ClientEvent::Refused(_)) {
                        let references = &mut self.subscriptions.references;
                        self.presences.remove(owner, false, references, &mut self.events);
                    }
                    self.outputs.push_back(Output::Deliver { owner, event });
                }
            }
        }
        self.events = events;
    }

    fn ask_presence(&mut self, channel: &str) {
        let references = &mut self.subscriptions.references;
        if let Some(frame) = self.presences.ask(channel, references) {
            self.send(&frame);
        }
    }

    fn send(&mut self, frame: &ClientFrame) {
        let Some(generation) = self.connection.open_generation() else { return };
        // Frames have string keys and no maps: they cannot fail to be written.
        let Ok(text) = serde_json::to_string(frame) else { return };
        self.outputs.push_back(Output::Send { generation, text });
        self.connection.handle(ConnectionInput::Sent, self.now_ms, &mut Vec::new());
    }

    fn finish_broadcast(&mut self, reference: u64, result: Result<usize, LiveError>) {
        if let Some(at) = self.broadcasts.iter().position(|number| *number == reference) {
            self.broadcasts.swap_remove(at);
            self.outputs.push_back(Output::BroadcastResult { reference, result });
        } else if let Err(error) = result {
            self.outputs.push_back(Output::Complaint(error));
        }
    }

    fn abandon_broadcasts(&mut self, why: &str) {
        for reference in std::mem::take(&mut self.broadcasts) {
            let result = Err(LiveError::new(ErrorCode::Internal, why));
            self.outputs.push_back(Output::BroadcastResult { reference, result });
        }
    }
}
