//! The requests of one connection, counted by kind.

use std::time::Duration;

use tokio::time::Instant;

use super::{clock::Bucket, rounded_up};
use crate::contract::{ClientFrame, ErrorCode, Limits, LiveError};

/// A connection that goes on after it was refused is closed when it has asked for this many times what
/// it may.
const FLOOD: u32 = 10;

/// What a request counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// Subscribes and unsubscribes.
    Subscribe,
    /// Messages.
    Broadcast,
    /// Presence.
    Presence,
    /// Everything else, what is not understood among it.
    Other,
}

/// What one connection may still ask for.
pub struct Requests {
    buckets: [(Bucket, u32); 4],
    window: Duration,
    /// Refusals of each kind since `began`.
    refused: [u32; 4],
    began: Instant,
}

impl RequestKind {
    /// What a frame counts as.
    pub fn of(frame: &ClientFrame) -> Self {
        match frame {
            ClientFrame::Subscribe { .. } | ClientFrame::Unsubscribe { .. } => Self::Subscribe,
            ClientFrame::Broadcast { .. } => Self::Broadcast,
            ClientFrame::Presence { .. } => Self::Presence,
            ClientFrame::Hello(_) | ClientFrame::Heartbeat(_) | ClientFrame::Auth { .. } => {
                Self::Other
            }
        }
    }

    fn limit(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribes_per_window",
            Self::Broadcast => "broadcasts_per_window",
            Self::Presence => "presences_per_window",
            Self::Other => "others_per_window",
        }
    }
}

impl Requests {
    /// A connection that has not asked for anything.
    pub fn new(limits: &Limits) -> Self {
        let window = limits.request_window;
        let bucket = |allowed| (Bucket::new(allowed, window), allowed);
        Self {
            buckets: [
                bucket(limits.subscribes_per_window),
                bucket(limits.broadcasts_per_window),
                bucket(limits.presences_per_window),
                bucket(limits.others_per_window),
            ],
            window,
            refused: [0; 4],
            began: Instant::now(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// `rate_limited`, with the limit's name and when to go on.
    pub fn count(&mut self, kind: RequestKind) -> Result<(), LiveError> {
        let (bucket, allowed) = &self.buckets[kind as usize];
        let Err(wait) = bucket.take() else { return Ok(()) };
        if self.began.elapsed() > self.window {
            self.refused = [0; 4];
            self.began = Instant::now();
        }
        self.refused[kind as usize] += 1;
        let (limit, window) = (kind.limit(), self.window.as_secs_f32());
        let text = format!("{limit}: a connection may send {allowed} of these in {window} s");
        Err(LiveError::new(ErrorCode::RateLimited, text).retry_after(rounded_up(wait)))
    }

    /// Whether the connection goes on and on although it is refused.
    pub fn is_flood(&self) -> bool {
        let counts = self.refused.iter().zip(&self.buckets);
        counts
            .into_iter()
            .any(|(refused, (_, allowed))| *refused >= allowed.max(&1).saturating_mul(FLOOD - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn spec_sy7_each_kind_of_request_has_a_limit_of_its_own() {
        let limits = Limits {
            request_window: Duration::from_secs(10),
            subscribes_per_window: 5,
            others_per_window: 2,
            ..Limits::default()
        };
        let mut requests = Requests::new(&limits);
        for _ in 0..5 {
            requests.count(RequestKind::Subscribe).unwrap();
        }
        let refused = requests.count(RequestKind::Subscribe).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_ms), (ErrorCode::RateLimited, Some(2_000)));
        assert!(refused.message.starts_with("subscribes_per_window: "), "{refused}");
        requests.count(RequestKind::Other).unwrap();
        tokio::time::advance(Duration::from_millis(2_000)).await;
        requests.count(RequestKind::Subscribe).unwrap();
        assert!(requests.count(RequestKind::Subscribe).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn spec_sy7_who_goes_on_after_being_refused_floods() {
        let limits = Limits { others_per_window: 4, ..Limits::default() };
        let mut requests = Requests::new(&limits);
        for n in 1..40 {
            _ = requests.count(RequestKind::Other);
            assert!(!requests.is_flood(), "{n}");
        }
        _ = requests.count(RequestKind::Other);
        assert!(requests.is_flood());
        // One who is refused now and then never does.
        let mut requests = Requests::new(&limits);
        for _ in 0..100 {
            for _ in 0..20 {
                _ = requests.count(RequestKind::Other);
            }
            assert!(!requests.is_flood());
            tokio::time::advance(Duration::from_secs(11)).await;
        }
    }
}
