//! One server process: the channel layer over the disk, a task for each connection, and a probe that
//! shows how far the hub has come.

use std::{sync::Arc, time::Duration};

use tidewire::{
    ClientFrame, Position, ServerFrame,
    contract::parse,
    server::{Peer, Realtime, Session},
    testing::OpenPolicy,
};
use tokio::{
    sync::Notify,
    task::{AbortHandle, yield_now},
    time::advance,
};

use super::{
    disk::Disk,
    item::{Item, Topic},
    model::{HubMark, Truth},
    socket::{Frame, Link, ServerEnd},
    wire::Wire,
};

/// What is said of a schedule in which somebody waits for what never comes.
pub const HANGS: &str = "it does not come to rest";

/// Everything takes milliseconds, but the machine may be busy: in beats of the pulse.
const PATIENCE: usize = 60;

/// A running server.
pub struct Server {
    pub realtime: Realtime,
    truth: Truth,
    activity: Arc<Notify>,
    pulse: Arc<Notify>,
    links: Vec<(Link, AbortHandle)>,
    probe: Link,
    hub: HubMark,
    /// The tailer has been told of everything up to here.
    woken: u64,
}

impl Server {
    pub async fn start(disk: &Disk, truth: &Truth, pulse: &Arc<Notify>) -> Self {
        let limits = {
            let mut model = truth.lock();
            let ring = model.head().saturating_sub(model.limits.history_events as u64);
            model.ring_start = ring.max(model.floor);
            model.limits.clone()
        };
        let builder = Realtime::builder(disk.database.clone())
            .policy(OpenPolicy)
            .resource::<Item>()
            .limits(limits);
        let realtime = builder.start().await.expect("a server");
        let activity = Arc::new(Notify::new());
        let hub = HubMark::default();
        let wire = Wire::new(truth.clone(), "the probe".into(), hub.clone(), true);
        let (probe, end) = Link::new(wire, truth.clone(), usize::MAX, activity.clone());
        let (truth, pulse) = (truth.clone(), pulse.clone());
        let woken = truth.lock().head();
        let mut server =
            Self { realtime, truth, activity, pulse, links: Vec::new(), probe, hub, woken };
        server.serve(server.probe.clone(), end);
        for topic in [Topic::Table, Topic::Noise] {
            server.probe.send(subscribe(topic, None));
        }
        server.settle().await;
        server
    }

    /// Accepts a connection with room for so many unread frames.
    pub fn accept(&mut self, who: String, room: usize) -> Link {
        let wire = Wire::new(self.truth.clone(), who, self.hub.clone(), false);
        let (link, end) = Link::new(wire, self.truth.clone(), room, self.activity.clone());
        self.serve(link.clone(), end);
        link
    }

    fn serve(&mut self, link: Link, end: ServerEnd) {
        let task = tokio::spawn(Session::new(self.realtime.clone(), end, Peer::nobody()).run());
        self.links.push((link, task.abort_handle()));
    }

    /// How much of the log the server knows, at least.
    pub fn known(&self) -> u64 {
        self.hub.get()
    }

    /// The tailer is told to look.
    pub fn wake(&mut self, disk: &Disk) {
        disk.database.log().wake();
        self.woke();
    }

    /// Somebody has told the tailer to look.
    pub fn woke(&mut self) {
        self.woken = self.truth.lock().head();
    }

    /// Waits until everything that was started has come to rest.
    pub async fn settle(&mut self) {
        let mut patience = PATIENCE;
        while patience > 0 {
            for _ in 0..4 {
                yield_now().await;
            }
            while let Some(frame) = self.probe.receive() {
                let Frame::Text(text) = frame else { continue };
                if let Some(ServerFrame::Ack { position: Some(position), .. }) =
                    parse::server_frame(&text)
                {
                    self.hub.seen(position.offset);
                }
            }
            self.links.retain(|(link, _)| !link.has_ended());
            if self.has_caught_up() && self.links.iter().all(|(link, _)| link.is_quiet()) {
                return;
            }
            patience -= self.active().await;
        }
        self.truth.lock().faults.push(HANGS.into());
    }

    fn has_caught_up(&self) -> bool {
        // What was trimmed before it was read is noticed with the next entry.
        let readable = self.woken > self.truth.lock().floor;
        !readable || self.hub.get() >= self.woken || self.probe.has_ended()
    }

    /// Waits until something has happened, or for a beat of the pulse. How many beats it were.
    async fn active(&self) -> usize {
        tokio::select! {
            biased;
            () = self.activity.notified() => 0,
            () = self.pulse.notified() => {
                // Time that was moved while the database was busy may have cut off a read, which is
                // tried again after a second.
                advance(Duration::from_secs(1)).await;
                1
            }
        }
    }

    /// The connections that wait for their client to read.
    pub fn blocked(&self) -> Vec<Link> {
        let links = self.links.iter().map(|(link, _)| link);
        links.filter(|link| link.is_blocked()).cloned().collect()
    }

    /// The probe lives for as long as the server.
    pub fn keep_probe(&self) {
        self.probe.send(r#"{"type":"heartbeat"}"#.into());
    }

    /// Stops as it should: everybody is told.
    pub async fn stop(&mut self) {
        self.realtime.stop().await;
        // Its tailer reads nothing any more.
        self.woken = 0;
        self.settle().await;
    }

    /// Ends without a word, as when the process is killed.
    pub async fn crash(&mut self) {
        for (_, task) in &self.links {
            task.abort();
        }
        let mut patience = PATIENCE;
        while patience > 0 && self.links.iter().any(|(link, _)| !link.has_ended()) {
            patience -= self.active().await;
        }
        // Only the tailer is left to hear of it.
        self.realtime.stop().await;
    }

    /// Once every client has hung up, nothing may be left of them.
    pub async fn check_empty(&mut self) {
        self.probe.hang_up();
        self.settle().await;
        let stats = self.realtime.stats();
        let empty = stats.connections == 0 && stats.channels == 0 && stats.subscriptions == 0;
        self.truth.lock().check(empty, || format!("something is left behind: {stats:?}"));
    }
}

/// The frame that subscribes.
pub fn subscribe(topic: Topic, since: Option<Position>) -> String {
    let channel = topic.name().to_string();
    let since = since.map(|since| since.to_string());
    serde_json::to_string(&ClientFrame::Subscribe {
        channel,
        since,
        presence: None,
        reference: Some(0),
    })
    .expect("a frame is JSON")
}
