//! Rules for tests of the channel layer itself: every channel is open to all, whatever it is called.

use async_trait::async_trait;
use tidewire::{
    ChannelName,
    server::{Action, Identity, Policy},
};

/// Allows everything but to see statistics.
pub struct Open;

#[async_trait]
impl Policy for Open {
    async fn allows(&self, _: &Identity, action: Action, _: &ChannelName) -> bool {
        action != Action::Inspect
    }
}
