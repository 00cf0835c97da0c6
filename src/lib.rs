//! Tidewire's channel layer: rows that stay true on every screen.
//!
//! ```text
//!  browser                                  server                                   database
//!  event ──► server function (app) ──► SQL in a transaction ───────────────────────► rows + change log
//!                                                                                       │ wake
//!  view ◄── live list (reactive) ◄── client ◄══ WebSocket ══ session ◄── hub ◄── tailer ┘
//!           live value                      or event stream     ▲         ▲
//!                                      presence, live queries ──┘         └── messages that no log holds
//! ```
//!
//! Read it in that order: [`contract`] is what both sides compile, [`server`] is everything from
//! the change log to the socket, [`client`] everything from the socket to a folded list of rows,
//! and [`reactive`] turns that into Leptos signals; `testing` runs all of it in memory, and
//! `simulation` runs it through every accident that a seed can think of. Arrows go one way:
//! `reactive → client → contract` and `server → contract`.

pub mod client;
pub mod contract;
pub mod reactive;
#[cfg(not(target_arch = "wasm32"))]
pub mod server;
#[cfg(all(feature = "simulation", not(target_arch = "wasm32")))]
pub mod simulation;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use contract::{
    Change, Channel, ChannelName, ClientFrame, ErrorCode, Live, LiveError, Op, Position, Refusal,
    RowId, ServerFrame, Snapshot, Written,
};
