//! The server restarts under many connections: all must come back, each with exactly what it missed,
//! without a read of the database for each, and no faster than the server admits them.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::Value;
use tidewire::{
    Live, Position,
    client::{ClientConfig, ClientEvent, NativeClient},
};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{interval, sleep},
};

use crate::{Failure, http, process::ServerProcess, product::Product};

/// How many connect at a time at first.
const AT_ONCE: usize = 64;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Reads of the database for the sake of one subscription.
const LOG_READS: &str = "tidewire_subscribe_reads_total";

/// How much.
#[derive(Args)]
pub struct Comeback {
    /// Connections, each with one subscription.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Rows written while the server is down.
    #[arg(long, default_value_t = 20)]
    missed: usize,
}

/// What all clients together have come to.
#[derive(Default)]
struct Progress {
    ready: AtomicUsize,
    /// Clients that have all rows that were written.
    complete: AtomicUsize,
    resyncs: AtomicUsize,
    wrong: AtomicUsize,
}

impl Comeback {
    /// Connects, restarts, waits for everybody.
    pub async fn run(&self, server: &Path) -> Result<(), Failure> {
        let mut server = ServerProcess::start(server).await?;
        let empty = server.memory_kib()?;
        let progress = Arc::new(Progress::default());
        let mut clients = JoinSet::new();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        for _ in 0..self.connections {
            let permit = permits.clone().acquire_owned().await?;
            let url = format!("ws://{}/realtime", server.address());
            let (progress, missed) = (progress.clone(), self.missed);
            clients.spawn(async move { follow(url, missed, &progress, permit).await });
        }
        wait_for(&progress.ready, self.connections).await?;
        sleep(Duration::from_secs(2)).await;
        let full = server.memory_kib()?;

        let missed = self.missed;
        let mut writer = server.writer().await?;
        let stopped = Instant::now();
        server.restart(async { writer.insert(missed, Duration::ZERO).await }).await?;
        let down = stopped.elapsed();
        let started = Instant::now();
        let address = server.address().to_owned();
        let fastest = AtomicUsize::new(0);
        tokio::select! {
            done = wait_for(&progress.complete, self.connections) => done?,
            () = watch_connects(&address, &fastest) => {}
        }
        let back = started.elapsed();
        let fastest = fastest.into_inner();
        let reads = http::metric(server.address(), LOG_READS).await?;

        println!("| {} connections over a restart | |", self.connections);
        println!("|---|---|");
        println!(
            "| memory of a connection, KiB | {:.1} |",
            (full - empty) as f64 / self.connections as f64
        );
        println!("| server down, s | {:.1} |", down.as_secs_f64());
        println!("| all back with their {missed} missed events, s | {:.1} |", back.as_secs_f64());
        println!("| most connections in one second | {fastest} |");
        println!(
            "| reads of the database for a reconnect | {} |",
            reads.map_or("?".into(), |n| n.to_string())
        );
        println!("| told to load again | {} |", progress.resyncs.load(Ordering::Relaxed));
        println!(
            "| events lost, doubled or out of order | {} |",
            progress.wrong.load(Ordering::Relaxed)
        );
        if progress.wrong.load(Ordering::Relaxed) > 0 || reads != Some(0.0) {
            return Err("not as it should be".into());
        }
        clients.abort_all();
        server.stop().await
    }
}

/// One client; the permit is given back when it is connected.
async fn follow(
    url: String,
    missed: usize,
    progress: &Progress,
    permit: tokio::sync::OwnedSemaphorePermit,
) {
    let client = NativeClient::start(ClientConfig::new(url));
    let mut events = client.subscribe(Product::all().name(), None);
    let mut permit = Some(permit);
    let mut last: Option<Position> = None;
    let mut got = 0;
    while let Some(event) = events.next().await {
        match event {
            ClientEvent::Ready { .. } => {
                if permit.take().is_some() {
                    progress.ready.fetch_add(1, Ordering::Relaxed);
                }
            }
            ClientEvent::Change { position, .. } => {
                if last.is_some_and(|last| position.offset != last.offset + 1) {
                    progress.wrong.fetch_add(1, Ordering::Relaxed);
                }
                last = Some(position);
                got += 1;
                match got {
                    _ if got == missed => _ = progress.complete.fetch_add(1, Ordering::Relaxed),
                    _ if got > missed => _ = progress.wrong.fetch_add(1, Ordering::Relaxed),
                    _ => {}
                }
            }
            ClientEvent::Resync { .. } => _ = progress.resyncs.fetch_add(1, Ordering::Relaxed),
            ClientEvent::Refused(_) => _ = progress.wrong.fetch_add(1, Ordering::Relaxed),
            ClientEvent::Message { .. } | ClientEvent::Presence(_) => {}
        }
    }
}

async fn wait_for(count: &AtomicUsize, wanted: usize) -> Result<(), Failure> {
    let start = Instant::now();
    while count.load(Ordering::Relaxed) < wanted {
        if start.elapsed() > PATIENCE {
            return Err(format!("{} of {wanted}", count.load(Ordering::Relaxed)).into());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Keeps the largest number of connections that came within a second.
async fn watch_connects(address: &str, fastest: &AtomicUsize) {
    let mut tick = interval(Duration::from_millis(100));
    let mut samples = VecDeque::from([0]);
    loop {
        tick.tick().await;
        let Ok(text) = http::get(address, "/realtime/stats").await else { continue };
        let stats: Value = serde_json::from_str(&text).unwrap_or_default();
        let now = stats["connections"].as_u64().unwrap_or(0) as usize;
        samples.push_back(now);
        if samples.len() > 11 {
            samples.pop_front();
        }
        fastest.fetch_max(now - samples[0].min(now), Ordering::Relaxed);
    }
}
