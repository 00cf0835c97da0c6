//! Proofs that do not hold: so many of one address a minute, then no further one of it is looked at.

use std::net::IpAddr;

use super::{address::Network, per_network::PerNetwork, rounded_up};
use crate::contract::{ErrorCode, Limits, LiveError};

/// Counts wrong proofs.
pub struct WrongProofs {
    each: PerNetwork,
    most: u32,
}

impl WrongProofs {
    /// Nobody has brought any yet.
    pub fn new(limits: &Limits) -> Self {
        let most = limits.wrong_proofs_per_minute;
        Self { each: PerNetwork::new(most), most }
    }

    /// Whether a proof from this address is looked at. One without an address, as in tests, is.
    ///
    /// # Errors
    /// `rate_limited`, with the limit's name and when to come again: a right one, too, so that a flood
    /// does not learn which it was.
    pub fn check(&self, address: Option<IpAddr>) -> Result<(), LiveError> {
        let wait = address.and_then(|address| self.each.wait(Network::of(address)));
        wait.map_or(Ok(()), |wait| {
            let most = self.most;
            let text =
                format!("wrong_proofs_per_minute: an address may bring {most} that do not hold");
            Err(LiveError::new(ErrorCode::RateLimited, text).retry_after(rounded_up(wait)))
        })
    }

    /// Counts one that did not hold.
    pub fn count(&self, address: Option<IpAddr>) {
        // That there is none left is what the next check says.
        _ = address.map(|address| self.each.take(Network::of(address)));
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn spec_sy7_who_brings_one_wrong_proof_after_another_is_not_looked_at_for_a_while() {
        let limits = Limits { wrong_proofs_per_minute: 3, ..Limits::default() };
        let proofs = WrongProofs::new(&limits);
        let [one, other] = [1, 2].map(|n| Some(IpAddr::V4(Ipv4Addr::from(n))));
        for _ in 0..3 {
            assert_eq!(proofs.check(one), Ok(()));
            proofs.count(one);
        }
        let refused = proofs.check(one).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_ms), (ErrorCode::RateLimited, Some(20_000)));
        assert!(refused.message.starts_with("wrong_proofs_per_minute: "), "{refused}");
        // Looking costs nothing, and others are not concerned.
        assert_eq!(proofs.check(one), Err(refused));
        assert_eq!(proofs.check(other), Ok(()));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(proofs.check(one), Ok(()));
        proofs.count(one);
        assert!(proofs.check(one).is_err());
        for _ in 0..10 {
            proofs.count(None);
            assert_eq!(proofs.check(None), Ok(()));
        }
    }
}
