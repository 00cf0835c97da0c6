//! Attempts at something, such as signing in: so many of an address, or at a name, in a window.

use std::{net::IpAddr, time::Duration};

use sha2::{Digest, Sha256};

use super::{address::Network, per_network::PerKey, rounded_up};
use crate::contract::{ErrorCode, LiveError};

/// Counts attempts by who makes them or by what they are made at, each on its own.
pub struct Attempts {
    each: PerKey<Key>,
    limit: &'static str,
    most: u32,
    window: Duration,
}

/// A part of a hash: there are fewer of these than the table has room for, so that nobody can fill it with
/// names and go on unlimited. Two names that share one share its attempts.
type Key = [u8; 2];

impl Attempts {
    /// At most `most` at once and in each `window`; a refusal begins with the name `limit`.
    pub fn new(limit: &'static str, most: u32, window: Duration) -> Self {
        Self { each: PerKey::within(most, window), limit, most, window }
    }

    /// Counts an attempt of this address. One without an address, as in tests, is not limited.
    ///
    /// # Errors
    /// `rate_limited`, with the limit's name and when to try again.
    pub fn of_address(&self, address: Option<IpAddr>) -> Result<(), LiveError> {
        match address.map(Network::of) {
            Some(Network::V4(address)) => self.take(&address.octets()),
            Some(Network::V6(network)) => self.take(&network.map(u16::to_be_bytes).concat()),
            None => Ok(()),
        }
    }

    /// Counts an attempt at this name.
    ///
    /// # Errors
    /// As [`Self::of_address`].
    pub fn at_name(&self, name: &str) -> Result<(), LiveError> {
        self.take(name.as_bytes())
    }

    fn take(&self, key: &[u8]) -> Result<(), LiveError> {
        let hash = Sha256::digest(key);
        let key = std::array::from_fn(|at| hash[at]);
        self.each.take(key).map_err(|wait| {
            let (limit, most, window) = (self.limit, self.most, self.window.as_secs());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let text = format!("{limit}: at most {most} in {window} s. Try again in {seconds} s.");
            LiveError::new(ErrorCode::RateLimited, text).retry_after(rounded_up(wait))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn spec_sy7_attempts_are_counted_by_address_and_by_name() {
        let attempts = Attempts::new("tries", 2, Duration::from_secs(60));
        let address = |text: &str| Some(text.parse().unwrap());
        attempts.of_address(address("192.0.2.1")).unwrap();
        attempts.of_address(address("192.0.2.1")).unwrap();
        let refused = attempts.of_address(address("192.0.2.1")).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_ms), (ErrorCode::RateLimited, Some(30_000)));
        assert_eq!(refused.message, "tries: at most 2 in 60 s. Try again in 30 s.");
        attempts.of_address(address("192.0.2.2")).unwrap();
        for host in ["2001:db8::1", "2001:db8::2"] {
            attempts.of_address(address(host)).unwrap();
        }
        assert!(attempts.of_address(address("2001:db8::3")).is_err(), "one network");
        for _ in 0..5 {
            attempts.of_address(None).unwrap();
        }
        attempts.at_name("ann").unwrap();
        attempts.at_name("ann").unwrap();
        assert!(attempts.at_name("ann").is_err());
        attempts.at_name("bob").unwrap();
        // However many other names there are.
        let taken = (0..200_000).filter(|n: &u32| attempts.at_name(&n.to_string()).is_ok()).count();
        assert!(taken <= 2 << 16, "{taken}");
        assert!(attempts.at_name("ann").is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        attempts.at_name("ann").unwrap();
    }
}
