//! The task that looks after presences when their time has come; asleep while nothing is due.

use tokio::time::{Instant, sleep_until};

use super::{super::Realtime, Presence, due::What};

/// How much is done at a time while others wait for the registry.
const BATCH: usize = 64;

/// Runs until the server stops; from then on nobody is present.
pub async fn keep_sweeping(realtime: Realtime) {
    let presence = realtime.presence();
    loop {
        let next = presence.sweep();
        let due = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = realtime.stopping() => return presence.close(),
            () = presence.sooner.notified() => {}
            () = due => {}
        }
    }
}

impl Presence {
    /// Does what is due; returns when to come again.
    pub(super) fn sweep(&self) -> Option<Instant> {
        loop {
            let mut state = self.lock();
            for _ in 0..BATCH {
                let now = Instant::now();
                let Some(what) = state.due.pop(now) else { return state.due.next() };
                match what {
                    What::Grace(name, user) => {
                        if let Some(channel) = state.channels.get_mut(&name) {
                            channel.expire(&user, now);
                            state.settle(&name, now);
                        }
                    }
                    What::Count(name) => {
                        if let Some(channel) = state.channels.get_mut(&name) {
                            channel.count_is_due();
                            state.settle(&name, now);
                        }
                    }
                    What::Silence(id) => self.check_silence(&mut state, id, now),
                }
            }
        }
    }
}
