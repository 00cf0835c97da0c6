//! Who a visitor is before there are accounts: a guest, the same one in all tabs of a browser.
//!
//! A page gives its visitor a cookie with 128 random bits. Others are shown an id that is derived from it,
//! from which nobody can make the cookie.

use async_trait::async_trait;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use sha2::{Digest, Sha256};
use tidewire::{
    LiveError,
    server::{
        Identity,
        identity::{Authenticate, Connect},
    },
};

const COOKIE: &str = "tidewire_guest";
const YEAR_SECONDS: u32 = 365 * 24 * 3_600;

/// Makes whoever opens a connection the guest of their cookie; without one every connection is a guest
/// of its own.
pub struct Visitors;

#[async_trait]
impl Authenticate for Visitors {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        Ok(match secret(request.headers) {
            Some(secret) => identity(secret),
            None => Identity::passer_by(),
        })
    }
}

/// Whether browsers may send the cookie over TLS alone.
#[derive(Clone, Copy)]
pub struct SecureCookies(pub bool);

/// Puts the visitor's [`Identity`] into the request's extensions, and gives who opens a page without a
/// cookie one.
pub async fn visitor(
    State(SecureCookies(secure)): State<SecureCookies>,
    mut request: Request,
    next: Next,
) -> Response {
    let found = secret(request.headers()).map(str::to_owned);
    let known = found.is_some();
    let secret = found.unwrap_or_else(|| hex(&random()));
    request.extensions_mut().insert(identity(&secret));
    let page = request.method() == Method::GET;
    let mut response = next.run(request).await;
    if page && !known {
        let secure = if secure { "; Secure" } else { "" };
        let cookie = format!(
            "{COOKIE}={secret}; HttpOnly; SameSite=Lax; Path=/; Max-Age={YEAR_SECONDS}{secure}"
        );
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// The guest of a cookie.
fn identity(secret: &str) -> Identity {
    Identity::guest(hex(&Sha256::digest(secret)[..8]))
}

/// The cookie, if it is one that this server makes.
fn secret(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, secret) = pairs.find(|(name, _)| name.trim() == COOKIE)?;
    let secret = secret.trim();
    let ours = secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_hexdigit());
    ours.then_some(secret)
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Without the system's random numbers nothing on this machine is safe.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(cookie).unwrap())])
    }

    #[test]
    fn the_id_is_not_the_cookie_and_stays_the_same() {
        let cookie = "0123456789abcdef0123456789abcdef";
        let id = identity(cookie).id().to_string();
        assert_eq!(id.len(), 16);
        assert!(!cookie.contains(&id));
        assert_eq!(identity(cookie), identity(cookie));
        assert_ne!(hex(&random()), hex(&random()));
    }

    #[test]
    fn only_our_own_cookies_count() {
        let ours = "0123456789abcdef0123456789abcdef";
        let among_others = format!("theme=dark; {COOKIE}={ours}; x=y");
        assert_eq!(secret(&headers(&among_others)), Some(ours));
        for cookie in ["", "tidewire_guest=", "tidewire_guest=admin", "other=0123"] {
            assert_eq!(secret(&headers(cookie)), None, "{cookie}");
        }
        assert_eq!(secret(&headers(&format!("{COOKIE}={}", "g".repeat(32)))), None);
    }
}
