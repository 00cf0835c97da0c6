//! One connection's life as a pure state machine: no socket, no clock, no timer.
//!
//! Every call says what time it is, in milliseconds of any clock that never runs backwards. A driver
//! does what the outputs say and calls again with `Tick` when [`Connection::next_deadline`] is due.

use std::time::Duration;

use super::{
    config::ClientConfig,
    fallback::Fallback,
    state::{ConnectionState, FailReason},
};
use crate::contract::{Transport, close};

/// What happens to a connection. Sockets are told apart by `generation`: whatever an older one still
/// says is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionInput {
    /// Somebody wants a connection.
    Connect,
    /// Nobody wants it any more.
    Disconnect,
    /// A person does not want to wait for the back-off, or tries again after a failure.
    RetryNow,
    /// The page became visible, the network came back or the machine woke up.
    Wake,
    /// Time has passed.
    Tick,
    /// A frame was sent.
    Sent,
    /// The socket is open.
    Opened { generation: u64 },
    /// The socket is closed, or could not be opened (code 1006).
    Closed { generation: u64, code: u16 },
    /// A frame came; `valid` when it was understood.
    FrameReceived { generation: u64, valid: bool },
    /// The server is about to stop: come back at a random moment within the window.
    Drain { within_ms: u64 },
    /// Going on makes no sense.
    Fail(FailReason),
}

/// What a driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionOutput {
    /// Open a socket over this transport and report about it under this number.
    Open { generation: u64, transport: Transport },
    /// Close that socket with this code.
    Close { generation: u64, code: u16 },
    /// Send a heartbeat.
    SendHeartbeat,
    /// The socket is fresh: greet and subscribe.
    SendHello,
    /// The open socket is gone, with everything that was subscribed on it.
    Lost,
    /// Tell whoever is interested.
    StateChanged(ConnectionState),
}

/// The code a socket ends with when no socket can say one.
pub const ABNORMAL: u16 = 1006;
const NORMAL: u16 = 1000;

/// After waking up, how long the server has to answer a heartbeat.
const ANSWER_MS: u64 = 5_000;
/// A tick that is later than this, and later than the wait itself, means that the clock jumped.
const OVERSLEPT_MS: u64 = 5_000;
/// The longest wait before coming back from what was no failure.
const JITTER_MS: u64 = 200;
/// No server may send its clients away for longer.
const LONGEST_DRAIN_MS: u64 = 600_000;

/// The state machine.
#[derive(Debug)]
pub struct Connection {
    timing: Timing,
    enabled: bool,
    fallback: Fallback,
    random: fastrand::Rng,
    phase: Phase,
    state: ConnectionState,
    generation: u64,
    attempt: u32,
    drain_ms: Option<u64>,
    now_ms: u64,
}

#[derive(Debug)]
struct Timing {
    auto_reconnect: bool,
    max_attempts: Option<u32>,
    delay_ms: u64,
    max_delay_ms: u64,
    heartbeat_ms: u64,
    dead_ms: u64,
    connect_ms: u64,
    stable_ms: u64,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Waiting { until_ms: u64 },
    Opening { until_ms: u64 },
    Open(Open),
}

#[derive(Debug)]
struct Open {
    since_ms: u64,
    received_ms: u64,
    sent_ms: u64,
    /// Set while a heartbeat waits for any answer.
    answer_by_ms: Option<u64>,
    /// Whether a valid frame came.
    proven: bool,
}

impl Connection {
    /// A connection at rest. The seed decides the back-off's jitter.
    pub fn new(config: &ClientConfig, seed: u64) -> Self {
        let timing = Timing {
            auto_reconnect: config.auto_reconnect,
            max_attempts: config.max_attempts,
            delay_ms: millis(config.delay),
            max_delay_ms: millis(config.max_delay),
            heartbeat_ms: millis(config.heartbeat_interval).max(1),
            dead_ms: millis(config.dead_after).max(1),
            connect_ms: millis(config.connect_timeout),
            stable_ms: millis(config.stable_after),
        };
        Self {
            timing,
            enabled: config.enabled,
            fallback: Fallback::new(config),
            random: fastrand::Rng::with_seed(seed),
            phase: Phase::Idle,
            state: ConnectionState::Disconnected,
            generation: 0,
            attempt: 0,
            drain_ms: None,
            now_ms: 0,
        }
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.state
    }

