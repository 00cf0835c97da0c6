//! Who may do what on which channel: asked for each subscribe, publish and look at who is there.

use async_trait::async_trait;

use super::identity::{Identity, Kind};
use crate::contract::{ChannelName, ErrorCode, LiveError};

/// What somebody wants to do on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Receive its events.
    Read,
    /// Send messages to it.
    Write,
    /// Be shown as present in it.
    Join,
    /// See who is present in it.
    SeeUsers,
    /// See its statistics.
    Inspect,
}

/// The application's rules.
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Whether `who` may do `action` on `channel`. Tables, resources and records are written by the
    /// database alone, whatever this says.
    async fn allows(&self, who: &Identity, action: Action, channel: &ChannelName) -> bool;
}

/// Nobody may do anything: what an application that declares no policy gets.
pub struct DenyAll;

#[async_trait]
impl Policy for DenyAll {
    async fn allows(&self, _: &Identity, _: Action, _: &ChannelName) -> bool {
        false
    }
}

/// How a request that the policy does not allow is answered; it does not say whether the channel exists.
pub(super) fn refusal(who: &Identity) -> LiveError {
    match who.kind() {
        Kind::Guest => LiveError::new(
            ErrorCode::AuthenticationRequired,
            "this is not open to guests: sign in and try again",
        ),
        Kind::User | Kind::Service => {
            LiveError::new(ErrorCode::PermissionDenied, "you may not do this on this channel")
        }
    }
}
