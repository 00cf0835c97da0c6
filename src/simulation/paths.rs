//! Which ways through the system the schedules have taken, so that none silently stays untested.

/// The ways, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths([u64; ALL.len()]);

macro_rules! paths {
    ($($name:ident),* $(,)?) => {
        /// One way.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names say it; docs/simulation.md has a sentence for each")]
        pub enum Path { $($name),* }

        const ALL: &[Path] = &[$(Path::$name),*];
    };
}

paths! {
    // How a subscription began.
    NothingMissed, RingReplay, LogReplay, AheadOfTailer, Listener, SameSocketAgain, JoinedFromOlder,
    ResyncEpoch, ResyncTooOld, ResyncAhead, ResyncTooMany, ResyncOverflow, ResyncUnreadable,
    ErrorByName,
    // What the client left out.
    OwnerDedup, OlderSocket, OlderEcho, FrameTwice, RequestTwice, FrozenSkip,
    // What happened to the connection.
    Cut, HalfOpen, OpenFailed, SlowClosed, SilentClosed, ClientGaveUp, Drained, Blocked,
    HeartbeatPosition, HeartbeatSilent,
    // What happened to the page.
    Hidden, Throttled, Slept, Woken,
    // What happened to the server.
    Stopped, StoppedWhileBlocked, Crash, CrashBeforeReading, StartFailed,
    // What happened to the database.
    OwnWrite, ForeignWrite, Damaged, Trimmed, TrimmedByServer, Rekeyed, Replaced, Moved, Restored,
    ReadFailed, ReadSlow, LoadAcrossWrite,
    // Optimistic writes.
    SettledBeforeEvent, SettledAfterEvent, Refused, AnswerLost, Conflict, Merged,
    // Sent past the log.
    MessageDelivered,
}

impl Default for Paths {
    fn default() -> Self {
        Self([0; ALL.len()])
    }
}

impl Paths {
    pub(super) fn hit(&mut self, path: Path) {
        self.0[path as usize] += 1;
    }

    pub(super) fn add(&mut self, path: Path, times: u64) {
        self.0[path as usize] += times;
    }

    pub(super) fn has(&self, path: Path) -> bool {
        self.0[path as usize] > 0
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Each way with its count.
    pub fn counts(&self) -> impl Iterator<Item = (Path, u64)> + '_ {
        ALL.iter().map(|path| (*path, self.0[*path as usize]))
    }

    /// The ways that nobody took.
    pub fn untaken(&self) -> Vec<Path> {
        self.counts().filter(|(_, count)| *count == 0).map(|(path, _)| path).collect()
    }
}
