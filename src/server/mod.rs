//! From the change log to the socket.
//!
//! `database` writes rows and log → `tailer` reads the log → `hub` finds who listens (`routing`,
//! `history`) → `queue` bounds what waits → `session` sends. `attach` is how a subscription begins.
//! `messages` are what travels beside changes; `server_subscription` listens without a socket.

mod attach;
mod builder;
mod connections;
mod context;
mod contract_check;
pub mod counters;
pub mod database;
mod event;
mod history;
mod http;
mod hub;
pub mod identity;
#[cfg(test)]
mod lag_tests;
mod lease;
mod limiter;
pub mod log;
mod messages;
mod metrics;
mod peer;
mod permission;
pub mod policy;
mod presence;
mod proofs;
mod queries;
mod queue;
mod realtime;
mod revalidate;
mod revocation;
mod routing;
mod row_policy;
pub mod rules;
mod server_subscription;
mod session;
mod subscription;
mod tailer;
mod wall_clock;

pub use builder::Builder;
pub use context::database;
pub use database::Database;
pub use http::{is_own_page, read_body, routes};
pub use hub::ChannelFigures;
pub use identity::Identity;
pub use limiter::Attempts;
pub use messages::{PublishError, Published};
pub use metrics::{ClientNumbers, Quantiles, Stats};
pub use peer::Peer;
pub use permission::{InvalidPermission, Permission, Permissions};
pub use policy::{Action, Policy};
pub use presence::Roll;
pub use queries::AnswerQuery;
pub use realtime::Realtime;
pub use revocation::Revoked;
pub use row_policy::RowPolicy;
pub use rules::{Access, Rules};
pub use server_subscription::{ServerEvent, ServerSubscription};
pub use session::Session;
pub use wall_clock::unix_ms;
