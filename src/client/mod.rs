//! The client: from a socket to events in order, for browsers and for native programs.
//!
//! ```text
//!  socket ─► browser | native ─► core ─┬─► connection     when to open, close, come back (pure)
//!            (drivers)                 │       └─► fallback: by WebSocket or event stream
//!                                      ├─► subscriptions  who listens to what, from where (pure)
//!                                      │       └─► subscription: one channel, its owners
//!                                      └─► presence       who is where (pure)
//! ```
//!
//! [`config`] says where to connect, [`state`] where a connection stands and [`event`] what a
//! subscriber is told. The pure parts know neither sockets nor clocks; a driver feeds them
//! inputs with their time and does what they say.

#[cfg(target_arch = "wasm32")]
pub mod browser;
pub mod config;
pub mod connection;
pub mod core;
pub mod event;
mod fallback;
pub mod heard;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod presence;
#[cfg(not(target_arch = "wasm32"))]
mod renewal;
pub mod rows;
pub mod state;
pub mod strategy;
mod subscription;
pub mod subscriptions;
#[cfg(test)]
mod tests;
pub mod typists;

#[cfg(target_arch = "wasm32")]
pub use self::browser::{BrowserClient, Direction, ListenerId};
#[cfg(not(target_arch = "wasm32"))]
pub use self::native::{NativeClient, NativeSubscription};
pub use self::{
    config::{Auth, ClientConfig, Transports},
    core::{ClientCore, Input, Output},
    event::{ClientEvent, OwnerId},
    heard::Heard,
    presence::PresenceEvent,
    state::{ConnectionState, FailReason},
};
