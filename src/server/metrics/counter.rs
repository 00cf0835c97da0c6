//! Counts that cost one relaxed addition.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; nothing is often added, and costs nothing.
    pub fn add(&self, count: u64) {
        if count > 0 {
            self.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one thing by the number of its kind.
#[derive(Debug)]
pub struct ByKind<const N: usize>([Counter; N]);

impl<const N: usize> Default for ByKind<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl<const N: usize> ByKind<N> {
    /// Adds to the kind with this number.
    pub fn add(&self, kind: usize, count: u64) {
        self.0[kind].add(count);
    }

    /// All counts, by the kinds' numbers.
    pub fn get(&self) -> [u64; N] {
        std::array::from_fn(|kind| self.0[kind].get())
    }
}
