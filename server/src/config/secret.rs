//! Text that nobody may read in a log: keys, passwords, addresses with a password in them.

use std::{fmt, sync::Arc};

/// A secret. Neither `Debug` nor an error shows it; whoever needs it says so by [`Secret::expose`]. Its
/// memory is not wiped: the environment that it came from holds it for as long as the process lives.
#[derive(Clone)]
pub struct Secret(Arc<str>);

/// The shortest secret that cannot be guessed, in bytes: 32 hexadecimal digits are 128 bits.
const SHORTEST: usize = 32;
/// A secret of so few different bytes has been typed, not drawn: 32 drawn digits have ten or more.
const FEWEST_KINDS: usize = 8;
/// What stands in examples.
const EXAMPLES: [&str; 7] =
    ["change", "secret", "password", "example", "default", "develop", "0123456789abcdef"];

impl Secret {
    /// A new one: 256 bits from the system, as 64 hexadecimal digits.
    ///
    /// # Panics
    /// When the system has no random numbers: then nothing on this machine is safe.
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(text.into())
    }

    /// The text itself. Not for a log line, an error or an address.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it, as in a variable that is set to nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why this is none that strangers cannot guess; `None` when it is one.
    pub(super) fn weakness(&self) -> Option<&'static str> {
        let lower = self.0.to_ascii_lowercase();
        let mut kinds: Vec<u8> = self.0.bytes().collect();
        kinds.sort_unstable();
        kinds.dedup();
        if self.0.len() < SHORTEST {
            Some("is shorter than 32 characters")
        } else if EXAMPLES.iter().any(|example| lower.contains(example)) {
            Some("is an example out of some text")
        } else if kinds.len() < FEWEST_KINDS {
            Some("repeats itself")
        } else {
            None
        }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_bq9_a_secret_does_not_show_itself() {
        let secret = Secret::from("s3cret");
        let shown = format!("{secret:?} {:#?}", Some(&secret));
        assert!(!shown.contains("s3cret"), "{shown}");
        assert_eq!(secret.expose(), "s3cret");
    }

    #[test]
    fn spec_bq9_only_a_drawn_secret_is_a_strong_one() {
        for _ in 0..1_000 {
            let drawn = Secret::random();
            assert_eq!(drawn.weakness(), None, "{}", drawn.expose());
        }
        assert_ne!(Secret::random().expose(), Secret::random().expose());
        for weak in [
            "",
            "hunter2",
            "0f3a9c5e7b1d2468ace013579bdf024",
            "please-change-me-before-you-go-live!",
            "0123456789abcdef0123456789abcdef",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabcabcabcabcabcabcabc",
        ] {
            assert!(Secret::from(weak).weakness().is_some(), "{weak}");
        }
    }
}
