//! The key itself: what its holder sends, and the hash by which the server knows it.

use std::fmt;

use sha2::{Digest, Sha256};

/// What every key begins with, so that it is known for one wherever it turns up.
pub const PREFIX: &str = "tw_";

/// A key. Whoever has it is whom it was made for.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new one with 256 random bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("{PREFIX}{digits}")))
    }

    /// What somebody sends, if it can be a key at all.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let well_formed = digits.len() == 64
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| Self(text.to_owned()))
    }

    /// The key as text, for whom it is made for, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it. How long it takes to look this up says nothing about the key.
    pub(super) fn sha256(&self) -> Vec<u8> {
        Sha256::digest(&self.0).to_vec()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_sy5_a_key_has_256_random_bits_and_does_not_get_into_a_log() {
        let [one, two] = [Secret::random().unwrap(), Secret::random().unwrap()];
        assert_ne!(one, two);
        assert_eq!(one.reveal().len(), PREFIX.len() + 64);
        assert_eq!(Secret::read(one.reveal()), Some(one.clone()));
        assert_ne!(one.sha256(), two.sha256());
        assert_eq!(format!("{one:?}"), "Secret");
    }

    #[test]
    fn spec_sy5_what_is_no_key_is_not_looked_up() {
        let digits = "0".repeat(64);
        assert!(Secret::read(&format!("tw_{digits}")).is_some());
        for text in [
            "",
            "tw_",
            &digits,
            &format!("tw_{digits}0"),
            &format!("tw_{}", "A".repeat(64)),
            &format!("tw_{}'", "0".repeat(63)),
            &format!("TW_{digits}"),
        ] {
            assert_eq!(Secret::read(text), None, "{text}");
        }
    }
}
