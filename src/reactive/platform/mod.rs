//! The two halves of what only a browser can do; on the server the other half does nothing, but loads.

use leptos::prelude::RwSignal;

use crate::{
    client::state::ConnectionState,
    contract::{Transport, protocol::Health},
};

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod browser_values;
#[cfg(target_arch = "wasm32")]
mod follower;
#[cfg(not(target_arch = "wasm32"))]
mod server;
#[cfg(not(target_arch = "wasm32"))]
mod server_values;

#[cfg(target_arch = "wasm32")]
pub(super) use browser::{Owner, Queue, Socket, fields, live_address, send, start};
#[cfg(target_arch = "wasm32")]
pub(super) use browser_values::{ask, start_value};
#[cfg(not(target_arch = "wasm32"))]
pub(super) use server::{Owner, Queue, Socket, fields, live_address, send, start};
#[cfg(not(target_arch = "wasm32"))]
pub(super) use server_values::{ask, start_value};

/// What the connection says about itself. Copy.
#[derive(Clone, Copy)]
pub(super) struct Signals {
    pub(super) state: RwSignal<ConnectionState>,
    pub(super) transport: RwSignal<Option<Transport>>,
    pub(super) health: RwSignal<Health>,
}

/// A request that waits for the one before it.
pub(super) type Request = Box<dyn FnOnce()>;
