//! The numbers in one value, for `/realtime/stats` and for whoever asks in the process.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CLOSES, Metrics, Quantiles, TURNED_AWAY};
use crate::{
    contract::{ErrorCode, Transport},
    server::{counters::Counts, hub::HubCounts},
};

/// Counts of a running server. Those by name leave out names that have not happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Open connections.
    pub connections: usize,
    /// Channels with at least one subscriber.
    pub channels: usize,
    /// Subscriptions of all connections.
    pub subscriptions: usize,
    /// Messages lost, and events that turned into a `resync` instead of being sent.
    pub dropped: u64,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// Open connections by `web_socket` and `event_stream`.
    pub transports: BTreeMap<&'static str, usize>,
    /// Connections that were ever open.
    pub opened: u64,
    /// Connections that were not let in, by the limit that they met.
    pub turned_away: BTreeMap<&'static str, u64>,
    /// Frames that clients sent.
    pub received: u64,
    /// Frames that were written to clients.
    pub sent: u64,
    /// Frames received in a second, over the last ten.
    pub received_per_second: f64,
    /// Frames sent in a second, over the last ten.
    pub sent_per_second: f64,
    /// Connections that the server closed, by code.
    pub closed: BTreeMap<u16, u64>,
    /// Refused requests, by the error's name.
    pub errors: BTreeMap<&'static str, u64>,
    /// What became of events: by class, replays, and resyncs by reason.
    pub events: Counts,
    /// Times that are measured.
    pub latency: Latency,
}

/// The way of a change, measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// From a row's commit until it was written to a socket.
    pub commit_to_socket: Quantiles,
    /// Round trips between client and server, as clients have measured them.
    pub round_trip: Quantiles,
    /// From a frame's arrival at a client to its effect, the longest of each report.
    pub applied: Quantiles,
}

impl Metrics {
    /// All counts.
    pub fn stats(&self, hub: HubCounts, events: Counts) -> Stats {
        let (received_per_second, sent_per_second) = self.per_second();
        let sockets = self.connected_by(Transport::WebSocket);
        let streams = self.connected_by(Transport::EventStream);
        Stats {
            connections: sockets + streams,
            channels: hub.channels,
            subscriptions: hub.subscriptions,
            dropped: hub.dropped,
            uptime_ms: u64::try_from(self.uptime().as_millis()).unwrap_or(u64::MAX),
            transports: [("web_socket", sockets), ("event_stream", streams)].into(),
            opened: self.opened.get(),
            turned_away: happened(self.turned_away_by_limit()),
            received: self.received.get(),
            sent: self.sent.get(),
            received_per_second,
            sent_per_second,
            closed: happened(self.closed_by_code()),
            errors: happened(self.errors_by_code()),
            events,
            latency: Latency {
                commit_to_socket: self.commit_to_socket.quantiles(),
                round_trip: self.round_trip.quantiles(),
                applied: self.applied.quantiles(),
            },
        }
    }

    pub(super) fn turned_away_by_limit(&self) -> impl Iterator<Item = (&'static str, u64)> {
        TURNED_AWAY.into_iter().zip(self.turned_away.get())
    }

    pub(super) fn closed_by_code(&self) -> impl Iterator<Item = (u16, u64)> {
        CLOSES.into_iter().zip(self.closes.get())
    }

    pub(super) fn errors_by_code(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ErrorCode::ALL.into_iter().map(ErrorCode::as_str).zip(self.errors.get())
    }
}

fn happened<K: Ord>(counts: impl Iterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    counts.filter(|(_, count)| *count > 0).collect()
}
