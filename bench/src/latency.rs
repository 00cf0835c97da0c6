//! Times from commit to reader, in buckets that many tasks share.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Bucket `i` ends at 1.05 to the power of `i`, in microseconds: the last at 30 minutes.
const BUCKETS: usize = 440;
const GROWTH: f64 = 1.05;

/// A histogram with an error of 5 %.
pub struct Latencies([AtomicU64; BUCKETS]);

impl Latencies {
    /// An empty one.
    pub fn new() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Takes the time since `sent_us`, microseconds since 1970.
    pub fn record_since(&self, sent_us: u64) {
        let took = now_us().saturating_sub(sent_us).max(1);
        let bucket = ((took as f64).ln() / GROWTH.ln()).ceil() as usize;
        self.0[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// The time that `share` of all do not exceed.
    pub fn percentile(&self, share: f64) -> Duration {
        let counts = self.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        let wanted = (counts.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in counts.into_iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return Duration::from_secs_f64(GROWTH.powi(bucket as i32) / 1e6);
            }
        }
        Duration::ZERO
    }
}

/// Microseconds since 1970.
pub fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
