//! How a seed becomes a schedule.

use std::time::Duration;

use fastrand::Rng;

use super::{
    edit::Edit,
    op::{Op, edits, room, topic},
};
use crate::contract::Limits;

/// A schedule.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub limits: Limits,
    /// Nothing in it may cost a client its place.
    pub generous: bool,
    pub pages: usize,
    /// What the log holds when the server starts.
    pub before: Vec<Edit>,
    pub trimmed_before: Option<u64>,
    /// Each step, and whether everything comes to rest before the next.
    pub ops: Vec<(Op, bool)>,
}

impl Plan {
    pub fn draw(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let r = &mut random;
        let generous = r.u32(0..3) == 0;
        let mut limits = Limits {
            history_events: r.usize(1..=10),
            heartbeat: Duration::from_secs([1, 4, 12, 30][r.usize(0..4)]),
            drain: Duration::from_secs(5),
            ..Limits::default()
        };
        if !generous {
            limits.queue_frames = r.usize(1..=6);
            limits.replay_events = r.usize(1..=8);
            limits.log_entries = [3, 20, 1_000][r.usize(0..3)];
        }
        let pages = r.usize(1..=3);
        let before = (0..r.usize(0..8)).map(|_| Edit::draw(r)).collect();
        let trimmed_before = (!generous && r.u32(0..4) == 0).then(|| r.u64(0..4));
        let racing = r.u32(0..4) == 0;
        let mut ops = Vec::new();
        for page in 0..pages {
            if r.u32(0..5) > 0 {
                ops.extend(beginning(r, page));
            }
        }
        if r.u32(0..8) == 0 {
            ops.extend(stall(r, 0));
        }
        for _ in 0..r.usize(5..=25) {
            let op = loop {
                let op = Op::draw(r, pages);
                if !generous || !op.costs_places() {
                    break op;
                }
            };
            // Whoever does not read while a heartbeat comes is then told more than it has room for.
            let stalled = matches!(op, Op::Advance { reads: false, .. });
            let slow = matches!(op, Op::SlowReads(Some(_)));
            ops.push(op);
            if stalled && r.bool() {
                let edits = (0..8).map(|_| Edit::draw(r)).collect();
                ops.push(Op::Write { wakes: true, damaged: false, edits });
                ops.push(Op::Down { page: r.usize(0..pages), frames: 5, twice: false });
            }
            if slow {
                ops.extend(late_answers(r, pages, generous));
            }
        }
        let ops = ops.into_iter().map(|op| (op, !racing || r.bool())).collect();
        Self { seed, limits, generous, pages, before, trimmed_before, ops }
    }
}

fn beginning(r: &mut Rng, page: usize) -> Vec<Op> {
    let twice = false;
    vec![
        Op::Load { page, topic: topic(r) },
        Op::Arrive(0),
        Op::Join { page, snapshot: 0, keep: r.bool() },
        Op::Open { page, room: room(r), fails: false },
        Op::Up { page, frames: 9, twice },
        Op::Down { page, frames: r.usize(0..9), twice },
    ]
}

/// A page that reads just enough to keep its place, or not quite, while a heartbeat is due.
fn stall(r: &mut Rng, page: usize) -> Vec<Op> {
    let mut write = |most: usize| {
        let edits = (0..r.usize(1..=most)).map(|_| Edit::draw(r)).collect();
        Op::Write { wakes: true, damaged: false, edits }
    };
    let [block, queue, overflow] = [write(4), write(3), write(8)];
    let (reads, twice) = (false, false);
    vec![
        block,
        Op::Advance { seconds: r.u64(1..=12), reads },
        queue,
        Op::Down { page, frames: r.usize(1..=4), twice },
        overflow,
        Op::Down { page, frames: r.usize(1..=4), twice },
        Op::Cut { page, client_knows: true, server_knows: r.bool() },
    ]
}

/// While the log answers slowly somebody comes back, and what they ask for is written on or trimmed.
fn late_answers(r: &mut Rng, pages: usize, generous: bool) -> Vec<Op> {
    let page = r.usize(0..pages);
    let mut ops = vec![
        Op::Cut { page, client_knows: true, server_knows: true },
        Op::Retry(page),
        Op::Open { page, room: room(r), fails: false },
        Op::Up { page, frames: 9, twice: false },
    ];
    for _ in 0..r.usize(1..5) {
        ops.push(match r.u32(0..4) {
            0 => Op::Write { wakes: r.bool(), damaged: false, edits: edits(r) },
            1 if !generous => Op::Trim { keep: r.u64(0..4) },
            _ => Op::AnswerRead(r.usize(0..3)),
        });
    }
    ops
}
