//! Users without accounts: whoever brings a token is who the token says.

use async_trait::async_trait;
use tidewire::{
    LiveError,
    server::{
        Identity,
        identity::{Authenticate, Connect},
    },
};

/// A token is a user's id; without one it is a guest of this name.
pub struct ByToken;

#[async_trait]
impl Authenticate for ByToken {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        Ok(match request.token.unwrap_or_default().strip_prefix("guest-") {
            Some(guest) => Identity::guest(guest),
            None => Identity::user(request.token.unwrap_or_default()),
        })
    }
}
