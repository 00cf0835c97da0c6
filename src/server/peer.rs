//! What is known of a connection's other end.

use std::net::IpAddr;

use super::identity::Identity;
use crate::contract::Transport;

/// The other end of one connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who it is.
    pub identity: Identity,
    /// Where it is, when it came over a network.
    pub address: Option<IpAddr>,
    /// How its frames travel.
    pub transport: Transport,
}

impl Peer {
    /// A guest of its own without an address, for tests.
    pub fn nobody() -> Self {
        Self { identity: Identity::passer_by(), address: None, transport: Transport::WebSocket }
    }
}
