//! A bucket for each address: how often it may do something in a minute.

use std::{
    collections::{HashMap, hash_map::Entry},
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

/// So many addresses are remembered; further ones are not limited while all of these are busy.
const ADDRESSES: usize = 100_000;
/// How often addresses that have been quiet are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

/// A full bucket for every address.
pub(super) struct PerNetwork {
    limiter: RateLimiter<Network, Table, TokioClock, NoOpMiddleware<Duration>>,
    /// The same that the limiter has, which does not say whom it knows.
    table: Table,
    /// How long before its bucket is full an address may take the next.
    burst: Duration,
    swept: Mutex<Duration>,
}

/// When the bucket of each address that has taken something will be full again.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<HashMap<Network, Nanos>>>);

impl PerNetwork {
    /// Each may take `allowed` at once and in a minute.
    pub(super) fn new(allowed: u32) -> Self {
        let table = Table::default();
        let quota = quota(allowed, MINUTE);
        let burst = quota.replenish_interval() * (quota.burst_size().get() - 1);
        let limiter = RateLimiter::new(quota, table.clone(), TokioClock::new());
        Self { limiter, table, burst, swept: Mutex::default() }
    }

    /// Whether the address has taken something lately.
    pub(super) fn knows(&self, network: Network) -> bool {
        self.table.lock().contains_key(&network)
    }

    /// How long the address has to wait for its next one, if it has to.
    pub(super) fn wait(&self, network: Network) -> Option<Duration> {
        let full_at = Duration::from(*self.table.lock().get(&network)?);
        let wait = full_at.saturating_sub(self.burst).saturating_sub(self.limiter.clock().now());
        Some(wait).filter(|wait| !wait.is_zero())
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub(super) fn take(&self, network: Network) -> Result<(), Duration> {
        self.sweep();
        let clock = self.limiter.clock();
        self.limiter.check_key(&network).map_err(|not_yet| not_yet.wait_time_from(clock.now()))
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

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<Network, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Table {
    type Key = Network;

    fn measure_and_replace<T, F, E>(&self, network: &Network, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut table = self.lock();
        let is_full = table.len() >= ADDRESSES;
        match table.entry(*network) {
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

impl ShrinkableKeyedStateStore<Network> for Table {
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
        for n in 0..ADDRESSES as u32 {
            assert_eq!(connects.take(network(n)), Ok(()));
        }
        assert_eq!(connects.take(network(7)), Err(MINUTE));
        let late = network(ADDRESSES as u32);
        assert_eq!([connects.take(late), connects.take(late)], [Ok(()), Ok(())]);
        assert_eq!(connects.table.len(), ADDRESSES, "nobody else is remembered");
        tokio::time::advance(2 * MINUTE).await;
        assert_eq!(connects.take(late), Ok(()));
        assert!(connects.take(late).is_err(), "there is room again");
    }
}
