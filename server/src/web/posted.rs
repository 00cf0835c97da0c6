//! Why a form was refused stands in the address that the browser is sent back to, as `__err`. The server
//! seals it: nobody else can make a link that lets a page of this site say what they like.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, Uri, header::LOCATION},
    middleware::Next,
    response::Response,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Secret;

const REASON: &str = "__err=";
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

    /// The address with its last reason, the newest one, sealed.
    fn closed(&self, address: &str) -> Option<String> {
        let begin = address.rfind(REASON)? + REASON.len();
        let rest = &address[begin..];
        let end = begin + rest.find(['&', '#']).unwrap_or(rest.len());
        let (before, after) = address.split_at(end);
        Some([before, ".", &self.of(&address[begin..end]), after].concat())
    }
}

/// Seals the reason that an answer sends a browser back with, and lets no other one reach a page.
pub(crate) async fn sealed(State(seal): State<Seal>, mut request: Request, next: Next) -> Response {
    if let Some(uri) = opened(&seal, request.uri()) {
        *request.uri_mut() = uri;
    }
    let mut response = next.run(request).await;
    let back = response.headers().get(LOCATION).and_then(|back| back.to_str().ok());
    let back = back.and_then(|back| HeaderValue::try_from(seal.closed(back)?).ok());
    if let Some(back) = back {
        response.headers_mut().insert(LOCATION, back);
    }
    response
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
        let address = "http://a.example/todos?show=open&__path=%2Fapi&__err=eyJ4In0%3D#main";
        let back = ours.closed(address).unwrap();
        let (before, after) = back.split_at(back.len() - "#main".len());
        assert!(
            before.starts_with(address.trim_end_matches("#main")) && after == "#main",
            "{back}"
        );
        let query = before.split_once('?').unwrap().1;
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
        assert_eq!(ours.closed("/todos"), None);
    }

    #[test]
    fn the_newest_of_several_reasons_is_the_sealed_one() {
        let seal = Seal::new(&"key".into());
        let once = seal.closed("/todos?__err=one").unwrap();
        let twice = seal.closed(&format!("{once}&__err=two")).unwrap();
        let query = twice.split_once('?').unwrap().1;
        assert_eq!(seal.opened(query), "__err=one&__err=two");
        assert_eq!(seal.opened("a=b"), "a=b");
    }
}
