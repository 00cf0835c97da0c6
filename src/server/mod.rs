//! From the change log to the socket.
//!
//! `database` writes rows and log → `tailer` reads the log → `hub` finds who listens (`routing`,
//! `history`) → `queue` bounds what waits → `session` sends. `attach` is how a subscription begins.

mod attach;
mod builder;
mod context;
mod contract_check;
pub mod database;
mod event;
mod history;
mod http;
mod hub;
pub mod identity;
pub mod log;
mod peer;
pub mod policy;
mod presence;
mod queue;
mod realtime;
mod routing;
mod session;
mod subscription;
mod tailer;

pub use builder::Builder;
pub use context::database;
pub use database::Database;
pub use http::routes;
pub use identity::Identity;
pub use peer::Peer;
pub use policy::{Action, Policy};
pub use presence::Roll;
pub use realtime::{Realtime, Stats};
pub use session::Session;
