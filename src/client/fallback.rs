//! Which transport the next connection takes: a WebSocket where one can be had, otherwise an event
//! stream. Pure: it is told how connections end.

use super::config::{ClientConfig, Transports};
use crate::contract::Transport;

/// So many tries in a row fail before the first event stream, as long as no WebSocket has ever worked …
const UNPROVEN: u32 = 2;
/// … and when one has: then it is more likely that the server is away than that a proxy has come.
const PROVEN: u32 = 5;

/// The decision's state.
#[derive(Debug)]
pub(super) struct Fallback {
    transports: Transports,
    prefer_websocket_after_ms: u64,
    transport: Transport,
    /// WebSockets in a row that brought no valid frame.
    failures: u32,
    /// A WebSocket has brought a valid frame in this client's life.
    websocket_works: bool,
    /// Neither works: the two take turns.
    alternating: bool,
}

impl Fallback {
    pub(super) fn new(config: &ClientConfig) -> Self {
        let after = config.prefer_websocket_after.as_millis();
        Self {
            transports: config.transports,
            prefer_websocket_after_ms: u64::try_from(after).unwrap_or(u64::MAX),
            transport: match config.transports {
                Transports::Auto | Transports::WebSocketOnly => Transport::WebSocket,
                Transports::EventStreamOnly => Transport::EventStream,
            },
            failures: 0,
            websocket_works: false,
            alternating: false,
        }
    }

    /// What the open connection uses, or the next one will.
    pub(super) fn transport(&self) -> Transport {
        self.transport
    }

    /// The open connection has brought a valid frame.
    pub(super) fn proven(&mut self) {
        self.failures = 0;
        self.alternating = false;
        self.websocket_works |= self.transport == Transport::WebSocket;
    }

    /// A connection has ended, or could not be opened; `lived_ms` is how long it was open if it ever
    /// brought a valid frame. Returns whether the next one, over the other transport, need not wait.
    pub(super) fn ended(&mut self, lived_ms: Option<u64>) -> bool {
        if self.transports != Transports::Auto {
            return false;
        }
        match (self.transport, lived_ms) {
            (Transport::WebSocket, Some(_)) => false,
            (Transport::EventStream, Some(lived_ms)) => {
                if lived_ms >= self.prefer_websocket_after_ms {
                    self.transport = Transport::WebSocket;
                }
                false
            }
            (Transport::WebSocket, None) => {
                self.failures += 1;
                let enough = if self.websocket_works { PROVEN } else { UNPROVEN };
                if !self.alternating && self.failures < enough {
                    return false;
                }
                self.transport = Transport::EventStream;
                // Only the first time: a server that is away must not be asked twice as often.
                !std::mem::replace(&mut self.alternating, true)
            }
            (Transport::EventStream, None) => {
                self.transport = Transport::WebSocket;
                self.alternating = true;
                false
            }
        }
    }
}
