//! The server as a library, so that tests start it on a port of their own.

mod config;
mod listen;
mod refusals;
mod routes;
pub mod shutdown;
mod silence;
mod startup;
pub mod telemetry;
pub mod visitor;

pub use config::{AccountArgs, Config, LimitArgs};
pub use startup::{Server, StartError};
