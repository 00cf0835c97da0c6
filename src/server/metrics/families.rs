//! The numbers as Prometheus knows them: families of samples with labels.

use super::{Histogram, Metrics};
use crate::{
    contract::Transport,
    server::{
        counters::{ByReason, Counts},
        hub::HubCounts,
    },
};

/// A family of samples under one name.
#[derive(Clone, Debug)]
pub struct Family {
    /// Without prefix, unit and `_total`.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The unit, which becomes the name's end; empty for plain numbers.
    pub unit: &'static str,
    /// The name of the samples' label; empty when there is one sample.
    pub label: &'static str,
    /// The samples.
    pub values: Values,
}

/// The samples of a family.
#[derive(Clone, Debug)]
pub enum Values {
    /// Only grow.
    Counters(Vec<(String, u64)>),
    /// Go up and down.
    Gauges(Vec<(String, f64)>),
    /// A distribution: each bucket's bound and count, and the sum.
    Histogram(Vec<(f64, u64)>, f64),
}

/// What other parts of the server say about themselves when they are asked.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// Of the hub.
    pub hub: HubCounts,
    /// What became of events.
    pub events: Counts,
    /// Events and bytes in the replay ring.
    pub ring: (usize, usize),
    /// Committed entries that were not handed out yet; `None` when the database could not be read.
    pub tailer_lag: Option<u64>,
    /// Entries that the log keeps.
    pub log_entries: Option<u64>,
}

/// Every family.
pub fn families(metrics: &Metrics, outside: Outside) -> Vec<Family> {
    let Outside { hub, events, ring, tailer_lag, log_entries } = outside;
    let connections = vec![
        ("web_socket".to_owned(), metrics.connected_by(Transport::WebSocket) as f64),
        ("event_stream".to_owned(), metrics.connected_by(Transport::EventStream) as f64),
    ];
    let delivered =
        [("durable", events.durable), ("latest", events.latest), ("lossy", events.lossy)];
    let dropped = [("latest", events.dropped_latest), ("lossy", events.dropped_lossy)];
    let replays = [("ring", events.replays_from_ring), ("log", events.replays_from_log)];
    let mut families = vec![
        gauge("uptime", "Time since the start.", "seconds", metrics.uptime().as_secs_f64()),
        Family {
            name: "connections",
            help: "Open connections.",
            unit: "",
            label: "transport",
            values: Values::Gauges(connections),
        },
        counter("connections_opened", "Connections that were ever open.", metrics.opened.get()),
        by(
            "connections_turned_away",
            "Connections that were not let in.",
            "limit",
            metrics.turned_away_by_limit(),
        ),
        by(
            "connections_closed",
            "Connections that the server closed.",
            "code",
            metrics.closed_by_code(),
        ),
        gauge("channels", "Channels with a subscriber.", "", hub.channels as f64),
        gauge("subscriptions", "Subscriptions of all connections.", "", hub.subscriptions as f64),
        counter("frames_received", "Frames that clients sent.", metrics.received.get()),
        counter("frames_sent", "Frames written to clients.", metrics.sent.get()),
        by("errors", "Refused requests.", "code", metrics.errors_by_code()),
        by(
            "delivered",
            "Events queued for subscribers, without replays and presence.",
            "class",
            delivered.into_iter(),
        ),
        by("dropped", "Messages lost.", "class", dropped.into_iter()),
        counter("conflated", "Latest values replaced before they were sent.", events.conflated),
        by(
            "resyncs",
            "Running subscriptions that lost their place.",
            "reason",
            by_reason(events.resyncs).into_iter(),
        ),
        by(
            "subscribe_resyncs",
            "Subscribes from a position that were answered with a resync.",
            "reason",
            by_reason(events.resyncs_at_subscribe).into_iter(),
        ),
        by("replays", "Subscriptions that went on from a position.", "source", replays.into_iter()),
        counter(
            "subscribe_reads",
            "Reads of the database for the sake of one subscription.",
            metrics.attach_reads.get(),
        ),
        histogram(
            "commit_to_socket",
            "From a row's commit until it was written to a socket.",
            &metrics.commit_to_socket,
        ),
        histogram("client_round_trip", "Round trips as clients measure.", &metrics.round_trip),
        histogram(
            "client_applied",
            "From a frame's arrival to its effect, the longest of each report.",
            &metrics.applied,
        ),
        gauge("ring_events", "Changes that the replay ring holds.", "", ring.0 as f64),
        gauge("ring", "Memory that the replay ring holds.", "bytes", ring.1 as f64),
    ];
    let tasks =
        tokio::runtime::Handle::try_current().map(|handle| handle.metrics().num_alive_tasks());
    let text = "Tasks of the process that have not ended.";
    families.extend(tasks.ok().map(|tasks| gauge("tasks", text, "", tasks as f64)));
    // What could not be read is left out rather than told wrong.
    let lag = "Committed changes that were not handed out yet.";
    families.extend(tailer_lag.map(|lagging| gauge("tailer_lag", lag, "", lagging as f64)));
    let size = "Changes that the log keeps.";
    families.extend(log_entries.map(|entries| gauge("log_entries", size, "", entries as f64)));
    families
}

fn by_reason(counts: ByReason) -> [(&'static str, u64); 6] {
    [
        ("epoch", counts.epoch),
        ("too_old", counts.too_old),
        ("ahead", counts.ahead),
        ("too_many", counts.too_many),
        ("overflow", counts.overflow),
        ("unreadable", counts.unreadable),
    ]
}

fn gauge(name: &'static str, help: &'static str, unit: &'static str, value: f64) -> Family {
    Family { name, help, unit, label: "", values: Values::Gauges(vec![(String::new(), value)]) }
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Family {
    by(name, help, "", [("", value)].into_iter())
}

fn by<L: ToString>(
    name: &'static str,
    help: &'static str,
    label: &'static str,
    counts: impl Iterator<Item = (L, u64)>,
) -> Family {
    let counts = counts.map(|(label, count)| (label.to_string(), count)).collect();
    Family { name, help, unit: "", label, values: Values::Counters(counts) }
}

fn histogram(name: &'static str, help: &'static str, histogram: &Histogram) -> Family {
    let (buckets, sum) = histogram.buckets();
    Family { name, help, unit: "seconds", label: "", values: Values::Histogram(buckets, sum) }
}
