//! The page's one connection: provided at the root, asked for anywhere below.

use std::collections::VecDeque;

use leptos::prelude::*;

use super::{
    FrameNote,
    frames::Frames,
    platform::{Signals, Socket, live_address},
    shared::shared,
};
use crate::{
    client::{config::ClientConfig, event::ClientEvent, state::ConnectionState},
    contract::{Channel, ErrorCode, LiveError, Message, Transport, protocol::Health},
};

/// Receives the events of a channel.
pub(super) type Events = Box<dyn FnMut(ClientEvent)>;

/// The page's connection. Copy it into closures.
#[derive(Clone, Copy)]
pub struct LiveConnection {
    socket: Socket,
    signals: Signals,
    frames: Frames,
    enabled: bool,
    me: StoredValue<Option<String>>,
}

/// Where a server's pages connect, `None` where realtime is off. A server gives it to its pages as a
/// context; they tell the browser.
#[derive(Clone, Debug)]
pub struct LiveAddress(pub Option<String>);

/// Provides the connection to every component below. Call it once, in the root component. In the
/// browser it connects once the page is hydrated, unless the server has said that realtime is off; on the
/// server there is none.
pub fn provide_live(mut config: ClientConfig) -> LiveConnection {
    // Empty where realtime is off.
    let told = shared("live", live_address);
    config.enabled &= told.as_deref() != Some("");
    if let Some(path) = told.filter(|_| config.url.starts_with('/')) {
        config.url = path;
    }
    let enabled = config.enabled;
    let (me, view) = shared("me", me).unzip();
    config.view = view;
    // Both sides begin as "connecting", so that the page that was rendered is the page hydrated.
    let state = if enabled { ConnectionState::Connecting } else { ConnectionState::Disconnected };
    let signals = Signals {
        state: RwSignal::new(state),
        transport: RwSignal::new(None),
        health: RwSignal::new(Health::default()),
    };
    let frames = Frames::new();
    let socket = Socket::new(config, signals, frames);
    let me = StoredValue::new(me);
    let connection = LiveConnection { socket, signals, frames, enabled, me };
    provide_context(connection);
    connection
}

/// The connection that [`provide_live`] has provided.
///
/// # Panics
/// When no component above has called [`provide_live`].
pub fn use_connection() -> LiveConnection {
    use_context().expect("provide_live() is called in the root component")
}

/// Who the page is rendered for, and the name of what they may see.
fn me() -> Option<(String, String)> {
    #[cfg(not(target_arch = "wasm32"))]
    return use_context::<crate::server::Identity>()
        .map(|visitor| (visitor.id().to_string(), visitor.view()));
    #[cfg(target_arch = "wasm32")]
    None
}

impl LiveConnection {
    /// Whether there is a connection at all on this server and page. Without one, lists are loaded, writes
    /// are sent and shown, and nothing is live.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// The id under which others see this page's visitor; `None` when the server did not say.
    pub fn me(&self) -> Option<String> {
        self.me.get_value()
    }

    /// How the open connection's frames travel; `None` while there is none. A signal.
    pub fn transport(&self) -> Option<Transport> {
        self.signals.transport.get()
    }

    /// Where the connection stands. A signal.
    pub fn state(&self) -> ConnectionState {
        self.signals.state.get()
    }

    /// Whether the socket is open. A signal.
    pub fn is_connected(&self) -> bool {
        self.state() == ConnectionState::Connected
    }

    /// How the connection is doing: its newest round trip, and how long frames take to show. A signal.
    pub fn health(&self) -> Health {
        self.signals.health.get()
    }

    /// Opens the connection after [`LiveConnection::disconnect`].
    pub fn connect(&self) {
        self.socket.connect();
    }

    /// Ends the connection until [`LiveConnection::connect`].
    pub fn disconnect(&self) {
        self.socket.disconnect();
    }

    /// Does not wait for the next try.
    pub fn retry_now(&self) {
        self.socket.retry_now();
    }

    /// Sends a message to everybody on its channel. `done` learns how many it reached, or why it
    /// reached nobody; without a connection the message is lost.
    pub fn broadcast<T: Message>(
        &self,
        channel: &Channel<T>,
        message: &T,
        done: impl FnOnce(Result<usize, LiveError>) + 'static,
    ) {
        match serde_json::value::to_raw_value(message) {
            Ok(payload) => self.socket.broadcast(channel.name(), payload, done),
            Err(error) => {
                done(Err(LiveError::new(ErrorCode::MalformedMessage, error.to_string())));
            }
        }
    }

    /// The newest frames, newest first.
    pub fn frames(&self) -> Signal<VecDeque<FrameNote>> {
        self.frames.notes().into()
    }

    pub(super) fn socket(&self) -> Socket {
        self.socket
    }
}
