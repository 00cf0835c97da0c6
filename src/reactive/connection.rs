//! The page's one connection: provided at the root, asked for anywhere below.

use std::collections::VecDeque;

use leptos::prelude::*;
use serde::Serialize;

use super::{FrameNote, frames::Frames, platform::Socket, shared};
use crate::{
    client::{config::ClientConfig, event::ClientEvent, state::ConnectionState},
    contract::{Channel, ErrorCode, LiveError},
};

/// Receives the events of a channel.
pub(super) type Events = Box<dyn FnMut(ClientEvent)>;

/// The page's connection. Copy it into closures.
#[derive(Clone, Copy)]
pub struct LiveConnection {
    socket: Socket,
    state: RwSignal<ConnectionState>,
    frames: Frames,
    me: StoredValue<Option<String>>,
}

/// Provides the connection to every component below. Call it once, in the root component. In the
/// browser it connects once the page is hydrated; on the server there is none.
pub fn provide_live(config: ClientConfig) -> LiveConnection {
    // Both sides begin as "connecting", so that the page that was rendered is the page hydrated.
    let state = RwSignal::new(ConnectionState::Connecting);
    let frames = Frames::new();
    let me = StoredValue::new(shared::shared("me", me));
    let connection =
        LiveConnection { socket: Socket::new(config, state, frames), state, frames, me };
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

/// Who the page is rendered for.
fn me() -> Option<String> {
    #[cfg(not(target_arch = "wasm32"))]
    return use_context::<crate::server::Identity>().map(|visitor| visitor.id().to_string());
    #[cfg(target_arch = "wasm32")]
    None
}

impl LiveConnection {
    /// The id under which others see this page's visitor; `None` when the server did not say.
    pub fn me(&self) -> Option<String> {
        self.me.get_value()
    }

    /// Where the connection stands. A signal.
    pub fn state(&self) -> ConnectionState {
        self.state.get()
    }

    /// Whether the socket is open. A signal.
    pub fn is_connected(&self) -> bool {
        self.state.get() == ConnectionState::Connected
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

    /// Sends a message to everybody on a custom channel. `done` learns how many it reached, or why it
    /// reached nobody; without a connection the message is lost.
    pub fn broadcast<T: Serialize>(
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
