//! Users without accounts: whoever brings a token is who the token says.

use std::{
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use tidewire::{
    ErrorCode, LiveError,
    server::{
        Identity,
        identity::{Authenticate, Connect},
    },
};

/// A token is a user's id, `guest-` and a guest's, or `anybody` for one who cannot be told from others. Behind
/// it may come `.` and the id of a credential, and `~` and how many milliseconds the token holds. It comes in
/// the address, in a header or in a frame; no other frame's token than that of a user holds.
pub struct ByToken;

#[async_trait]
impl Authenticate for ByToken {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|header| header.strip_prefix("Bearer "));
        Ok(identity(request.token.or(bearer).unwrap_or_default()))
    }

    async fn token(&self, token: &str, _: Option<IpAddr>) -> Result<Identity, LiveError> {
        let who = identity(token);
        if who.signed_in().is_some() && token != "wrong" {
            return Ok(who);
        }
        Err(LiveError::new(ErrorCode::AuthenticationRequired, "this token does not hold"))
    }
}

/// Whose token it is.
pub fn identity(token: &str) -> Identity {
    let (token, holds) = token.split_once('~').unwrap_or((token, ""));
    let (id, credential) = token.split_once('.').unwrap_or((token, ""));
    let mut who = match id.strip_prefix("guest-") {
        Some(guest) => Identity::guest(guest),
        None if id == "anybody" => Identity::passer_by(),
        None => Identity::user(id),
    };
    if !credential.is_empty() {
        who = who.by(credential);
    }
    if let Ok(milliseconds) = holds.parse::<u64>() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        who = who.until(now.as_millis() as u64 + milliseconds);
    }
    who
}
