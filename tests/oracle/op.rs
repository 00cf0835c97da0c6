//! What can happen, and how a seed becomes a schedule.

use std::time::Duration;

use fastrand::Rng;
use tidewire::contract::limits::Limits;

use super::{
    disk::Writer,
    edit::Edit,
    item::{TOPICS, Topic},
};

/// One step. Numbers choose among what there is, so that every part of a schedule is a schedule too.
#[derive(Clone, Debug)]
pub enum Op {
    Write(Writer, Vec<Edit>),
    /// The tailer looks at the log.
    WakeTailer,
    Trim {
        keep: u64,
    },
    /// A message that is not in the log.
    Message(Topic),
    /// A snapshot is begun: for a list that waits for one, otherwise to be joined with later.
    Load {
        client: usize,
        topic: Topic,
    },
    /// A person asks for the list again.
    Reload {
        client: usize,
        list: usize,
    },
    /// A snapshot arrives.
    Arrive(usize),
    /// A list appears with a snapshot that arrived, maybe long ago.
    Join {
        client: usize,
        snapshot: usize,
        keep: bool,
    },
    Listen {
        client: usize,
        topic: Topic,
    },
    Leave {
        client: usize,
        list: usize,
    },
    /// A write is shown, and then sent, and then answered.
    Begin {
        client: usize,
        list: usize,
        edit: Edit,
    },
    Execute(usize),
    Answer {
        write: usize,
        lost: bool,
    },
    /// A socket that is being opened is open, or cannot be opened.
    Open {
        client: usize,
        room: usize,
        fails: bool,
    },
    /// A page is opened or returned to: its list is loaded, joined and asked for.
    Appear {
        client: usize,
        topic: Topic,
    },
    /// Whatever waits on either side reaches the other.
    Exchange(usize),
    /// Frames reach the server.
    Up {
        client: usize,
        frames: usize,
        twice: bool,
    },
    /// Frames reach the client.
    Down {
        client: usize,
        frames: usize,
        twice: bool,
    },
    /// The socket breaks; each side may learn of it at once or later.
    Cut {
        client: usize,
        client_knows: bool,
        server_knows: bool,
    },
    /// A frame of an older socket arrives after all, or its end does.
    Haunt {
        client: usize,
        what: u8,
    },
    /// The page wakes up, or a person does not want to wait.
    Nudge {
        client: usize,
        retry: bool,
    },
    /// `reads` says whether the pages receive meanwhile.
    Advance {
        seconds: u64,
        reads: bool,
    },
    Crash {
        reopen: bool,
        new_life: bool,
    },
    Drain,
    /// Somebody comes with a position that the log has not reached.
    Ahead(Topic),
}

/// A schedule.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub limits: Limits,
    /// Nothing in it may cost a client its place.
    pub generous: bool,
    pub clients: usize,
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
            heartbeat: Duration::from_secs(r.u64(10..=30)),
            drain: Duration::from_secs(5),
            ..Limits::default()
        };
        if !generous {
            limits.queue_frames = r.usize(1..=6);
            limits.replay_events = r.usize(1..=8);
        }
        let clients = r.usize(1..=3);
        let before = (0..r.usize(0..8)).map(|_| Edit::draw(r)).collect();
        let trimmed_before = (!generous && r.u32(0..4) == 0).then(|| r.u64(0..4));
        let racing = r.u32(0..4) == 0;
        let mut ops = Vec::new();
        for client in 0..clients {
            if r.u32(0..5) > 0 {
                ops.extend(beginning(r, client));
            }
        }
        for _ in 0..r.usize(5..=25) {
            let op = loop {
                let op = Op::draw(r, clients);
                if !generous || !op.costs_places() {
                    break op;
                }
            };
            // Whoever does not read while a heartbeat comes is then told more than it has room for.
            let stalled = matches!(op, Op::Advance { reads: false, .. });
            ops.push(op);
            if stalled && r.bool() {
                ops.push(Op::Write(Writer::Own, (0..8).map(|_| Edit::draw(r)).collect()));
                ops.push(Op::Down { client: r.usize(0..clients), frames: 5, twice: false });
            }
        }
        let ops = ops.into_iter().map(|op| (op, !racing || r.bool())).collect();
        Self { seed, limits, generous, clients, before, trimmed_before, ops }
    }
}