    /// The open socket's number.
    pub fn open_generation(&self) -> Option<u64> {
        matches!(self.phase, Phase::Open(_)).then_some(self.generation)
    }

    /// How the open socket's frames travel.
    pub fn transport(&self) -> Option<Transport> {
        self.open_generation().map(|_| self.fallback.transport())
    }

    /// When to call with `Tick`, in the same milliseconds; `None` when there is nothing to wait for.
    pub fn next_deadline(&self) -> Option<u64> {
        match &self.phase {
            Phase::Idle => None,
            Phase::Waiting { until_ms } | Phase::Opening { until_ms } => Some(*until_ms),
            Phase::Open(open) => {
                let heartbeat_at = open.sent_ms + self.timing.heartbeat_ms;
                Some(open.dead_at(self.timing.dead_ms).min(heartbeat_at))
            }
        }
    }

    /// Takes one input at its time and says what to do, in order.
    pub fn handle(&mut self, input: ConnectionInput, now_ms: u64, out: &mut Vec<ConnectionOutput>) {
        let before = self.now_ms;
        self.now_ms = now_ms.max(before);
        match input {
            ConnectionInput::Connect | ConnectionInput::RetryNow if !self.enabled => {}
            ConnectionInput::Connect => {
                if matches!(self.phase, Phase::Idle) {
                    self.attempt = 0;
                    self.open(out);
                }
            }
            ConnectionInput::Disconnect => self.stop(ConnectionState::Disconnected, out),
            ConnectionInput::Fail(reason) => self.stop(ConnectionState::Failed(reason), out),
            ConnectionInput::RetryNow => match self.phase {
                Phase::Idle => {
                    self.attempt = 0;
                    self.open(out);
                }
                Phase::Waiting { .. } => self.open(out),
                _ => {}
            },
            ConnectionInput::Wake => self.wake(out),
            ConnectionInput::Tick => self.tick(before, out),
            ConnectionInput::Sent => {
                if let Phase::Open(open) = &mut self.phase {
                    open.sent_ms = self.now_ms;
                }
            }
            ConnectionInput::Opened { generation } => self.opened(generation, out),
            ConnectionInput::Closed { generation, code } => {
                let ours = matches!(self.phase, Phase::Opening { .. } | Phase::Open(_));
                if ours && generation == self.generation {
                    self.lost(code, out);
                }
            }
            ConnectionInput::FrameReceived { generation, valid } => {
                if let Phase::Open(open) = &mut self.phase
                    && generation == self.generation
                {
                    open.received_ms = self.now_ms;
                    open.answer_by_ms = None;
                    if valid && !open.proven {
                        open.proven = true;
                        self.fallback.proven();
                    }
                }
            }
            ConnectionInput::Drain { within_ms } => {
                self.drain_ms = Some(within_ms.min(LONGEST_DRAIN_MS));
            }
        }
    }

    fn open(&mut self, out: &mut Vec<ConnectionOutput>) {
        self.generation += 1;
        self.phase = Phase::Opening { until_ms: self.now_ms + self.timing.connect_ms };
        self.enter(
            match self.attempt {
                0 => ConnectionState::Connecting,
                attempt => ConnectionState::Reconnecting { attempt, retry_in_ms: 0 },
            },
            out,
        );
        let transport = self.fallback.transport();
        out.push(ConnectionOutput::Open { generation: self.generation, transport });
    }

    fn opened(&mut self, generation: u64, out: &mut Vec<ConnectionOutput>) {
        if generation != self.generation || !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        let now = self.now_ms;
        self.drain_ms = None;
        self.phase = Phase::Open(Open {
            since_ms: now,
            received_ms: now,
            sent_ms: now,
            answer_by_ms: None,
            proven: false,
        });
        out.push(ConnectionOutput::SendHello);
        self.enter(ConnectionState::Connected, out);
    }

    fn wake(&mut self, out: &mut Vec<ConnectionOutput>) {
        match &mut self.phase {
            Phase::Waiting { .. } => self.open(out),
            // A check under way is not extended: repeated waking must not keep a dead socket alive.
            Phase::Open(open) if open.answer_by_ms.is_none() => {
                open.answer_by_ms = Some(self.now_ms + ANSWER_MS);
                open.sent_ms = self.now_ms;
                out.push(ConnectionOutput::SendHeartbeat);
            }
            _ => {}
        }
    }

