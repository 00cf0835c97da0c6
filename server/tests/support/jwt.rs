//! Tokens made by hand, whatever they say and however they are signed.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use server::Config;
use sha2::{Sha256, Sha384, Sha512};

/// What the servers of these tests verify tokens with.
pub const SECRET: &str = "f00dcafe-the-tests-sign-their-tokens-by-this";

/// Has a server take tokens.
pub fn taken(config: &mut Config) {
    config.token_secret = Some(SECRET.into());
}

/// A token of `user` that holds for a minute and may do `permissions`.
pub fn of(user: &str, permissions: &[&str]) -> String {
    jwt(&json!({"sub": user, "permissions": permissions, "exp": in_seconds(60)}))
}

/// A well-made token with these claims.
pub fn jwt(claims: &Value) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), SECRET)
}

/// A token of this very text, signed as its header says if that is a MAC, or else by HS256.
pub fn signed(header: &str, claims: &str, secret: &str) -> String {
    let text = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
    let signature = if header.contains("HS384") {
        mac::<Sha384>(secret, &text)
    } else if header.contains("HS512") {
        mac::<Sha512>(secret, &text)
    } else {
        mac::<Sha256>(secret, &text)
    };
    format!("{text}.{}", base64(&signature))
}

/// A moment in seconds after 1970, so far from now.
pub fn in_seconds(seconds: i64) -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    i64::try_from(now.as_secs()).expect("a clock before the end of time") + seconds
}

fn mac<D: EagerHash>(secret: &str, text: &str) -> Vec<u8> {
    let mac = Hmac::<D>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// For addresses, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for digit in 0..=chunk.len() {
            text.push(DIGITS[(bits >> (18 - 6 * digit)) as usize % 64] as char);
        }
    }
    text
}
