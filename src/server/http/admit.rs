//! Where a request comes from, and whether it may open a connection or look at something that costs.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::Response,
};

use super::{
    super::{
        Realtime,
        limiter::{AdmissionGuard, TurnedAway, client_address},
    },
    refuse::{refuse, refuse_with},
};

/// Where a request comes from, as far as that can be trusted; `None` where no network is between.
pub struct Origin(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for Origin
where
    Realtime: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let realtime = Realtime::from_ref(state);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        Ok(Self(peer.map(|peer| realtime.client_address(peer, &parts.headers))))
    }
}

impl Realtime {
    /// Where a request comes from whose connection is this peer's: the peer, or whom a trusted proxy speaks
    /// for.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        client_address(peer, headers, self.proxies())
    }
}

/// Lets a connection in, for as long as the guard lives.
///
/// # Errors
/// The answer: 429 when its address asks for too much, 503 when all together do.
#[expect(clippy::result_large_err, reason = "the answer is on its way out")]
pub fn admit(realtime: &Realtime, address: Option<IpAddr>) -> Result<AdmissionGuard, Response> {
    realtime.admission().admit(address).map_err(|reason| {
        realtime.metrics().turned_away(reason);
        let status = match reason {
            TurnedAway::Occupied | TurnedAway::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            TurnedAway::Crowd(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        refuse_with(status, realtime.admission().refusal(reason))
    })
}

/// Answers 429 to an address that looks too often.
pub async fn look(
    State(realtime): State<Realtime>,
    Origin(address): Origin,
    request: Request,
    next: Next,
) -> Response {
    match realtime.looks().take(address) {
        Ok(()) => next.run(request).await,
        Err(error) => refuse(error),
    }
}
