//! Many WebSocket clients that subscribe once and count what they receive.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{interval, sleep},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{Failure, latency::Latencies, product::written_us};

/// How many connect at a time.
const AT_ONCE: usize = 64;
/// How many connect in a second: fewer than the server lets in.
const A_SECOND: u32 = 800;
/// How long to wait for the last delivery.
const PATIENCE: Duration = Duration::from_secs(30);

/// One in so many clients measures how old the rows are that it gets.
const SAMPLED: usize = 20;

/// Connected, subscribed clients.
pub struct Clients {
    received: Arc<AtomicUsize>,
    latencies: Arc<Mutex<Arc<Latencies>>>,
    _tasks: JoinSet<()>,
}

impl Clients {
    /// Connects `count` clients, each subscribed to the products.
    pub async fn connect(address: &str, count: usize) -> Result<Self, Failure> {
        let received = Arc::new(AtomicUsize::new(0));
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut connecting = JoinSet::new();
        let mut pace = interval(Duration::from_secs(1) / A_SECOND);
        for _ in 0..count {
            pace.tick().await;
            let (url, permits) = (format!("ws://{address}/realtime"), permits.clone());
            connecting.spawn(async move {
                let _permit = permits.acquire_owned().await?;
                let (mut socket, _) = connect_async(url).await?;
                let subscribe = r#"{"type":"subscribe","channel":"table:public.products"}"#;
                socket.send(Message::text(subscribe)).await?;
                // The first frame is the acknowledgement.
                socket.next().await.ok_or("closed")??;
                Ok::<_, Failure>(socket)
            });
        }
        let latencies = Arc::new(Mutex::new(Arc::new(Latencies::new())));
        let mut tasks = JoinSet::new();
        while let Some(socket) = connecting.join_next().await {
            let mut socket = socket??;
            let received = received.clone();
            let sampled = (tasks.len() % SAMPLED == 0).then(|| latencies.clone());
            tasks.spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    let Ok(text) = message.to_text() else { continue };
                    if !text.contains("\"broadcast\"") {
                        continue;
                    }
                    received.fetch_add(1, Ordering::Relaxed);
                    if let (Some(latencies), Some(sent)) = (&sampled, written_us(text)) {
                        latencies.lock().expect("nobody panics").record_since(sent);
                    }
                }
            });
        }
        Ok(Self { received, latencies, _tasks: tasks })
    }

    /// The ages of the rows that came since this was called last.
    pub fn take_latencies(&self) -> Arc<Latencies> {
        let mut current = self.latencies.lock().expect("nobody panics");
        std::mem::replace(&mut current, Arc::new(Latencies::new()))
    }

    /// Waits until `wanted` events have arrived, or nothing came for long; how many did.
    pub async fn delivered(&self, wanted: usize) -> usize {
        let mut last = (0, Instant::now());
        loop {
            let now = self.received.load(Ordering::Relaxed);
            if now != last.0 {
                last = (now, Instant::now());
            }
            if now >= wanted || last.1.elapsed() > PATIENCE {
                return now;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}
