//! The numbers of a running server: counted with relaxed atomics where things happen, put together when
//! somebody asks.
//!
//! `counter` and `histogram` count → `clients` are the counts of each connection → `stats` is what `/realtime/stats` answers, `families` and `exposition` what `/metrics` does.

mod clients;
mod counter;
mod exposition;
mod families;
mod histogram;
mod rates;
mod stats;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

pub use clients::{ClientMeter, ClientNumbers, Clients};
pub use counter::{ByKind, Counter};
pub use exposition::{MEDIA_TYPE, text};
pub use families::{Outside, families};
pub use histogram::{Histogram, Quantiles};
pub(super) use rates::keep as keep_rates;
pub use stats::Stats;

use super::limiter::TurnedAway;
use crate::contract::{ErrorCode, Transport, close};

/// The names of the limits that turn connections away.
const TURNED_AWAY: [&str; 3] =
    ["connections_per_address", "connects_per_minute", "admissions_per_second"];
/// The codes that the server closes with.
const CLOSES: [u16; 5] = [close::DRAIN, close::SILENT, close::SLOW, close::FLOOD, close::ACCESS];
/// Everything that one server counts.
pub struct Metrics {
    started: Instant,
    /// Frames that clients sent.
    pub received: Counter,
    /// Frames that were written to clients.
    pub sent: Counter,
    /// Connections that were ever open.
    pub opened: Counter,
    /// Reads of the database for the sake of one subscription.
    pub attach_reads: Counter,
    /// From a row's commit until it was written to a socket.
    pub commit_to_socket: Histogram,
    /// Round trips that clients have measured.
    pub round_trip: Histogram,
    /// From a frame's arrival at a client to its effect, as clients have measured.
    pub applied: Histogram,
    /// Who is connected.
    pub clients: Clients,
    errors: ByKind<{ ErrorCode::ALL.len() }>,
    closes: ByKind<{ CLOSES.len() }>,
    turned_away: ByKind<{ TURNED_AWAY.len() }>,
    rates: rates::Rates,
    tailer_round: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            received: Counter::default(),
            sent: Counter::default(),
            opened: Counter::default(),
            attach_reads: Counter::default(),
            commit_to_socket: Histogram::default(),
            round_trip: Histogram::default(),
            applied: Histogram::default(),
            clients: Clients::default(),
            errors: ByKind::default(),
            closes: ByKind::default(),
            turned_away: ByKind::default(),
            rates: rates::Rates::default(),
            tailer_round: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// How long the server has been running.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// A request was refused.
    pub fn error(&self, code: ErrorCode) {
        let at = ErrorCode::ALL.iter().position(|other| *other == code);
        self.errors.add(at.unwrap_or_default(), 1);
    }

    /// The server closed a connection.
    pub fn closed(&self, code: u16) {
        if let Some(at) = CLOSES.iter().position(|other| *other == code) {
            self.closes.add(at, 1);
        }
    }

    /// A connection was not let in.
    pub fn turned_away(&self, reason: TurnedAway) {
        let at = TURNED_AWAY.iter().position(|name| *name == reason.name());
        self.turned_away.add(at.unwrap_or_default(), 1);
    }

    /// The tailer has read everything that there was.
    pub fn tailer_came_round(&self) {
        let now = u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX);
        self.tailer_round.store(now, Ordering::Relaxed);
    }

    /// How long ago it did.
    pub fn since_tailer(&self) -> Duration {
        let round = Duration::from_millis(self.tailer_round.load(Ordering::Relaxed));
        self.uptime().saturating_sub(round)
    }

    fn connected_by(&self, transport: Transport) -> usize {
        self.clients.count(transport)
    }
}
