//! Who somebody is: by what they bring to prove it, a token, a key or a ticket, or else by their cookie.
//! Whoever brings a proof that does not hold is refused, and not taken for a guest.

mod hs256;
mod key;
mod ticket;
mod token;

use std::net::IpAddr;

use async_trait::async_trait;
use subtle::ConstantTimeEq;
use tidewire::{
    ErrorCode, LiveError,
    server::{
        Database, Identity, Permissions,
        identity::{Authenticate, Connect, Ticket},
    },
};

use key::Keys;
use ticket::Tickets;
pub use token::{Claims, Tokens};

/// Knows everybody: programs by their proofs, and visitors of pages by another hook.
pub struct Everybody {
    visitors: Box<dyn Authenticate>,
    tokens: Option<Tokens>,
    tickets: Tickets,
    keys: Keys,
    broadcast_key: Option<String>,
}

impl Everybody {
    /// `visitors` knows those who bring nothing but cookies.
    pub fn new(database: Database, visitors: impl Authenticate) -> Self {
        Self {
            visitors: Box::new(visitors),
            tokens: None,
            tickets: Tickets::new(None),
            keys: Keys::new(database),
            broadcast_key: None,
        }
    }

    /// Takes tokens that are signed with this secret; without one, or with an empty one, none.
    pub fn token_secret(mut self, secret: Option<&str>) -> Self {
        let secret = secret.filter(|secret| !secret.is_empty()).map(str::as_bytes);
        self.tokens = secret.map(Tokens::new);
        self.tickets = Tickets::new(secret);
        self
    }

    /// What proves a server that may write and inspect everything; without one, or with an empty one,
    /// nobody is.
    pub fn broadcast_key(mut self, key: Option<&str>) -> Self {
        self.broadcast_key = key.filter(|key| !key.is_empty()).map(str::to_owned);
        self
    }

    async fn bearer(&self, proof: &[u8]) -> Result<Identity, LiveError> {
        // In constant time: how long a wrong one takes says nothing about the right one.
        let key = self.broadcast_key.as_deref().map(str::as_bytes);
        if key.is_some_and(|key| key.ct_eq(proof).into()) {
            let permissions = Permissions::parse(["write:*", "inspect:*"]).expect("permissions");
            return Ok(Identity::service("broadcast").limited_to(permissions));
        }
        let text = text(proof)?;
        if text.starts_with(app::keys::PREFIX) {
            return self.keys.identify(text).await;
        }
        self.read(text)
    }

    fn read(&self, token: &str) -> Result<Identity, LiveError> {
        let none = || refused("this server takes no tokens: it was given no secret to verify them");
        self.tokens.as_ref().ok_or_else(none)?.read(token)
    }
}

#[async_trait]
impl Authenticate for Everybody {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        if let Some(proof) = request.bearer() {
            self.bearer(proof).await
        } else if let Some(token) = request.subprotocol_token() {
            self.read(text(token)?)
        } else if let Some(ticket) = request.token {
            self.tickets.take(ticket)
        } else {
            self.visitors.identify(request).await
        }
    }

    async fn token(&self, token: &str, _: Option<IpAddr>) -> Result<Identity, LiveError> {
        self.read(token)
    }

    async fn ticket(&self, who: &Identity) -> Result<Ticket, LiveError> {
        Ok(self.tickets.give(who))
    }
}

fn text(proof: &[u8]) -> Result<&str, LiveError> {
    std::str::from_utf8(proof).map_err(|_| refused("what proves who you are is text"))
}

/// A proof was brought that does not hold.
fn refused(reason: impl Into<String>) -> LiveError {
    LiveError::new(ErrorCode::AuthenticationRequired, reason)
}
