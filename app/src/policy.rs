//! Who may do what on which channel.

use async_trait::async_trait;
use tidewire::{
    ChannelName,
    server::{Action, Identity, Policy},
};

/// The demo's rules: everybody sees and joins everything, and talks on the channels that are not the
/// database's. Your product's rules take the place of these.
pub struct Rules;

#[async_trait]
impl Policy for Rules {
    async fn allows(&self, _: &Identity, action: Action, _: &ChannelName) -> bool {
        match action {
            Action::Read | Action::Write | Action::Join | Action::SeeUsers | Action::Inspect => {
                true
            }
        }
    }
}
