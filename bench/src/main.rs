//! Load on one machine, 127.0.0.1 only, bounded in count and time. Prints the tables of
//! `docs/performance.md`. Run it by `cargo xtask bench`, which builds the release server first.

mod clients;
mod comeback;
mod delivery;
mod floor;
mod http;
mod idle;
mod latency;
mod process;
mod product;
mod revoke;
mod slow;
mod soak;
mod writer;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// What is measured.
#[derive(Parser)]
struct Arguments {
    /// The server binary.
    #[arg(long, default_value = "target/release/server", global = true)]
    server: PathBuf,
    /// Without one: idle and delivery.
    #[command(subcommand)]
    scenario: Option<Scenario>,
}

/// One measurement, and how much of it.
#[derive(Subcommand)]
enum Scenario {
    /// Memory of connections that only listen.
    Idle(idle::Idle),
    /// Server time of a delivery, beside the kernel's floor.
    Delivery(delivery::Delivery),
    /// One client stops reading while many events pass, and reads again.
    Slow(slow::Slow),
    /// The server restarts under many connections, which come back for what they missed.
    Comeback(comeback::Comeback),
    /// Access is taken away from users with many connections while much is written.
    Revoke(revoke::Revoke),
    /// Steady coming and going: memory and tasks must stay where they are.
    Soak(soak::Soak),
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Arguments { server, scenario } = Arguments::parse();
    let scenarios = match scenario {
        Some(scenario) => vec![scenario],
        None => ["idle", "delivery"]
            .into_iter()
            .filter_map(|name| Arguments::parse_from(["bench", name]).scenario)
            .collect(),
    };
    for scenario in scenarios {
        match scenario {
            Scenario::Idle(idle) => idle.run(&server).await?,
            Scenario::Delivery(delivery) => delivery.run(&server).await?,
            Scenario::Slow(slow) => slow.run(&server).await?,
            Scenario::Comeback(comeback) => comeback.run(&server).await?,
            Scenario::Revoke(revoke) => revoke.run(&server).await?,
            Scenario::Soak(soak) => soak.run(&server).await?,
        }
        println!();
    }
    Ok(())
}
