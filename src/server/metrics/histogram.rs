//! How long things take: fixed buckets, no lock.

use serde::Serialize;

use super::Counter;

/// The buckets' upper bounds, in milliseconds.
pub const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// A distribution of durations.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One more than bounds, for what is longer than the last.
    buckets: [Counter; BOUNDS_MS.len() + 1],
    sum_ms: Counter,
}

/// A distribution in a few numbers. A quantile is the upper bound of the bucket that it falls into.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many durations there were.
    pub count: u64,
    /// Half of them took at most so many milliseconds; `None` without any, or beyond the last bucket.
    pub p50_ms: Option<u64>,
    /// The same of 99 in a hundred.
    pub p99_ms: Option<u64>,
}

impl Histogram {
    /// Counts a duration.
    pub fn record(&self, milliseconds: u64) {
        let at = BOUNDS_MS.iter().position(|bound| milliseconds <= *bound);
        self.buckets[at.unwrap_or(BOUNDS_MS.len())].add(1);
        self.sum_ms.add(milliseconds);
    }

    /// Each bucket's count with its bound in seconds, and the sum of all durations in seconds.
    pub fn buckets(&self) -> (Vec<(f64, u64)>, f64) {
        let bounds = BOUNDS_MS.iter().map(|bound| *bound as f64 / 1_000.0).chain([f64::INFINITY]);
        let counts = bounds.zip(self.buckets.iter().map(Counter::get)).collect();
        (counts, self.sum_ms.get() as f64 / 1_000.0)
    }

    /// The distribution in a few numbers.
    pub fn quantiles(&self) -> Quantiles {
        let counts: Vec<u64> = self.buckets.iter().map(Counter::get).collect();
        let count: u64 = counts.iter().sum();
        let quantile = |hundredths: u64| {
            let wanted = (count * hundredths).div_ceil(100).max(1);
            let mut seen = 0;
            let mut reached = counts.iter().zip(BOUNDS_MS);
            let found = reached.find(|(count, _)| {
                seen += **count;
                seen >= wanted
            });
            found.map(|(_, bound)| bound)
        };
        Quantiles { count, p50_ms: quantile(50), p99_ms: quantile(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_bounds_of_their_buckets() {
        let histogram = Histogram::default();
        let empty = histogram.quantiles();
        assert_eq!((empty.count, empty.p50_ms, empty.p99_ms), (0, None, None));
        for _ in 0..98 {
            histogram.record(3);
        }
        histogram.record(400);
        histogram.record(99_999);
        let full = histogram.quantiles();
        assert_eq!((full.count, full.p50_ms, full.p99_ms), (100, Some(5), Some(500)));
        let (buckets, sum) = histogram.buckets();
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 100);
        assert!((sum - 100.693).abs() < 1e-9, "{sum}");
        assert_eq!(buckets[2], (0.005, 98));
    }
}