    fn tick(&mut self, before: u64, out: &mut Vec<ConnectionOutput>) {
        let Some(deadline) = self.next_deadline().filter(|deadline| *deadline <= self.now_ms)
        else {
            return;
        };
        // The machine slept: ask the server before believing that it fell silent.
        if self.now_ms - deadline > deadline.saturating_sub(before).max(OVERSLEPT_MS) {
            self.wake(out);
        }
        match &mut self.phase {
            Phase::Waiting { until_ms } if *until_ms <= self.now_ms => self.open(out),
            Phase::Opening { until_ms } if *until_ms <= self.now_ms => {
                out.push(ConnectionOutput::Close { generation: self.generation, code: NORMAL });
                self.lost(ABNORMAL, out);
            }
            Phase::Open(open) => {
                if open.dead_at(self.timing.dead_ms) <= self.now_ms {
                    let generation = self.generation;
                    out.push(ConnectionOutput::Close { generation, code: close::SILENT });
                    self.lost(ABNORMAL, out);
                } else if open.sent_ms + self.timing.heartbeat_ms <= self.now_ms {
                    open.sent_ms = self.now_ms;
                    out.push(ConnectionOutput::SendHeartbeat);
                }
            }
            _ => {}
        }
    }

    /// The socket is gone: decide whether and when to come back.
    fn lost(&mut self, code: u16, out: &mut Vec<ConnectionOutput>) {
        let at_once = self.fallback.ended(self.lived_ms());
        self.leave(out);
        if !close::may_return(code) {
            return self.enter(ConnectionState::Failed(FailReason::Refused(code)), out);
        }
        if !self.timing.auto_reconnect {
            return self.enter(ConnectionState::Disconnected, out);
        }
        if self.timing.max_attempts.is_some_and(|max| self.attempt >= max) {
            return self.enter(ConnectionState::Failed(FailReason::AttemptsExhausted), out);
        }
        let back_off = match code {
            _ if at_once => 0,
            // The server waits for it, so that only a crowd has to be spread.
            close::ACCESS if self.attempt == 0 => self.back_off().min(JITTER_MS),
            _ => self.back_off(),
        };
        let bound = self.drain_ms.take().unwrap_or(back_off);
        let retry_in_ms = self.random.u64(0..=bound);
        self.attempt += 1;
        self.phase = Phase::Waiting { until_ms: self.now_ms + retry_in_ms };
        self.enter(ConnectionState::Reconnecting { attempt: self.attempt, retry_in_ms }, out);
    }

    /// The upper bound of the next wait.
    fn back_off(&self) -> u64 {
        let doubled = self.timing.delay_ms.saturating_mul(1 << self.attempt.min(32));
        doubled.min(self.timing.max_delay_ms)
    }

    fn stop(&mut self, state: ConnectionState, out: &mut Vec<ConnectionOutput>) {
        if matches!(self.phase, Phase::Opening { .. } | Phase::Open(_)) {
            out.push(ConnectionOutput::Close { generation: self.generation, code: NORMAL });
        }
        // A try that was broken off says nothing about its transport.
        if let Some(lived_ms) = self.lived_ms() {
            self.fallback.ended(Some(lived_ms));
        }
        self.leave(out);
        self.drain_ms = None;
        self.enter(state, out);
    }

    /// How long the socket has been open, if it ever brought a valid frame.
    fn lived_ms(&self) -> Option<u64> {
        match &self.phase {
            Phase::Open(open) if open.proven => Some(self.now_ms - open.since_ms),
            _ => None,
        }
    }

    fn leave(&mut self, out: &mut Vec<ConnectionOutput>) {
        if let Phase::Open(open) = &self.phase {
            if open.proven && self.now_ms - open.since_ms >= self.timing.stable_ms {
                self.attempt = 0;
            }
            out.push(ConnectionOutput::Lost);
        }
        self.phase = Phase::Idle;
    }

    fn enter(&mut self, state: ConnectionState, out: &mut Vec<ConnectionOutput>) {
        if self.state != state {
            self.state = state;
            out.push(ConnectionOutput::StateChanged(state));
        }
    }
}

impl Open {
    fn dead_at(&self, dead_ms: u64) -> u64 {
        self.answer_by_ms.unwrap_or(self.received_ms + dead_ms)
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}
