//! How long a connection may go on: until its proof expires, or until what it may do is taken away.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::wall_clock::unix_ms;

/// The time of one connection. Its session is the only one that waits for the end.
pub struct Lease {
    cut: AtomicBool,
    ends: Mutex<Option<Instant>>,
    changed: Notify,
}

impl Lease {
    /// Until so many milliseconds after 1970, or for good.
    pub fn new(expires_ms: Option<u64>) -> Self {
        let ends = Mutex::new(instant(expires_ms));
        Self { cut: AtomicBool::new(false), ends, changed: Notify::new() }
    }

    /// From now on until then, whatever it was before.
    pub fn renew(&self, expires_ms: Option<u64>) {
        *self.lock() = instant(expires_ms);
        self.changed.notify_one();
    }

    /// It is over now, and for good.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Whether it was cut.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Resolves when it is over.
    pub async fn over(&self) {
        while !self.is_cut() {
            let ends = *self.lock();
            match ends {
                None => self.changed.notified().await,
                Some(ends) => tokio::select! {
                    biased;
                    () = self.changed.notified() => {}
                    () = sleep_until(ends) => return,
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the wall clock will show this; `None` also for what lies beyond any clock.
fn instant(expires_ms: Option<u64>) -> Option<Instant> {
    let left = expires_ms?.saturating_sub(unix_ms());
    Instant::now().checked_add(Duration::from_millis(left))
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn spec_sy5_a_lease_ends_when_it_expires_and_not_before_it_was_renewed_to() {
        let lease = Lease::new(Some(unix_ms() + 60_000));
        let began = Instant::now();
        assert!(timeout(Duration::from_secs(50), lease.over()).await.is_err());
        lease.renew(Some(unix_ms() + 60_000));
        lease.over().await;
        let took = began.elapsed();
        assert!(took > Duration::from_secs(109) && took < Duration::from_secs(112), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn spec_sy5_a_lease_that_is_cut_is_over_at_once_and_cannot_be_renewed() {
        for expires_ms in [None, Some(u64::MAX), Some(unix_ms() + 60_000)] {
            let lease = Lease::new(expires_ms);
            assert!(timeout(Duration::from_secs(50), lease.over()).await.is_err());
            lease.cut();
            lease.renew(None);
            lease.over().await;
            assert!(lease.is_cut());
        }
        Lease::new(Some(0)).over().await;
    }
}
