//! What can happen, and how often.

use fastrand::Rng;

use super::{edit::Edit, log::Slow};

/// One step. Numbers choose among what there is, so that every part of a schedule is a schedule too.
#[derive(Clone, Debug)]
pub enum Op {
    /// A transaction of the server's own process (`wakes`), or of another program.
    Write {
        wakes: bool,
        damaged: bool,
        edits: Vec<Edit>,
    },
    /// The tailer looks at the log.
    WakeTailer,
    Trim {
        keep: u64,
    },
    /// A message that is not in the log.
    Message {
        topic: usize,
    },
    /// The next reads of the log fail.
    FailReads(u32),
    /// From now on reads of the log are slow, or no longer.
    SlowReads(Option<Slow>),
    /// A slow read arrives.
    AnswerRead(usize),
    /// A snapshot is begun: for a list that waits for one, otherwise to be joined with later.
    Load {
        page: usize,
        topic: usize,
    },
    /// A person asks for the list again.
    Reload {
        page: usize,
        list: usize,
    },
    /// A snapshot arrives.
    Arrive(usize),
    /// A list appears with a snapshot that arrived, maybe long ago.
    Join {
        page: usize,
        snapshot: usize,
        keep: bool,
    },
    Listen {
        page: usize,
        topic: usize,
    },
    Leave {
        page: usize,
        list: usize,
    },
    /// A write is shown, and then sent, and then answered.
    Begin {
        page: usize,
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
        page: usize,
        room: usize,
        fails: bool,
    },
    /// A page is opened or returned to: its list is loaded, joined and asked for.
    Appear {
        page: usize,
        topic: usize,
    },
    /// Whatever waits on either side reaches the other.
    Exchange(usize),
    /// Frames reach the server.
    Up {
        page: usize,
        frames: usize,
        twice: bool,
    },
    /// Frames reach the client.
    Down {
        page: usize,
        frames: usize,
        twice: bool,
    },
    /// The socket breaks; each side may learn of it at once or later.
    Cut {
        page: usize,
        client_knows: bool,
        server_knows: bool,
    },
    /// Frames of an older socket arrive after all, or again, or its end does.
    Haunt {
        page: usize,
        what: u8,
    },
    /// A person does not want to wait.
    Retry(usize),
    /// The tab is hidden: its timers run once a minute.
    Hide(usize),
    /// The page's machine sleeps; `check` when the page learns of the waking by an event, and not by a
    /// timer that is late.
    Sleep {
        page: usize,
        seconds: u64,
        check: bool,
    },
    /// The page is visible again, or its machine awake.
    Wake(usize),
    /// `reads` says whether the pages receive meanwhile.
    Advance {
        seconds: u64,
        reads: bool,
    },
    /// The server is killed and started again; requests under way die with it, or were through.
    Crash {
        requests_die: bool,
    },
    /// The same, and a backup is restored that lacks the newest entries.
    Restore {
        lost: usize,
    },
    /// The server stops as it should and is started again.
    Stop,
    /// Somebody comes with a position that the log has not reached.
    Ahead {
        topic: usize,
    },
}

/// Any channel; the first are the likeliest, so that lists share subscriptions.
pub fn topic(r: &mut Rng) -> usize {
    r.usize(0..8).min(r.usize(0..8))
}

/// How many frames a socket holds.
pub fn room(r: &mut Rng) -> usize {
    if r.u32(0..3) > 0 { r.usize(1..=4) } else { 1_000 }
}

pub fn edits(r: &mut Rng) -> Vec<Edit> {
    (0..r.usize(1..=4)).map(|_| Edit::draw(r)).collect()
}

impl Op {
    /// Whether a client may lose its place by it.
    pub fn costs_places(&self) -> bool {
        matches!(self, Self::Trim { .. } | Self::Write { damaged: true, .. } | Self::Restore { .. })
    }

