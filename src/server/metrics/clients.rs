//! Who is connected, and what each of them does.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use serde::Serialize;

use super::{Counter, Metrics};
use crate::{
    contract::{ChannelName, Transport, protocol::Health},
    server::{Peer, queue::Queue, wall_clock::unix_ms},
};

/// Longer times are not believed: one client must not spoil the numbers of all.
const LONGEST_MEASURED_MS: u32 = 60_000;

/// The open connections.
#[derive(Default)]
pub struct Clients {
    open: Mutex<BTreeMap<u64, Arc<ClientMeter>>>,
    last: AtomicU64,
    /// By transport: WebSockets, event streams.
    counts: [AtomicUsize; 2],
}

/// What one connection does.
pub struct ClientMeter {
    id: u64,
    address: Option<IpAddr>,
    transport: Transport,
    /// Who it is, and what waits for them.
    owner: Mutex<(Arc<str>, Arc<Queue>)>,
    connected_ms: u64,
    received: Counter,
    sent: Counter,
    heard_ms: AtomicU64,
    /// `u32::MAX` before the client has said any.
    round_trip_ms: AtomicU32,
    applied_ms: AtomicU32,
}

/// A connection in the statistics.
#[derive(Clone, Debug, Serialize)]
pub struct ClientNumbers {
    /// Its number; no other connection of this process has it.
    pub id: u64,
    /// Who it is.
    pub user: Arc<str>,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// How its frames travel.
    pub transport: Transport,
    /// Since when, in milliseconds since 1970.
    pub connected_since_ms: u64,
    /// When something was last heard of it, in milliseconds since 1970.
    pub last_heard_ms: u64,
    /// The channels that it has subscribed to.
    pub subscriptions: Vec<ChannelName>,
    /// Frames that wait to be sent to it.
    pub queued: usize,
    /// Frames that it sent.
    pub received: u64,
    /// Frames that were written to it.
    pub sent: u64,
    /// The newest round trip that it has measured, in milliseconds.
    pub rtt_ms: Option<u32>,
    /// The longest time from a frame's arrival to its effect that it has told, in milliseconds.
    pub applied_ms: Option<u32>,
}

/// Keeps a connection among the open ones for as long as it lives.
pub struct Counted {
    metrics: Arc<Metrics>,
    meter: Arc<ClientMeter>,
}

impl Clients {
    /// How many there are of a transport.
    pub fn count(&self, transport: Transport) -> usize {
        self.counts[transport as usize].load(Ordering::Relaxed)
    }

    /// At most `limit` of them whose number is above `after`, by number.
    pub fn list(&self, after: u64, limit: usize) -> Vec<Arc<ClientMeter>> {
        let open = self.lock();
        open.range(after.saturating_add(1)..).take(limit).map(|(_, meter)| meter.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<ClientMeter>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientMeter {
    /// A connection that has done nothing yet.
    pub fn new(metrics: &Metrics, peer: &Peer, queue: &Arc<Queue>) -> Arc<Self> {
        let now = unix_ms();
        Arc::new(Self {
            id: metrics.clients.last.fetch_add(1, Ordering::Relaxed) + 1,
            address: peer.address,
            transport: peer.transport,
            owner: Mutex::new((peer.identity.id().clone(), queue.clone())),
            connected_ms: now,
            received: Counter::default(),
            sent: Counter::default(),
            heard_ms: AtomicU64::new(now),
            round_trip_ms: AtomicU32::new(u32::MAX),
            applied_ms: AtomicU32::new(u32::MAX),
        })
    }

    /// Counts the connection among the open ones until the guard is dropped.
    pub fn open(self: &Arc<Self>, metrics: &Arc<Metrics>) -> Counted {
        metrics.opened.add(1);
        metrics.clients.counts[self.transport as usize].fetch_add(1, Ordering::Relaxed);
        metrics.clients.lock().insert(self.id, self.clone());
        Counted { metrics: metrics.clone(), meter: self.clone() }
    }

    /// Something was heard, if only a pong.
    pub fn heard(&self) {
        self.heard_ms.store(unix_ms(), Ordering::Relaxed);
    }

    /// A frame came.
    pub fn received(&self, metrics: &Metrics) {
        self.received.add(1);
        metrics.received.add(1);
    }

    /// So many frames were written; `written_ms` is when the newest change among them was committed.
    pub fn sent(&self, metrics: &Metrics, frames: u64, written_ms: Option<i64>) {
        if frames == 0 {
            return;
        }
        self.sent.add(frames);
        metrics.sent.add(frames);
        if let Some(written_ms) = written_ms.and_then(|at| u64::try_from(at).ok()) {
            metrics.commit_to_socket.record(unix_ms().saturating_sub(written_ms));
        }
    }

    /// What the client says that it has measured.
    pub fn health(&self, metrics: &Metrics, health: Health) {
        let plausible = |measured: Option<u32>| measured.filter(|ms| *ms <= LONGEST_MEASURED_MS);
        if let Some(round_trip_ms) = plausible(health.rtt_ms) {
            self.round_trip_ms.store(round_trip_ms, Ordering::Relaxed);
            metrics.round_trip.record(round_trip_ms.into());
        }
        if let Some(applied_ms) = plausible(health.applied_ms) {
            self.applied_ms.store(applied_ms, Ordering::Relaxed);
            metrics.applied.record(applied_ms.into());
        }
    }

    /// The connection has said who it is, and has another queue since.
    pub fn belongs_to(&self, user: &Arc<str>, queue: &Arc<Queue>) {
        *self.owner() = (user.clone(), queue.clone());
    }

    /// The queue of the connection.
    pub fn queue(&self) -> Arc<Queue> {
        self.owner().1.clone()
    }

    fn owner(&self) -> MutexGuard<'_, (Arc<str>, Arc<Queue>)> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, with the channels that it has subscribed to.
    pub fn numbers(&self, mut subscriptions: Vec<ChannelName>) -> ClientNumbers {
        subscriptions.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        let known = |number: &AtomicU32| {
            Some(number.load(Ordering::Relaxed)).filter(|number| *number != u32::MAX)
        };
        let (user, queue) = self.owner().clone();
        ClientNumbers {
            id: self.id,
            user,
            address: self.address,
            transport: self.transport,
            connected_since_ms: self.connected_ms,
            last_heard_ms: self.heard_ms.load(Ordering::Relaxed),
            subscriptions,
            queued: queue.len(),
            received: self.received.get(),
            sent: self.sent.get(),
            rtt_ms: known(&self.round_trip_ms),
            applied_ms: known(&self.applied_ms),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let clients = &self.metrics.clients;
        clients.counts[self.meter.transport as usize].fetch_sub(1, Ordering::Relaxed);
        clients.lock().remove(&self.meter.id);
    }
}
