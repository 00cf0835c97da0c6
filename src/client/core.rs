//! A whole client without its socket: the connection and the subscriptions, joined by frames.
//!
//! Drivers (`native`, `browser`) feed it inputs with their time and do what [`ClientCore::next_output`]
//! says until it says nothing more.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use super::{
    config::ClientConfig,
    connection::{Connection, ConnectionInput, ConnectionOutput},
    event::{ClientEvent, OwnerId},
    state::{ConnectionState, FailReason},
    subscriptions::{SubscriptionOutput, Subscriptions},
};
use crate::contract::{
    ChannelName, ClientFrame, ContractVerdict, ErrorCode, Hello, LiveError, Position, ServerFrame,
    parse, protocol::Health,
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
    /// Open a socket under this number.
    Open { generation: u64 },
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
    /// The server complained about something that nobody waits for.
    Complaint(LiveError),
}

/// The client's state. Nothing in it waits, sleeps or touches a network.
#[derive(Debug)]
pub struct ClientCore {
    connection: Connection,
    subscriptions: Subscriptions,
    contract: Option<String>,
    /// Broadcasts whose answer is under way.
    broadcasts: Vec<u64>,
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
            contract: config.contract.clone(),
            broadcasts: Vec::new(),
            outputs: VecDeque::new(),
            events: Vec::new(),
            now_ms: 0,
        }
    }

    /// Takes one input. `now_ms` is in milliseconds of a clock that never runs backwards.
    pub fn handle(&mut self, input: Input<'_>, now_ms: u64) {
        self.now_ms = now_ms;
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
        self.connection.next_deadline()
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.connection.state()
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
        self.flush();
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

    fn receive(&mut self, generation: u64, text: &str) {
        if self.connection.open_generation() != Some(generation) {
            return;
        }
        let frame = parse::server_frame(text);
        self.step(ConnectionInput::FrameReceived { generation, valid: frame.is_some() });
        let Some(frame) = frame else { return };
        let (subscriptions, events) = (&mut self.subscriptions, &mut self.events);
        match frame {
            ServerFrame::Broadcast { channel, position, payload } => {
                subscriptions.event(&channel, position, payload, events);
            }
            ServerFrame::Ack { position, replay, reached, reference: Some(reference), .. } => {
                let replay = replay.unwrap_or(0);
                if !subscriptions.acknowledged(reference, position, replay, events) {
                    self.finish_broadcast(reference, Ok(reached.unwrap_or(0)));
                }
            }
            ServerFrame::Ack { .. } => {}
            ServerFrame::Resync { channel, reason, position, reference } => {
                subscriptions.resync(&channel, reason, position, reference, events);
            }
            ServerFrame::Heartbeat { position } => {
                if let Some(position) = position {
                    subscriptions.heartbeat(position, events);
                }
            }
            ServerFrame::Error { code, error, channel, reference, .. } => {
                let error = LiveError::new(code, error);
                match (reference, channel) {
                    (Some(number), _) if subscriptions.refused(number, &error, events) => {}
                    (Some(number), _) => self.finish_broadcast(number, Err(error)),
                    // Nobody asked: the server has ended the channel.
                    (None, Some(channel))
                        if matches!(
                            code,
                            ErrorCode::UnknownChannel | ErrorCode::PermissionDenied
                        ) && subscriptions.ended(&channel, &error, events) => {}
                    (None, _) => self.outputs.push_back(Output::Complaint(error)),
                }
            }
            ServerFrame::PresenceState { .. }
            | ServerFrame::PresenceUpdate { .. }
            | ServerFrame::PresenceCount { .. }
            | ServerFrame::Open { .. } => {}
            ServerFrame::Drain { within_ms } => self.step(ConnectionInput::Drain { within_ms }),
            ServerFrame::Welcome { contract, .. } => {
                self.outputs.push_back(Output::Verdict(contract));
                if contract == ContractVerdict::Reload {
                    self.step(ConnectionInput::Fail(FailReason::ContractChanged));
                }
            }
        }
        self.flush();
    }

    fn step(&mut self, input: ConnectionInput) {
        let mut outputs = Vec::new();
        self.connection.handle(input, self.now_ms, &mut outputs);
        for output in outputs {
            match output {
                ConnectionOutput::Open { generation } => {
                    self.outputs.push_back(Output::Open { generation });
                }
                ConnectionOutput::Close { generation, code } => {
                    self.outputs.push_back(Output::Close { generation, code });
                }
                ConnectionOutput::SendHeartbeat => {
                    self.send(&ClientFrame::Heartbeat(Health::default()))
                }
                ConnectionOutput::SendHello => {
                    if let Some(contract) = self.contract.clone() {
                        self.send(&ClientFrame::Hello(Hello { contract: Some(contract) }));
                    }
                    self.subscriptions.connected(&mut self.events);
                    self.flush();
                }
                ConnectionOutput::Lost => {
                    self.subscriptions.disconnected();
                    self.abandon_broadcasts("The connection was lost before the answer came.");
                }
                ConnectionOutput::StateChanged(state) => {
                    self.outputs.push_back(Output::State(state));
                }
            }
        }
    }

    /// Turns what the subscriptions said into outputs.
    fn flush(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match event {
                SubscriptionOutput::Send(frame) => self.send(&frame),
                SubscriptionOutput::Deliver { owner, event } => {
                    self.outputs.push_back(Output::Deliver { owner, event });
                }
            }
        }
        self.events = events;
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
