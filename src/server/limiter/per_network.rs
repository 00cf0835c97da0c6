//! A bucket for each address, or for whatever else may only do something so often.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::{
    address::Network,
    clock::{TokioClock, quota},
};

/// So many keys are remembered; further ones are not limited while all of these are busy.
const KEYS: usize = 100_000;
/// How often keys that have been quiet are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

/// A full bucket for every address.
pub(super) type PerNetwork = PerKey<Network>;

/// A full bucket for every key.
pub(super) struct PerKey<K: Copy + Eq + Hash> {
    limiter: RateLimiter<K, Table<K>, TokioClock, NoOpMiddleware<Duration>>,
    /// The same that the limiter has, which does not say whom it knows.
    table: Table<K>,
    /// How long before its bucket is full a key may take the next.
    burst: Duration,
    swept: Mutex<Duration>,
}

/// When the bucket of each key that has taken something will be full again.
struct Table<K>(Arc<Mutex<HashMap<K, Nanos>>>);

impl<K: Copy + Eq + Hash> PerKey<K> {
    /// Each may take `allowed` at once and in a minute.
    pub(super) fn new(allowed: u32) -> Self {
        Self::within(allowed, MINUTE)
    }

    /// Each may take `allowed` at once and in each `period`.
    pub(super) fn within(allowed: u32, period: Duration) -> Self {
        let table = Table(Arc::default());
        let copy = Table(table.0.clone());
        let quota = quota(allowed, period);
        let burst = quota.replenish_interval() * (quota.burst_size().get() - 1);
        let limiter = RateLimiter::new(quota, copy, TokioClock::new());
        Self { limiter, table, burst, swept: Mutex::default() }
    }

    /// Whether the key has taken something lately.
    pub(super) fn knows(&self, key: K) -> bool {
        self.table.lock().contains_key(&key)
    }

    /// How long the key has to wait for its next one, if it has to.
    pub(super) fn wait(&self, key: K) -> Option<Duration> {
        let full_at = Duration::from(*self.table.lock().get(&key)?);
        let wait = full_at.saturating_sub(self.burst).saturating_sub(self.limiter.clock().now());
        Some(wait).filter(|wait| !wait.is_zero())
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub(super) fn take(&self, key: K) -> Result<(), Duration> {
        self.sweep();
        let clock = self.limiter.clock();
        self.limiter.check_key(&key).map_err(|not_yet| not_yet.wait_time_from(clock.now()))
    }

    fn sweep(&self) {
        let now = self.limiter.clock().now();
        {
            let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_sub(*swept) < SWEEP_EVERY {
                return;
            }
            *swept = now;
        }
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

impl<K> Table<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut table = self.lock();
        let is_full = table.len() >= KEYS;
        match table.entry(*key) {
            Entry::Occupied(mut known) => {
                let (answer, next) = measure(Some(*known.get()))?;
                known.insert(next);
                Ok(answer)
            }
            Entry::Vacant(place) => {
                let (answer, next) = measure(None)?;
                // Whoever is known stays limited, however many others come.
                if !is_full {
                    place.insert(next);
                }
                Ok(answer)
            }
        }
    }
}

impl<K: Copy + Eq + Hash> ShrinkableKeyedStateStore<K> for Table<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().retain(|_, full_at| *full_at > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.lock().shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn network(n: u32) -> Network {
        Network::of(IpAddr::V4(Ipv4Addr::from(n)))
    }

    #[tokio::test(start_paused = true)]
    async fn spec_sy7_addresses_that_are_quiet_again_are_forgotten() {
        let connects = PerNetwork::new(1_200);
        for n in 0..5_000 {
            _ = connects.take(network(n));
        }
        assert_eq!(connects.table.len(), 5_000);
        assert!(connects.knows(network(1)));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(connects.take(network(1)), Ok(()));
        assert_eq!(connects.table.len(), 1);
        assert!(!connects.knows(network(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn spec_ig10_a_full_table_still_limits_those_whom_it_knows() {
        let connects = PerNetwork::new(1);
        for n in 0..KEYS as u32 {
            assert_eq!(connects.take(network(n)), Ok(()));
        }
        assert_eq!(connects.take(network(7)), Err(MINUTE));
        let late = network(KEYS as u32);
        assert_eq!([connects.take(late), connects.take(late)], [Ok(()), Ok(())]);
        assert_eq!(connects.table.len(), KEYS, "nobody else is remembered");
        tokio::time::advance(2 * MINUTE).await;
        assert_eq!(connects.take(late), Ok(()));
        assert!(connects.take(late).is_err(), "there is room again");
    }
}
