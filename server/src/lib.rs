//! The server as a library, so that tests start it on a port of their own.

mod command;
mod config;
mod crowd;
pub mod identify;
mod listen;
mod refusals;
mod routes;
pub mod shutdown;
mod silence;
mod startup;
pub mod telemetry;
pub mod visitor;
mod web;

pub use command::{Cli, Command, CommandError};
pub use config::{AccountArgs, Config, Environment, LimitArgs, Secret};
pub use startup::{Server, StartError};
