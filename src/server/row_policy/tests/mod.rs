//! Tests of row-level policy: nobody ever receives what they may not see, and everybody ends with what a
//! `SELECT` as themselves gives.

mod errors;
mod note;
mod queries;
mod rules;
mod viewer;
mod world;

use std::ops::Range;

use world::World;

use crate::server::counters::Counts;

/// Schedules of one run, for each place from which a replay comes.
const SCHEDULES: u64 = 260;

/// Runs schedules, and looks whether they have `reached` what they are for; `TIDEWIRE_SEED` runs that
/// one alone.
async fn run(history: usize, seeds: Range<u64>, reached: impl FnOnce(Counts) -> bool) {
    let only = std::env::var("TIDEWIRE_SEED").ok().map(|seed| seed.parse().unwrap());
    let mut world = World::new(history).await;
    for seed in only.map_or(seeds, |seed: u64| seed..seed + 1) {
        if let Err(wrong) = world.run(seed).await {
            panic!("seed {seed}: {wrong}");
        }
    }
    let counts = world.bed.realtime().counts();
    println!("{counts:?}");
    assert!(only.is_some() || reached(counts));
    world.bed.finish().await;
}

#[tokio::test]
async fn spec_fb9_nobody_receives_what_they_may_not_see_live_and_replayed_from_memory() {
    run(10_000, 0..SCHEDULES, |counts| {
        counts.durable > SCHEDULES && counts.replays_from_ring > SCHEDULES
    })
    .await;
}

#[tokio::test]
async fn spec_fb9_nobody_receives_what_they_may_not_see_replayed_from_the_log() {
    run(2, SCHEDULES..2 * SCHEDULES, |counts| counts.replays_from_log > SCHEDULES / 4).await;
}