fn beginning(r: &mut Rng, client: usize) -> Vec<Op> {
    let twice = false;
    vec![
        Op::Load { client, topic: topic(r) },
        Op::Arrive(0),
        Op::Join { client, snapshot: 0, keep: r.bool() },
        Op::Open { client, room: room(r), fails: false },
        Op::Up { client, frames: 9, twice },
        Op::Down { client, frames: r.usize(0..9), twice },
    ]
}

fn topic(r: &mut Rng) -> Topic {
    TOPICS[r.usize(0..TOPICS.len())]
}

fn room(r: &mut Rng) -> usize {
    if r.u32(0..3) > 0 { r.usize(1..=4) } else { 1_000 }
}

impl Op {
    /// Whether a client may lose its place by it.
    fn costs_places(&self) -> bool {
        matches!(
            self,
            Self::Trim { .. }
                | Self::Write(Writer::Damaged, _)
                | Self::Crash { new_life: true, .. }
        )
    }

    fn draw(r: &mut Rng, clients: usize) -> Self {
        let client = r.usize(0..clients);
        let list = r.usize(0..4);
        match r.u32(0..142) {
            0..14 => Self::Write(Writer::Own, edits(r)),
            14..22 => Self::Write(Writer::Foreign, edits(r)),
            22..23 => Self::Write(Writer::RolledBack, edits(r)),
            23..24 => Self::Write(Writer::Damaged, edits(r)),
            24..29 => Self::WakeTailer,
            29..31 => Self::Trim { keep: r.u64(0..6) },
            31..34 => Self::Message(topic(r)),
            34..40 => Self::Load { client, topic: topic(r) },
            40..41 => Self::Reload { client, list },
            41..46 => Self::Arrive(r.usize(0..3)),
            46..52 => Self::Join { client, snapshot: r.usize(0..3), keep: r.bool() },
            52..54 => Self::Listen { client, topic: topic(r) },
            54..56 => Self::Leave { client, list },
            56..60 => Self::Begin { client, list, edit: Edit::draw_optimistic(r) },
            60..64 => Self::Execute(r.usize(0..3)),
            64..68 => Self::Answer { write: r.usize(0..3), lost: r.bool() },
            68..74 => Self::Open { client, room: room(r), fails: r.u32(0..8) == 0 },
            74..84 => Self::Up { client, frames: r.usize(1..6), twice: r.u32(0..3) == 0 },
            84..100 => Self::Down { client, frames: r.usize(1..9), twice: r.u32(0..8) == 0 },
            100..107 => Self::Cut { client, client_knows: r.u32(0..4) > 0, server_knows: r.bool() },
            107..110 => Self::Haunt { client, what: r.u8(0..3) },
            110..116 => Self::Nudge { client, retry: r.u32(0..3) > 0 },
            116..121 => {
                let seconds = [1, 5, 12, 31, 80, 100];
                Self::Advance { seconds: seconds[r.usize(0..seconds.len())], reads: r.bool() }
            }
            121..124 => Self::Crash { reopen: r.u32(0..4) == 0, new_life: r.u32(0..10) == 0 },
            124..125 => Self::Drain,
            125..127 => Self::Ahead(topic(r)),
            127..132 => Self::Appear { client, topic: topic(r) },
            _ => Self::Exchange(client),
        }
    }
}

fn edits(r: &mut Rng) -> Vec<Edit> {
    (0..r.usize(1..=4)).map(|_| Edit::draw(r)).collect()
}
