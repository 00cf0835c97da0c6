//! What a connection costs that only listens.

use std::{path::Path, time::Duration};

use clap::Args;
use tokio::time::sleep;

use crate::{Failure, clients::Clients, process::ServerProcess};

/// How many.
#[derive(Args)]
pub struct Idle {
    /// Connections, each with one subscription.
    #[arg(long, default_value_t = 2_000)]
    connections: usize,
}

impl Idle {
    /// Connects, and looks at the server's memory before and after.
    pub async fn run(&self, server: &Path) -> Result<(), Failure> {
        let server = ServerProcess::start(server).await?;
        let before = server.memory_kib()?;
        let clients = Clients::connect(server.address(), self.connections).await?;
        sleep(Duration::from_secs(2)).await;
        let after = server.memory_kib()?;
        let each = (after - before) as f64 / self.connections as f64;
        println!(
            "| idle connections, each with one subscription | KiB each | server in all, KiB |"
        );
        println!("|---|---|---|");
        println!("| {} | {each:.1} | {after} |", self.connections);
        drop(clients);
        server.stop().await
    }
}