    /// Any step.
    pub fn draw(r: &mut Rng, pages: usize) -> Self {
        let (page, list) = (r.usize(0..pages), r.usize(0..4));
        let mut at = r.u32(0..OFTEN.iter().map(|(weight, _)| weight).sum());
        let (_, make) = OFTEN
            .iter()
            .find(|(weight, _)| {
                let found = at < *weight;
                at = at.saturating_sub(*weight);
                found
            })
            .expect("the weights' sum is not reached");
        make(r, page, list)
    }
}

/// Makes a step for a page and one of its lists.
type Make = fn(&mut Rng, usize, usize) -> Op;

/// How often each step is drawn.
const OFTEN: [(u32, Make); 30] = [
    (14, |r, _, _| Op::Write { wakes: true, damaged: false, edits: edits(r) }),
    (8, |r, _, _| Op::Write { wakes: false, damaged: false, edits: edits(r) }),
    (1, |r, _, _| Op::Write { wakes: false, damaged: true, edits: edits(r) }),
    (5, |_, _, _| Op::WakeTailer),
    (2, |r, _, _| Op::Trim { keep: r.u64(0..6) }),
    (3, |r, _, _| Op::Message { topic: topic(r) }),
    (1, |r, _, _| Op::FailReads(r.u32(1..4))),
    (2, |r, _, _| {
        Op::SlowReads([None, Some(Slow::Early), Some(Slow::Late), Some(Slow::Late)][r.usize(0..4)])
    }),
    (6, |r, _, _| Op::AnswerRead(r.usize(0..3))),
    (6, |r, page, _| Op::Load { page, topic: topic(r) }),
    (1, |_, page, list| Op::Reload { page, list }),
    (5, |r, _, _| Op::Arrive(r.usize(0..3))),
    (6, |r, page, _| Op::Join { page, snapshot: r.usize(0..3), keep: r.bool() }),
    (2, |r, page, _| Op::Listen { page, topic: topic(r) }),
    (2, |_, page, list| Op::Leave { page, list }),
    (4, |r, page, list| Op::Begin { page, list, edit: Edit::draw_optimistic(r) }),
    (4, |r, _, _| Op::Execute(r.usize(0..3))),
    (4, |r, _, _| Op::Answer { write: r.usize(0..3), lost: r.u32(0..4) == 0 }),
    (6, |r, page, _| Op::Open { page, room: room(r), fails: r.u32(0..8) == 0 }),
    (5, |r, page, _| Op::Appear { page, topic: topic(r) }),
    (10, |_, page, _| Op::Exchange(page)),
    (10, |r, page, _| Op::Up { page, frames: r.usize(1..6), twice: r.u32(0..3) == 0 }),
    (16, |r, page, _| Op::Down { page, frames: r.usize(1..9), twice: r.u32(0..8) == 0 }),
    (22, |r, page, _| match r.u32(0..22) {
        0..7 => Op::Cut { page, client_knows: r.u32(0..4) > 0, server_knows: r.bool() },
        7..11 => Op::Retry(page),
        11..13 => Op::Wake(page),
        13..20 => Op::Haunt { page, what: r.u8(0..7) },
        _ => Op::Ahead { topic: topic(r) },
    }),
    (1, |_, page, _| Op::Hide(page)),
    (1, |r, page, _| Op::Sleep { page, seconds: r.u64(6..200), check: r.bool() }),
    (5, |r, _, _| {
        let seconds = [1, 5, 12, 31, 80, 100];
        Op::Advance { seconds: seconds[r.usize(0..seconds.len())], reads: r.bool() }
    }),
    (3, |r, _, _| Op::Crash { requests_die: r.bool() }),
    (1, |r, _, _| if r.bool() { Op::Stop } else { Op::Restore { lost: r.usize(0..6) } }),
    (1, |r, _, _| if r.bool() { Op::Stop } else { Op::Crash { requests_die: true } }),
];
