//! The two halves of what only a browser can do; on the server the other half does nothing, but loads.

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
pub(super) use browser::{Owner, Queue, Socket, fields, send, start};
#[cfg(target_arch = "wasm32")]
pub(super) use browser_values::{ask, start_value};
#[cfg(not(target_arch = "wasm32"))]
pub(super) use server::{Owner, Queue, Socket, fields, send, start};
#[cfg(not(target_arch = "wasm32"))]
pub(super) use server_values::{ask, start_value};

/// A request that waits for the one before it.
pub(super) type Request = Box<dyn FnOnce()>;
