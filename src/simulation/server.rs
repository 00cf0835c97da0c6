//! One server process: the channel layer over the log, and a task for each connection, in a runtime of
//! its own whose clock stands until it is told to move.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinHandle, yield_now},
    time::{Instant, advance},
};

use super::{
    model::{NOISE, Truth},
    paths::Path,
    socket::Link,
    wire::Wire,
};
use crate::{
    contract::{Live, Transport},
    server::{Identity, Peer, Realtime, Session, log::ChangeLog},
    testing::OpenPolicy,
};

/// Rounds after which everything must have come to rest.
const ROUNDS: usize = 5_000;
/// A server that cannot read its log is started again, this many times at most.
const STARTS: usize = 50;

/// A running server.
pub struct Server<T: Live> {
    pub realtime: Realtime,
    truth: Truth<T>,
    activity: Arc<AtomicU64>,
    connections: Vec<(Link<T>, JoinHandle<()>)>,
    // Last: dropping it ends every task at once, as killing a process does.
    runtime: Runtime,
}

impl<T: Live> Server<T> {
    pub fn start(truth: &Truth<T>, activity: &Arc<AtomicU64>) -> Self {
        let (log, limits) = {
            let mut model = truth.lock();
            let ring = model.head().saturating_sub(model.limits.history_events as u64);
            model.ring_start = ring.max(model.log.trimmed_to());
            // Nobody is there yet who could let a slow read arrive.
            model.log.slow_down(None);
            (model.log.clone(), model.limits.clone())
        };
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
        let realtime = runtime.block_on(async {
            log.enable("public", NOISE).await.expect("a log in memory follows any table");
            for _ in 0..STARTS {
                let builder = Realtime::over(log.clone()).policy(OpenPolicy);
                match builder.resource::<T>().limits(limits.clone()).start().await {
                    Ok(realtime) => return realtime,
                    Err(_) => truth.hit(Path::StartFailed),
                }
            }
            panic!("the server does not start");
        });
        let (truth, activity) = (truth.clone(), activity.clone());
        let mut server = Self { realtime, truth, activity, connections: Vec::new(), runtime };
        server.settle();
        server
    }

    /// Accepts a connection with room for so many unread frames.
    pub fn accept(&mut self, who: String, room: usize) -> Link<T> {
        // One who comes back may see what they saw before, so that nothing is loaded for that.
        let identity = Identity::guest("visitor");
        let transport = Transport::WebSocket;
        let peer = Peer { identity, address: None, transport };
        let wire = Wire::new(self.truth.clone(), who, self.realtime.clone());
        let (link, end) = Link::new(wire, self.truth.clone(), room, self.activity.clone());
        let realtime = self.realtime.clone();
        let session = async move { Session::new(realtime, end, peer).run().await };
        let task = self.runtime.spawn(self.realtime.tasks().track_future(session));
        self.connections.push((link.clone(), task));
        link
    }

    /// How much of the log the server knows.
    pub fn known(&self) -> u64 {
        self.realtime.hub().head().offset
    }

    /// Runs until everything that was started has come to rest.
    pub fn settle(&mut self) {
        let activity = &self.activity;
        let rested = self.runtime.block_on(async {
            for _ in 0..ROUNDS {
                let before = activity.load(Ordering::Relaxed);
                yield_now().await;
                yield_now().await;
                if activity.load(Ordering::Relaxed) == before {
                    return true;
                }
            }
            false
        });
        let mut model = self.truth.lock();
        model.check(rested, || "it does not come to rest".into());
        let hammered = model.log.is_hammered();
        model.check(!hammered, || "somebody reads the log for ever".into());
        self.connections.retain_mut(|(link, task)| match task.now_or_never() {
            None => true,
            Some(result) => {
                let panicked = result.is_err_and(|error| error.is_panic());
                model.check(!panicked, || "a session panicked".into());
                model.check(link.has_ended(), || "a session has left its socket open".into());
                false
            }
        });
        drop(model);
        let stats = self.realtime.stats();
        let open = self.connections.len();
        self.truth.lock().check(stats.connections == open, || {
            format!("{stats:?}, but there are {open} connections")
        });
    }

    /// Moves the clock.
    pub fn advance(&mut self, time: Duration) {
        self.runtime.block_on(advance(time));
        self.settle();
    }

    /// The connections that wait for their client to read.
    pub fn blocked(&self) -> Vec<Link<T>> {
        let links = self.connections.iter().map(|(link, _)| link);
        links.filter(|link| link.is_blocked()).cloned().collect()
    }

    /// What the server owes to those who are connected.
    pub fn owed(&self) -> impl Iterator<Item = String> {
        self.connections.iter().filter_map(|(link, _)| link.is_owed())
    }

    /// Ends without a word, as when the process is killed.
    pub fn kill(&mut self) {
        let mut builder = Builder::new_current_thread();
        let empty = builder.enable_time().start_paused(true).build().expect("a runtime");
        drop(std::mem::replace(&mut self.runtime, empty));
        let left = self.connections.iter().any(|(link, _)| !link.has_ended());
        self.truth.lock().check(!left, || "a connection has outlived its server".into());
    }

    /// Stops as it should: everybody is told, and nothing is left. Returns how long it took.
    pub fn stop(&mut self) -> Duration {
        let took = self.runtime.block_on(async {
            let before = Instant::now();
            self.realtime.stop().await;
            before.elapsed()
        });
        self.settle();
        let stats = self.realtime.stats();
        let tasks = self.realtime.tasks().len();
        let empty = stats.connections + stats.channels + stats.subscriptions + tasks == 0;
        self.truth
            .lock()
            .check(empty, || format!("left after the stop: {stats:?} and {tasks} tasks"));
        took
    }
}
