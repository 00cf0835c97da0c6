//! Load on one machine, 127.0.0.1 only, bounded in count and time. Prints the tables of
//! `docs/performance.md`. Run it by `cargo xtask bench`, which builds the release server first.

mod clients;
mod floor;
mod process;

use std::{path::PathBuf, time::Duration};

use clap::Parser;
use tokio::time::sleep;

use clients::Clients;
use process::ServerProcess;

/// What is measured, and how much of it.
#[derive(Parser)]
struct Arguments {
    /// The server binary.
    #[arg(long, default_value = "target/release/server")]
    server: PathBuf,
    /// Connections that only listen, for the memory figure.
    #[arg(long, default_value_t = 2_000)]
    idle: usize,
    /// Subscribers of one channel, for the delivery figure.
    #[arg(long, default_value_t = 1_000)]
    subscribers: usize,
    /// Rows written, one after the other.
    #[arg(long, default_value_t = 500)]
    events: usize,
    /// Rows written a second.
    #[arg(long, default_value_t = 50)]
    rate: u64,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    memory(&arguments).await?;
    println!();
    deliveries(&arguments).await?;
    Ok(())
}

async fn memory(arguments: &Arguments) -> Result<(), Failure> {
    let server = ServerProcess::start(&arguments.server).await?;
    let before = server.memory_kib()?;
    let clients = Clients::connect(server.address(), arguments.idle).await?;
    sleep(Duration::from_secs(2)).await;
    let after = server.memory_kib()?;
    let each = (after - before) as f64 / arguments.idle as f64;
    println!("| idle connections, each with one subscription | KiB each | server in all, KiB |");
    println!("|---|---|---|");
    println!("| {} | {each:.1} | {after} |", arguments.idle);
    drop(clients);
    server.stop().await
}

async fn deliveries(arguments: &Arguments) -> Result<(), Failure> {
    println!(
        "| {} subscribers, {} events, {} a second | server CPU µs a delivery | × floor | delivered |",
        arguments.subscribers, arguments.events, arguments.rate
    );
    println!("|---|---|---|---|");
    let wanted = arguments.subscribers * arguments.events;
    let pause = Duration::from_secs(1) / u32::try_from(arguments.rate)?;

    let floor = {
        let floor = floor::Floor::start(arguments.subscribers)?;
        let clients = Clients::connect(floor.address(), arguments.subscribers).await?;
        let spent = floor.run(arguments.events, pause).await?;
        let delivered = clients.delivered(wanted).await;
        let each = spent.as_secs_f64() * 1e6 / delivered as f64;
        println!(
            "| floor: one prebuilt frame, one system call each | {each:.2} | 1.00 | {delivered} |"
        );
        each
    };

    let server = ServerProcess::start(&arguments.server).await?;
    let clients = Clients::connect(server.address(), arguments.subscribers).await?;
    let before = server.cpu()?;
    server.write_rows(arguments.events, pause).await?;
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
