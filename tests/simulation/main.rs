//! The simulation, on a row that has everything: scopes that it moves between, fields that can be
//! merged, a key that can be taken by another row.
//!
//! `TIDEWIRE_SIMULATION=7` runs one schedule again, `TIDEWIRE_SIMULATION=0..1_000_000` that many;
//! `cargo xtask simulate` does it with optimised code.

use std::{
    env,
    sync::atomic::{AtomicI64, Ordering},
};

use serde::{Deserialize, Serialize};
use tidewire::{
    ChannelName, Live,
    contract::merge_field,
    simulation::{self, Random, Simulation},
};

/// Enough to take every way many times, in about a minute.
const SCHEDULES: u64 = 20_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    id: i64,
    room: i64,
    note: i64,
    done: bool,
}

impl Live for Item {
    const RESOURCE: &'static str = "item";
    const TABLE: &'static str = "items";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn scopes(&self) -> Vec<ChannelName> {
        ChannelName::record("room", &self.room.to_string()).into_iter().collect()
    }

    fn merge(base: &Self, mine: &Self, theirs: &Self) -> Option<Self> {
        Some(Self {
            id: theirs.id,
            room: merge_field(&base.room, &mine.room, &theirs.room)?,
            note: merge_field(&base.note, &mine.note, &theirs.note)?,
            done: merge_field(&base.done, &mine.done, &theirs.done)?,
        })
    }
}

fn item(random: &mut Random, key: u64) -> Item {
    Item {
        id: key as i64 + 1,
        room: random.i64(1..=2),
        note: random.i64(0..4),
        done: random.bool(),
    }
}

#[test]
fn spec_nx11_spec_nx4_spec_nx5_spec_nx1_every_list_is_true_whatever_happens() {
    let report = simulation::run(Simulation { seeds: 0..SCHEDULES, row: item });
    println!("{}", report.summary());
    if env::var_os("TIDEWIRE_SIMULATION").is_none() {
        assert!(report.untaken().is_empty(), "nothing tests {:?}", report.untaken());
    }
}

#[test]
fn spec_nx11_a_seed_decides_everything() {
    let run = || simulation::run(Simulation { seeds: 0..300, row: item });
    let (one, other) = (run(), run());
    assert_eq!(one.trace, other.trace, "the servers have said other things");
    assert_eq!(one.paths, other.paths);
}

/// Its scopes are not its own: they differ each time somebody asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fickle(i64);

impl Live for Fickle {
    const RESOURCE: &'static str = "fickle";
    const TABLE: &'static str = "fickles";
    type Id = i64;

    fn id(&self) -> i64 {
        self.0
    }

    fn scopes(&self) -> Vec<ChannelName> {
        static ASKED: AtomicI64 = AtomicI64::new(0);
        let room = ASKED.fetch_add(1, Ordering::Relaxed) % 3;
        ChannelName::record("room", &room.to_string()).into_iter().collect()
    }
}

#[test]
#[should_panic = "is not true"]
fn spec_nx11_a_row_type_that_breaks_its_promise_is_found() {
    simulation::run(Simulation { seeds: 0..300, row: |_, key| Fickle(key as i64) });
}

/// Joining edits forgets what the others have done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Forgetful {
    id: i64,
    text: u8,
}

impl Live for Forgetful {
    const RESOURCE: &'static str = "forgetful";
    const TABLE: &'static str = "forgetfuls";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn merge(_: &Self, mine: &Self, _: &Self) -> Option<Self> {
        Some(mine.clone())
    }
}

#[test]
#[should_panic = "merging an edit that changes nothing"]
fn spec_nx11_a_merge_that_loses_the_others_edit_is_found() {
    let row = |random: &mut Random, key| Forgetful { id: key as i64, text: random.u8(..) };
    simulation::run(Simulation { seeds: 0..1, row });
}
