//! Log lines: readable by default, JSON where machines read them. `RUST_LOG` chooses what is written.

use tracing_subscriber::{EnvFilter, fmt};

use crate::Config;

/// Starts to write log lines to standard error.
pub fn init(config: &Config) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call, as in tests, changes nothing.
    _ = if config.log_json { lines.json().try_init() } else { lines.try_init() };
}
