//! Hashes and compares passwords: slowly, as it has to be, and never many at a time.

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::SaltString,
};
use tidewire::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Password, token::random};

/// One hash takes this much memory (KiB), and the time that OWASP asks for with it.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// So many are computed at the same time.
const AT_ONCE: usize = 2;
/// So many wait for their turn; who comes then is asked to come later.
const WAITING: usize = 64;
/// When to come again, in milliseconds.
const LATER_MS: u64 = 2_000;

/// Stands for the hash of somebody who does not exist, so that looking for them takes as long.
static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    let nobody_knows = random::<32>().map(char::from).iter().collect::<String>();
    hash(&nobody_knows).expect("hashing works")
});

/// Who may hash when.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    /// Nobody waits yet.
    pub fn new() -> Self {
        // Before anybody asks: the first unknown name must not take longer than others.
        LazyLock::force(&NOBODYS);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { turns: semaphore(AT_ONCE), places: semaphore(AT_ONCE + WAITING) }
    }

    /// The hash to keep, with its salt and parameters.
    ///
    /// # Errors
    /// `TooMany` when too many others wait.
    pub async fn hash(&self, password: &Password) -> Result<String, Refusal> {
        let password = password.clone();
        self.in_turn(move || hash(password.text())).await?.map_err(broken)
    }

    /// Whether the password is the one of this hash. Without a hash it takes as long, and is not.
    ///
    /// # Errors
    /// `TooMany` when too many others wait.
    pub async fn verify(&self, password: &Password, hash: Option<String>) -> Result<bool, Refusal> {
        let password = password.clone();
        let compare = move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(&NOBODYS);
            PasswordHash::new(hash).map(|hash| {
                let matches = argon2().verify_password(password.text().as_bytes(), &hash).is_ok();
                matches && known
            })
        };
        self.in_turn(compare).await?.map_err(broken)
    }

    /// Does the work on a thread that may block.
    async fn in_turn<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Refusal> {
        let place = self.places.clone().try_acquire_owned();
        let place: OwnedSemaphorePermit = place.map_err(|_| Refusal::TooMany {
            message: "password_checks: many people sign in at the moment. Try again soon.".into(),
            retry_after_ms: LATER_MS,
        })?;
        let turn = self.turns.clone().acquire_owned().await.map_err(broken)?;
        // Whoever is not waited for any more still has its turn until the work is done.
        let work = move || {
            let done = work();
            drop((turn, place));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(broken)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("parameters within the limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    let salt = SaltString::encode_b64(&random::<16>())?;
    Ok(argon2().hash_password(password.as_bytes(), &salt)?.to_string())
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a password could not be hashed or compared");
    Refusal::Failed { message: "The server could not do this. Please try again.".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        serde_json::from_value(text.into()).unwrap()
    }

    #[tokio::test]
    async fn spec_sy5_a_password_matches_its_own_hash_alone() {
        let passwords = Passwords::new();
        let hash = passwords.hash(&password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!hash.contains("correct"));
        assert_ne!(hash, passwords.hash(&password("correct horse")).await.unwrap(), "salted");
        for (text, hash, expected) in [
            ("correct horse", Some(hash.clone()), true),
            ("Correct horse", Some(hash.clone()), false),
            ("", Some(hash), false),
            ("correct horse", None, false),
        ] {
            assert_eq!(passwords.verify(&password(text), hash).await, Ok(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn spec_sy7_a_flood_of_passwords_waits_in_a_short_line() {
        let passwords = Passwords::new();
        let turns = passwords.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let attempt = || {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.verify(&password("x"), None).await })
        };
        let waiting: Vec<_> = (0..AT_ONCE + WAITING).map(|_| attempt()).collect();
        while passwords.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = attempt().await.unwrap().unwrap_err();
        assert!(refused.reason().starts_with("password_checks: "), "{refused}");
        assert_eq!(refused.status(), 429);
        for attempt in waiting {
            attempt.abort();
            _ = attempt.await;
        }
        drop(turns);
        assert_eq!(passwords.verify(&password("x"), None).await, Ok(false), "there is room again");
    }
}
