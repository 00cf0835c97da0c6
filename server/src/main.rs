//! The server: configuration, start, stop.

use std::process::ExitCode;

use clap::Parser;
use server::{Cli, Server, shutdown, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let Cli { config, command } = Cli::parse();
    telemetry::init(&config);
    if let Some(command) = command {
        return Ok(command.run(&config).await?);
    }
    let server = Server::start(config).await?;
    let stop = shutdown::signal()?;
    println!("listening on http://{}", server.address());
    server.run_until(stop).await?;
    Ok(())
}
