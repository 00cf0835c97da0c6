//! Who may open another connection: so many of one address, so many a minute, so many of all a second.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{address::Network, clock::Bucket, per_network::PerNetwork, rounded_up};
use crate::contract::{ErrorCode, Limits, LiveError};

/// When an address that has all its connections open may hope that one has ended.
const OCCUPIED: Duration = Duration::from_secs(10);

/// Decides over new connections.
pub struct Admission {
    all: Bucket,
    connects: PerNetwork,
    open: Mutex<HashMap<Network, usize>>,
    limits: Limits,
}

/// Why a connection was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// `connections_per_address` are open.
    Occupied,
    /// `connects_per_minute` of this address have come.
    TooOften(Duration),
    /// `admissions_per_second` of all addresses have come.
    Crowd(Duration),
}

/// One open connection's place; dropping it gives the place back.
pub struct AdmissionGuard {
    place: Option<(Arc<Admission>, Network)>,
}

impl Admission {
    /// Nobody has come yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            all: Bucket::new(limits.admissions_per_second, Duration::from_secs(1)),
            connects: PerNetwork::new(limits.connects_per_minute),
            open: Mutex::default(),
            limits: limits.clone(),
        }
    }

    /// Lets a connection in. One without an address, as in tests, is only counted with all others.
    ///
    /// # Errors
    /// [`TurnedAway`]: which limit, and how long to wait.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<AdmissionGuard, TurnedAway> {
        let network = address.map(Network::of);
        // Returned in time by the guard, whichever of the others refuses.
        let guard = AdmissionGuard { place: network.map(|n| self.occupy(n)).transpose()? };
        let all = || self.all.take().map_err(TurnedAway::Crowd);
        let connects = |network| self.connects.take(network).map_err(TurnedAway::TooOften);
        match network {
            // Whoever is refused by their own limit takes nothing from the others.
            Some(network) if self.connects.knows(network) => {
                connects(network).and_then(|()| all())?
            }
            // Nobody is remembered who is not let in, so a crowd cannot fill the table faster than that.
            Some(network) => all().and_then(|()| connects(network))?,
            None => all()?,
        }
        Ok(guard)
    }

    fn occupy(self: &Arc<Self>, network: Network) -> Result<(Arc<Self>, Network), TurnedAway> {
        let mut open = lock(&self.open);
        let count = open.entry(network).or_default();
        if *count >= self.limits.connections_per_address.max(1) {
            return Err(TurnedAway::Occupied);
        }
        *count += 1;
        Ok((self.clone(), network))
    }

    /// The answer to who was turned away: its text names the limit.
    pub fn refusal(&self, reason: TurnedAway) -> LiveError {
        let limits = &self.limits;
        let (text, wait) = match reason {
            TurnedAway::Occupied => {
                let most = limits.connections_per_address;
                (format!("connections_per_address: {most} may be open at a time"), OCCUPIED)
            }
            TurnedAway::TooOften(wait) => {
                let most = limits.connects_per_minute;
                (
                    format!("connects_per_minute: an address may connect {most} times in a minute"),
                    wait,
                )
            }
            TurnedAway::Crowd(wait) => {
                let most = limits.admissions_per_second;
                (format!("admissions_per_second: the server takes {most} connections"), wait)
            }
        };
        LiveError::new(ErrorCode::RateLimited, text).retry_after(rounded_up(wait))
    }
}

impl TurnedAway {
    /// Its name in the numbers: the limit's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Occupied => "connections_per_address",
            Self::TooOften(_) => "connects_per_minute",
            Self::Crowd(_) => "admissions_per_second",
        }
    }
}

impl Drop for AdmissionGuard {
    fn drop(&mut self) {
        let Some((admission, network)) = self.place.take() else { return };
        if let Entry::Occupied(mut place) = lock(&admission.open).entry(network) {
            *place.get_mut() -= 1;
            if *place.get() == 0 {
                place.remove();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(set: impl FnOnce(&mut Limits)) -> Arc<Admission> {
        let mut limits = Limits::default();
        set(&mut limits);
        Arc::new(Admission::new(&limits))
    }

    fn from(n: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::from(n)))
    }

    use std::net::Ipv4Addr;

    #[tokio::test(start_paused = true)]
    async fn spec_sy7_an_address_has_so_many_places_and_gets_them_back() {
        let admission = admission(|limits| limits.connections_per_address = 2);
        let first = admission.admit(from(1)).ok().unwrap();
        let _second = admission.admit(from(1)).ok().unwrap();
        assert_eq!(admission.admit(from(1)).err(), Some(TurnedAway::Occupied));
        assert!(admission.admit(from(2)).is_ok(), "others are not concerned");
        drop(first);
        assert!(admission.admit(from(1)).is_ok());
        assert_eq!(lock(&admission.open).len(), 1, "who has left is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn spec_ig10_an_address_may_connect_so_often_in_a_minute() {
        let admission = admission(|limits| limits.connects_per_minute = 3);
        for _ in 0..3 {
            assert!(admission.admit(from(1)).is_ok());
        }
        let Err(refused @ TurnedAway::TooOften(wait)) = admission.admit(from(1)) else { panic!() };
        assert_eq!(wait, Duration::from_secs(20));
        let error = admission.refusal(refused);
        assert_eq!((error.code, error.retry_after_ms), (ErrorCode::RateLimited, Some(20_000)));
        assert!(error.message.contains("connects_per_minute"), "{error}");
        assert!(admission.admit(from(2)).is_ok());
        tokio::time::advance(wait).await;
        assert!(admission.admit(from(1)).is_ok());
        assert_eq!(lock(&admission.open).len(), 0, "a refused connection keeps no place");
    }

    #[tokio::test(start_paused = true)]
    async fn spec_nx14_a_crowd_is_let_in_at_the_servers_pace() {
        let admission = admission(|limits| limits.admissions_per_second = 10);
        let admitted = |crowd: std::ops::Range<u32>| {
            crowd.filter(|n| admission.admit(from(*n)).is_ok()).count()
        };
        assert_eq!(admitted(0..100), 10);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(admitted(100..200), 5);
        assert!(matches!(admission.admit(None).err(), Some(TurnedAway::Crowd(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn spec_nx14_who_is_not_let_in_is_not_remembered() {
        let admission = admission(|limits| {
            limits.admissions_per_second = 10;
            limits.connects_per_minute = 2;
        });
        for n in 0..100 {
            _ = admission.admit(from(n));
        }
        assert!(admission.connects.knows(Network::of(from(9).unwrap())));
        assert!(!admission.connects.knows(Network::of(from(10).unwrap())));
        // An address beyond its own limit leaves the others' places to them.
        tokio::time::advance(Duration::from_secs(1)).await;
        let admitted = (0..100).filter(|_| admission.admit(from(1)).is_ok()).count();
        assert_eq!(admitted, 1);
        assert_eq!((200..300).filter(|n| admission.admit(from(*n)).is_ok()).count(), 9);
    }
}
