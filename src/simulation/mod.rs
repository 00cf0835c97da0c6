//! Server and pages in one process, without a network, a database or a clock: random schedules of
//! writes, faults and joins, and after every step the question whether all of it is still true.
//!
//! ```no_run
//! # use tidewire::{Live, simulation::{self, Simulation}};
//! # fn example<Todo: Live>(make: fn(&mut simulation::Random, u64) -> Todo) {
//! simulation::run(Simulation { seeds: 0..20_000, row: make });
//! # }
//! ```
//!
//! A seed decides everything. `plan` draws a schedule of `op`s → `run` runs it in a `world`: the real
//! server (`server`) over a [`MemoryLog`], pages with the real client core (`page`, with `list`s),
//! sockets in memory between them (`socket`), and requests that are `pending`. `model` is the log as it
//! must be; `wire` checks each frame of the server against it, `list` each event of a page, `calm` the
//! end. `kind` is what the schedules know of your row type. `paths` counts the ways that were taken, and
//! `shrink` leaves out of a failing schedule what the failure does not need.
//! What this proves, and what it cannot, is in `docs/simulation.md`.

mod calm;
mod edit;
mod kind;
mod list;
mod log;
mod model;
mod op;
mod page;
mod paths;
mod pending;
mod plan;
mod run;
mod server;
mod shrink;
mod socket;
mod wire;
mod world;

pub use fastrand::Rng as Random;
pub use kind::MakeRow;
pub use log::{LogPaths, MemoryLog, Slow};
pub use paths::{Path, Paths};
pub use run::{Report, Simulation, run};

use crate::contract::RowId;

/// The same row id for the same number each time, for rows whose keys are [`RowId`]s.
pub fn row_id(number: u64) -> RowId {
    let text = format!("00000000-0000-7000-8000-{:012x}", number & 0xffff_ffff_ffff);
    text.parse().unwrap_or_else(|_| unreachable!("it has the form of an id"))
}
