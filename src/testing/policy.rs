//! A policy under which everybody may do everything.

use async_trait::async_trait;

use crate::{
    contract::ChannelName,
    server::{Action, Identity, Policy},
};

/// Allows everything. For tests only.
pub struct OpenPolicy;

#[async_trait]
impl Policy for OpenPolicy {
    async fn allows(&self, _: &Identity, _: Action, _: &ChannelName) -> bool {
        true
    }
}
