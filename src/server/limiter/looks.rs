//! Requests that only look at the server, and cost it a look at much: so many of one address a minute.

use std::net::IpAddr;

use super::{address::Network, per_network::PerNetwork, rounded_up};
use crate::contract::{ErrorCode, Limits, LiveError};

/// Decides over looks.
pub struct Looks {
    each: PerNetwork,
    most: u32,
}

impl Looks {
    /// Nobody has looked yet.
    pub fn new(limits: &Limits) -> Self {
        let most = limits.looks_per_minute;
        Self { each: PerNetwork::new(most), most }
    }

    /// Counts a look. One without an address, as in tests, is not limited.
    ///
    /// # Errors
    /// `rate_limited`, with the limit's name and when to come again.
    pub fn take(&self, address: Option<IpAddr>) -> Result<(), LiveError> {
        let Some(network) = address.map(Network::of) else { return Ok(()) };
        self.each.take(network).map_err(|wait| {
            let text =
                format!("looks_per_minute: an address may look {} times in a minute", self.most);
            LiveError::new(ErrorCode::RateLimited, text).retry_after(rounded_up(wait))
        })
    }
}
