//! One client stops reading while many events pass. The others must not notice, the server must not grow,
//! and when the client reads again it must end with what the database holds.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Args;
use futures::{StreamExt, stream};
use tidewire::{
    Change, Live, Snapshot,
    client::{
        ClientConfig, ClientEvent, NativeClient, NativeSubscription,
        native::{Connector, Socket, network},
        rows::Rows,
        strategy::Strategy,
    },
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    Failure, clients::Clients, http, latency::Latencies, process::ServerProcess, product::Product,
};

/// Where the rows are loaded with their position.
const LIST: &str = "/api/app/products/model/list_products";
/// How long the client may take to catch up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much.
#[derive(Args)]
pub struct Slow {
    /// Subscribers that read.
    #[arg(long, default_value_t = 999)]
    subscribers: usize,
    /// Rows written while one client does not read.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Rows written before that, for comparison.
    #[arg(long, default_value_t = 20_000)]
    before: usize,
    /// Rows in one transaction.
    #[arg(long, default_value_t = 20)]
    batch: usize,
    /// Rows written a second.
    #[arg(long, default_value_t = 200)]
    rate: usize,
}

impl Slow {
    /// Measures without the slow client, then with it, then lets it read.
    pub async fn run(&self, server: &Path) -> Result<(), Failure> {
        let server = ServerProcess::start(server).await?;
        let mut writer = server.writer().await?;
        writer.fill().await?;
        sleep(Duration::from_secs(1)).await;
        let clients = Clients::connect(server.address(), self.subscribers).await?;
        let (reads, gate) = watch::channel(true);
        let mut slow = SlowClient::start(server.address(), gate).await?;
        slow.follow_until_quiet().await?;

        clients.take_latencies();
        writer.update(self.before, self.batch, self.rate).await?;
        slow.follow_until_quiet().await?;
        let alone = clients.take_latencies();
        let memory_before = server.memory_kib()?;

        reads.send_replace(false);
        let largest = AtomicU64::new(memory_before);
        let watch_memory = async {
            loop {
                sleep(Duration::from_millis(500)).await;
                if let Ok(memory) = server.memory_kib() {
                    largest.fetch_max(memory, Ordering::Relaxed);
                }
            }
        };
        tokio::select! {
            written = writer.update(self.events, self.batch, self.rate) => written?,
            () = watch_memory => {}
        }
        let wanted = self.subscribers * (self.before + self.events);
        let delivered = clients.delivered(wanted).await;
        let beside = clients.take_latencies();

        reads.send_replace(true);
        slow.follow_until_quiet().await?;
        let equal = slow.rows() == writer.select().await?;

        println!(
            "| {} events, {} a second, to {} subscribers | p50 ms | p99 ms | server, KiB |",
            self.events, self.rate, self.subscribers
        );
        println!("|---|---|---|---|");
        print_row("everybody reads", &alone, memory_before);
        print_row("beside one client that does not read", &beside, largest.load(Ordering::Relaxed));
        println!();
        println!(
            "The slow client was told to load again {} times and ended {} the database; {delivered} of {wanted} \
             deliveries to the others arrived.",
            slow.resyncs,
            if equal { "equal to" } else { "DIFFERENT from" },
        );
        if !equal || delivered != wanted {
            return Err("something was lost".into());
        }
        drop(clients);
        server.stop().await
    }
}

fn print_row(name: &str, latencies: &Latencies, memory: u64) {
    let ms = |share| latencies.percentile(share).as_secs_f64() * 1e3;
    println!("| {name} | {:.1} | {:.1} | {memory} |", ms(0.5), ms(0.99));
}

/// A whole client: it folds what comes and loads again when it is told to.
struct SlowClient {
    address: String,
    _client: NativeClient,
    events: NativeSubscription,
    rows: Rows<Product>,
    resyncs: usize,
}

impl SlowClient {
    async fn start(address: &str, gate: watch::Receiver<bool>) -> Result<Self, Failure> {
        let config = ClientConfig::new(format!("ws://{address}/realtime"));
        let client = NativeClient::with_connector(config, 1, gated(gate));
        let mut rows = Rows::new(Strategy::Replace, None);
        rows.load(load(address).await?);
        let events = client.subscribe(Product::all().name(), rows.position());
        Ok(Self { address: address.into(), _client: client, events, rows, resyncs: 0 })
    }

    /// Takes events until none has come for a while.
    async fn follow_until_quiet(&mut self) -> Result<(), Failure> {
        let mut quiet = false;
        let quiet_after = Duration::from_secs(5);
        while !quiet {
            let Ok(event) = timeout(quiet_after, self.events.next()).await else {
                quiet = true;
                continue;
            };
            match event.ok_or("the client has ended")? {
                ClientEvent::Change { position, payload } => {
                    let change: Change<Product> = serde_json::from_str(payload.get())?;
                    self.rows.apply(position, change);
                }
                ClientEvent::Resync { .. } => {
                    self.resyncs += 1;
                    let snapshot = timeout(PATIENCE, load(&self.address)).await??;
                    let position = snapshot.position;
                    self.rows.load(snapshot);
                    self.events.rebase(position);
                }
                ClientEvent::Refused(error) => return Err(error.into()),
                ClientEvent::Ready { .. }
                | ClientEvent::Message { .. }
                | ClientEvent::Presence(_) => {}
            }
        }
        Ok(())
    }

    fn rows(&self) -> Vec<Product> {
        let mut ids = self.rows.ids();
        ids.sort_unstable();
        ids.iter().filter_map(|id| self.rows.get(id).cloned()).collect()
    }
}

async fn load(address: &str) -> Result<Snapshot<Product>, Failure> {
    Ok(serde_json::from_str(&http::call(address, LIST, "{}").await?)?)
}

/// Sockets that are not read while the gate is shut.
fn gated(gate: watch::Receiver<bool>) -> Connector {
    let connect = network();
    Arc::new(move |target| {
        let (opening, gate) = (connect(target), gate.clone());
        Box::pin(async move {
            let Socket { incoming, outgoing } = opening.await?;
            let incoming = stream::unfold((incoming, gate), async |(mut incoming, mut gate)| {
                gate.wait_for(|open| *open).await.ok()?;
                let event = incoming.next().await?;
                Some((event, (incoming, gate)))
            });
            Some(Socket { incoming: Box::pin(incoming), outgoing })
        })
    })
}
