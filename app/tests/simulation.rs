//! Your row types in the simulation: whatever happens to server, network and pages, their lists are true.
//!
//! `cargo xtask simulate --package app` runs a million schedules of each with optimised code.

use app::{products::Product, todos::Todo};
use tidewire::simulation::{self, Simulation};

#[test]
fn spec_nx11_todos_are_true_whatever_happens() {
    let report = simulation::run(Simulation {
        seeds: 0..1_000,
        row: |random, key| Todo {
            id: simulation::row_id(key),
            title: ["Sail", "Moor", "Row"][random.usize(0..3)].into(),
            done: random.bool(),
            version: random.i64(0..3),
        },
    });
    println!("{}", report.summary());
}

#[test]
fn spec_nx11_products_are_true_whatever_happens() {
    let report = simulation::run(Simulation {
        seeds: 0..1_000,
        row: |random, key| Product {
            id: key as i64 + 1,
            name: ["Lamp", "Buoy", "Anchor"][random.usize(0..3)].into(),
            price: f64::from(random.u32(0..10_000)) / 100.0,
        },
    });
    println!("{}", report.summary());
}
