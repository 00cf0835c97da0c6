//! Which ways through the system the schedules have taken, so that none silently stays untested.

/// The ways, counted.
#[derive(Clone, Debug)]
pub struct Paths([u64; ALL.len()]);

macro_rules! paths {
    ($($name:ident),* $(,)?) => {
        /// One way.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Path { $($name),* }

        const ALL: &[Path] = &[$(Path::$name),*];
    };
}

paths! {
    // How a subscription began.
    NothingMissed, RingReplay, LogReplay, AheadOfTailer, Listener, SameSocketAgain, JoinedFromOlder,
    ResyncEpoch, ResyncTooOld, ResyncAhead, ResyncTooMany, ResyncOverflow, ResyncUnreadable,
    // What the client left out.
    OwnerDedup, OlderSocket, FrameTwice, RequestTwice, FrozenSkip,
    // What happened to the connection.
    Cut, HalfOpen, OpenFailed, SlowClosed, SilentClosed, ClientGaveUp, Drained, Crash, CrashReopened,
    Blocked, HeartbeatPosition, HeartbeatSilent,
    // What happened to the database.
    OwnWrite, ForeignWrite, RolledBack, Damaged, Trimmed, Rekeyed, Replaced, Moved,
    LoadAcrossWrite,
    // Optimistic writes.
    SettledBeforeEvent, SettledAfterEvent, Refused, AnswerLost,
    // Sent past the log.
    MessageDelivered,
}

impl Default for Paths {
    fn default() -> Self {
        Self([0; ALL.len()])
    }
}

impl Paths {
    pub fn hit(&mut self, path: Path) {
        self.0[path as usize] += 1;
    }

    pub fn add(&mut self, other: &Self) {
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
