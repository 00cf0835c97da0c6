//! What a request brings to prove who makes it, and asking the application whether it holds.

use std::net::IpAddr;

use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

use super::{
    Realtime,
    identity::{Connect, Identity},
};
use crate::contract::{ErrorCode, LiveError, Position};

impl<'a> Connect<'a> {
    /// What it says as `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&'a [u8]> {
        self.headers.get_all(AUTHORIZATION).iter().find_map(|value| {
            let (scheme, proof) = value.as_bytes().split_at_checked("Bearer".len())?;
            // With nothing behind it, too: somebody means to prove something.
            let is_ours = scheme.eq_ignore_ascii_case(b"Bearer")
                && proof.first().is_none_or(u8::is_ascii_whitespace);
            is_ours.then(|| proof.trim_ascii())
        })
    }

    /// What it says as `bearer.…` among the subprotocols that it asks for: a page that opens a WebSocket
    /// has no other header to choose.
    pub fn subprotocol_token(&self) -> Option<&'a [u8]> {
        let lines = self.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        let mut names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        names.find_map(|name| name.trim_ascii().strip_prefix(b"bearer."))
    }

    fn brings_a_proof(&self) -> bool {
        self.token.is_some() || self.bearer().is_some() || self.subprotocol_token().is_some()
    }
}

impl Realtime {
    /// Who makes this request.
    ///
    /// # Errors
    /// What the hook refuses it with; `authentication_required` for what was [found](Identity::as_of) before
    /// a revocation that concerns it; `rate_limited` when its address has brought too many proofs that do
    /// not hold, and brings another one.
    pub async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        if request.brings_a_proof() {
            self.wrong_proofs().check(request.address)?;
        }
        let now = self.position();
        let found = self.authenticate().identify(request).await;
        self.counted(request.address, found.and_then(|who| self.up_to_date(who, now)))
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// As [`Self::identify`].
    pub async fn identify_by_token(
        &self,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Identity, LiveError> {
        self.wrong_proofs().check(address)?;
        let now = self.position();
        let found = self.authenticate().token(token, address).await;
        self.counted(address, found.and_then(|who| self.up_to_date(who, now)))
    }

    /// The same, unless it was found out earlier, as by a ticket, and access was taken away meanwhile.
    fn up_to_date(&self, who: Identity, now: Position) -> Result<Identity, LiveError> {
        let Some(as_of) = who.as_of() else { return Ok(who.found_at(now)) };
        // In another log nobody knows what was revoked.
        if as_of.epoch == now.epoch && !self.hub().connections().has_lost(&who, as_of.offset) {
            return Ok(who);
        }
        let text = "what proves who you are does not hold any longer: access was taken away";
        Err(LiveError::new(ErrorCode::AuthenticationRequired, text))
    }

    fn counted(
        &self,
        address: Option<IpAddr>,
        found: Result<Identity, LiveError>,
    ) -> Result<Identity, LiveError> {
        if found.as_ref().is_err_and(|error| error.code == ErrorCode::AuthenticationRequired) {
            self.wrong_proofs().count(address);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn found<T>(lines: &[(HeaderName, &'static str)], read: impl FnOnce(Connect<'_>) -> T) -> T {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        read(Connect { headers: &headers, token: None, address: None })
    }

    #[test]
    fn spec_fb4_a_bearer_is_found_however_it_is_written() {
        for (line, bearer) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("Bearer ", Some("")),
            ("Bearer", Some("")),
            ("Bearers abc", None),
            ("Basic abc", None),
            ("", None),
        ] {
            let found = found(&[(AUTHORIZATION, line)], |request| {
                request.bearer().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            });
            assert_eq!(found.as_deref(), bearer, "{line:?}");
        }
        let two = [(AUTHORIZATION, "Basic abc"), (AUTHORIZATION, "Bearer abc")];
        assert!(found(&two, |request| request.bearer().is_some()));
    }

    #[test]
    fn spec_fb4_a_token_is_found_among_the_subprotocols() {
        for (lines, token) in [
            (&["tidewire, bearer.a.b.c"][..], Some("a.b.c")),
            (&["bearer.a.b.c,tidewire"], Some("a.b.c")),
            (&["tidewire", "bearer.a.b.c"], Some("a.b.c")),
            (&["bearer."], Some("")),
            (&["tidewire"], None),
            (&["Bearer.a"], None),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (SEC_WEBSOCKET_PROTOCOL, *line)).collect();
            let found = found(&lines, |request| {
                request.subprotocol_token().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            });
            assert_eq!(found.as_deref(), token, "{lines:?}");
        }
    }
}
