//! How much happens just now: the totals of the last seconds, once a second.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Metrics;
use crate::server::Realtime;

/// Over how long the rates are taken.
const SPAN: usize = 10;

/// Samples of the totals.
#[derive(Default)]
pub struct Rates {
    samples: Mutex<VecDeque<Sample>>,
}

struct Sample {
    at: Instant,
    received: u64,
    sent: u64,
}

impl Metrics {
    /// Frames received and sent in a second, over the last ten.
    pub fn per_second(&self) -> (f64, f64) {
        let samples = self.rates.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = samples.front() else { return (0.0, 0.0) };
        let seconds = oldest.at.elapsed().as_secs_f64().max(1.0);
        let rate = |now: u64, then: u64| ((now - then) as f64 / seconds * 10.0).round() / 10.0;
        (rate(self.received.get(), oldest.received), rate(self.sent.get(), oldest.sent))
    }

    fn sample(&self) {
        let (received, sent) = (self.received.get(), self.sent.get());
        let mut samples = self.rates.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() >= SPAN {
            samples.pop_front();
        }
        samples.push_back(Sample { at: Instant::now(), received, sent });
    }
}

/// Takes the samples until the server stops.
pub async fn keep(realtime: Realtime) {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = realtime.stopping() => return,
            _ = second.tick() => realtime.metrics().sample(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn spec_sy4_rates_are_those_of_the_last_ten_seconds() {
        let metrics = Metrics::default();
        assert_eq!(metrics.per_second(), (0.0, 0.0));
        for _ in 0..20 {
            metrics.sample();
            metrics.received.add(5);
            metrics.sent.add(100);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(metrics.per_second(), (5.0, 100.0));
        for _ in 0..10 {
            metrics.sample();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(metrics.per_second(), (0.0, 0.0));
    }
}
