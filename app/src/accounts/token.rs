//! The token of a session: 256 random bits that only its browser keeps. The database has its hash.

use std::fmt;

use sha2::{Digest, Sha256};

/// What proves a session.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// One that nobody has had before.
    pub fn new() -> Self {
        Self(hex(&random::<32>()))
    }

    /// Reads a cookie's value; `None` when no server of this kind has made it.
    pub fn parse(text: &str) -> Option<Self> {
        let ours = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(ours)).then(|| Self(text.to_owned()))
    }

    /// What the database keeps of it. The token is random, so that a plain hash gives nothing away.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(&self.0))
    }

    /// What the browser keeps.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

/// So that it gets into no log.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Random bytes of the system's.
///
/// # Panics
/// When the system has none: nothing on such a machine is safe.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_sy5_a_token_is_read_back_and_its_hash_is_another_text() {
        let token = Token::new();
        assert_eq!(Token::parse(token.text()).map(|t| t.hash()), Some(token.hash()));
        assert_ne!(token.hash(), token.text());
        assert_ne!(Token::new().text(), token.text());
        assert_eq!(format!("{token:?}"), "Token(…)");
        for text in ["", "admin", &"g".repeat(64), &"A".repeat(64), &"a".repeat(63)] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
