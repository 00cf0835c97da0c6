//! How much one connection, one address and all of them together may ask for.
//!
//! `admission` decides over new connections, by `address`; `requests` over the frames of an open one;
//! `looks` over requests for numbers, `attempts` over what an application wants to bound itself.
//! All count on Tokio's clock, so that tests turn it forward.

mod address;
mod admission;
mod attempts;
mod clock;
mod looks;
mod per_network;
mod proofs;
mod requests;

pub use address::client_address;
pub use admission::{Admission, AdmissionGuard, TurnedAway};
pub use attempts::Attempts;
pub use clock::Bucket;
pub use looks::Looks;
pub use proofs::WrongProofs;
pub use requests::{RequestKind, Requests};

use std::time::Duration;

/// Whole milliseconds, rounded up, so that who waits that long has waited long enough.
pub fn rounded_up(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
