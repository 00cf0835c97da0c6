//! Who a visitor is: the user of their session's cookie, or else a guest, the same one in all tabs of a
//! browser.

use std::{net::SocketAddr, path::Path, sync::Arc};

use app::accounts::{ClientAddress, Cookies, guest, sessions};
use async_trait::async_trait;
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use tidewire::{
    ErrorCode, LiveError,
    server::{
        Database, Identity, Realtime,
        identity::{Authenticate, Connect, Kind},
    },
};

use crate::web;

/// Makes whoever opens a connection or a page the user of their session, or the guest of their cookie;
/// without one every connection is a guest of its own.
pub struct Visitors {
    database: Database,
    cookies: Cookies,
}

impl Visitors {
    /// Sessions are in this database; `secure` as for [`Cookies::new`].
    pub fn new(database: Database, secure: bool) -> Self {
        Self { database, cookies: Cookies::new(secure) }
    }
}

#[async_trait]
impl Authenticate for Visitors {
    /// A session that does not hold is no mistake of its browser's: it has ended, and a guest is left.
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        if let Some(token) = self.cookies.session(request.headers) {
            let found = sessions::find(&self.database, &token).await.map_err(|error| {
                tracing::error!(%error, "a session could not be looked up");
                LiveError::new(ErrorCode::Internal, "it could not be found out who you are")
            })?;
            if let Some(user) = found {
                return Ok(user);
            }
        }
        Ok(match self.cookies.guest(request.headers) {
            Some(secret) => guest(secret),
            None => Identity::passer_by(),
        })
    }
}

/// Puts the visitor's [`Identity`], as the channel layer's own hook finds it, and their [`ClientAddress`]
/// into the request's extensions. Who opens a page without a cookie is given one. A session's cookie is
/// kept for longer when the session is, which is once an hour: an answer that comes late must not put the
/// cookie of before back over that of a session that has begun since, nor take that away.
pub async fn visitor(
    State((realtime, cookies)): State<(Realtime, Cookies)>,
    mut request: Request,
    next: Next,
) -> Response {
    let new_guest = cookies.guest(request.headers()).is_none().then(|| cookies.new_guest());
    if let Some((pair, _)) = &new_guest {
        request.headers_mut().append(header::COOKIE, pair.clone());
    }
    let headers = request.headers();
    let session = cookies.session(headers);
    let began = sessions::now();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let address = peer.map(|peer| realtime.client_address(peer, headers));
    let visitor = match realtime.identify(Connect { headers, token: None, address }).await {
        Ok(visitor) => visitor,
        Err(error) => return refused(&error, request.headers()),
    };
    if visitor.is_limited() {
        let text =
            "tokens and keys are for connections: no permission names a page or its functions";
        let error = LiveError::new(ErrorCode::PermissionDenied, text);
        return refused(&error, request.headers());
    }
    let kind = visitor.kind();
    let session = session.filter(|_| sessions::extended(&visitor, began));
    let page = request.method() == Method::GET;
    request.extensions_mut().insert(visitor);
    request.extensions_mut().insert(ClientAddress(address));
    let mut response = next.run(request).await;
    if let Some((_, cookie)) = new_guest.filter(|_| page && kind == Kind::Guest) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if let Some(token) = session.filter(|_| !cookies.sets_session(response.headers())) {
        response.headers_mut().append(header::SET_COOKIE, cookies.set_session(&token));
    }
    response
}

/// [`visitor`] where there is no file of the site: the page that says so names who it is for, too. It gives
/// no cookie to who has none, as browsers ask for files that are not there beside their first page.
pub async fn unless_file(
    State((site, realtime, cookies)): State<(Arc<Path>, Realtime, Cookies)>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let known = cookies.guest(headers).is_some() || cookies.session(headers).is_some();
    // Only whether it is there: what is handed out is the handler's to decide.
    let path = site.join(request.uri().path().trim_start_matches('/'));
    if !known || tokio::fs::metadata(path).await.is_ok_and(|found| found.is_file()) {
        return next.run(request).await;
    }
    visitor(State((realtime, cookies)), request, next).await
}

fn refused(error: &LiveError, asked: &HeaderMap) -> Response {
    let status = match error.code {
        ErrorCode::AuthenticationRequired => StatusCode::UNAUTHORIZED,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = web::refused(status, asked, &error.message);
    if let Some(milliseconds) = error.retry_after_ms {
        let seconds = HeaderValue::from(milliseconds.div_ceil(1_000).max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
