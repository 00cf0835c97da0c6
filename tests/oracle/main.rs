//! The oracle: random schedules of writes, faults and joins against the real server, the real client
//! core and a real file; whatever a list shows must be what the database holds.
//!
//! `plan` draws a schedule of `op`s from a seed → `run` runs it in a `world`: `disk` (file and
//! writers), `server` (hub, tailer, sessions), `client` (core, sockets, `list`s), and what is `pending`
//! between them → `model` is the log as it must be; `wire` checks each frame of the server against it,
//! `list` each event of the client, and `calm` the end. `paths` counts the ways that were taken.
//!
//! `TIDEWIRE_ORACLE_SEED=n` runs one schedule again, `TIDEWIRE_ORACLE_SCHEDULES=n` that many. A seed
//! decides everything but how fast the database's threads are, which matters where a step is followed
//! by the next at once.

mod calm;
mod client;
mod disk;
mod edit;
mod item;
mod list;
mod model;
mod op;
mod paths;
mod pending;
mod plan;
mod run;
mod server;
mod shrink;
mod socket;
mod wire;
mod world;

use std::{env, time::Instant};

use self::{plan::Plan, run::Failure};

/// Enough to take every way. More, and more kinds of faults, are the simulation's: here it is the real
/// file, its triggers and its threads that are asked.
const SCHEDULES: u64 = 4_000;

#[test]
fn spec_nx4_spec_nx1_every_list_equals_the_database_after_any_schedule() {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("TIDEWIRE_ORACLE_SEED") {
        let plan = Plan::draw(seed);
        if let Err(faults) = run::once(&plan) {
            report(Failure { plan: Box::new(plan), faults });
        }
        return;
    }
    let schedules = number("TIDEWIRE_ORACLE_SCHEDULES").unwrap_or(SCHEDULES);
    let started = Instant::now();
    let paths = match run::run(0..schedules) {
        Ok(paths) => paths,
        Err(failure) => report(failure),
    };
    println!("{schedules} schedules in {:.1?}", started.elapsed());
    for (path, count) in paths.counts() {
        println!("{count:>9} {path:?}");
    }
    let untaken = paths.untaken();
    assert!(schedules < SCHEDULES || untaken.is_empty(), "nothing tests {untaken:?}");
}

fn report(failure: Failure) -> ! {
    let seed = failure.plan.seed;
    let Failure { plan, faults } = shrink::shrink(failure);
    println!("seed={seed} {:#?}", plan.limits);
    println!("generous={} clients={} before={:?}", plan.generous, plan.clients, plan.before);
    println!("trimmed_before={:?}", plan.trimmed_before);
    for (index, (op, rest)) in plan.ops.iter().enumerate() {
        println!("{index:>3} {op:?}{}", if *rest { "" } else { " (and on at once)" });
    }
    panic!("seed={seed}: {faults:#?}");
}
