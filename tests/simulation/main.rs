//! The simulation, on a row that has everything: scopes that it moves between, fields that can be
//! merged, a key that can be taken by another row.
//!
//! `TIDEWIRE_SIMULATION=7` runs one schedule again, `TIDEWIRE_SIMULATION=0..1_000_000` that many;
//! `cargo xtask simulate` does it with optimised code.

use std::env;

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
