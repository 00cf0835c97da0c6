//! Why a form was refused stands in the address that the browser is sent back to, as `__err`. The server
//! seals it: nobody else can make a link that lets a page of this site say what they like.

use axum::{
    extract::{Request, State},
    http::{
        HeaderValue, Uri,
        header::{LOCATION, REFERER},
    },
    middleware::Next,
    response::Response,
};
use hmac::{Hmac, KeyInit, Mac};
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use sha2::Sha256;

use crate::Secret;

const REASON: &str = "__err=";
/// Which form it was.
const FUNCTION: &str = "__path=";
/// In bytes.
const SEAL: usize = 16;

/// What reasons are sealed with.
#[derive(Clone)]
pub(crate) struct Seal(Hmac<Sha256>);

impl Seal {
    /// Servers with the same secret know each other's seals.
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut mac = Hmac::new_from_slice(secret.expose().as_bytes()).expect("of any length");
        // So that it is no signature of anything else that the secret signs.
        mac.update(b"why a form was refused\0");
        Self(mac)
    }

    fn of(&self, reason: &str) -> String {
        let sum = self.0.clone().chain_update(reason).finalize().into_bytes();
        sum[..SEAL].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn holds(&self, reason: &str, seal: &str) -> bool {
        let bytes: Option<Vec<u8>> =
            (0..SEAL).map(|n| u8::from_str_radix(seal.get(2 * n..2 * n + 2)?, 16).ok()).collect();
        let mac = self.0.clone().chain_update(reason);
        seal.len() == 2 * SEAL
            && bytes.is_some_and(|bytes| mac.verify_truncated_left(&bytes).is_ok())
    }

    /// The query without the reasons that are not sealed, and without the seals of the others.
    fn opened(&self, query: &str) -> String {
        let pairs = query.split('&').filter_map(|pair| {
            let Some(sealed) = pair.strip_prefix(REASON) else { return Some(pair) };
            let (reason, seal) = sealed.rsplit_once('.')?;
            self.holds(reason, seal).then(|| &pair[..REASON.len() + reason.len()])
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The address with the reason at the end of its query sealed: that is where server functions put it.
    fn closed(&self, address: &str) -> Option<String> {
        let address = without_fragment(address);
        let (_, query) = address.split_once('?')?;
        let reason = query.rsplit('&').next()?.strip_prefix(REASON)?;
        Some([address, ".", &self.of(reason)].concat())
    }
}

/// Seals the reason that a refused form sends its browser back with, and lets no other one reach a page.
///
/// Only what the server function has written is sealed: nothing that the request brought along, whether as
/// the page that it says it was on or as the place to go to afterwards.
pub(crate) async fn sealed(State(seal): State<Seal>, mut request: Request, next: Next) -> Response {
    if let Some(uri) = opened(&seal, request.uri()) {
        *request.uri_mut() = uri;
    }
    let from = request.headers().get(REFERER).and_then(|from| from.to_str().ok());
    if let Some(from) = from.and_then(|from| HeaderValue::try_from(without_reasons(from)).ok()) {
        request.headers_mut().insert(REFERER, from);
    }
    let mut response = next.run(request).await;
    if !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return response;
    }
    let back = response.headers().get(LOCATION).and_then(|back| back.to_str().ok());
    let back = back.and_then(|back| HeaderValue::try_from(seal.closed(back)?).ok());
    if let Some(back) = back {
        response.headers_mut().insert(LOCATION, back);
    }
    response
}

/// The address of a page as it was before forms of it were refused.
fn without_reasons(address: &str) -> String {
    let address = without_fragment(address);
    let Some((page, query)) = address.split_once('?') else { return address.to_owned() };
    let old = |pair: &&str| !pair.starts_with(REASON) && !pair.starts_with(FUNCTION);
    let kept = query.split('&').filter(old).collect::<Vec<_>>().join("&");
    if kept.is_empty() { page.to_owned() } else { [page, "?", &kept].concat() }
}

fn without_fragment(address: &str) -> &str {
    address.split_once('#').map_or(address, |(address, _)| address)
}

/// The address of a page without what is not sealed; `None` where there is nothing to take out.
fn opened(seal: &Seal, uri: &Uri) -> Option<Uri> {
    let query = uri.query().filter(|query| query.contains(REASON))?;
    let mut parts = uri.clone().into_parts();
    let address = [uri.path(), "?", &seal.opened(query)].concat();
    parts.path_and_query = Some(address.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_sy8_a_page_says_only_what_the_server_has_sealed() {
        let (ours, theirs) = (Seal::new(&"ours".into()), Seal::new(&"theirs".into()));
        let address = "http://a.example/todos?show=open&__path=%2Fapi&__err=eyJ4In0%3D";
        let back = ours.closed(&format!("{address}#__err=x")).unwrap();
        assert!(back.starts_with(&format!("{address}.")), "{back}");
        let query = back.split_once('?').unwrap().1;
        assert_eq!(ours.opened(query), "show=open&__path=%2Fapi&__err=eyJ4In0%3D");
        assert_eq!(theirs.opened(query), "show=open&__path=%2Fapi");
        for forged in [
            "__err=eyJ4In0%3D",
            "__err=eyJ4In0%3D.",
            "__err=eyJ4In0%3D.00000000000000000000000000000000",
            "__err=.",
            "__err=",
            "__err=eyJ4In0%3D.ß",
            &query.replace("eyJ", "eyK"),
            &format!("{query}00"),
        ] {
            assert!(!ours.opened(forged).contains(REASON), "{forged}");
        }
        for other in ["/todos", "/__err=x", "/todos?__err=x&y", "/todos#__err=x", "/todos#?__err=x"]
        {
            assert_eq!(ours.closed(other), None, "{other}");
        }
    }

    #[test]
    fn a_page_is_what_it_was_before_a_form_of_it_was_refused() {
        for (address, page) in [
            ("/todos", "/todos"),
            ("/todos?show=open&x#__err=x", "/todos?show=open&x"),
            ("/todos?__path=%2Fapi&__err=x", "/todos"),
            ("/todos?__err=x&show=open&__err=y&__path=z#?__err=x", "/todos?show=open"),
        ] {
            assert_eq!(without_reasons(address), page);
        }
    }
}
