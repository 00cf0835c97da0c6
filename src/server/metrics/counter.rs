//! Counts that cost one relaxed addition.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one thing by kind.
#[derive(Debug)]
pub struct Counts<const N: usize>([Counter; N]);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl<const N: usize> Counts<N> {
    /// Adds one of the kind with this number.
    pub fn add(&self, kind: usize) {
        self.0[kind].add(1);
    }

    /// All counts, by the kinds' numbers.
    pub fn get(&self) -> [u64; N] {
        std::array::from_fn(|kind| self.0[kind].get())
    }
}
