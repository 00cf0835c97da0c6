//! The server as a library, so that tests start it on a port of their own.

mod config;
mod crowd;
pub mod guest;
mod listen;
mod refusals;
mod routes;
pub mod shutdown;
mod silence;
mod startup;
pub mod telemetry;
mod web;

pub use config::{Config, Environment, LimitArgs, Secret};
pub use startup::{Server, StartError};
