//! The server as a library, so that tests start it on a port of their own.

mod config;
pub mod guest;
mod listen;
mod refusals;
mod routes;
pub mod shutdown;
mod silence;
mod startup;
pub mod telemetry;

pub use config::{Config, LimitArgs};
pub use startup::{Server, StartError};
