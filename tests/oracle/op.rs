//! What can happen, and how often.

use fastrand::Rng;

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

/// Any channel that lists follow.
pub fn topic(r: &mut Rng) -> Topic {
    // The first are the likeliest, so that lists share subscriptions.
    TOPICS[r.usize(0..TOPICS.len()).min(r.usize(0..TOPICS.len()))]
}

/// How many frames a socket holds.
pub fn room(r: &mut Rng) -> usize {
    if r.u32(0..3) > 0 { r.usize(1..=4) } else { 1_000 }
}

impl Op {
    /// Whether a client may lose its place by it.
    pub fn costs_places(&self) -> bool {
        matches!(
            self,
            Self::Trim { .. }
                | Self::Write(Writer::Damaged, _)
                | Self::Crash { new_life: true, .. }
        )
    }

    /// Any step.
    pub fn draw(r: &mut Rng, clients: usize) -> Self {
        let (client, list) = (r.usize(0..clients), r.usize(0..4));
        let mut at = r.u32(0..OFTEN.iter().map(|(weight, _)| weight).sum());
        let (_, make) = OFTEN
            .iter()
            .find(|(weight, _)| {
                let found = at < *weight;
                at = at.saturating_sub(*weight);
                found
            })
            .expect("the weights' sum is not reached");
        make(r, client, list)
    }
}

/// Makes a step for a page and one of its lists.
type Make = fn(&mut Rng, usize, usize) -> Op;

/// How often each step is drawn.
const OFTEN: [(u32, Make); 25] = [
    (14, |r, _, _| Op::Write(Writer::Own, edits(r))),
    (8, |r, _, _| Op::Write(Writer::Foreign, edits(r))),
    (1, |r, _, _| Op::Write(Writer::RolledBack, edits(r))),
    (1, |r, _, _| Op::Write(Writer::Damaged, edits(r))),
    (5, |_, _, _| Op::WakeTailer),
    (2, |r, _, _| Op::Trim { keep: r.u64(0..6) }),
    (3, |r, _, _| Op::Message(topic(r))),
    (6, |r, client, _| Op::Load { client, topic: topic(r) }),
    (1, |_, client, list| Op::Reload { client, list }),
    (5, |r, _, _| Op::Arrive(r.usize(0..3))),
    (6, |r, client, _| Op::Join { client, snapshot: r.usize(0..3), keep: r.bool() }),
    (2, |r, client, _| Op::Listen { client, topic: topic(r) }),
    (2, |_, client, list| Op::Leave { client, list }),
    (4, |r, client, list| Op::Begin { client, list, edit: Edit::draw_optimistic(r) }),
    (4, |r, _, _| Op::Execute(r.usize(0..3))),
    (4, |r, _, _| Op::Answer { write: r.usize(0..3), lost: r.bool() }),
    (6, |r, client, _| Op::Open { client, room: room(r), fails: r.u32(0..8) == 0 }),
    (5, |r, client, _| Op::Appear { client, topic: topic(r) }),
    (10, |_, client, _| Op::Exchange(client)),
    (10, |r, client, _| Op::Up { client, frames: r.usize(1..6), twice: r.u32(0..3) == 0 }),
    (16, |r, client, _| Op::Down { client, frames: r.usize(1..9), twice: r.u32(0..8) == 0 }),
    (20, |r, client, _| match r.u32(0..20) {
        0..7 => Op::Cut { client, client_knows: r.u32(0..4) > 0, server_knows: r.bool() },
        7..13 => Op::Nudge { client, retry: r.u32(0..3) > 0 },
        13..18 => Op::Haunt { client, what: r.u8(0..5) },
        _ => Op::Ahead(topic(r)),
    }),
    (5, |r, _, _| {
        let seconds = [1, 5, 12, 31, 80, 100];
        Op::Advance { seconds: seconds[r.usize(0..seconds.len())], reads: r.bool() }
    }),
    (3, |r, _, _| Op::Crash { reopen: r.u32(0..4) == 0, new_life: r.u32(0..10) == 0 }),
    (1, |_, _, _| Op::Drain),
];

fn edits(r: &mut Rng) -> Vec<Edit> {
    (0..r.usize(1..=4)).map(|_| Edit::draw(r)).collect()
}
