//! When a client has to prove again who it is, so that its connection outlives its tokens. Pure.

/// Tries follow each other no faster.
const PAUSE_MS: u64 = 1_000;

/// The time of one client's connection.
#[derive(Debug)]
pub(super) struct Renewal {
    /// There is somebody to ask for tokens.
    possible: bool,
    /// When the server ends the connection.
    ends_ms: u64,
    due_ms: Option<u64>,
}

impl Renewal {
    pub(super) fn new(possible: bool) -> Self {
        Self { possible, ends_ms: 0, due_ms: None }
    }

    /// The server has said how long the connection has left.
    pub(super) fn told(&mut self, expires_in_ms: Option<u64>, now_ms: u64) {
        self.due_ms = None;
        if let Some(left_ms) = expires_in_ms.filter(|_| self.possible) {
            self.ends_ms = now_ms.saturating_add(left_ms);
            // After four fifths of it.
            self.wait(left_ms - left_ms / 5, now_ms);
        }
    }

    /// The connection is gone; the next one begins with a fresh token.
    pub(super) fn disconnected(&mut self) {
        self.due_ms = None;
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.due_ms
    }

    /// Time has passed: whether to ask for a token. Without an answer it is asked again in half the time
    /// that is left.
    pub(super) fn tick(&mut self, now_ms: u64) -> bool {
        let due = self.due_ms.take_if(|due_ms| *due_ms <= now_ms).is_some();
        if due {
            self.wait(self.ends_ms.saturating_sub(now_ms) / 2, now_ms);
        }
        due
    }

    fn wait(&mut self, wait_ms: u64, now_ms: u64) {
        let due_ms = now_ms.saturating_add(wait_ms.max(PAUSE_MS));
        self.due_ms = Some(due_ms).filter(|due_ms| *due_ms < self.ends_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_sy5_a_token_is_renewed_at_four_fifths_of_its_time_and_again_while_nothing_comes() {
        let mut renewal = Renewal::new(true);
        renewal.told(Some(100_000), 1_000);
        assert_eq!(renewal.next_deadline(), Some(81_000));
        assert!(!renewal.tick(80_999));
        let mut tries = Vec::new();
        while let Some(due_ms) = renewal.next_deadline() {
            assert!(renewal.tick(due_ms));
            tries.push(due_ms);
        }
        assert_eq!(tries[..3], [81_000, 91_000, 96_000]);
        assert!(tries.windows(2).all(|pair| pair[1] - pair[0] >= PAUSE_MS), "{tries:?}");
        assert!(tries.last() < Some(&101_000));
        renewal.told(Some(100_000), 99_000);
        assert_eq!(renewal.next_deadline(), Some(179_000));
        renewal.disconnected();
        assert_eq!(renewal.next_deadline(), None);
    }

    #[test]
    fn nothing_is_renewed_that_does_not_end_or_cannot_be() {
        let mut renewal = Renewal::new(true);
        for expires_in_ms in [None, Some(0), Some(500)] {
            renewal.told(expires_in_ms, 7);
            assert_eq!(renewal.next_deadline(), None, "{expires_in_ms:?}");
        }
        renewal.told(Some(u64::MAX), 7);
        assert!(renewal.next_deadline().is_some());
        let mut renewal = Renewal::new(false);
        renewal.told(Some(100_000), 7);
        assert_eq!(renewal.next_deadline(), None);
    }
}
