//! Who is writing: entries that end by themselves, and how often one's own is said. Pure: every call says
//! what time it is, in milliseconds of a clock that never runs backwards.

/// Somebody is writing for so long after the last that was heard of it.
pub const EXPIRES_MS: u64 = 3_000;
/// Whoever goes on writing says so this often: one that is lost is made up for before it matters.
pub const SAY_EVERY_MS: u64 = 2_000;

/// Who writes at the moment, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct Typists {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    user: String,
    name: String,
    ends_ms: u64,
}

impl Typists {
    /// Somebody wrote something.
    pub fn heard(&mut self, user: String, name: String, now_ms: u64) {
        let ends_ms = now_ms + EXPIRES_MS;
        match self.entries.iter_mut().find(|entry| entry.user == user) {
            Some(entry) => (entry.name, entry.ends_ms) = (name, ends_ms),
            None => self.entries.push(Entry { user, name, ends_ms }),
        }
    }

    /// Somebody said that they have stopped.
    pub fn stopped(&mut self, user: &str) {
        self.entries.retain(|entry| entry.user != user);
    }

    /// Ends what was not heard of for too long.
    pub fn expire(&mut self, now_ms: u64) {
        self.entries.retain(|entry| entry.ends_ms > now_ms);
    }

    /// When to call [`Typists::expire`] next.
    pub fn next_end(&self) -> Option<u64> {
        self.entries.iter().map(|entry| entry.ends_ms).min()
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.name.clone()).collect()
    }
}

/// How often one's own writing is said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Touch {
    said_ms: Option<u64>,
}

impl Touch {
    /// Something was written; whether it is to be said.
    pub fn touch(&mut self, now_ms: u64) -> bool {
        let due = self.said_ms.is_none_or(|said| now_ms >= said + SAY_EVERY_MS);
        if due {
            self.said_ms = Some(now_ms);
        }
        due
    }

    /// Writing has ended; whether that is to be said.
    pub fn stop(&mut self) -> bool {
        self.said_ms.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_ig4_an_entry_ends_three_seconds_after_the_last_news() {
        let mut typists = Typists::default();
        typists.heard("a".into(), "Ann".into(), 0);
        typists.heard("b".into(), "Bob".into(), 1_000);
        typists.heard("a".into(), "Ann".into(), 2_000);
        assert_eq!(typists.next_end(), Some(4_000));
        typists.expire(3_999);
        assert_eq!(typists.names(), ["Ann", "Bob"]);
        typists.expire(4_000);
        assert_eq!(typists.names(), ["Ann"]);
        typists.expire(5_000);
        assert_eq!((typists.names().len(), typists.next_end()), (0, None));
    }

    #[test]
    fn spec_ig4_who_says_that_they_stopped_ends_at_once() {
        let mut typists = Typists::default();
        typists.heard("a".into(), "Ann".into(), 0);
        typists.stopped("a");
        assert!(typists.names().is_empty());
    }

    #[test]
    fn spec_ig4_writing_is_said_every_two_seconds_at_most() {
        let mut touch = Touch::default();
        assert!(!touch.stop());
        let said: Vec<u64> = (0..5_000).step_by(100).filter(|now| touch.touch(*now)).collect();
        assert_eq!(said, [0, 2_000, 4_000]);
        assert!(touch.stop());
        assert!(touch.touch(5_000), "whoever begins anew says so at once");
    }
}
