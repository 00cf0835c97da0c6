//! Governor's algorithm on Tokio's clock.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

/// Tokio's time since the clock was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokioClock(Instant);

impl TokioClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Lets a number of things through at once, and as many again in each period, evenly.
pub struct Bucket(RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>);

impl Bucket {
    /// A full bucket for `allowed` things a `period`; at least one.
    pub fn new(allowed: u32, period: Duration) -> Self {
        Self(RateLimiter::direct_with_clock(quota(allowed, period), TokioClock::new()))
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub fn take(&self) -> Result<(), Duration> {
        self.0.check().map_err(|not_yet| not_yet.wait_time_from(self.0.clock().now()))
    }
}

/// `allowed` at once and in each period.
pub(super) fn quota(allowed: u32, period: Duration) -> Quota {
    let burst = NonZeroU32::new(allowed).unwrap_or(NonZeroU32::MIN);
    // A period too short to be divided is no limit that anybody notices.
    let each = (period / burst.get()).max(Duration::from_nanos(1));
    Quota::with_period(each).expect("a period above zero").allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_fills_again_on_tokios_clock() {
        let bucket = Bucket::new(3, Duration::from_secs(3));
        assert_eq!([bucket.take(), bucket.take(), bucket.take()], [Ok(()); 3]);
        let wait = bucket.take().unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        tokio::time::advance(wait).await;
        assert_eq!(bucket.take(), Ok(()));
        assert!(bucket.take().is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        let burst = std::iter::from_fn(|| bucket.take().ok()).count();
        assert_eq!(burst, 3, "what was not used is not saved up beyond the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_of_nothing_still_lets_one_through() {
        assert_eq!(Bucket::new(0, Duration::from_secs(1)).take(), Ok(()));
        assert_eq!(Bucket::new(5, Duration::ZERO).take(), Ok(()));
    }
}
