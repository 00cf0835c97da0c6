//! Server time of a delivery, beside what the kernel alone costs in the same run.

use std::{path::Path, time::Duration};

use clap::Args;

use crate::{Failure, clients::Clients, floor::Floor, process::ServerProcess};

/// How much.
#[derive(Args)]
pub struct Delivery {
    /// Subscribers of one channel.
    #[arg(long, default_value_t = 1_000)]
    subscribers: usize,
    /// Rows written, one after the other.
    #[arg(long, default_value_t = 500)]
    events: usize,
    /// Rows written a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
}

impl Delivery {
    /// First the floor, then the server.
    pub async fn run(&self, server: &Path) -> Result<(), Failure> {
        println!(
            "| {} subscribers, {} events, {} a second | server CPU µs a delivery | × floor | delivered |",
            self.subscribers, self.events, self.rate
        );
        println!("|---|---|---|---|");
        let wanted = self.subscribers * self.events;
        let pause = Duration::from_secs(1) / self.rate;

        let floor = Floor::start(self.subscribers)?;
        let clients = Clients::connect(floor.address(), self.subscribers).await?;
        let spent = floor.run(self.events, pause).await?;
        let delivered = clients.delivered(wanted).await;
        let floor = spent.as_secs_f64() * 1e6 / delivered as f64;
        println!(
            "| floor: one prebuilt frame, one system call each | {floor:.2} | 1.00 | {delivered} |"
        );
        drop(clients);

        let server = ServerProcess::start(server).await?;
        let clients = Clients::connect(server.address(), self.subscribers).await?;
        let before = server.cpu()?;
        server.writer().await?.insert(self.events, pause).await?;
        let delivered = clients.delivered(wanted).await;
        let spent = server.cpu()? - before;
        let each = spent.as_secs_f64() * 1e6 / delivered as f64;
        println!(
            "| Tidewire: committed rows of another process | {each:.2} | {:.2} | {delivered} |",
            each / floor
        );
        if delivered != wanted {
            return Err(format!("{delivered} of {wanted} deliveries arrived").into());
        }
        drop(clients);
        server.stop().await
    }
}
