//! Everything that can be set, by environment or argument; `server --help` is the reference.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{ArgAction, Parser};
use tidewire::contract::Limits;

/// The Tidewire server.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Config {
    /// Where to listen; port 0 takes a free one, which is printed.
    #[arg(long, env = "LEPTOS_SITE_ADDR", default_value = "127.0.0.1:3000")]
    pub address: SocketAddr,
    /// The database, `sqlite://path`; folder and file are made when they are missing.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite://data/tidewire.db",
        hide_env_values = true
    )]
    pub database_url: String,
    /// The folder of the built site.
    #[arg(long, env = "LEPTOS_SITE_ROOT", default_value = "target/site")]
    pub site_root: PathBuf,
    /// Which resources broadcast, separated by commas; none named means all. The `table:` channels of the
    /// others stay as they were switched.
    #[arg(long, env = "TIDEWIRE_RESOURCES", value_delimiter = ',')]
    pub resources: Vec<String>,
    /// Seconds between heartbeats.
    #[arg(long, env = "TIDEWIRE_HEARTBEAT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub heartbeat_seconds: u64,
    /// How many seconds a stop waits for connections to end.
    #[arg(long, env = "TIDEWIRE_DRAIN_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub drain_seconds: u64,
    /// How many hours the change log keeps an entry.
    #[arg(long, env = "TIDEWIRE_LOG_HOURS", default_value_t = 168, value_parser = clap::value_parser!(u64).range(1..=876_000))]
    pub log_hours: u64,
    /// How many entries the change log keeps.
    #[arg(long, env = "TIDEWIRE_LOG_ENTRIES", default_value_t = 1_000_000)]
    pub log_entries: u64,
    /// Writes log lines as JSON.
    #[arg(long, env = "TIDEWIRE_LOG_JSON", action = ArgAction::SetTrue)]
    pub log_json: bool,
}

impl Config {
    /// The limits that these settings ask for.
    pub fn limits(&self) -> Limits {
        let heartbeat = Duration::from_secs(self.heartbeat_seconds);
        Limits {
            heartbeat,
            dead_after: heartbeat * 5 / 2,
            // A client that only listens is heard once in a heartbeat.
            presence_ttl: heartbeat * 2,
            drain: Duration::from_secs(self.drain_seconds),
            log_age: Duration::from_secs(self.log_hours * 3_600),
            log_entries: self.log_entries,
            ..Limits::default()
        }
    }
}
